//! What goes beyond a limit gets an answer and is counted; what is at it passes.

use serde_json::{Value, json};
use tabwire_server::rate::Rate;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    common::{Response, Server, eventually, hello, token_with},
    handshake::UPGRADE,
};

/// A rate that never comes back: what passes is the burst alone.
const fn only(burst: u64) -> Rate {
    Rate {
        burst,
        per_second: 0,
    }
}

/// How often a limit has bitten.
async fn count(server: &Server, limit: &str) -> f64 {
    let name = format!("tabwire_limited_total{{limit=\"{limit}\"}}");
    server.metric(&name).await
}

async fn upgrade(server: &Server) -> Response {
    server.request("GET", "/ws", &UPGRADE, "").await
}

/// Whoever comes is refused with this error, and counted.
async fn is_full(server: &Server, limit: &str, error: (u16, &str)) {
    let before = count(server, limit).await;
    let response = upgrade(server).await;
    assert_eq!(response.error(), (error.0, error.1.to_owned()));
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(count(server, limit).await, before + 1.0);
}

async fn has_room(server: &Server) {
    eventually("there is room again", || async {
        server.connect_with(&[]).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn every_limit_is_counted_from_the_start() {
    let server = Server::start().await;
    let text = server.get("/metrics").await.text();
    let limits = text
        .lines()
        .filter(|line| line.starts_with("tabwire_limited_total{"));
    let limits: Vec<_> = limits.collect();
    assert!(!limits.is_empty());
    assert!(limits.iter().all(|line| line.ends_with(" 0")), "{limits:?}");
}

#[tokio::test]
async fn one_connection_too_many_is_asked_to_try_again() {
    let server = Server::flags(&["--max-connections", "2"]).await;
    let one = server.connect().await;
    let _other = server.connect().await;
    is_full(&server, "max-connections", (503, "unavailable")).await;
    one.close().await;
    has_room(&server).await;
}

#[tokio::test]
async fn one_connection_of_an_address_too_many_is_asked_to_try_again() {
    let server = Server::flags(&["--max-connections-per-address", "2"]).await;
    let one = server.connect().await;
    let _other = server.connect().await;
    is_full(
        &server,
        "max-connections-per-address",
        (429, "rate_limited"),
    )
    .await;
    one.close().await;
    has_room(&server).await;
}

#[tokio::test]
async fn one_connection_without_a_hello_too_many_is_asked_to_try_again() {
    let server = Server::flags(&["--max-pending", "2"]).await;
    // Sessions have said hello.
    let (_session, mut silent) = (server.session().await, server.connect().await);
    let _other = server.connect().await;
    is_full(&server, "max-pending", (503, "unavailable")).await;
    silent.send(hello("u_2", "laptop")).await;
    assert_eq!(silent.frame().await["t"], "welcome");
    has_room(&server).await;
}

#[tokio::test]
async fn an_address_that_connects_too_fast_is_asked_to_try_again() {
    let server = Server::with(&[], |config| config.limits.connects = only(2)).await;
    let _two = (server.connect().await, server.connect().await);
    is_full(&server, "connects-per-second", (429, "rate_limited")).await;
}

#[tokio::test]
async fn a_socket_without_a_hello_in_time_is_closed_with_4408() {
    let server = Server::flags(&["--hello-timeout", "50ms"]).await;
    let mut silent = server.connect().await;
    assert_eq!(silent.closed().await.code, 4408);
    assert_eq!(count(&server, "hello-timeout").await, 1.0);
}

#[tokio::test]
async fn too_many_frames_are_closed_with_4429() {
    let server = Server::with(&[], |config| config.limits.frames = only(3)).await;
    let (mut client, _) = server.session().await;
    for _ in 0..3 {
        client.send(json!({"t": "pong", "lastEventId": 0})).await;
    }
    client.send_message(Message::Ping(Vec::new().into())).await;
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4429, &json!(true)));
    assert_eq!(count(&server, "frames-per-second").await, 1.0);
}

#[tokio::test]
async fn too_many_bytes_are_closed_with_4429() {
    let ping = json!({"t": "ping"}).to_string();
    let bytes = ping.len() as u64;
    let server = Server::with(&[], |config| config.limits.bytes = only(2 * bytes)).await;
    let (mut client, _) = server.session().await;
    for _ in 0..2 {
        client.send_text(&ping).await;
        assert_eq!(client.frame().await["t"], "ping");
    }
    assert_eq!(count(&server, "bytes-per-second").await, 0.0);
    client.send_text(&ping).await;
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4429, &json!(true)));
    assert_eq!(closed.reason, "too many bytes");
    assert_eq!(count(&server, "bytes-per-second").await, 1.0);
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_counted() {
    let server = Server::flags(&["--max-frame", "10KiB"]).await;
    let (mut client, _) = server.session().await;
    client.send_text(&"x".repeat((10 << 10) + 1)).await;
    assert_eq!(client.closed().await.code, 4413);
    assert_eq!(count(&server, "max-frame").await, 1.0);
}

