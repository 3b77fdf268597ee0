//! One of several nodes dies, stands still, or is replaced.

use std::{net::SocketAddr, time::Duration};

use tabwire_faults::{
    node::Node,
    proxy::{Network, Proxy},
    redis::{self, Redis},
    scale::size,
    stage::{Stage, healed},
};

#[tokio::test]
async fn the_clients_of_a_node_that_is_killed_go_on_at_another_at_once() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (mut a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("one of two nodes is killed", &[&a, &b]);
    stage.enter(size(40, 400));
    stage.publish().await;
    a.kill();
    // Nobody is blocked by what the dead node knew of its users.
    stage.flows().await;
    a.start_again().await;
    a.ready().await;
    stage.acks(20).await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn the_clients_of_a_node_that_stands_still_go_on_at_another() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("one of two nodes stands still", &[&a, &b]);
    stage.enter(size(20, 200));
    stage.publish().await;
    a.pause();
    // A silent socket is doubted after a ping period and 5 s, and given up when the doubt is not answered.
    stage.flows().await;
    a.resume();
    stage.flows().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}

#[tokio::test]
async fn a_rolling_restart_loses_nothing_and_nobody_comes_back_in_a_crowd() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (mut a, mut b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("both nodes are restarted, one after the other", &[&a, &b]);
    stage.plan.per_second = 5.0;
    stage.enter(size(300, 2_000));
    stage.publish().await;
    for node in [&mut a, &mut b] {
        let status = node.terminate().await;
        assert!(status.success(), "{status}");
        node.start_again().await;
        node.ready().await;
        stage
            .until("everybody is back", healed(), async |stage: &Stage| {
                let mut clients = stage.clients.iter();
                clients
                    .all(|client| client.history().is_connected)
                    .then_some(())
            })
            .await;
        stage.flows().await;
    }
    stage.lasts(Duration::from_secs(1)).await;
    for client in &stage.clients {
        let closes = client.history().closes.clone();
        assert!(closes.keys().all(|code| *code == 1012), "{closes:?}");
    }
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}

/// Not for so long that its clients give it up: but when it goes on, all that it does by the clock is due at once. It closes
/// sockets that seem silent, and looks for its sockets in Redis, which is far away here; a socket that it is just closing is not
/// one whose user has another.
#[tokio::test]
async fn a_node_that_stood_still_for_a_moment_tells_nobody_that_somebody_else_has_the_place() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], redis.port))).await;
    let node = Node::on(&format!("redis://{}", proxy.address), &[]).await;
    let mut stage = Stage::new("a node far from Redis stands still for 5 s", &[&node]);
    stage.plan.per_second = 5.0;
    // More than it looks for at a time.
    stage.enter(size(300, 600));
    stage.publish().await;
    proxy.set(Network::Delays(Duration::from_millis(50)));
    for _ in 0..size(2, 3) {
        node.pause();
        stage.lasts(Duration::from_secs(5)).await;
        node.resume();
        stage.flows().await;
    }
    proxy.set(Network::Works);
    stage.nobody_refreshed();
    stage.verdict(&[&node]).await;
}
