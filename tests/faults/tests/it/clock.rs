//! Somebody sets the clock of a node. (That of Redis can't be set here: its allocator and libfaketime wait for each other.)

use std::sync::Arc;

use tabwire_faults::{
    clock::Clock,
    node::Node,
    redis::{self, Redis},
    scale::size,
    stage::Stage,
};

const HOUR_SECONDS: i64 = 3_600;

/// Sets the clock forward, then back to before the true time, and then right again, while everything goes on.
async fn set_again_and_again(clock: &Clock, stage: &mut Stage) {
    for seconds in [HOUR_SECONDS, -2 * HOUR_SECONDS, 0] {
        clock.set(seconds);
        stage.flows().await;
        stage.acks(20).await;
    }
}

#[tokio::test]
async fn a_node_with_its_log_in_memory_goes_on_when_its_clock_is_set() {
    let Some(clock) = Clock::new().map(Arc::new) else {
        return;
    };
    let node = Node::start_by(Some(&clock), &[]).await;
    let mut stage = Stage::new(
        "the clock of a node with its log in memory is set",
        &[&node],
    );
    stage.enter(size(30, 200));
    stage.publish().await;
    set_again_and_again(&clock, &mut stage).await;
    stage.nobody_refreshed();
    stage.verdict(&[&node]).await;
}

#[tokio::test]
async fn a_node_among_others_goes_on_when_its_clock_is_set() {
    if !redis::is_installed() {
        return;
    }
    let Some(clock) = Clock::new().map(Arc::new) else {
        return;
    };
    let redis = Redis::start(&[]).await;
    let url = redis.url();
    let (a, b) = (
        Node::start_by(Some(&clock), &["--redis", &url]).await,
        Node::on(&url, &[]).await,
    );
    a.ready().await;
    let mut stage = Stage::new("the clock of one of two nodes is set", &[&a, &b]);
    stage.enter(size(30, 200));
    stage.publish().await;
    set_again_and_again(&clock, &mut stage).await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}
