//! A Redis Cluster of three masters, each with a replica.

use super::{AGREEMENT, Redis};
use crate::{ports, resp::Reply, until::until};

const SLOTS: u32 = 16_384;

/// All of them.
#[derive(Debug)]
pub struct Cluster {
    /// The masters, at the start.
    pub masters: Vec<Redis>,
    /// The replica of each.
    pub replicas: Vec<Redis>,
}

impl Cluster {
    /// One whose nodes agree that all slots are served.
    pub async fn start() -> Self {
        let (mut nodes, mut buses) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let bus = ports::free();
            let bus_line = format!("cluster-port {bus}");
            let lines = [
                "cluster-enabled yes",
                "cluster-node-timeout 2000",
                "cluster-replica-validity-factor 0",
                "repl-diskless-sync-delay 0",
                &bus_line,
            ];
            nodes.push(Redis::start(&lines).await);
            buses.push(bus);
        }
        for (nth, node) in nodes.iter().enumerate() {
            node.ok(&format!("CLUSTER SET-CONFIG-EPOCH {}", nth + 1))
                .await;
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            nodes[0]
                .ok(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port))
                .await;
        }
        let replicas = nodes.split_off(3);
        let mut cluster = Self {
            masters: nodes,
            replicas: Vec::new(),
        };
        for (nth, master) in (0..).zip(&cluster.masters) {
            let (first, last) = (SLOTS * nth / 3, SLOTS * (nth + 1) / 3 - 1);
            master
                .ok(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"))
                .await;
        }
        for (master, replica) in cluster.masters.iter().zip(&replicas) {
            let id = master.command("CLUSTER MYID").await.text();
            // A node that has not been heard of can't be followed.
            until("a replica follows", AGREEMENT, async || {
                let answer = replica.command(&format!("CLUSTER REPLICATE {id}")).await;
                answer.is_ok().then_some(())
            })
            .await;
        }
        cluster.replicas = replicas;
        cluster.agrees().await;
        cluster
    }

    /// Waits until every node says that all slots are served, and every replica follows.
    async fn agrees(&self) {
        for node in self.masters.iter().chain(&self.replicas) {
            until("the cluster is whole", AGREEMENT, async || {
                let info = node.info_of_cluster().await;
                let is_whole =
                    info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6");
                is_whole.then_some(())
            })
            .await;
        }
        for replica in &self.replicas {
            until("the replicas follow", AGREEMENT, async || {
                let info = replica.info("replication").await;
                (info.get("master_link_status")? == "up").then_some(())
            })
            .await;
        }
    }

    /// How nodes are told of it.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .masters
            .iter()
            .map(|master| format!("127.0.0.1:{}", master.port))
            .collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// Which of the masters has a key's slot.
    pub async fn master_of(&self, key: &str) -> usize {
        let Reply::Integer(slot) = self.masters[0]
            .command(&format!("CLUSTER KEYSLOT {key}"))
            .await
        else {
            panic!("a key has a slot");
        };
        let slot = u32::try_from(slot).expect("slots are small");
        let nth = (1..=2).filter(|nth| slot >= SLOTS * nth / 3).count();
        debug_assert!(nth < 3);
        nth
    }

    /// Waits until the replica of this master has taken its place.
    pub async fn replica_is_master(&self, nth: usize) {
        let replica = &self.replicas[nth];
        until("the replica is promoted", AGREEMENT, async || {
            let info = replica.info("replication").await;
            (info.get("role")? == "master").then_some(())
        })
        .await;
    }
}

impl Redis {
    async fn info_of_cluster(&self) -> String {
        self.command("CLUSTER INFO").await.text()
    }
}
