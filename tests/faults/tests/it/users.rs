//! Who is whose: the one socket of a user, when the node that has it is gone.

use tabwire_faults::{
    client::Habits,
    node::Node,
    redis::{self, Redis},
    stage::{HEALED, Stage},
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
        .until("everybody is let in", HEALED, async |stage: &Stage| {
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
