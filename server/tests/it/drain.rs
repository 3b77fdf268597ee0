//! The end of a server that is told to end.

use serde_json::json;

use crate::common::{Server, eventually, hello};

#[tokio::test]
async fn clients_are_told_when_to_come_back() {
    let mut server = Server::start().await;
    let mut clients = Vec::new();
    for n in 0..5 {
        clients.push(server.welcomed(hello(&format!("u_{n}"), "laptop")).await.0);
    }
    // One that has not said hello yet is a client, too.
    clients.push(server.connect().await);
    server.shut_down();
    for mut client in clients {
        let closed = client.closed().await;
        assert_eq!((closed.code, &closed.bye["retry"]), (1012, &json!(true)));
        assert!(
            closed.bye["afterMs"].as_u64().is_some_and(|ms| ms <= 60),
            "{closed:?}"
        );
    }
    server.ended().await;
}

#[tokio::test]
async fn it_is_unready_for_a_while_before_it_closes() {
    let mut server = Server::flags(&["--drain-delay", "1s"]).await;
    let (mut client, _) = server.session().await;
    server.shut_down();
    eventually("it is unready", || async {
        server.get("/readyz").await.status == 503
    })
    .await;
    assert_eq!(
        server.get("/readyz").await.error(),
        (503, "not_ready".to_owned())
    );
    // It still serves those who are there, and those whom a load balancer sends that has not seen it yet.
    let (mut late, _) = server.welcomed(hello("u_2", "laptop")).await;
    server.publish(json!({})).await;
    for client in [&mut client, &mut late] {
        assert_eq!(client.moves(1).await, ["event 0>1"]);
        assert_eq!(client.closed().await.code, 1012);
    }
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_does_not_close_is_not_waited_for() {
    let mut server = Server::flags(&["--drain", "0s"]).await;
    let (_deaf, _) = server.session().await;
    server.shut_down();
    server.ended().await;
}

#[tokio::test]
async fn the_port_is_free_afterwards() {
    let mut server = Server::start().await;
    server.session().await;
    server.shut_down();
    server.ended().await;
    assert!(tokio::net::TcpListener::bind(server.address).await.is_ok());
}
