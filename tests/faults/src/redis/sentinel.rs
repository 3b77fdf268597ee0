//! A primary, its replica, and three sentinels that watch them.

use super::{AGREEMENT, Redis};
use crate::{resp::Reply, until::until};

/// The name that the sentinels know the primary by.
const MASTER: &str = "tabwire";

/// All of them. The replicas are asynchronous, as Redis's always are.
#[derive(Debug)]
pub struct Sentinels {
    /// The primary, at the start.
    pub primary: Redis,
    /// The replica, at the start.
    pub replica: Redis,
    sentinels: Vec<Redis>,
}

impl Sentinels {
    /// All that agree on who is who.
    pub async fn start() -> Self {
        let primary = Redis::start(&["repl-diskless-sync-delay 0"]).await;
        let replica_of = format!("replicaof 127.0.0.1 {}", primary.port);
        let replica = Redis::start(&[&replica_of, "repl-diskless-sync-delay 0"]).await;
        until("the replica follows", AGREEMENT, async || {
            let info = replica.info("replication").await;
            (info.get("master_link_status")? == "up").then_some(())
        })
        .await;
        let monitor = format!("sentinel monitor {MASTER} 127.0.0.1 {} 2", primary.port);
        let down = format!("sentinel down-after-milliseconds {MASTER} 1000");
        let failover = format!("sentinel failover-timeout {MASTER} 5000");
        let lines = [monitor.as_str(), &down, &failover];
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Redis::start_with(&lines, &["--sentinel"]).await);
        }
        for sentinel in &sentinels {
            until("the sentinels know each other", AGREEMENT, async || {
                let info = sentinel.info("sentinel").await;
                let master = info.get("master0")?;
                (master.contains("slaves=1") && master.ends_with("sentinels=3")).then_some(())
            })
            .await;
        }
        Self {
            primary,
            replica,
            sentinels,
        }
    }

    /// How nodes are told of it.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port))
            .collect();
        format!("redis-sentinel://{}/{MASTER}", hosts.join(","))
    }

    /// Waits until all sentinels say that the replica is the primary now.
    pub async fn replica_is_primary(&self) {
        for sentinel in &self.sentinels {
            until("the replica is promoted", AGREEMENT, async || {
                let line = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {MASTER}");
                let Reply::Many(address) = sentinel.command(&line).await else {
                    return None;
                };
                (address.get(1)?.text() == self.replica.port.to_string()).then_some(())
            })
            .await;
        }
        until("the replica takes writes", AGREEMENT, async || {
            let info = self.replica.info("replication").await;
            (info.get("role")? == "master").then_some(())
        })
        .await;
    }
}
