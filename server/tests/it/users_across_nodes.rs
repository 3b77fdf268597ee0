//! One socket per user, whichever node it is at.

use std::time::Duration;

use serde_json::{Value, json};
use tabwire_server::{
    config::Config,
    redis::testing::{self, TestRedis},
};
use tokio::join;

use crate::common::{Client, Server, eventually, hello, hello_from, token_with};

/// Two nodes that belong together.
async fn two(redis: &TestRedis, flags: &[&str]) -> [Server; 2] {
    let (url, prefix) = (redis.url(), testing::prefix());
    let own = ["--redis", &url, "--prefix", &prefix];
    let flags = [&own, flags].concat();
    let change = |config: &mut Config| config.limits.probe_timeout = Duration::from_millis(600);
    [
        Server::with(&flags, change).await,
        Server::with(&flags, change).await,
    ]
}

async fn sessions(server: &Server, query: &str) -> Value {
    let response = server
        .as_publisher("GET", &format!("/sessions?{query}"))
        .await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

/// The users and devices of a list of sessions.
async fn listed(server: &Server, query: &str) -> Vec<String> {
    let sessions = sessions(server, query).await;
    let sessions = sessions["sessions"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let name =
        |session: Value| format!("{} {}", text(&session["userId"]), text(&session["device"]));
    sessions.into_iter().map(name).collect()
}

/// Answers pings, as a client that lives.
async fn lives(mut client: Client) {
    loop {
        client.frame_of("ping").await;
        client.send(json!({"t": "pong", "lastEventId": 0})).await;
    }
}

/// How a connection with this hello ends.
async fn refused(server: &Server, hello: Value) -> u16 {
    let mut client = server.connect().await;
    client.send(hello).await;
    client.closed().await.code
}

#[tokio::test]
async fn a_newer_connection_at_another_node_closes_the_older() {
    let Some(redis) = testing::shared() else {
        return;
    };
    for (device, code) in [("laptop", 4411), ("phone", 4409)] {
        let [here, there] = two(redis, &[]).await;
        let (mut old, first) = here.welcomed(hello("u_101", "laptop")).await;
        let (_new, second) = there.welcomed(hello("u_101", device)).await;
        assert_eq!(old.closed().await.code, code);
        assert_eq!((&first["claim"], &second["claim"]), (&json!(1), &json!(2)));
        for server in [&here, &there] {
            let listed = listed(server, "userId=u_101").await;
            assert_eq!(listed, [format!("u_101 {device}")]);
        }
    }
}

#[tokio::test]
async fn a_node_whose_orders_are_lost_closes_the_older_all_the_same() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let [here, there] = two(&redis, &["--ping", "1s"]).await;
    for round in 0..3 {
        let (mut old, _) = here.welcomed(hello("u_101", "laptop")).await;
        redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let device = format!("phone_{round}");
        let (new, _) = there.welcomed(hello("u_101", &device)).await;
        assert_eq!(old.closed().await.code, 4409);
        new.close().await;
    }
}

#[tokio::test]
async fn of_two_logins_that_race_at_two_nodes_one_is_left() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let [here, there] = two(redis, &[]).await;
    for round in 0..20 {
        let user = format!("u_{round}");
        let (laptop, phone) = (hello(&user, "laptop"), hello(&user, "phone"));
        let ((mut laptop, first), (mut phone, second)) =
            join!(here.welcomed(laptop), there.welcomed(phone));
        let loser = match first["claim"].as_u64() < second["claim"].as_u64() {
            true => &mut laptop,
            false => &mut phone,
        };
        assert_eq!(loser.closed().await.code, 4409);
        let mut claims = [&first["claim"], &second["claim"]].map(|claim| claim.as_u64());
        claims.sort_unstable();
        assert_eq!(claims, [Some(1), Some(2)]);
        assert_eq!(listed(&here, &format!("userId={user}")).await.len(), 1);
    }
}

#[tokio::test]
async fn reject_keeps_a_device_that_answers_at_another_node() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let [here, there] = two(redis, &["--concurrency", "reject"]).await;
    let (laptop, _) = here.welcomed(hello("u_101", "laptop")).await;
    let alive = tokio::spawn(lives(laptop));
    assert_eq!(refused(&there, hello("u_101", "phone")).await, 4410);
    assert_eq!(listed(&there, "userId=u_101").await, ["u_101 laptop"]);
    alive.abort();
    let _ = alive.await;
    eventually("the place is free", async || {
        listed(&there, "userId=u_101").await.is_empty()
    })
    .await;
    there.welcomed(hello("u_101", "phone")).await;
}

#[tokio::test]
async fn reject_lets_in_when_the_device_at_another_node_gives_no_answer() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let [here, there] = two(redis, &["--concurrency", "reject"]).await;
    let (mut deaf, _) = here.welcomed(hello("u_101", "laptop")).await;
    let (_phone, welcome) = there.welcomed(hello("u_101", "phone")).await;
    assert_eq!(welcome["claim"], 2);
    assert_eq!(deaf.closed().await.code, 4409);
}

