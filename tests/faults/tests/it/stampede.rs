//! Everybody comes back at the same moment.

use tabwire_faults::{
    node::Node,
    redis::{self, Redis},
    scale::size,
    stage::{Stage, healed},
};

/// Reads of the log that are allowed while everybody comes back: one per node and ping period for the comparison of heads, some for
/// `/position`, and slack. Far fewer than there are clients.
const READS_MAX: f64 = 60.0;

#[tokio::test]
async fn everybody_who_comes_back_at_once_is_served_from_memory() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("everybody comes back at once", &[&a, &b]);
    stage.plan.per_second = 5.0;
    stage.enter(size(500, 2_000));
    stage.publish().await;
    // One stays at each node: without any, a node lets go of the shop.
    for client in &stage.clients[2..] {
        client.go_offline();
    }
    stage.acks(30).await;
    stage.hush().await;
    let before = (reads(&a).await + reads(&b).await, redis.calls().await);
    for client in &stage.clients {
        client.go_online();
    }
    stage
        .until("everybody is back", healed(), async |stage: &Stage| {
            let mut clients = stage.clients.iter();
            clients
                .all(|client| client.history().is_connected)
                .then_some(())
        })
        .await;
    stage.all_at_the_head().await;
    let after = (reads(&a).await + reads(&b).await, redis.calls().await);
    let read = after.0 - before.0;
    let calls = |name: &str| {
        let count =
            |calls: &std::collections::BTreeMap<String, u64>| calls.get(name).copied().unwrap_or(0);
        count(&after.1) - count(&before.1)
    };
    stage.notes.push(format!(
        "{read} reads of the log, {} scripts, {} XRANGE",
        calls("evalsha"),
        calls("xrange")
    ));
    stage.speak();
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
    assert!(
        read < READS_MAX,
        "{read} reads for {} clients",
        stage.clients.len()
    );
    assert!(calls("xrange") < 400, "{} XRANGE", calls("xrange"));
}

/// How often a node has read a log.
async fn reads(node: &Node) -> f64 {
    let metrics = node.metrics().await;
    let calls = metrics.iter().filter(|(name, _)| {
        name.starts_with("tabwire_redis_calls_total") && name.contains("\"read\"")
    });
    calls.map(|(_, count)| *count).sum()
}
