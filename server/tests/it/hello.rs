//! The first frame, and frames that are none.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::common::{Server, brief, claims, hello, request_sync, signed, token_with};

#[tokio::test]
async fn a_welcome_says_who_one_is_and_where_the_log_is() {
    let server = Server::flags(&["--ping", "7s", "--max-frame", "32KiB"]).await;
    server.publish(json!({})).await;
    let (_client, welcome) = server.session().await;
    for (field, value) in [
        ("v", json!(1)),
        ("userId", json!("u_101")),
        ("shopId", json!("s_1")),
        ("modules", json!(["chat", "orders"])),
        (
            "types",
            json!({"chat_message": "chat", "order_created": "orders", "order_placed": "orders"}),
        ),
        ("resume", json!("fresh")),
        ("at", json!(1)),
        ("claim", json!(1)),
        ("pingMs", json!(7_000)),
        ("maxFrame", json!(32_768)),
        ("features", json!([])),
        (
            "expiresAt",
            json!(claims("u_101")["exp"].as_u64().expect("a time") * 1_000),
        ),
    ] {
        // The token was made a moment ago; the second may have changed since.
        if field == "expiresAt" {
            let differs = welcome[field]
                .as_u64()
                .expect("a time")
                .abs_diff(value.as_u64().expect("a time"));
            assert!(differs <= 1_000);
        } else {
            assert_eq!(welcome[field], value, "{field}");
        }
    }
    assert!(
        welcome["socketId"].is_string()
            && welcome["epoch"].is_string()
            && welcome["view"].is_string()
    );
}

#[tokio::test]
async fn a_welcome_lists_only_types_of_the_sessions_modules() {
    let server = Server::start().await;
    let mut chat = hello("u_101", "laptop");
    chat["token"] = json!(token_with("u_101", json!({"modules": ["chat"]})));
    let (_client, welcome) = server.welcomed(chat).await;
    assert_eq!(welcome["types"], json!({"chat_message": "chat"}));
}

#[tokio::test]
async fn silence_instead_of_a_hello_is_closed_with_4408() {
    let server = Server::flags(&["--hello-timeout", "50ms"]).await;
    let closed = server.connect().await.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4408, &json!(true)));
}

#[tokio::test]
async fn silence_after_the_hello_is_closed_with_4408() {
    let server = Server::flags(&["--ping", "100ms"]).await;
    let (mut client, _) = server.session().await;
    let ping = client.frame().await;
    assert_eq!(brief(&ping), "ping 0>0");
    assert_eq!(client.closed().await.code, 4408);
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    // Silence is twice that: a machine that is busy has some time to answer.
    let server = Server::flags(&["--ping", "400ms"]).await;
    let (mut client, _) = server.session().await;
    for _ in 0..4 {
        assert_eq!(client.frame().await["t"], "ping");
        client.send(json!({"t": "pong", "lastEventId": 0})).await;
    }
}

/// How the server closes a connection that says this first.
async fn first(server: &Server, text: &str) -> (u16, String) {
    let mut client = server.connect().await;
    client.send_text(text).await;
    let closed = client.closed().await;
    assert_eq!(
        closed.bye["retry"],
        json!(closed.code == 4401),
        "{closed:?}"
    );
    (closed.code, closed.reason)
}

/// A hello with one field changed.
fn with(field: &str, value: Value) -> String {
    let mut hello = hello("u_101", "laptop");
    hello[field] = value;
    hello.to_string()
}

/// A hello without one field.
fn without(field: &str) -> String {
    let mut hello = hello("u_101", "laptop");
    hello.as_object_mut().expect("an object").remove(field);
    hello.to_string()
}

