//! What stands in the log, and what never does.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::{
    common::{Client, File, LOCALHOST, SOON, claims, hello, signed},
    process::{listening, server, tell},
};

const PUBLISH_KEY: &str = "the-publish-key-of-this-test";
const SECRET: &str = "a secret of the tests, 32 bytes.";

async fn connect(address: SocketAddr) -> Client {
    let url = format!("ws://{address}/ws");
    let open = Client::open(address, LOCALHOST, &url, &[]).await;
    open.expect("the handshake succeeds")
}

#[tokio::test]
async fn lines_about_a_session_say_whose_and_none_has_a_token_a_key_or_a_payload() {
    let types = File::new(
        "events.json",
        r#"{"order_created": "orders", "chat_message": {"module": "chat", "from": "client"}}"#,
    );
    let flags = [
        "--listen",
        "127.0.0.1:0",
        "--publish-key",
        PUBLISH_KEY,
        "--jwt-secret",
        SECRET,
        "--log-format",
        "json",
        "--events-config",
        types.path(),
    ];
    let mut child = server(&flags)
        .env("RUST_LOG", "trace")
        .spawn()
        .expect("it starts");
    let (_, address) = listening(&mut child).await;
    let mut stderr = child.stderr.take().expect("it is piped");
    let read = tokio::spawn(async move {
        let mut text = String::new();
        stderr.read_to_string(&mut text).await.expect("it is text");
        text
    });

    let mut client = connect(address).await;
    client.send(hello("u_101", "laptop")).await;
    let welcome = client.frame_of("welcome").await;
    let command = json!({"t": "command", "id": "a:1", "type": "chat_message", "payload": {"text": "classified-words"}});
    client.send(command).await;
    client.frame_of("ack").await;
    let key = format!("Bearer {PUBLISH_KEY}");
    let event = json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": {"text": "classified-order"}});
    let headers = [
        ("authorization", key.as_str()),
        ("content-type", "application/json"),
    ];
    let published = crate::common::request(
        address,
        "POST",
        "/events",
        &headers,
        event.to_string().as_bytes(),
    )
    .await;
    assert_eq!(published.status, 201);
    client.frame_of("event").await;
    client.send_text("classified-garbage").await;
    assert_eq!(client.closed().await.code, 4400);
    let mut stranger = connect(address).await;
    let forged = signed(&claims("u_1")).replace('.', ".classified");
    let mut refused = hello("u_1", "laptop");
    refused["token"] = json!(forged);
    stranger.send(refused).await;
    assert_eq!(stranger.closed().await.code, 4401);
    tell(&child, "TERM").await;
    let text = timeout(SOON, read)
        .await
        .expect("it ends")
        .expect("it is read");

    let own = hello("u_101", "laptop")["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    for secret in ["classified", PUBLISH_KEY, SECRET, &own] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    for message in ["a session began", "a connection is closed"] {
        let line = lines
            .iter()
            .find(|line| line["fields"]["message"] == message)
            .unwrap_or_else(|| panic!("{message}: {text}"));
        let field = |name: &str| line["fields"][name].clone();
        assert_eq!(
            (field("socketId"), field("userId"), field("shopId")),
            (welcome["socketId"].clone(), json!("u_101"), json!("s_1"))
        );
    }
}
