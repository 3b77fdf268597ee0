//! What clients send takes effect once, and is answered.

use serde_json::{Value, json};

use crate::common::{Client, Server, hello, token_with};

fn command(id: &str, event_type: &str, payload: &Value) -> Value {
    json!({"t": "command", "id": id, "type": event_type, "payload": payload})
}

/// Sends a command; its ack or nack, whatever events come meanwhile.
async fn answer(client: &mut Client, command: Value) -> Value {
    client.send(command).await;
    loop {
        let frame = client.frame().await;
        if frame["t"] == "ack" || frame["t"] == "nack" {
            return frame;
        }
    }
}

async fn nack(client: &mut Client, command: Value) -> String {
    let nack = answer(client, command).await;
    assert_eq!(
        (&nack["t"], &nack["executed"]),
        (&json!("nack"), &json!("no")),
        "{nack}"
    );
    nack["code"].as_str().expect("a code").to_owned()
}

fn now_ms() -> u64 {
    crate::common::now_secs() * 1_000
}

#[tokio::test]
async fn a_command_becomes_an_event_for_all_and_is_acked() {
    let server = Server::start().await;
    let (mut other, _) = server.welcomed(hello("u_2", "laptop")).await;
    let (mut client, welcome) = server.session().await;
    let ack = answer(
        &mut client,
        command("a:1", "chat_message", &json!({"text": "hola"})),
    )
    .await;
    assert_eq!(
        (&ack["t"], &ack["id"], &ack["eventId"]),
        (&json!("ack"), &json!("a:1"), &json!(1))
    );
    assert_eq!(ack["epoch"], welcome["epoch"]);
    let event = other.frame().await;
    for (field, value) in [
        ("id", json!(1)),
        ("type", json!("chat_message")),
        ("module", json!("chat")),
        ("payload", json!({"text": "hola"})),
        ("by", json!("u_101")),
        ("commandId", json!("a:1")),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
}

#[tokio::test]
async fn commands_of_a_session_run_in_order() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    for n in 0..50 {
        client
            .send(command(&format!("a:{n}"), "chat_message", &json!(n)))
            .await;
    }
    let (mut events, mut acks) = (0, 0);
    while events < 50 || acks < 50 {
        let frame = client.frame().await;
        match frame["t"].as_str() {
            Some("event") => {
                assert_eq!(frame["payload"], events);
                events += 1;
            }
            Some("ack") => {
                assert_eq!(frame["id"], format!("a:{acks}"));
                acks += 1;
            }
            _ => panic!("{frame}"),
        }
    }
}

#[tokio::test]
async fn a_command_that_is_not_allowed_is_refused_with_the_reason() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    let mut chat = hello("u_2", "laptop");
    chat["token"] = json!(token_with("u_2", json!({"modules": ["chat"]})));
    let (mut chat, _) = server.welcomed(chat).await;
    let of = |event_type: &str| command(&format!("a:{event_type}"), event_type, &json!({}));
    assert_eq!(nack(&mut client, of("no_such_type")).await, "unknown_type");
    assert_eq!(nack(&mut client, of("order_created")).await, "forbidden");
    assert_eq!(nack(&mut chat, of("order_placed")).await, "forbidden");
    assert_eq!(server.metric("tabwire_events_appended_total").await, 0.0);
}