#[tokio::test]
async fn a_hello_that_is_malformed_is_closed_with_4400() {
    let server = Server::start().await;
    let cursor = |last: Value| {
        let mut hello = hello("u_101", "laptop");
        hello["epoch"] = json!("e");
        hello["view"] = json!("v");
        hello["lastEventId"] = last;
        hello.to_string()
    };
    for text in [
        String::new(),
        "{".into(),
        "[]".into(),
        "null".into(),
        "7".into(),
        "{}".into(),
        r#"{"t":7}"#.into(),
        r#"{"t":"hello"}"#.into(),
        r#"{"t":"ping"}"#.into(),
        r#"{"t":"no_such_frame"}"#.into(),
        "\u{feff}{}".into(),
        "[".repeat(10_000),
        format!(r#"{{"t":"hello","a":{}"#, "[".repeat(10_000)),
        without("v"),
        without("token"),
        without("device"),
        with("v", json!("1")),
        with("v", json!(-1)),
        with("token", json!(null)),
        with("device", json!("")),
        with("device", json!("a b")),
        with("device", json!("x".repeat(129))),
        with("claim", json!(-1)),
        with("claim", json!(1.5)),
        with("claim", json!(9_007_199_254_740_992_u64)),
        with("lastEventId", json!(7)),
        with("epoch", json!("e")),
        cursor(json!(-1)),
        cursor(json!(1.5)),
        cursor(json!(9_007_199_254_740_992_u64)),
        cursor(json!(1e300)),
        cursor(json!("1")),
    ] {
        let (code, reason) = first(&server, &text).await;
        assert_eq!(code, 4400, "{text}");
        assert!(!reason.is_empty(), "{text}");
    }
    // None of them has cost another session anything.
    server.session().await;
}

#[tokio::test]
async fn a_version_that_is_not_spoken_is_closed_with_4426_and_those_that_are() {
    let server = Server::start().await;
    let (code, reason) = first(&server, &with("v", json!(2))).await;
    assert_eq!((code, reason.as_str()), (4426, "supported: 1"));
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_closed_with_4401() {
    let server = Server::start().await;
    let unsigned = {
        let token = signed(&claims("u_101"));
        let payload = token.split('.').nth(1).expect("three parts");
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")
    };
    let forged = {
        let token = signed(&claims("u_101"));
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        // Another first character, whichever it is: a fixed one would be the true one now and then.
        let first = if signature.starts_with('A') { "B" } else { "A" };
        format!("{signed}.{first}{}", &signature[1..])
    };
    for (token, reason) in [
        (String::new(), "there is no token"),
        ("a.b.c".into(), "the token is not a JWT"),
        (unsigned, "the token"),
        (forged, "the token's signature is wrong"),
        (
            token_with("u_101", json!({"exp": 1_000_000_000})),
            "the token has expired",
        ),
        (
            token_with("u_101", json!({"exp": null})),
            "the token is not a JWT, or a claim",
        ),
        (
            token_with("u_101", json!({"iat": null})),
            "the token is not a JWT, or a claim",
        ),
        (
            token_with("u 101", json!({})),
            "the token is not a JWT, or a claim",
        ),
        (
            token_with("u_101", json!({"modules": "orders"})),
            "the token is not a JWT, or a claim",
        ),
    ] {
        let (code, said) = first(&server, &with("token", json!(token))).await;
        assert_eq!(code, 4401, "{reason}");
        assert!(said.starts_with(reason), "{said}");
    }
}

#[tokio::test]
async fn binary_frames_are_closed_with_4400() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client
        .send_message(Message::binary("{}".as_bytes().to_vec()))
        .await;
    assert_eq!(client.closed().await.code, 4400);
    let (mut client, _) = server.session().await;
    client
        .send_message(Message::binary("{}".as_bytes().to_vec()))
        .await;
    assert_eq!(client.closed().await.code, 4400);
}

#[tokio::test]
async fn a_frame_of_exactly_max_frame_passes_and_one_byte_more_is_closed_with_4413() {
    let server = Server::flags(&["--max-frame", "10KiB"]).await;
    let frame = |bytes: usize| {
        let empty = json!({"t": "ping", "x": ""}).to_string().len();
        json!({"t": "ping", "x": "x".repeat(bytes - empty)}).to_string()
    };
    let (mut client, _) = server.session().await;
    client.send_text(&frame(10 << 10)).await;
    assert_eq!(client.frame().await["t"], "ping");
    client.send_text(&frame((10 << 10) + 1)).await;
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4413, &json!(false)));
}

#[tokio::test]
async fn a_frame_much_larger_than_max_frame_is_told_so_too() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    client.send_text(&"x".repeat(512 << 10)).await;
    assert_eq!(client.closed().await.code, 4413);
}

#[tokio::test]
async fn frames_of_a_session_that_are_malformed_are_closed_with_4400() {
    let server = Server::start().await;
    for bad in [
        "{".to_owned(),
        "[]".to_owned(),
        hello("u_101", "laptop").to_string(),
        r#"{"t":"request_sync","ref":1,"lastEventId":0}"#.into(),
        r#"{"t":"request_sync","ref":1}"#.into(),
        r#"{"t":"request_sync","ref":-1,"epoch":"e","view":"v","lastEventId":0}"#.into(),
        r#"{"t":"request_sync","ref":9007199254740992,"epoch":"e","view":"v","lastEventId":0}"#
            .into(),
        r#"{"t":"request_sync","ref":1,"epoch":"e","view":"v","lastEventId":-1}"#.into(),
        r#"{"t":"request_sync","ref":1,"epoch":"e","view":"v","lastEventId":0.5}"#.into(),
        r#"{"t":"request_sync","ref":1,"epoch":"e","view":"v","lastEventId":9007199254740992}"#
            .into(),
        r#"{"t":"pong","lastEventId":-1}"#.into(),
        r#"{"t":"pong"}"#.into(),
        r#"{"t":"renew"}"#.into(),
        r#"{"t":"command","id":1,"type":"chat_message","payload":{}}"#.into(),
        r#"{"t":"command","id":"a:1","type":"chat_message"}"#.into(),
        r#"{"t":"command","id":"a:1","type":"no name","payload":{}}"#.into(),
        r#"{"t":"command","id":"a:1","type":"chat_message","payload":{},"deadline":-1}"#.into(),
    ] {
        let (mut client, _) = server.session().await;
        client.send_text(&bad).await;
        assert_eq!(client.closed().await.code, 4400, "{bad}");
    }
}

#[tokio::test]
async fn a_frame_of_an_unknown_kind_is_answered_and_the_session_goes_on() {
    let server = Server::start().await;
    let (mut client, welcome) = server.session().await;
    client.send(json!({"t": "from_the_future", "x": 1})).await;
    let error = client.frame().await;
    assert_eq!(
        (&error["t"], &error["code"]),
        (&json!("error"), &json!("unknown_frame"))
    );
    client.send(request_sync(&welcome, 0, 4)).await;
    assert_eq!(brief(&client.frame().await), "synced 0>0 ref 4");
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let server = Server::start().await;
    let mut hello = hello("u_101", "laptop");
    hello["x"] = json!({"y": [1]});
    let (mut client, _) = server.welcomed(hello).await;
    client.send(json!({"t": "ping", "x": 1})).await;
    assert_eq!(client.frame().await["t"], "ping");
}

#[tokio::test]
async fn a_client_that_closes_is_answered_and_forgotten() {
    let server = Server::start().await;
    let (client, _) = server.session().await;
    // `close` waits for the answer.
    tokio::time::timeout(Duration::from_secs(5), client.close())
        .await
        .expect("it is answered");
    crate::common::eventually("the session is forgotten", || async {
        server.metric("tabwire_sessions").await == 0.0
            && server.metric("tabwire_connections").await == 0.0
    })
    .await;
}
