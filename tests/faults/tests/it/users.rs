//! Who is whose: the one socket of a user, when the node that has it is gone.

use tabwire_faults::{
    client::{Habits, Stuck},
    node::Node,
    redis::{self, Redis},
    stage::{Stage, healed},
};

const USERS: usize = 12;

/// With `reject` the older device keeps the socket for as long as it lives, and there is nobody left to say that it does not.
#[tokio::test]
async fn a_node_that_was_killed_keeps_none_of_its_users_from_connecting_with_another_device() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let flags = ["--concurrency", "reject"];
    let mut a = Node::on(&redis.url(), &flags).await;
    let b = Node::on(&redis.url(), &flags).await;
    let mut stage = Stage::new("users of a killed node come with another device", &[&a, &b]);
    stage.enter_at(USERS, &[a.address], &Habits::default());
    stage.publish().await;
    a.kill();
    let devices: Vec<String> = (0..USERS).map(|nth| format!("other_{nth}")).collect();
    stage.clients.clear();
    for device in &devices {
        let habits = Habits {
            device: Some(device.clone()),
            ..Habits::default()
        };
        stage.enter_at(1, &[b.address], &habits);
    }
    stage
        .until("everybody is let in", healed(), async |stage: &Stage| {
            let mut clients = stage.clients.iter();
            clients
                .all(|client| client.history().is_connected)
                .then_some(())
        })
        .await;
    a.start_again().await;
    a.ready().await;
    stage.flows().await;
    stage.verdict(&[&a, &b]).await;
}

/// The client gave up a node that stood still, and has its socket at another; when the first goes on, it finds a hello and its end.
#[tokio::test]
async fn a_hello_that_is_read_after_its_client_has_gone_takes_no_place_from_it() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start(&[]).await;
    let (a, b) = (
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
    );
    let mut stage = Stage::new("a node reads hellos of clients that have gone on", &[&b]);
    let mut early = Vec::new();
    for _ in 0..USERS {
        early.push(Stuck::connect(a.address).await);
    }
    a.pause();
    for (nth, client) in early.iter_mut().enumerate() {
        client.say_hello(&stage.who(nth)).await;
    }
    drop(early);
    stage.enter(USERS);
    stage.publish().await;
    a.resume();
    a.ready().await;
    // All that it has read meanwhile has come of it.
    stage
        .until("it has no connection", healed(), async |_: &Stage| {
            (a.metric("tabwire_connections").await == 0.0).then_some(())
        })
        .await;
    stage.flows().await;
    stage.verdict(&[&b]).await;
}
