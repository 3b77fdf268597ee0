//! Who gets which events, and as what.

use serde_json::{Value, json};

use crate::common::{Client, Server, brief, hello, now_secs, token_with};

/// A hello of a user with these modules.
fn with_modules(user: &str, modules: Value) -> Value {
    let mut hello = hello(user, "laptop");
    hello["token"] = json!(token_with(user, json!({"modules": modules})));
    hello
}

#[tokio::test]
async fn an_event_arrives_as_it_was_published() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    let payload = json!({"orderId": "o_1", "total": 12.5, "note": "¡hola!"});
    let id = server.publish(payload.clone()).await;
    let event = client.frame().await;
    for (field, value) in [
        ("t", json!("event")),
        ("id", json!(id)),
        ("prev", json!(0)),
        ("type", json!("order_created")),
        ("module", json!("orders")),
        ("scope", json!({"shopId": "s_1"})),
        ("payload", payload),
        ("by", Value::Null),
        ("commandId", Value::Null),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
    assert!(event["timestamp"].is_u64());
}

#[tokio::test]
async fn events_arrive_in_order_each_after_the_one_before() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    server.publish_many(500, &json!({})).await;
    for id in 1..=500 {
        assert_eq!(
            brief(&client.frame().await),
            format!("event {}>{id}", id - 1)
        );
    }
}

#[tokio::test]
async fn a_session_gets_events_of_its_modules_only_and_its_position_follows_the_others() {
    let server = Server::start().await;
    let (mut chat, _) = server.welcomed(with_modules("u_1", json!(["chat"]))).await;
    server.publish(json!({})).await;
    server.publish(json!({})).await;
    let line = json!({"type": "chat_message", "scope": {"shopId": "s_1"}, "payload": {}});
    server.publish_event(line).await;
    assert_eq!(brief(&chat.frame().await), "event 0>3");
    server.publish(json!({})).await;
    // Nothing of it is for this session, which is not even woken; and yet its cursor goes on to there with the next ping.
    chat.send(json!({"t": "ping"})).await;
    assert_eq!(brief(&chat.frame().await), "ping 3>4");
    let sessions = server.as_publisher("GET", "/sessions").await.json();
    assert_eq!(sessions["sessions"][0]["lastEventId"], 4);
}

#[tokio::test]
async fn a_ping_tells_what_time_the_server_has() {
    let server = Server::start().await;
    let (mut client, welcome) = server.session().await;
    let times = async |client: &mut Client| {
        client.send(json!({"t": "ping"})).await;
        client.frame_of("ping").await["now"].as_u64()
    };
    let (first, second) = (times(&mut client).await, times(&mut client).await);
    assert!(first >= welcome["now"].as_u64() && first.is_some());
    assert!(second >= first);
    assert!(second <= Some((now_secs() + 1) * 1_000));
}

#[tokio::test]
async fn shops_do_not_see_each_other() {
    let server = Server::start().await;
    let mut other = hello("u_2", "laptop");
    other["token"] = json!(token_with("u_2", json!({"shopId": "s_2"})));
    let (mut other, other_welcome) = server.welcomed(other).await;
    let (mut client, welcome) = server.session().await;
    assert_ne!(welcome["epoch"], other_welcome["epoch"]);
    server.publish(json!({})).await;
    assert_eq!(brief(&client.frame().await), "event 0>1");
    assert!(other.is_quiet().await);
}

#[tokio::test]
async fn an_event_for_some_users_is_for_them_alone_and_does_not_say_for_whom() {
    let server = Server::start().await;
    let (mut one, _) = server.welcomed(hello("u_1", "laptop")).await;
    let (mut two, _) = server.welcomed(hello("u_2", "laptop")).await;
    let (mut chat, _) = server.welcomed(with_modules("u_3", json!(["chat"]))).await;
    let event = json!({"type": "order_created", "scope": {"shopId": "s_1", "userIds": ["u_1", "u_3"]}, "payload": {}});
    server.publish_event(event).await;
    server.publish(json!("for all")).await;
    let event = one.frame().await;
    assert_eq!(
        (brief(&event).as_str(), &event["scope"]),
        ("event 0>1", &json!({"shopId": "s_1"}))
    );
    assert_eq!(one.moves(1).await, ["event 1>2"]);
    assert_eq!(two.moves(1).await, ["event 0>2"]);
    // Addressed to, but not entitled to the module.
    assert!(chat.is_quiet().await);
}

#[tokio::test]
async fn sessions_that_came_at_different_times_have_their_own_prev() {
    let server = Server::start().await;
    let (mut orders, _) = server
        .welcomed(with_modules("u_1", json!(["orders"])))
        .await;
    let (mut both, _) = server.welcomed(hello("u_2", "laptop")).await;
    server.publish(json!({})).await;
    let line = json!({"type": "chat_message", "scope": {"shopId": "s_1"}, "payload": {}});
    server.publish_event(line).await;
    server.publish(json!({})).await;
    assert_eq!(orders.moves(2).await, ["event 0>1", "event 1>3"]);
    assert_eq!(both.moves(3).await, ["event 0>1", "event 1>2", "event 2>3"]);
}

#[tokio::test]
async fn events_that_come_together_are_written_together() {
    let server = Server::flags(&["--coalesce", "100ms"]).await;
    let (mut client, _) = server.session().await;
    server.publish_many(100, &json!({})).await;
    client.moves(100).await;
    let writes = server.metric("tabwire_writes_total").await;
    assert!(writes < 20.0, "{writes} writes for 100 events");
}

#[tokio::test]
async fn without_coalescing_events_arrive_too() {
    let server = Server::flags(&["--coalesce", "0"]).await;
    let (mut client, _) = server.session().await;
    server.publish_many(100, &json!({})).await;
    assert_eq!(client.moves(100).await[99], "event 99>100");
}
