//! The servers that are compared: how each is started, spoken to and published to. What is measured is the same for all.

mod bare;
mod kernel;
mod missing;
mod nchan;
mod socketio;
mod tabwire;
mod uwebsockets;

use std::{net::SocketAddr, ops::Add as _, path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;
use tabwire_faults::redis::Redis;
use tokio::time::{sleep, timeout};

use crate::{
    process::{Cpu, Server},
    scale::Scale,
    ws::Http,
};

/// How long a server may take to begin.
const STARTS_WITHIN: Duration = Duration::from_secs(20);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// A shop without sessions.
const NOBODYS: usize = 999_999;
const LOOK: Duration = Duration::from_millis(20);
/// Memory has settled when it did not change by more than a hundredth in so long.
const SETTLE: Duration = Duration::from_secs(2);
const SETTLED_WITHIN: usize = 15;

/// A server, and where it keeps its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// tabwire-server, events in memory
    Tabwire,
    /// tabwire-server, events in Redis
    TabwireRedis,
    /// nchan in nginx, its memory store
    Nchan,
    /// nchan in nginx, its Redis store
    NchanRedis,
    /// Socket.IO 4 with connection state recovery
    SocketIo,
    /// Socket.IO 4 with the Redis Streams adapter
    SocketIoRedis,
    /// uWebSockets, in Python's socketify
    Uwebsockets,
    /// warp and tungstenite with a broadcast channel and no logic: the floor of this stack
    Bare,
    /// redis-benchmark, appending as the server does: a reference for `publish` and nothing that clients connect to
    RedisBenchmark,
    /// `write(2)` to each socket and nothing else: the floor of the kernel
    Kernel,
}

impl Peer {
    /// Its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Tabwire => "tabwire",
            Self::TabwireRedis => "tabwire, Redis",
            Self::Nchan => "nchan",
            Self::NchanRedis => "nchan, Redis",
            Self::SocketIo => "Socket.IO",
            Self::SocketIoRedis => "Socket.IO, Redis",
            Self::Uwebsockets => "uWebSockets",
            Self::Bare => "bare warp + tungstenite",
            Self::RedisBenchmark => "redis-benchmark",
            Self::Kernel => "kernel: write(2)",
        }
    }

    /// Starts it, with nobody connected.
    pub(crate) async fn start(self, setting: &Setting) -> Result<Running> {
        let redis = match self {
            Self::TabwireRedis | Self::NchanRedis | Self::SocketIoRedis => {
                Some(Redis::start(&[]).await)
            }
            _ => None,
        };
        let url = redis.as_ref().map(Redis::url);
        let (server, address, dialect) = self.serve(url.as_deref(), setting).await?;
        let mut running = Running {
            servers: vec![server],
            addresses: vec![address],
            dialect,
            redis,
        };
        for _ in 1..setting.nodes {
            let (server, address, _) = self.serve(url.as_deref(), setting).await?;
            running.servers.push(server);
            running.addresses.push(address);
        }
        Ok(running)
    }

    /// One server, once it listens.
    async fn serve(self, redis: Option<&str>, setting: &Setting) -> Result<Served> {
        let (mut server, address, dialect) = match self {
            Self::Tabwire | Self::TabwireRedis => tabwire::start(redis, setting)?,
            Self::Nchan | Self::NchanRedis => nchan::start(redis, setting)?,
            Self::SocketIo | Self::SocketIoRedis => socketio::start(redis, setting)?,
            Self::Uwebsockets => uwebsockets::start(setting)?,
            Self::Bare => bare::start(setting)?,
            Self::RedisBenchmark => bail!("clients cannot connect to redis-benchmark"),
            Self::Kernel => kernel::start(setting)?,
        };
        for _ in 0..STARTS_WITHIN.as_millis() / LOOK.as_millis() {
            server.runs().with_context(|| self.title())?;
            if let Ok(Ok(())) = timeout(ANSWERS_WITHIN, takes_events(address, &*dialect)).await {
                return Ok((server, address, dialect));
            }
            sleep(LOOK).await;
        }
        bail!("{} takes no events", self.title())
    }
}

