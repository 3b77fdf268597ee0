//! Redis dies, forgets, stands still, or has no memory left.

use std::time::Duration;

use tabwire_faults::{
    node::Node,
    redis::{self, Redis},
    scale::size,
    stage::Stage,
};

/// Two nodes on a Redis with these lines of configuration, and a stage in front of them.
async fn two_nodes(name: &str, lines: &[&str]) -> (Redis, [Node; 2], Stage) {
    let redis = Redis::start(lines).await;
    let nodes = [
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    ];
    let mut stage = Stage::new(name, &[&nodes[0], &nodes[1]]);
    stage.enter(size(30, 300));
    stage.publish().await;
    (redis, nodes, stage)
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_means_another_log_and_everybody_refreshes() {
    if !redis::is_installed() {
        return;
    }
    let (mut redis, [a, b], mut stage) =
        two_nodes("Redis is killed and comes back empty", &[]).await;
    redis.kill();
    stage.lasts(Duration::from_secs(1)).await;
    redis.start_empty().await;
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

/// It has everything, but nobody can know that from its data: an append that it acked may have been lost and its id given again.
#[tokio::test]
async fn a_redis_that_comes_back_with_its_data_means_another_log_too() {
    if !redis::is_installed() {
        return;
    }
    let lines = ["appendonly yes", "appendfsync always"];
    let (mut redis, [a, b], mut stage) =
        two_nodes("Redis is killed and comes back with its data", &lines).await;
    redis.kill();
    stage.lasts(Duration::from_secs(1)).await;
    redis.start_again().await;
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn a_redis_that_is_flushed_means_another_log_and_everybody_refreshes() {
    if !redis::is_installed() {
        return;
    }
    let (redis, [a, b], mut stage) = two_nodes("Redis is flushed", &[]).await;
    redis.ok("FLUSHALL").await;
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_loses_nothing() {
    if !redis::is_installed() {
        return;
    }
    let (redis, [a, b], mut stage) = two_nodes("Redis stands still", &[]).await;
    redis.pause();
    let seconds = size(8, 20);
    stage.notes.push(format!("for {seconds} s"));
    stage.lasts(Duration::from_secs(seconds)).await;
    redis.resume();
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn a_redis_without_memory_takes_nothing_and_loses_nothing() {
    if !redis::is_installed() {
        return;
    }
    let lines = ["maxmemory-policy noeviction"];
    let (redis, [a, b], mut stage) = two_nodes("Redis has no memory left", &lines).await;
    redis.ok("CONFIG SET maxmemory 1").await;
    let acked = stage.ledger.count_acked();
    stage.lasts(Duration::from_secs(size(5, 20))).await;
    // Two loops may each have had one request on its way.
    assert!(stage.ledger.count_acked() <= acked + 16, "it took events");
    redis.ok("CONFIG SET maxmemory 0").await;
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}
