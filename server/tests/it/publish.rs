//! `POST /events` and `GET /position`.

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::common::{PUBLISH_KEY, Server, read_response, request};

fn order() -> Value {
    json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": {"orderId": "o_1"}})
}

/// An order with one field changed, or left out when the value is null.
fn with(field: &str, value: Value) -> String {
    let mut order = order();
    order[field] = value;
    order
        .as_object_mut()
        .expect("an object")
        .retain(|_, value| !value.is_null());
    order.to_string()
}

#[tokio::test]
async fn an_event_gets_the_next_id_and_the_epoch() {
    let server = Server::start().await;
    let response = server.post(&order().to_string(), &[]).await;
    assert_eq!(response.status, 201);
    let one = response.json();
    assert_eq!(one["id"], 1);
    let two = server.post(&order().to_string(), &[]).await.json();
    assert_eq!((&two["id"], &two["epoch"]), (&json!(2), &one["epoch"]));
    let position = server.as_publisher("GET", "/position?shopId=s_1").await;
    assert_eq!(position.status, 200);
    assert_eq!(position.json(), json!({"epoch": one["epoch"], "head": 2}));
}

#[tokio::test]
async fn a_shop_without_events_has_a_position_too() {
    let server = Server::start().await;
    let position = server
        .as_publisher("GET", "/position?shopId=new")
        .await
        .json();
    assert_eq!(position["head"], 0);
    assert_eq!(
        server
            .as_publisher("GET", "/position?shopId=new")
            .await
            .json(),
        position
    );
}

