//! A server of Redis dies for good, and a replica takes its place.

use std::time::Duration;

use tabwire_faults::{
    node::Node,
    redis::{self, Cluster, Sentinels},
    scale::size,
    stage::Stage,
};

#[tokio::test]
async fn a_failover_of_sentinels_that_loses_acked_events_is_never_silent() {
    if !redis::is_installed() {
        return;
    }
    let mut sentinels = Sentinels::start().await;
    let url = sentinels.url();
    let (a, b) = (Node::on(&url, &[]).await, Node::on(&url, &[]).await);
    let mut stage = Stage::new(
        "Sentinel fails over to a replica that lags behind",
        &[&a, &b],
    );
    stage.enter(size(30, 300));
    stage.publish().await;
    // The replica hears no more: the primary, not it, is told to hang up, since what has been sent to a process that stands still
    // would be read by it later.
    sentinels.replica.pause();
    sentinels.primary.command("CLIENT KILL TYPE replica").await;
    stage.acks(30).await;
    sentinels.primary.kill();
    sentinels.replica.resume();
    sentinels.replica_is_primary().await;
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn a_master_of_a_cluster_that_is_killed_means_another_log_and_everybody_refreshes() {
    if !redis::is_installed() {
        return;
    }
    let mut cluster = Cluster::start().await;
    let url = cluster.url();
    let (a, b) = (Node::on(&url, &[]).await, Node::on(&url, &[]).await);
    let mut stage = Stage::new("a master of a Redis Cluster is killed", &[&a, &b]);
    stage.enter(size(30, 300));
    stage.publish().await;
    let nth = cluster.master_of("ws:{s_1}:log").await;
    cluster.masters[nth].kill();
    cluster.replica_is_master(nth).await;
    stage.flows().await;
    stage.everybody_changed_logs();
    stage.verdict(&[&a, &b]).await;
}

/// Masters of other slots have nothing to do with the shop.
#[tokio::test]
async fn a_master_of_other_slots_that_is_killed_is_nothing_to_the_shop() {
    if !redis::is_installed() {
        return;
    }
    let mut cluster = Cluster::start().await;
    let url = cluster.url();
    let (a, b) = (Node::on(&url, &[]).await, Node::on(&url, &[]).await);
    let mut stage = Stage::new(
        "a master of other slots of a Redis Cluster is killed",
        &[&a, &b],
    );
    stage.enter(size(20, 200));
    stage.publish().await;
    let nth = (cluster.master_of("ws:{s_1}:log").await + 1) % 3;
    cluster.masters[nth].kill();
    cluster.replica_is_master(nth).await;
    stage.lasts(Duration::from_secs(1)).await;
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}
