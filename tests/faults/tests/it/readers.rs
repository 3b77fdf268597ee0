//! Clients that read slowly, or nothing.

use std::time::Duration;

use tabwire_faults::{
    client::{Habits, Stuck},
    ledger::Who,
    node::Node,
    scale::size,
    stage::{Stage, healed},
};

/// What a node may grow by while it serves clients that don't keep up. They miss far more than that.
const GROWS_KIB_MAX: u64 = 64 << 10;

#[tokio::test]
async fn clients_that_do_not_read_cost_the_others_nothing_and_the_node_little() {
    let node = Node::start(&["--write-timeout", "2s", "--retention-events", "300"]).await;
    let mut stage = Stage::new("40 clients read nothing, 3 too slowly", &[&node]);
    stage.plan.padding = 8_000;
    stage.plan.per_second = 60.0;
    stage.plan.loops = 4;
    stage.enter(10);
    stage.publish().await;
    let before = node.resident_kib();

    let habits = Habits {
        reads_slowly: Some(Duration::from_millis(100)),
        ..Habits::default()
    };
    stage.enter_at(3, &[node.address], &habits);
    let mut stuck = Vec::new();
    for nth in 0..40 {
        let who = Who {
            user: format!("stuck_{nth}"),
            shop: "s_1".to_owned(),
            modules: vec!["orders", "chat"],
        };
        stuck.push(Stuck::start(&who, node.address).await);
    }
    stage
        .until(
            "those that read nothing are closed",
            healed(),
            async |stage: &Stage| {
                (node.metric("tabwire_connections").await <= stage.clients.len() as f64)
                    .then_some(())
            },
        )
        .await;
    stage.acks(size(600, 6_000)).await;
    stage
        .until(
            "those that read too slowly are refreshed",
            healed(),
            async |stage: &Stage| {
                let mut slow = stage.clients[10..].iter();
                slow.all(|client| !client.history().refreshes().is_empty())
                    .then_some(())
            },
        )
        .await;
    let grew = node.resident_kib().saturating_sub(before);
    stage.notes.push(format!("the node grew by {grew} KiB"));
    assert!(grew < GROWS_KIB_MAX, "the node grew by {grew} KiB");
    for client in &stage.clients[..10] {
        let history = client.history();
        assert!(
            history.refreshes().is_empty() && history.closes.is_empty(),
            "{history:?}"
        );
    }
    stage.verdict(&[&node]).await;
    drop(stuck);
}