#[tokio::test]
async fn a_position_is_of_a_named_shop_and_for_publishers() {
    let server = Server::start().await;
    for path in ["/position", "/position?shopId=", "/position?shopId=a%20b"] {
        assert_eq!(
            server.as_publisher("GET", path).await.error(),
            (400, "bad_query".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        server.get("/position?shopId=s_1").await.error(),
        (401, "unauthorized".to_owned())
    );
}

#[tokio::test]
async fn only_publish_keys_may_publish() {
    let server = Server::start().await;
    for authorization in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic the-publish-key",
        "Bearer the-publish-key2",
        "Bearer the-publish-ke",
    ] {
        let headers = [
            ("authorization", authorization),
            ("content-type", "application/json"),
        ];
        let response = server
            .request("POST", "/events", &headers, &order().to_string())
            .await;
        assert_eq!(
            response.error(),
            (401, "unauthorized".to_owned()),
            "{authorization}"
        );
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn each_of_several_keys_may_publish() {
    let server = Server::flags(&["--publish-key", "another"]).await;
    for key in [PUBLISH_KEY, "another"] {
        let bearer = format!("bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json; charset=utf-8"),
        ];
        let response = server
            .request("POST", "/events", &headers, &order().to_string())
            .await;
        assert_eq!(response.status, 201, "{key}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_the_place() {
    let server = Server::start().await;
    for (body, place) in [
        ("", "line 1 column 0"),
        ("{\n  \"type\": nope\n}", "line 2 column 12"),
        ("{\"type\":", "line 1 column 8"),
        ("{} {}", "line 1 column 4"),
    ] {
        let response = server.post(body, &[]).await;
        assert_eq!(response.error(), (400, "bad_json".to_owned()), "{body}");
        assert!(response.text().contains(place), "{}", response.text());
    }
    let key = format!("Bearer {PUBLISH_KEY}");
    let headers = [
        ("authorization", key.as_str()),
        ("content-type", "application/json"),
    ];
    let response = request(
        server.address,
        "POST",
        "/events",
        &headers,
        b"{\"a\":\"\xff\"}",
    )
    .await;
    assert_eq!(response.error(), (400, "bad_json".to_owned()));
    assert!(response.text().contains("byte 6"), "{}", response.text());
}

#[tokio::test]
async fn an_event_that_is_wrong_is_refused_with_the_field() {
    let server = Server::start().await;
    let many: Vec<_> = (0..1_001).map(|n| format!("u_{n}")).collect();
    for (body, code, field) in [
        ("7".to_owned(), "invalid", "an event is an object"),
        ("null".to_owned(), "invalid", "an event is an object"),
        ("{}".to_owned(), "invalid", "type: "),
        (with("type", Value::Null), "invalid", "type: "),
        (with("type", json!(7)), "invalid", "type: "),
        (with("type", json!("no name")), "invalid", "type: "),
        (
            with("type", json!("no_such_type")),
            "unknown_type",
            "type: ",
        ),
        (with("scope", Value::Null), "bad_scope", "scope: "),
        (with("scope", json!({})), "bad_scope", "scope: "),
        (with("scope", json!({"shopId": ""})), "bad_scope", "scope: "),
        (
            with("scope", json!({"shopId": "s_1", "userIds": []})),
            "bad_scope",
            "scope.userIds: ",
        ),
        (
            with("scope", json!({"shopId": "s_1", "userIds": ["a b"]})),
            "bad_scope",
            "scope: ",
        ),
        (
            with("scope", json!({"shopId": "s_1", "userIds": "u_1"})),
            "bad_scope",
            "scope: ",
        ),
        (
            with("scope", json!({"shopId": "s_1", "userIds": many})),
            "bad_scope",
            "scope.userIds: ",
        ),
        (with("payload", Value::Null), "invalid", "payload: "),
        (with("key", json!("")), "bad_key", ""),
        (with("key", json!(7)), "bad_key", ""),
        (with("key", json!("x".repeat(257))), "bad_key", ""),
    ] {
        let response = server.post(&body, &[]).await;
        assert_eq!(response.error(), (422, code.to_owned()), "{body:.200}");
        assert!(response.text().contains(field), "{}", response.text());
    }
    assert_eq!(server.metric("tabwire_events_appended_total").await, 0.0);
}

#[tokio::test]
async fn a_payload_may_be_any_json_even_null_and_1000_users_may_be_named() {
    let server = Server::start().await;
    for payload in ["null", "7", "\"x\"", "[]"] {
        let body =
            format!(r#"{{"type":"order_created","scope":{{"shopId":"s_1"}},"payload":{payload}}}"#);
        assert_eq!(server.post(&body, &[]).await.status, 201, "{payload}");
    }
    let many: Vec<_> = (0..1_000).map(|n| format!("u_{n}")).collect();
    let body = with("scope", json!({"shopId": "s_1", "userIds": many}));
    assert_eq!(server.post(&body, &[]).await.status, 201);
}

#[tokio::test]
async fn a_body_nested_deeper_than_64_is_refused() {
    let server = Server::start().await;
    // The event itself is one level.
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"type":"order_created","scope":{{"shopId":"s_1"}},"payload":{open}{close}}}"#)
    };
    assert_eq!(server.post(&nested(64), &[]).await.status, 201);
    assert_eq!(
        server.post(&nested(65), &[]).await.error(),
        (422, "too_deep".to_owned())
    );
    assert_eq!(
        server.post(&nested(100_000), &[]).await.error(),
        (422, "too_deep".to_owned())
    );
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let server = Server::start().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let key = format!("Bearer {PUBLISH_KEY}");
        let headers = [
            ("authorization", key.as_str()),
            ("content-type", content_type),
        ];
        let response = server
            .request("POST", "/events", &headers, &order().to_string())
            .await;
        assert_eq!(
            response.error(),
            (415, "unsupported_media_type".to_owned()),
            "{content_type}"
        );
    }
}

#[tokio::test]
async fn a_body_or_payload_that_is_too_large_is_refused() {
    let server = Server::with(&[], |config| {
        config.limits.body_bytes = 10_000;
        config.limits.payload_bytes = 1_000;
    })
    .await;
    let of = |bytes: usize| with("payload", json!("x".repeat(bytes - 2)));
    assert_eq!(server.post(&of(1_000), &[]).await.status, 201);
    assert_eq!(
        server.post(&of(1_001), &[]).await.error(),
        (413, "too_large".to_owned())
    );
    let filled = |bytes: usize| {
        let order = order().to_string();
        order.clone() + &" ".repeat(bytes - order.len())
    };
    assert_eq!(server.post(&filled(10_000), &[]).await.status, 201);
    assert_eq!(
        server.post(&filled(10_001), &[]).await.error(),
        (413, "too_large".to_owned())
    );
    assert_eq!(
        server.post(&filled(5_000_000), &[]).await.error(),
        (413, "too_large".to_owned())
    );
}

#[tokio::test]
async fn a_key_makes_a_repeated_event_the_same_event() {
    let server = Server::start().await;
    let key = [("idempotency-key", "k-1")];
    let first = server.post(&order().to_string(), &key).await;
    assert_eq!(first.status, 201);
    let again = server.post(&order().to_string(), &key).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    let other = server.post(&with("payload", json!(1)), &key).await;
    assert_eq!(other.error(), (422, "key_reused".to_owned()));
    for bad in [" ", "a b", &"x".repeat(257)] {
        let response = server
            .post(&order().to_string(), &[("idempotency-key", bad)])
            .await;
        assert_eq!(response.error(), (422, "bad_key".to_owned()), "{bad}");
    }
    assert_eq!(server.metric("tabwire_events_appended_total").await, 1.0);
}

#[tokio::test]
async fn the_items_of_an_array_are_published_in_order_each_with_its_own_fate() {
    let server = Server::start().await;
    let mut keyed = order();
    keyed["key"] = json!("k-1");
    let mut reused = keyed.clone();
    reused["payload"] = json!(2);
    let other_shop = json!({"type": "chat_message", "scope": {"shopId": "s_2"}, "payload": {}});
    let items = json!([order(), {"type": "no_such_type"}, keyed, keyed, reused, other_shop, 7]);
    let response = server.post(&items.to_string(), &[]).await;
    assert_eq!(response.status, 201);
    let items = response.json();
    let ids: Vec<_> = items
        .as_array()
        .expect("an array")
        .iter()
        .map(|item| &item["id"])
        .collect();
    assert_eq!(json!(ids), json!([1, null, 2, 2, null, 1, null]));
    assert_eq!(items[1]["error"]["code"], "unknown_type");
    assert_eq!(items[4]["error"]["code"], "key_reused");
    assert_eq!(items[6]["error"]["code"], "invalid");
    assert_ne!(items[0]["epoch"], items[5]["epoch"]);
}

#[tokio::test]
async fn an_array_has_at_most_1000_events_and_no_key_in_the_header() {
    let server = Server::start().await;
    let array = |count| Value::from(vec![order(); count]).to_string();
    assert_eq!(server.post(&array(0), &[]).await.json(), json!([]));
    let response = server.post(&array(1_000), &[]).await;
    assert_eq!(response.json()[999]["id"], 1_000);
    let response = server.post(&array(1_001), &[]).await;
    assert_eq!(response.error(), (422, "too_many_events".to_owned()));
    let response = server.post(&array(1), &[("idempotency-key", "k")]).await;
    assert_eq!(response.error(), (422, "key_with_array".to_owned()));
}

#[tokio::test]
async fn more_requests_than_may_publish_at_a_time_are_asked_to_try_again() {
    let server = Server::with(&[], |config| config.limits.publishing = 1).await;
    let mut stalled = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let head = format!(
        "POST /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {PUBLISH_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        order().to_string().len()
    );
    stalled.write_all(head.as_bytes()).await.expect("it reads");
    crate::common::eventually("it is waited for", || async {
        let response = server.post(&order().to_string(), &[]).await;
        let busy = response.status == 429;
        assert!(!busy || response.header("retry-after") == Some("1"));
        busy
    })
    .await;
    stalled
        .write_all(order().to_string().as_bytes())
        .await
        .expect("it reads");
    assert_eq!(read_response(&mut stalled).await.status, 201);
    assert_eq!(server.post(&order().to_string(), &[]).await.status, 201);
    let limited = server.metric(r#"tabwire_limited_total{limit="publishing"}"#);
    assert!(limited.await >= 1.0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::with(&[], |config| {
        config.limits.body_timeout = std::time::Duration::from_millis(50);
    })
    .await;
    let mut stalled = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let head = format!(
        "POST /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {PUBLISH_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"
    );
    stalled.write_all(head.as_bytes()).await.expect("it reads");
    assert_eq!(
        read_response(&mut stalled).await.error(),
        (408, "timeout".to_owned())
    );
}
