//! A log that goes back in time without a word, and is written on until it is longer than it was.

use tabwire_faults::{
    node::Node,
    redis::{self, LogCopy, Redis},
    scale::size,
    stage::Stage,
};

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
    stage.went_back = true;
    let copy = LogCopy::take(&redis, "s_1").await;
    stage.acks(30).await;
    let went = copy.put_back(&redis).await;
    stage.notes.push(format!("from, to {went:?}"));
    assert!(went.is_some(), "nothing was published since");
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
    stage.went_back = true;
    let copy = LogCopy::take(&redis, "s_1").await;
    stage.acks(30).await;
    stage.hush().await;
    stage.all_at_the_head().await;
    let went = copy.put_back(&redis).await;
    stage.notes.push(format!("from, to {went:?}"));
    assert!(went.is_some(), "nothing was published since");
    stage.speak();
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}
