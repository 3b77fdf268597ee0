//! The connections between nodes and Redis are closed, by Redis or by an operator.

use std::time::{Duration, Instant};

use tabwire_faults::{
    node::Node,
    redis::{self, Redis},
    scale::size,
    stage::{Stage, healed},
};

#[tokio::test]
async fn subscriptions_that_redis_closes_for_their_size_lose_nothing() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("Redis closes subscriptions for their size", &[&a, &b]);
    stage.plan.padding = 40_000;
    stage.plan.per_second = 8.0;
    stage.enter(size(15, 60));
    stage.publish().await;
    let limit = |limit: &'static str| {
        [
            &b"CONFIG"[..],
            b"SET",
            b"client-output-buffer-limit",
            limit.as_bytes(),
        ]
    };
    // Each event is larger than that.
    assert!(redis.call(&limit("pubsub 1kb 1kb 1")).await.is_ok());
    stage
        .until(
            "Redis has closed subscriptions",
            healed(),
            async |_: &Stage| {
                let closed = redis
                    .printed()
                    .matches("overcoming of output buffer limits")
                    .count();
                (closed >= size(10, 100)).then_some(())
            },
        )
        .await;
    assert!(redis.call(&limit("pubsub 0 0 0")).await.is_ok());
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn connections_to_redis_that_are_killed_again_and_again_lose_nothing() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new(
        "all connections to Redis are killed again and again",
        &[&a, &b],
    );
    stage.enter(size(30, 300));
    stage.publish().await;
    let end = Instant::now() + Duration::from_secs(size(6, 60));
    let mut rounds = 0;
    while Instant::now() < end {
        redis.command("CLIENT KILL TYPE pubsub").await;
        redis.command("CLIENT KILL TYPE normal").await;
        rounds += 1;
        stage.lasts(Duration::from_millis(300)).await;
    }
    stage.notes.push(format!("{rounds} times"));
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}