#[tokio::test]
async fn a_session_of_one_shop_too_many_is_closed_with_1013() {
    let server = Server::flags(&["--max-shops", "2"]).await;
    let of = |user: &str, shop: &str| {
        let mut hello = hello(user, "laptop");
        hello["token"] = json!(token_with(user, json!({"shopId": shop})));
        hello
    };
    let (one, _) = server.welcomed(of("u_1", "s_1")).await;
    let _two = server.welcomed(of("u_2", "s_2")).await;
    let mut third = server.connect().await;
    third.send(of("u_3", "s_3")).await;
    let closed = third.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (1013, &json!(true)));
    assert_eq!(count(&server, "max-shops").await, 1.0);
    // Those that are there are not concerned.
    assert_eq!(server.refusal(of("u_4", "s_1")).await, None);
    one.close().await;
    eventually("there is room again", || async {
        server.refusal(of("u_3", "s_3")).await.is_none()
    })
    .await;
}

fn orders(count: usize) -> String {
    let order = json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": {}});
    match count {
        1 => order.to_string(),
        _ => Value::from(vec![order; count]).to_string(),
    }
}

#[tokio::test]
async fn a_key_that_publishes_too_fast_is_told_when_to_try_again() {
    let server = Server::with(&["--publish-key", "another"], |config| {
        config.limits.publish = only(5);
    })
    .await;
    assert_eq!(server.post(&orders(4), &[]).await.status, 201);
    let response = server.post(&orders(2), &[]).await;
    assert_eq!(response.error(), (429, "rate_limited".to_owned()));
    // Those of a request are taken together or not at all.
    assert_eq!(server.post(&orders(1), &[]).await.status, 201);
    assert_eq!(server.post(&orders(1), &[]).await.status, 429);
    assert_eq!(count(&server, "publish-rate").await, 2.0);
    let head = server.as_publisher("GET", "/position?shopId=s_1").await;
    assert_eq!(head.json()["head"], 5);
    // What never could be let through is told so.
    let response = server.post(&orders(6), &[]).await;
    assert_eq!(response.error(), (422, "too_many_events".to_owned()));
    // The other key has a rate of its own.
    let headers = [
        ("authorization", "Bearer another"),
        ("content-type", "application/json"),
    ];
    let response = server
        .request("POST", "/events", &headers, &orders(5))
        .await;
    assert_eq!(response.status, 201);
}

#[tokio::test]
async fn the_wait_for_a_publisher_is_as_long_as_its_rate_needs() {
    let server = Server::with(&[], |config| {
        config.limits.publish = Rate {
            burst: 100,
            per_second: 1,
        };
    })
    .await;
    assert_eq!(server.post(&orders(100), &[]).await.status, 201);
    let response = server.post(&orders(100), &[]).await;
    let wait = response.header("retry-after").expect("it says when");
    let wait: u64 = wait.parse().expect("seconds");
    // Some may have come back meanwhile.
    assert!((50..=100).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_request_with_a_wrong_key_uses_up_nobodys_rate() {
    let server = Server::with(&[], |config| config.limits.publish = only(1)).await;
    let headers = [
        ("authorization", "Bearer wrong"),
        ("content-type", "application/json"),
    ];
    for _ in 0..3 {
        let response = server
            .request("POST", "/events", &headers, &orders(1))
            .await;
        assert_eq!(response.status, 401);
    }
    assert_eq!(server.post(&orders(1), &[]).await.status, 201);
}