#[tokio::test]
async fn a_payload_that_is_too_deep_or_too_large_is_refused() {
    let server = Server::with(&[], |config| config.limits.payload_bytes = 1_000).await;
    let (mut client, _) = server.session().await;
    let nested = |depth: usize| {
        format!(
            r#"{{"t":"command","id":"a:{depth}","type":"chat_message","payload":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    client.send_text(&nested(65)).await;
    assert_eq!(client.frame().await["code"], "invalid");
    client.send_text(&nested(64)).await;
    assert_eq!(client.frame_of("ack").await["id"], "a:64");
    let large = command("a:1", "chat_message", &json!("x".repeat(1_000)));
    assert_eq!(nack(&mut client, large).await, "too_large");
}

#[tokio::test]
async fn an_id_of_no_or_too_many_bytes_is_invalid() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    for id in [String::new(), "x".repeat(129)] {
        assert_eq!(
            nack(&mut client, command(&id, "chat_message", &json!({}))).await,
            "invalid"
        );
    }
}

#[tokio::test]
async fn a_command_that_is_sent_again_takes_effect_once_on_any_connection() {
    let server = Server::start().await;
    let hola = command("a:1", "chat_message", &json!({"text": "hola"}));
    let (mut client, _) = server.session().await;
    let first = answer(&mut client, hola.clone()).await;
    assert_eq!(first, answer(&mut client, hola.clone()).await);
    let (mut client, _) = server.session().await;
    assert_eq!(first, answer(&mut client, hola.clone()).await);
    // Looked up before authorisation: what was done stays done, though it may no longer be done.
    let mut orders = hello("u_101", "laptop");
    orders["token"] = json!(token_with("u_101", json!({"modules": ["orders"]})));
    let (mut client, _) = server.welcomed(orders).await;
    assert_eq!(first, answer(&mut client, hola.clone()).await);
    assert_eq!(
        nack(&mut client, command("a:2", "chat_message", &json!({}))).await,
        "forbidden"
    );
    assert_eq!(server.metric("tabwire_events_appended_total").await, 1.0);
    // Another user's id is another id.
    let (mut other, _) = server.welcomed(hello("u_2", "laptop")).await;
    assert_eq!(answer(&mut other, hola).await["eventId"], 2);
}

#[tokio::test]
async fn the_same_id_with_another_body_is_a_conflict() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    answer(
        &mut client,
        command("a:1", "chat_message", &json!({"text": "hola"})),
    )
    .await;
    let other = command("a:1", "chat_message", &json!({"text": "adiós"}));
    assert_eq!(nack(&mut client, other).await, "conflict");
    let other = command("a:1", "order_placed", &json!({"text": "hola"}));
    assert_eq!(nack(&mut client, other).await, "conflict");
}

#[tokio::test]
async fn a_deadline_that_is_over_or_too_far_is_refused() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    for (id, deadline, code) in [
        ("a:1", now_ms() - 1_000, "expired"),
        ("a:2", now_ms() + 400_000, "invalid"),
    ] {
        let mut command = command(id, "chat_message", &json!({}));
        command["deadline"] = json!(deadline);
        assert_eq!(nack(&mut client, command).await, code);
    }
    let mut command = command("a:3", "chat_message", &json!({}));
    command["deadline"] = json!(now_ms() + 290_000);
    assert_eq!(answer(&mut client, command).await["t"], "ack");
}

#[tokio::test]
async fn more_commands_than_are_remembered_are_refused() {
    let server = Server::with(&[], |config| config.limits.user_commands = 3).await;
    let (mut client, _) = server.session().await;
    for n in 0..3 {
        let id = format!("a:{n}");
        assert_eq!(
            answer(&mut client, command(&id, "chat_message", &json!({}))).await["t"],
            "ack"
        );
    }
    let one_more = command("a:3", "chat_message", &json!({}));
    assert_eq!(nack(&mut client, one_more).await, "rate_limited");
    let limited = server.metric(r#"tabwire_limited_total{limit="commands"}"#);
    assert_eq!(limited.await, 1.0);
}

#[tokio::test]
async fn more_commands_than_may_wait_are_refused() {
    let server = Server::with(&[], |config| config.limits.session_commands = 0).await;
    let (mut client, _) = server.session().await;
    let one = command("a:1", "chat_message", &json!({}));
    assert_eq!(nack(&mut client, one).await, "rate_limited");
    let limited = server.metric(r#"tabwire_limited_total{limit="session-commands"}"#);
    assert_eq!(limited.await, 1.0);
}

#[tokio::test]
async fn outcomes_are_counted() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    answer(&mut client, command("a:1", "chat_message", &json!({}))).await;
    answer(&mut client, command("a:2", "no_such_type", &json!({}))).await;
    assert_eq!(
        server
            .metric(r#"tabwire_commands_total{outcome="ack"}"#)
            .await,
        1.0
    );
    assert_eq!(
        server
            .metric(r#"tabwire_commands_total{outcome="unknown_type"}"#)
            .await,
        1.0
    );
}