/// Publishes to a shop that nobody is in. A server may listen before it has its Redis.
async fn takes_events(address: SocketAddr, dialect: &dyn Dialect) -> Result<()> {
    let to = To {
        shop: NOBODYS,
        module: 0,
    };
    let mut http = Http::open(address).await?;
    http.ask(&dialect.publish(to, &["{}".to_owned()])).await
}

/// A server, where it listens and what is spoken to it.
type Served = (Server, SocketAddr, Rc<dyn Dialect>);

/// What a server is set up for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// How many shops the clients are spread over.
    pub(crate) shops: usize,
    /// How many events of a shop are kept for replay.
    pub(crate) kept: usize,
    /// How many events clients have missed that come back, if any do.
    pub(crate) missed: Option<usize>,
    /// Whether clients that read nothing are borne: by default some servers close them.
    pub(crate) bears_slow: bool,
    /// How many servers there are, of one Redis.
    pub(crate) nodes: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            shops: 1,
            kept: 10_000,
            missed: None,
            bears_slow: false,
            nodes: 1,
        }
    }
}

/// Servers that run, until dropped.
pub(crate) struct Running {
    servers: Vec<Server>,
    addresses: Vec<SocketAddr>,
    pub(crate) dialect: Rc<dyn Dialect>,
    pub(crate) redis: Option<Redis>,
}

impl Running {
    /// Where the client of this number connects.
    pub(crate) fn address(&self, client: usize) -> SocketAddr {
        self.addresses[client % self.addresses.len()]
    }

    /// The processes of all servers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.servers.iter().flat_map(Server::processes).collect()
    }

    /// CPU time so far, of all servers.
    pub(crate) fn cpu(&self) -> Cpu {
        let all = self.servers.iter().map(Server::cpu);
        all.reduce(Cpu::add).unwrap_or_default()
    }

    /// Memory of all servers, in KiB.
    pub(crate) fn resident_kib(&self) -> f64 {
        self.servers.iter().map(Server::resident_kib).sum()
    }

    /// The same, once it stands still.
    pub(crate) async fn settled_kib(&self, scale: Scale) -> f64 {
        let pause = scale.pick(SETTLE, SETTLE / 2, LOOK);
        let mut before = self.resident_kib();
        for _ in 0..SETTLED_WITHIN {
            sleep(pause).await;
            let now = self.resident_kib();
            if (now - before).abs() < before / 100.0 {
                return now;
            }
            before = now;
        }
        before
    }
}

/// What a client and a back end say to a server, and how its answers are told apart.
pub(crate) trait Dialect {
    /// Where the client of this number connects.
    fn path(&self, client: usize) -> String;

    /// What it offers in the handshake.
    fn subprotocol(&self) -> Option<&'static str> {
        None
    }

    /// What it says first.
    fn opening(&self, _client: usize) -> Option<String> {
        None
    }

    /// Whether it is in when the handshake is over.
    fn is_ready_at_once(&self) -> bool {
        false
    }

    /// From now on, those who connect have been here and want what they missed.
    fn come_back(&self) {}

    /// Whether it tells those who come back when they have all.
    fn says_synced(&self) -> bool {
        false
    }

    /// What a text means.
    fn hears(&self, client: usize, text: &[u8]) -> Heard;

    /// The request that publishes these payloads, JSON each. Who knows no modules ignores that.
    fn publish(&self, to: To, payloads: &[String]) -> Vec<u8>;

    /// How many answers that gets.
    fn answers(&self, _payloads: usize) -> usize {
        1
    }
}

/// Whom an event is for: a shop, and there those with a module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct To {
    pub(crate) shop: usize,
    pub(crate) module: usize,
}

/// What a text of a server means.
pub(crate) enum Heard {
    /// The client is in.
    Ready,
    /// Something that was published.
    Event,
    /// All that the client had missed has come.
    Synced,
    /// Something that must not be, such as a replay that is refused.
    Wrong(String),
    /// Something that is answered with this.
    Answer(String),
    /// Nothing of interest.
    Nothing,
}

/// A program that was built beside this one.
fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name(name);
    ensure!(
        path.is_file(),
        "{name} is not beside {}: build it in the same profile",
        own.display()
    );
    Ok(path)
}

/// Where the peers' own files are, with what npm installed for them.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn free() -> SocketAddr {
    ([127, 0, 0, 1], tabwire_faults::ports::free()).into()
}
