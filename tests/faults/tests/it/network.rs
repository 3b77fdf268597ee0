//! One node loses Redis, the others don't.

use std::{net::SocketAddr, time::Duration};

use tabwire_faults::{
    node::Node,
    proxy::{Network, Proxy},
    redis::{self, Redis},
    scale::size,
    stage::Stage,
};

#[tokio::test]
async fn a_node_whose_connections_to_redis_are_reset_loses_nothing() {
    cut(
        "the network between a node and Redis resets",
        Network::Resets,
    )
    .await;
}

#[tokio::test]
async fn a_node_whose_connections_to_redis_swallow_everything_loses_nothing() {
    let both = Network::Swallows {
        up: true,
        down: true,
    };
    cut(
        "the network between a node and Redis swallows everything",
        both,
    )
    .await;
}

/// What it sends arrives, and it never hears so: every publish there has happened or not, and the key has to settle it.
#[tokio::test]
async fn a_node_that_is_not_answered_by_redis_loses_and_doubles_nothing() {
    let down = Network::Swallows {
        up: false,
        down: true,
    };
    cut(
        "the network between a node and Redis swallows the answers",
        down,
    )
    .await;
}

#[tokio::test]
async fn a_node_that_is_slow_to_hear_of_redis_loses_nothing() {
    cut(
        "the network between a node and Redis is slow",
        Network::Delays(Duration::from_millis(150)),
    )
    .await;
}

async fn cut(name: &str, network: Network) {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], redis.port))).await;
    let a = Node::on(&redis.url(), &[]).await;
    let b = Node::on(&format!("redis://{}", proxy.address), &[]).await;
    let mut stage = Stage::new(name, &[&a, &b]);
    stage.enter(size(20, 200));
    stage.publish().await;
    proxy.set(network);
    stage.lasts(Duration::from_secs(size(6, 30))).await;
    if !matches!(network, Network::Delays(_)) {
        let ready = b.get("/readyz").await.map(|answer| answer.status);
        stage.notes.push(format!("its /readyz said {ready:?}"));
    }
    proxy.set(Network::Works);
    stage.flows().await;
    b.ready().await;
    stage.nobody_refreshed();
    stage.verdict(&[&a, &b]).await;
}
