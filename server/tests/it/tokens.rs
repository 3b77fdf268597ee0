//! The life of a token on a live socket.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::time::sleep_until;

use crate::common::{Client, Server, brief, eventually, hello, now_secs, token, token_with};

fn renew(token: &str) -> Value {
    json!({"t": "renew", "token": token})
}

/// How long the token of [`ending`] is good: short, and if that was too short for a machine that is busy, longer.
const LIVES: [Duration; 3] = [
    Duration::from_millis(1_200),
    Duration::from_secs(4),
    Duration::from_secs(9),
];

/// A session whose token ends soon, and when that is.
async fn ending(server: &Server) -> (Client, Instant) {
    for life in LIVES {
        let exp = (SystemTime::now() + life).duration_since(UNIX_EPOCH);
        let exp = exp.expect("the clock is set").as_secs_f64();
        let end = Instant::now() + life;
        let mut hello = hello("u_101", "laptop");
        hello["token"] = json!(token_with("u_101", json!({"exp": exp})));
        let mut client = server.connect().await;
        client.send(hello).await;
        // With half of its life for what the test does before its end.
        if client.frame().await["t"] == "welcome" && Instant::now() + life / 2 < end {
            return (client, end);
        }
    }
    panic!("nothing was said in {LIVES:?}");
}

/// Waits for a token's end. No frame says that it has come; the clock does.
async fn over(end: Instant) {
    // The server's timers count milliseconds, and may be one late.
    sleep_until((end + Duration::from_millis(50)).into()).await;
}

#[tokio::test]
async fn a_renewed_token_says_how_long_it_lasts() {
    let server = Server::start().await;
    let (mut client, welcome) = server.session().await;
    let exp = now_secs() + 1_000;
    client
        .send(renew(&token_with("u_101", json!({"exp": exp}))))
        .await;
    let renewed = client.frame().await;
    assert_eq!(
        (&renewed["t"], &renewed["expiresAt"]),
        (&json!("renewed"), &json!(exp * 1_000))
    );
    assert_eq!(renewed["modules"], json!(["chat", "orders"]));
    assert_eq!(
        (&renewed["view"], &renewed["types"]),
        (&welcome["view"], &welcome["types"])
    );
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 0>1"]);
}

#[tokio::test]
async fn a_renewal_that_changes_the_modules_is_followed_by_a_refresh() {
    let server = Server::start().await;
    let (mut client, welcome) = server.session().await;
    server.publish(json!({})).await;
    client.moves(1).await;
    client
        .send(renew(&token_with("u_101", json!({"modules": ["chat"]}))))
        .await;
    let renewed = client.frame().await;
    assert_eq!(
        (&renewed["t"], &renewed["types"]),
        (&json!("renewed"), &json!({"chat_message": "chat"}))
    );
    assert_ne!(renewed["view"], welcome["view"]);
    let refresh = client.frame().await;
    assert_eq!(
        (brief(&refresh).as_str(), &refresh["view"]),
        ("view_changed at 1", &renewed["view"])
    );
    server.publish(json!({})).await;
    let line = json!({"type": "chat_message", "scope": {"shopId": "s_1"}, "payload": {}});
    server.publish_event(line).await;
    assert_eq!(client.moves(1).await, ["event 1>3"]);
    let sessions = server
        .as_publisher("GET", "/sessions?module=orders")
        .await
        .json();
    assert_eq!(sessions["sessions"], json!([]));
}

#[tokio::test]
async fn a_token_of_another_user_or_shop_or_a_bad_one_is_closed_with_4401() {
    let server = Server::start().await;
    for bad in [
        token("u_102"),
        token_with("u_101", json!({"shopId": "s_2"})),
        token_with("u_101", json!({"exp": now_secs() - 10})),
        "a.b.c".to_owned(),
        String::new(),
    ] {
        let (mut client, _) = server.session().await;
        client.send(renew(&bad)).await;
        let closed = client.closed().await;
        assert_eq!(
            (closed.code, &closed.bye["retry"]),
            (4401, &json!(true)),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn delivery_stops_at_the_tokens_end_and_the_close_comes_within_five_seconds() {
    let server = Server::start().await;
    let (mut client, end) = ending(&server).await;
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 0>1"]);
    over(end).await;
    server.publish(json!({})).await;
    assert!(client.is_quiet().await);
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4401, &json!(true)));
    assert!(end.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_renewal_after_the_end_lets_delivery_go_on_where_it_stopped() {
    let server = Server::start().await;
    let (mut client, end) = ending(&server).await;
    over(end).await;
    server.publish(json!({})).await;
    // Commands wait for the renewal, too.
    client
        .send(json!({"t": "command", "id": "a:1", "type": "chat_message", "payload": {}}))
        .await;
    assert!(client.is_quiet().await);
    client.send(renew(&token("u_101"))).await;
    assert_eq!(client.frame().await["t"], "renewed");
    assert_eq!(client.moves(1).await, ["event 0>1"]);
    assert_eq!(client.frame_of("ack").await["eventId"], 2);
}

#[tokio::test]
async fn without_a_leeway_a_token_is_over_at_its_end() {
    let server = Server::start().await;
    for (ago, code) in [(1, Some(4401)), (0, Some(4401)), (-60, None)] {
        let exp = now_secs().saturating_add_signed(-ago);
        let mut hello = hello("u_101", "laptop");
        hello["token"] = json!(token_with("u_101", json!({"exp": exp})));
        assert_eq!(server.refusal(hello).await, code, "{ago}");
    }
}

#[tokio::test]
async fn a_leeway_is_added_to_the_tokens_end() {
    let server = Server::flags(&["--jwt-leeway", "1h"]).await;
    let mut expired = hello("u_101", "laptop");
    expired["token"] = json!(token_with("u_101", json!({"exp": now_secs() - 60})));
    let (mut client, _) = server.welcomed(expired).await;
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 0>1"]);
}

#[tokio::test]
async fn a_denied_user_cannot_renew_or_come_back_with_a_token_from_before() {
    let server = Server::start().await;
    let old = token("u_101");
    let (mut client, _) = server.session().await;
    let response = server.as_publisher("DELETE", "/sessions/u_101").await;
    assert_eq!(response.status, 204);
    assert_eq!(client.closed().await.code, 4403);

    let mut hello = hello("u_101", "laptop");
    hello["token"] = json!(old);
    let mut client = server.connect().await;
    client.send(hello.clone()).await;
    let closed = client.closed().await;
    assert_eq!(
        (closed.code, closed.reason.as_str()),
        (4401, "the token was revoked")
    );

    // One that was issued later is good again.
    hello["token"] = json!(token_with("u_101", json!({"iat": now_secs() + 1})));
    let (mut client, _) = server.welcomed(hello).await;
    client.send(renew(&old)).await;
    assert_eq!(client.closed().await.code, 4401);
    eventually("nobody is connected", || async {
        server.metric("tabwire_sessions").await == 0.0
    })
    .await;
}
