//! What users and operators see when a node dies without a word, when its orders are lost, and when Redis forgets.

use std::time::Duration;

use serde_json::{Value, json};
use tabwire_server::{
    config::Config,
    redis::testing::{self, TestRedis},
};
use tokio::runtime::Runtime;

use crate::common::{Client, SOON, Server, eventually, hello};

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

    fn flags(&self, flags: &[&str]) -> Vec<String> {
        let url = self.redis.url();
        let own = ["--redis", &url, "--prefix", &self.prefix];
        let all = [&own, flags].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    async fn start(&self, flags: &[&str]) -> Server {
        start(self.flags(flags)).await
    }

    /// A node that can be killed: with its runtime goes all that it does.
    async fn start_mortal(&self, flags: &[&str]) -> (Server, Runtime) {
        let runtime = Runtime::new().expect("there are threads");
        let server = runtime.spawn(start(self.flags(flags))).await;
        (server.expect("it starts"), runtime)
    }

    /// The key of a user's last grant.
    fn grant(&self, user: &str) -> String {
        format!("{{{}user:{user}}}:claim", self.prefix)
    }

    /// Puts something into the place of a user's last grant that no script understands: until it is mended, calls about the user fail.
    fn spoil(&self, user: &str) {
        let grant = self.grant(user);
        self.redis.command(&["RENAME", &grant, &self.put_aside()]);
        self.redis.command(&["SET", &grant, "spoilt"]);
    }

    fn mend(&self, user: &str) {
        let grant = self.grant(user);
        self.redis.command(&["RENAME", &self.put_aside(), &grant]);
    }

    fn put_aside(&self) -> String {
        format!("{}put_aside", self.prefix)
    }
}

/// A node that waits long for signs of life, and is soon known to be dead.
async fn start(flags: Vec<String>) -> Server {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let change = |config: &mut Config| {
        config.limits.probe_timeout = 6 * SOON;
        config.limits.lease = Duration::from_millis(600);
    };
    Server::with(&flags, change).await
}

/// The devices that are listed, whatever the user.
async fn devices(server: &Server) -> Vec<Value> {
    let found = server.as_publisher("GET", "/sessions").await;
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    let sessions = found["sessions"].as_array().expect("a list").iter();
    sessions.map(|session| session["device"].clone()).collect()
}

/// Answers pings, as a client that lives.
async fn lives(mut client: Client) {
    loop {
        client.frame_of("ping").await;
        client.send(json!({"t": "pong", "lastEventId": 0})).await;
    }
}

#[tokio::test]
async fn a_node_that_dies_without_a_word_is_soon_in_nobodys_way() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let flags = ["--concurrency", "reject"];
    let (dying, life) = nodes.start_mortal(&flags).await;
    let living = nodes.start(&flags).await;
    let (_laptop, _) = dying.welcomed(hello("u_101", "laptop")).await;
    assert_eq!(devices(&living).await, ["laptop"]);
    life.shutdown_background();
    eventually("its sessions are listed no longer", async || {
        devices(&living).await.is_empty()
    })
    .await;
    // Nobody is asked whether the laptop lives: that would take longer than this test.
    let (_phone, welcome) = living.welcomed(hello("u_101", "phone")).await;
    assert_eq!(welcome["claim"], 2);
}

#[tokio::test]
async fn a_node_that_ends_leaves_nothing_behind() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let flags = ["--concurrency", "reject", "--drain", "0s"];
    let mut ending = nodes.start(&flags).await;
    let living = nodes.start(&flags).await;
    let (mut laptop, _) = ending.welcomed(hello("u_101", "laptop")).await;
    ending.shut_down();
    assert_eq!(laptop.closed().await.code, 1012);
    ending.ended().await;
    assert!(devices(&living).await.is_empty());
    living.welcomed(hello("u_101", "phone")).await;
}