#[tokio::test]
async fn an_automatic_reconnect_at_another_node_does_not_kick_a_device_that_came_later() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let [here, there] = two(redis, &[]).await;
    let (laptop, welcome) = here.welcomed(hello("u_101", "laptop")).await;
    laptop.close().await;
    let (_phone, _) = there.welcomed(hello("u_101", "phone")).await;
    let mut again = hello_from(&welcome, 0);
    again["claim"] = welcome["claim"].clone();
    assert_eq!(refused(&here, again).await, 4409);
    // A person who wants it back gets it.
    here.welcomed(hello("u_101", "laptop")).await;
}

#[tokio::test]
async fn a_user_is_sent_away_from_any_node_and_stays_away_at_all() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let [here, there] = two(redis, &[]).await;
    let old = hello("u_101", "laptop");
    let (mut client, _) = here.welcomed(old.clone()).await;
    assert_eq!(
        there.as_publisher("DELETE", "/sessions/u_101").await.status,
        204
    );
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4403, &json!(false)));
    for server in [&here, &there] {
        assert_eq!(refused(server, old.clone()).await, 4401);
    }
    let later = crate::common::now_secs() + 2;
    let mut new = old;
    new["token"] = json!(token_with("u_101", json!({"iat": later})));
    here.welcomed(new).await;
}

#[tokio::test]
async fn the_sessions_of_all_nodes_are_listed_in_pages() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let servers = two(redis, &[]).await;
    let mut clients = Vec::new();
    for n in 0..7 {
        let mut hello = hello(&format!("u_{n}"), "d");
        let modules = if n % 2 == 0 {
            json!(["chat"])
        } else {
            json!(["orders"])
        };
        hello["token"] = json!(token_with(&format!("u_{n}"), json!({"modules": modules})));
        clients.push(servers[n % 2].welcomed(hello).await.0);
    }
    for server in &servers {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = sessions(server, &format!("shopId=s_1&limit=3{after}")).await;
            let users = page["sessions"].as_array().expect("a list").clone();
            assert!(users.len() <= 3);
            all.extend(users.into_iter().map(|session| session["userId"].clone()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(
            json!(all),
            json!(["u_0", "u_1", "u_2", "u_3", "u_4", "u_5", "u_6"])
        );
        let chat = listed(server, "module=chat").await;
        assert_eq!(chat, ["u_0 d", "u_2 d", "u_4 d", "u_6 d"]);
        assert!(listed(server, "shopId=s_2").await.is_empty());
    }
    // Who has gone is gone from the lists of both.
    clients.pop().expect("there are some").close().await;
    for server in &servers {
        eventually("it is gone", async || {
            listed(server, "shopId=s_1").await.len() == 6
        })
        .await;
    }
}

#[tokio::test]
async fn another_node_knows_how_far_a_session_has_come() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let [here, there] = two(redis, &["--ping", "1s"]).await;
    let (client, _) = here.session().await;
    let alive = tokio::spawn(lives(client));
    here.publish(json!({})).await;
    for server in [&here, &there] {
        eventually("it is known", async || {
            sessions(server, "userId=u_101").await["sessions"][0]["lastEventId"] == 1
        })
        .await;
    }
    alive.abort();
}

#[tokio::test]
async fn records_that_redis_lost_come_back_with_their_claims() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let [here, there] = two(&redis, &["--ping", "1s"]).await;
    let (first, _) = here.welcomed(hello("u_1", "laptop")).await;
    first.close().await;
    let (client, welcome) = here.welcomed(hello("u_1", "phone")).await;
    assert_eq!(welcome["claim"], 2);
    let alive = tokio::spawn(lives(client));
    redis.command(&["FLUSHALL"]);
    eventually("the record is back", async || {
        listed(&there, "shopId=s_1").await == ["u_1 phone"]
    })
    .await;
    // With its claim: the laptop, that had an earlier one, does not come back by itself.
    let mut again = hello("u_1", "laptop");
    again["claim"] = json!(1);
    assert_eq!(refused(&there, again).await, 4409);
    alive.abort();
}

#[tokio::test]
async fn a_renewed_token_lengthens_the_life_of_the_record() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let (url, prefix) = (redis.url(), testing::prefix());
    let flags = ["--redis", &url, "--prefix", &prefix];
    // Without a grace the record ends with its token.
    let change = |config: &mut Config| config.limits.expiry_grace = Duration::ZERO;
    let (here, there) = (
        Server::with(&flags, change).await,
        Server::with(&flags, change).await,
    );
    let short = json!({"exp": crate::common::now_secs() + 2});
    let mut hello = hello("u_101", "laptop");
    hello["token"] = json!(token_with("u_101", short));
    let (mut client, welcome) = here.welcomed(hello).await;
    client
        .send(json!({"t": "renew", "token": token_with("u_101", json!({}))}))
        .await;
    let renewed = client.frame_of("renewed").await;
    let ends = |frame: &Value| frame["expiresAt"].as_u64().expect("a time");
    assert!(ends(&renewed) > ends(&welcome) + 60_000);
    let over = ends(&welcome) / 1_000 + 1;
    while crate::common::now_secs() <= over {
        let listed = listed(&there, "userId=u_101").await;
        assert_eq!(listed, ["u_101 laptop"]);
    }
}
