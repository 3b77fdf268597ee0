//! Clients that lose their connections again and again.

use std::time::Duration;

use tabwire_faults::{node::Node, scale::size, stage::Stage};

#[tokio::test]
async fn clients_that_lose_their_connections_all_the_time_are_given_everything_once() {
    let node = Node::start(&[]).await;
    let mut stage = Stage::new("clients lose their connections every few seconds", &[&node]);
    stage.plan.per_second = 5.0;
    stage.enter(500);
    stage.publish().await;
    stage.churns(Duration::from_secs(size(20, 120))).await;
    stage.flows().await;
    stage.verdict(&[&node]).await;
    assert!(stage.refreshes().is_empty());
}