#[tokio::test]
async fn orders_that_reach_nobody_are_carried_out_all_the_same() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let nodes = Nodes::on(&redis);
    let flags = ["--ping", "2s"];
    let (here, there) = (nodes.start(&flags).await, nodes.start(&flags).await);
    let (mut kicked, _) = here.welcomed(hello("u_1", "laptop")).await;
    let (mut replaced, _) = here.welcomed(hello("u_2", "laptop")).await;
    let (mut superseded, _) = here.welcomed(hello("u_3", "laptop")).await;
    // From now on nobody is told anything. (Clients that are silent for two pings are closed: by then this is over.)
    redis.command(&["ACL", "SETUSER", "default", "-publish"]);
    let deleted = there.as_publisher("DELETE", "/sessions/u_1").await;
    assert_eq!(deleted.status, 204);
    let (_phone, _) = there.welcomed(hello("u_2", "phone")).await;
    let (_laptop, _) = there.welcomed(hello("u_3", "laptop")).await;
    for (client, code) in [
        (&mut kicked, 4403),
        (&mut replaced, 4409),
        (&mut superseded, 4411),
    ] {
        assert_eq!(client.closed().await.code, code);
    }
}

#[tokio::test]
async fn records_that_redis_lost_come_back_long_before_the_next_ping() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let nodes = Nodes::on(&redis);
    let flags = ["--ping", "60s"];
    let (here, there) = (nodes.start(&flags).await, nodes.start(&flags).await);
    let (_client, _) = here.session().await;
    redis.command(&["FLUSHALL"]);
    eventually("the record is back", async || {
        devices(&there).await == ["laptop"]
    })
    .await;
}

#[tokio::test]
async fn who_was_replaced_while_redis_had_forgotten_everything_is_closed_all_the_same() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let nodes = Nodes::on(&redis);
    let flags = ["--ping", "60s"];
    let (here, there) = (nodes.start(&flags).await, nodes.start(&flags).await);
    for round in 0..5 {
        let user = format!("u_{round}");
        let (mut laptop, _) = here.welcomed(hello(&user, "laptop")).await;
        redis.command(&["FLUSHALL"]);
        let (phone, _) = there.welcomed(hello(&user, "phone")).await;
        assert_eq!(laptop.closed().await.code, 4409);
        phone.close().await;
    }
}

#[tokio::test]
async fn a_record_that_could_not_be_taken_out_is_taken_out_later() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let flags = ["--ping", "500ms"];
    let (here, there) = (nodes.start(&flags).await, nodes.start(&flags).await);
    let (client, _) = here.session().await;
    nodes.spoil("u_101");
    client.close().await;
    assert_eq!(devices(&there).await, ["laptop"]);
    nodes.mend("u_101");
    eventually("it is taken out", async || devices(&there).await.is_empty()).await;
}

#[tokio::test]
async fn a_node_says_at_once_that_a_socket_of_its_own_has_gone() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let flags = ["--ping", "60s", "--concurrency", "reject"];
    let (here, there) = (nodes.start(&flags).await, nodes.start(&flags).await);
    let (client, _) = here.session().await;
    nodes.spoil("u_101");
    client.close().await;
    nodes.mend("u_101");
    let (_phone, welcome) = there.welcomed(hello("u_101", "phone")).await;
    assert_eq!(welcome["claim"], 2);
}

#[tokio::test]
async fn sessions_are_not_closed_because_they_can_not_be_kept() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let nodes = Nodes::on(redis);
    let server = nodes.start(&["--ping", "500ms"]).await;
    let (client, _) = server.session().await;
    let alive = tokio::spawn(lives(client));
    nodes.spoil("u_101");
    // So many looks fail, and nothing comes of it.
    let before = errors(&server).await;
    eventually("it has been looked", async || {
        errors(&server).await >= before + 3.0
    })
    .await;
    assert!(!alive.is_finished());
    nodes.mend("u_101");
    assert_eq!(devices(&server).await, ["laptop"]);
    alive.abort();
}

async fn errors(server: &Server) -> f64 {
    server
        .metric(r#"tabwire_redis_errors_total{outcome="not_run"}"#)
        .await
}
