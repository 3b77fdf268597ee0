//! One node with its log in memory, and what can happen to it.

use std::time::Duration;

use tabwire_faults::{node::Node, scale::size, stage::Stage};

#[tokio::test]
async fn a_node_that_is_killed_comes_back_with_another_log_and_everybody_refreshes() {
    let mut node = Node::start(&[]).await;
    let mut stage = Stage::new("a node with its log in memory is killed", &[&node]);
    stage.enter(size(30, 300));
    stage.publish().await;
    node.kill();
    node.start_again().await;
    stage.flows().await;
    let clients = stage.clients.len() as u64;
    assert_eq!(stage.refreshes().get("epoch_changed"), Some(&clients));
    stage.verdict(&[&node]).await;
}

#[tokio::test]
async fn a_node_that_stands_still_loses_nothing() {
    let node = Node::start(&[]).await;
    let mut stage = Stage::new("a node stands still for 5 s", &[&node]);
    stage.enter(size(30, 300));
    stage.publish().await;
    node.pause();
    stage.lasts(Duration::from_secs(5)).await;
    node.resume();
    stage.flows().await;
    stage.verdict(&[&node]).await;
    assert!(stage.refreshes().is_empty());
}
