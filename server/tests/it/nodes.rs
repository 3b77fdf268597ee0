//! Several nodes on one Redis, and what Redis may do to them.

use futures_util::future::join_all;
use serde_json::json;
use tabwire_server::redis::testing::{self, TestRedis};
use tabwire_server::{config::Config, types::EventTypes};

use crate::common::{Client, Server, brief, eventually, hello, hello_from};

/// Nodes that belong together.
struct Nodes<'r> {
    redis: &'r TestRedis,
    prefix: String,
}

impl<'r> Nodes<'r> {
    fn on(redis: &'r TestRedis) -> Self {
        Self {
            redis,
            prefix: testing::prefix(),
        }
    }

    async fn start(&self) -> Server {
        self.start_with(&[], |_| {}).await
    }

    async fn start_with(&self, flags: &[&str], change: impl FnOnce(&mut Config)) -> Server {
        let url = self.redis.url();
        let mut own = vec!["--redis", &url, "--prefix", &self.prefix];
        if !flags.contains(&"--ping") {
            own.extend(["--ping", "1s"]);
        }
        own.extend(flags);
        Server::with(&own, change).await
    }

    fn key(&self, what: &str) -> String {
        format!("{}{{s_1}}:{what}", self.prefix)
    }

    /// Copies what is kept of the shop aside, or back.
    fn copy(&self, from: &str, to: &str) {
        for what in ["meta", "log"] {
            let name = |aside: &str| format!("{}{aside}", self.key(what));
            self.redis
                .command(&["COPY", &name(from), &name(to), "REPLACE"]);
        }
    }
}

/// The next event or refresh, in short. Pings answer themselves.
async fn news(client: &mut Client) -> String {
    loop {
        let frame = client.frame().await;
        if frame["t"] == "ping" {
            client
                .send(json!({"t": "pong", "lastEventId": frame["upTo"]}))
                .await;
        } else {
            return brief(&frame);
        }
    }
}

#[tokio::test]
async fn an_event_published_at_any_node_reaches_the_sessions_of_all_once_and_in_order() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let servers = [
        nodes.start().await,
        nodes.start().await,
        nodes.start().await,
    ];
    let mut clients = Vec::new();
    for (n, server) in servers.iter().enumerate() {
        clients.push(server.welcomed(hello(&format!("u_{n}"), "d")).await.0);
    }
    for n in 0..9 {
        assert_eq!(servers[n % 3].publish(json!({"n": n})).await, n as u64 + 1);
    }
    for client in &mut clients {
        for n in 1..=9 {
            assert_eq!(news(client).await, format!("event {}>{n}", n - 1));
        }
    }
}

#[tokio::test]
async fn a_session_goes_on_at_another_node() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let (here, there) = (nodes.start().await, nodes.start().await);
    let (client, welcome) = here.session().await;
    client.close().await;
    for n in 0..3 {
        here.publish(json!({"n": n})).await;
    }
    let (mut client, again) = there.welcomed(hello_from(&welcome, 0)).await;
    assert_eq!(again["resume"], "replay");
    for expected in ["event 0>1", "event 1>2", "event 2>3", "synced 3>3"] {
        assert_eq!(news(&mut client).await, expected);
    }
}

#[tokio::test]
async fn an_event_of_a_type_that_a_node_does_not_know_is_delivered_there_too() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let newer = nodes.start().await;
    let older = nodes
        .start_with(&[], |config| {
            config.types = EventTypes::parse(r#"{"chat_message": "chat"}"#).expect("it is right");
        })
        .await;
    let (mut client, welcome) = older.session().await;
    assert_eq!(welcome["types"]["order_created"], json!(null));
    newer.publish(json!({})).await;
    assert_eq!(news(&mut client).await, "event 0>1");
}

#[tokio::test]
async fn a_command_that_comes_to_two_nodes_is_run_once() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let (here, there) = (nodes.start().await, nodes.start().await);
    let command = json!({"t": "command", "id": "a:1", "type": "chat_message", "payload": {}});
    let mut acks = Vec::new();
    for server in [&here, &there] {
        let (mut client, _) = server.session().await;
        client.send(command.clone()).await;
        acks.push(client.frame_of("ack").await);
    }
    assert_eq!(acks[0], acks[1]);
    let other =
        json!({"t": "command", "id": "a:1", "type": "chat_message", "payload": {"other": 1}});
    let third = nodes.start().await;
    let (mut client, _) = third.session().await;
    client.send(other).await;
    assert_eq!(client.frame_of("nack").await["code"], "conflict");
}

#[tokio::test]
async fn a_command_that_another_node_has_run_is_acked_even_after_its_deadline() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let (here, there) = (nodes.start().await, nodes.start().await);
    let now = crate::common::now_secs() * 1_000;
    let command = |id: &str, deadline: u64| json!({"t": "command", "id": id, "type": "chat_message", "payload": {}, "deadline": deadline});
    let (mut client, _) = here.session().await;
    client.send(command("a:1", now + 60_000)).await;
    let ack = client.frame_of("ack").await;
    let (mut client, _) = there.session().await;
    client.send(command("a:1", now - 2_000)).await;
    assert_eq!(client.frame_of("ack").await["eventId"], ack["eventId"]);
    client.send(command("a:2", now - 2_000)).await;
    let nack = client.frame_of("nack").await;
    assert_eq!(
        (&nack["code"], &nack["executed"]),
        (&json!("expired"), &json!("no"))
    );
}

