//! A log that goes back in time without a word, and is written on until it is longer than it was.

use tabwire_faults::{
    node::Node,
    redis::{self, Redis},
    resp::Reply,
    scale::size,
    stage::Stage,
};

const KEYS: [&str; 2] = ["ws:{s_1}:log", "ws:{s_1}:meta"];

#[tokio::test]
async fn a_log_that_was_put_back_and_overtaken_is_never_taken_for_the_same() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("the log is put back and overtaken", &[&a, &b]);
    stage.plan.per_second = 60.0;
    stage.enter(size(30, 300));
    stage.publish().await;
    let copies = copy(&redis).await;
    stage.acks(30).await;
    put_back(&redis, &copies).await;
    // Past where it was: now the head alone looks as if nothing had happened.
    stage.acks(120).await;
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

/// The same, while nobody publishes and nobody looks: the nodes have only what they remember.
#[tokio::test]
async fn a_log_that_was_put_back_in_a_silence_is_never_taken_for_the_same() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("the log is put back in a silence", &[&a, &b]);
    stage.enter(size(30, 300));
    stage.publish().await;
    let copies = copy(&redis).await;
    stage.acks(30).await;
    stage.hush().await;
    stage.all_at_the_head().await;
    put_back(&redis, &copies).await;
    stage.speak();
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

async fn copy(redis: &Redis) -> Vec<Vec<u8>> {
    let mut copies = Vec::new();
    for key in KEYS {
        let Reply::Bytes(copy) = redis.call(&[b"DUMP", key.as_bytes()]).await else {
            panic!("there is no {key}");
        };
        copies.push(copy);
    }
    copies
}

/// Both keys at once, as a failover to a replica that lagged behind would.
async fn put_back(redis: &Redis, copies: &[Vec<u8>]) {
    let script = b"redis.call('RESTORE', KEYS[1], 600000, ARGV[1], 'REPLACE')
        return redis.call('RESTORE', KEYS[2], 600000, ARGV[2], 'REPLACE')";
    let [log, meta] = KEYS.map(str::as_bytes);
    let answer = redis
        .call(&[b"EVAL", script, b"2", log, meta, &copies[0], &copies[1]])
        .await;
    assert!(answer.is_ok(), "{answer:?}");
}
