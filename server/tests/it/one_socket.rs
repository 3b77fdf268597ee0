//! One socket per user, whatever connects.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{Client, Server, hello};

fn claiming(device: &str, claim: &Value) -> Value {
    let mut hello = hello("u_101", device);
    hello["claim"] = claim.clone();
    hello
}

/// How the server closes a connection with this hello.
async fn refused(server: &Server, hello: Value) -> u16 {
    let mut client = server.connect().await;
    client.send(hello).await;
    client.closed().await.code
}

async fn devices(server: &Server) -> Vec<String> {
    let sessions = server
        .as_publisher("GET", "/sessions?userId=u_101")
        .await
        .json();
    let sessions = sessions["sessions"].as_array().expect("a list").clone();
    let devices = sessions
        .iter()
        .map(|s| s["device"].as_str().expect("a name").to_owned());
    devices.collect()
}

#[tokio::test]
async fn a_newer_connection_of_the_same_device_supersedes_with_4411() {
    for policy in ["replace", "reject"] {
        let server = Server::flags(&["--concurrency", policy]).await;
        let (mut old, first) = server.welcomed(hello("u_101", "laptop")).await;
        let (mut new, second) = server.welcomed(claiming("laptop", &first["claim"])).await;
        let closed = old.closed().await;
        assert_eq!((closed.code, &closed.bye["retry"]), (4411, &json!(false)));
        assert_eq!((&first["claim"], &second["claim"]), (&json!(1), &json!(2)));
        server.publish(json!({})).await;
        assert_eq!(new.moves(1).await, ["event 0>1"]);
    }
}

#[tokio::test]
async fn another_device_replaces_with_4409() {
    let server = Server::start().await;
    let (mut laptop, _) = server.welcomed(hello("u_101", "laptop")).await;
    let (_phone, _) = server.welcomed(hello("u_101", "phone")).await;
    let closed = laptop.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4409, &json!(false)));
    assert_eq!(devices(&server).await, ["phone"]);
}

#[tokio::test]
async fn an_automatic_reconnect_does_not_kick_a_device_that_came_later() {
    for policy in ["replace", "reject"] {
        let server = Server::flags(&["--concurrency", policy]).await;
        let (laptop, first) = server.welcomed(hello("u_101", "laptop")).await;
        laptop.close().await;
        crate::common::eventually("it has gone", || async {
            devices(&server).await.is_empty()
        })
        .await;
        let (phone, _) = server.welcomed(hello("u_101", "phone")).await;
        assert_eq!(
            refused(&server, claiming("laptop", &first["claim"])).await,
            4409
        );
        assert_eq!(devices(&server).await, ["phone"]);
        // The claim outlives the phone's socket.
        phone.close().await;
        crate::common::eventually("it has gone", || async {
            devices(&server).await.is_empty()
        })
        .await;
        assert_eq!(
            refused(&server, claiming("laptop", &first["claim"])).await,
            4409
        );
        // A person who turns to the laptop is let in.
        server.welcomed(hello("u_101", "laptop")).await;
    }
}

#[tokio::test]
async fn reject_keeps_a_device_that_answers() {
    let server = Server::flags(&["--concurrency", "reject"]).await;
    let (mut laptop, _) = server.welcomed(hello("u_101", "laptop")).await;
    let answering = async {
        let ping = laptop.frame_of("ping").await;
        laptop
            .send(json!({"t": "pong", "lastEventId": ping["upTo"]}))
            .await;
        laptop
    };
    let (mut laptop, code) = tokio::join!(answering, refused(&server, hello("u_101", "phone")));
    assert_eq!(code, 4410);
    server.publish(json!({})).await;
    assert_eq!(laptop.moves(1).await, ["event 0>1"]);
}

#[tokio::test]
async fn reject_gives_the_socket_away_when_the_holder_does_not_answer() {
    let server = Server::with(&["--concurrency", "reject"], |config| {
        config.limits.probe_timeout = Duration::from_millis(100);
    })
    .await;
    let (mut laptop, _) = server.welcomed(hello("u_101", "laptop")).await;
    let (_phone, _) = server.welcomed(hello("u_101", "phone")).await;
    assert_eq!(laptop.closed().await.code, 4409);
    assert_eq!(devices(&server).await, ["phone"]);
}

#[tokio::test]
async fn reject_lets_in_when_the_holder_goes_while_it_is_asked() {
    let server = Server::flags(&["--concurrency", "reject"]).await;
    let (mut laptop, _) = server.welcomed(hello("u_101", "laptop")).await;
    let going = async {
        laptop.frame_of("ping").await;
        drop(laptop);
    };
    let (_, (_phone, welcome)) = tokio::join!(going, server.welcomed(hello("u_101", "phone")));
    assert_eq!(welcome["claim"], 2);
}

#[tokio::test]
async fn of_many_that_connect_at_once_one_is_left() {
    let server = Server::start().await;
    let connecting = (0..20).map(|n| {
        let server = &server;
        async move {
            server
                .welcomed(hello("u_101", &format!("device_{n}")))
                .await
        }
    });
    let mut clients: Vec<(Client, Value)> = futures_util::future::join_all(connecting).await;
    clients.sort_by_key(|(_, welcome)| welcome["claim"].as_u64());
    let (mut last, welcome) = clients.pop().expect("there are twenty");
    assert_eq!(welcome["claim"], 20);
    for (mut client, _) in clients {
        assert_eq!(client.closed().await.code, 4409);
    }
    server.publish(json!({})).await;
    assert_eq!(last.moves(1).await, ["event 0>1"]);
}

#[tokio::test]
async fn other_users_are_not_concerned() {
    let server = Server::start().await;
    let (mut one, _) = server.welcomed(hello("u_1", "laptop")).await;
    let (mut two, _) = server.welcomed(hello("u_2", "laptop")).await;
    server.publish(json!({})).await;
    assert_eq!(one.moves(1).await, ["event 0>1"]);
    assert_eq!(two.moves(1).await, ["event 0>1"]);
}