#[tokio::test]
async fn messages_that_a_node_missed_are_repaired_unseen_by_its_clients() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let nodes = Nodes::on(&redis);
    let server = nodes.start().await;
    let (mut client, _) = server.session().await;
    for n in 0..20 {
        redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        server.publish(json!({"n": n})).await;
    }
    for n in 1..=20 {
        assert_eq!(news(&mut client).await, format!("event {}>{n}", n - 1));
    }
    let refreshes = server.metric("tabwire_full_refreshes_total{reason=\"epoch_changed\"}");
    assert_eq!(refreshes.await, 0.0);
}

#[tokio::test]
async fn when_redis_has_lost_everything_every_session_refreshes_once_and_goes_on_above() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let nodes = Nodes::on(&redis);
    let servers = [nodes.start().await, nodes.start().await];
    let mut clients = [
        servers[0].welcomed(hello("u_1", "d")).await.0,
        servers[1].welcomed(hello("u_2", "d")).await.0,
    ];
    servers[0].publish(json!({})).await;
    for client in &mut clients {
        assert_eq!(news(client).await, "event 0>1");
    }
    redis.command(&["FLUSHALL"]);
    // Nobody publishes: the nodes find out by themselves.
    for client in &mut clients {
        assert_eq!(news(client).await, "epoch_changed at 1");
    }
    assert_eq!(servers[1].publish(json!({})).await, 2);
    for client in &mut clients {
        assert_eq!(news(client).await, "event 1>2");
    }
}

#[tokio::test]
async fn a_log_that_was_put_back_and_overtaken_is_another_log() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let server = nodes.start().await;
    let (mut client, _) = server.session().await;
    for n in 0..3 {
        server.publish(json!({"n": n})).await;
    }
    nodes.copy("", ":aside");
    for n in 0..3 {
        server.publish(json!({"lost": n})).await;
    }
    for n in 1..=6 {
        assert_eq!(news(&mut client).await, format!("event {}>{n}", n - 1));
    }
    nodes.copy(":aside", "");
    for n in 0..9 {
        server.publish(json!({"other": n})).await;
    }
    let refresh = news(&mut client).await;
    assert!(refresh.starts_with("epoch_changed at "), "{refresh}");
    let contradictions = server.metric("tabwire_log_contradictions_total").await;
    assert_eq!(contradictions, 1.0);
}

#[tokio::test]
async fn a_log_that_was_put_back_is_another_log_although_nothing_is_published() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let server = nodes.start().await;
    let (mut client, _) = server.session().await;
    server.publish(json!({})).await;
    nodes.copy("", ":aside");
    server.publish(json!({})).await;
    assert_eq!(news(&mut client).await, "event 0>1");
    assert_eq!(news(&mut client).await, "event 1>2");
    nodes.copy(":aside", "");
    assert_eq!(news(&mut client).await, "epoch_changed at 2");
}

#[tokio::test]
async fn those_who_come_back_together_are_served_from_the_tail() {
    const CLIENTS: usize = 200;
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let (old, new) = (nodes.start().await, nodes.start().await);
    let (_, welcome) = old.session().await;
    old.publish_many(200, &json!({})).await;
    // Nobody has a session at the new node, so its tail begins with the first of them.
    let back = (0..CLIENTS).map(|n| {
        let mut again = hello_from(&welcome, 0);
        let user = format!("u_{n}");
        again["token"] = hello(&user, "d")["token"].clone();
        again["claim"] = json!(null);
        let new = &new;
        async move {
            let fresh = new.welcomed(hello(&user, "d")).await;
            drop(fresh.0);
            again["view"] = fresh.1["view"].clone();
            let (mut client, welcome) = new.welcomed(again).await;
            assert_eq!(welcome["resume"], "replay");
            for n in 1..=200 {
                assert_eq!(news(&mut client).await, format!("event {}>{n}", n - 1));
            }
            client
        }
    });
    let clients = join_all(back).await;
    let reads = new.metric("tabwire_redis_calls_total{call=\"read\"}").await;
    assert!(reads < 20.0, "{reads} reads for {} clients", clients.len());
}

#[tokio::test]
async fn a_node_without_its_redis_is_unready_and_sends_its_sessions_away_after_a_while() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let nodes = Nodes::on(&redis);
    let server = nodes
        .start_with(
            &[
                "--ping",
                "5s",
                "--log-patience",
                "500ms",
                "--redis-timeout",
                "200ms",
            ],
            |_| {},
        )
        .await;
    let (mut client, _) = server.session().await;
    assert_eq!(server.get("/readyz").await.status, 200);
    drop(redis);
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (1013, &json!(true)));
    // Not all at the same moment, and not ever more rarely.
    let after = closed.bye["afterMs"].as_u64();
    assert!(
        after.is_some_and(|ms| (1_000..6_000).contains(&ms)),
        "{closed:?}"
    );
    eventually("it is unready", async || {
        server.get("/readyz").await.status == 503
    })
    .await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let mut client = server.connect().await;
    client.send(hello("u_1", "d")).await;
    assert_eq!(client.closed().await.code, 1013);
    let event = json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": {}});
    let refused = server.post(&event.to_string(), &[]).await;
    assert_eq!(refused.error(), (503, "unavailable".to_owned()));
}
