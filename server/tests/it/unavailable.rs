//! A log that takes no more: the one in memory has a limit of shops.

use serde_json::json;

use crate::common::{Server, hello, token_with};

/// A server whose log has room for one shop.
async fn full() -> Server {
    let server = Server::in_memory(&[], |config| config.retention.shops = 1).await;
    server.publish(json!({})).await;
    server
}

fn event(shop: &str) -> serde_json::Value {
    json!({"type": "order_created", "scope": {"shopId": shop}, "payload": {}})
}

#[tokio::test]
async fn a_session_whose_log_cannot_be_read_is_closed_with_1013_and_not_refreshed() {
    let server = full().await;
    let mut other = hello("u_2", "laptop");
    other["token"] = json!(token_with("u_2", json!({"shopId": "s_2"})));
    let mut client = server.connect().await;
    client.send(other).await;
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (1013, &json!(true)));
    // A shop that has its log is not concerned.
    let mut client = server.connect().await;
    client.send(hello("u_3", "laptop")).await;
    assert_eq!(client.frame().await["t"], "welcome");
}

#[tokio::test]
async fn a_publisher_is_asked_to_try_again() {
    let server = full().await;
    let response = server.post(&event("s_2").to_string(), &[]).await;
    assert_eq!(response.error(), (503, "unavailable".to_owned()));
    assert_eq!(response.header("retry-after"), Some("1"));
    let response = server.as_publisher("GET", "/position?shopId=s_2").await;
    assert_eq!(response.error(), (503, "unavailable".to_owned()));
}

#[tokio::test]
async fn after_an_event_that_was_not_taken_later_ones_of_its_shop_are_not_tried() {
    let server = full().await;
    let events = json!([
        event("s_1"),
        event("s_2"),
        event("s_1"),
        event("s_2"),
        event("s_3")
    ]);
    let response = server.post(&events.to_string(), &[]).await;
    assert_eq!(response.status, 201);
    let items = response.json();
    let codes: Vec<_> = items
        .as_array()
        .expect("an array")
        .iter()
        .map(|item| &item["error"]["code"])
        .collect();
    assert_eq!(
        json!(codes),
        json!([null, "unavailable", null, "not_tried", "unavailable"])
    );
}
