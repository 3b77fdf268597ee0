//! A node: a process of tabwire-server.

use std::{
    collections::BTreeMap, net::SocketAddr, path::PathBuf, process::ExitStatus, sync::Arc,
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    clock::Clock,
    dir::Dir,
    http::{Answer, Http},
    ports,
    process::Process,
    until::{SOON, until},
};

/// What back ends publish with.
pub const PUBLISH_KEY: &str = "the-publish-key";
/// What tokens are signed with.
pub const JWT_SECRET: &str = "a secret of the tests, 32 bytes.";
/// The ping period of nodes: short, so that what takes a few of them is tested quickly.
pub const PING: Duration = Duration::from_secs(3);
/// The longest drain of a node that is told to end.
const DRAIN: &str = "5s";

const EVENTS: &str =
    r#"{"order_created": "orders", "chat_message": {"module": "chat", "from": "client"}}"#;

/// A node with a port and flags that stay the same from one life to the next.
#[derive(Debug)]
pub struct Node {
    /// Where it listens, for clients and back ends.
    pub address: SocketAddr,
    flags: Vec<String>,
    dir: Dir,
    process: Option<Process>,
    clock: Option<Arc<Clock>>,
}

impl Node {
    /// A node that listens.
    pub async fn start(flags: &[&str]) -> Self {
        Self::start_by(None, flags).await
    }

    /// A node that listens and goes by this clock, if there is one.
    pub async fn start_by(clock: Option<&Arc<Clock>>, flags: &[&str]) -> Self {
        let dir = Dir::new();
        let types = dir.join("events.config.json");
        std::fs::write(&types, EVENTS).expect("a file can be written among the temporary ones");
        let mut node = Self {
            address: ([127, 0, 0, 1], ports::free()).into(),
            flags: flags.iter().copied().map(str::to_owned).collect(),
            dir,
            process: None,
            clock: clock.cloned(),
        };
        node.start_again().await;
        node
    }

    /// A node on this Redis that is ready.
    pub async fn on(redis: &str, flags: &[&str]) -> Self {
        let own = ["--redis", redis, "--redis-timeout", "2s"];
        let node = Self::start(&[&own, flags].concat()).await;
        node.ready().await;
        node
    }

    /// Starts it again where it was, as whatever watches over a server does.
    ///
    /// # Panics
    /// When it runs.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let line = format!("listening on http://{}", self.address);
        let before = self.printed().matches(&line).count();
        let process = Process::start_with(
            "tabwire-server",
            &binary(),
            &self.arguments(),
            &self.log(),
            self.clock.as_deref(),
        );
        let process = self.process.insert(process);
        until("a node listens", SOON, async || {
            let ended = process.ended();
            assert_eq!(ended, None, "a node ended at once: {}", process.printed());
            (process.printed().matches(&line).count() > before).then_some(())
        })
        .await;
    }

    fn log(&self) -> PathBuf {
        self.dir.join("node.log")
    }

    fn arguments(&self) -> Vec<String> {
        let listen = self.address.to_string();
        let ping = format!("{}s", PING.as_secs());
        let types = self.dir.join("events.config.json");
        let own = [
            ("--listen", listen.as_str()),
            ("--publish-key", PUBLISH_KEY),
            ("--jwt-secret", JWT_SECRET),
            ("--events-config", types.to_str().expect("a path")),
            ("--ping", &ping),
            ("--drain", DRAIN),
        ];
        let given = |flag: &str| self.flags.iter().any(|given| given == flag);
        own.into_iter()
            .filter(|(flag, _)| !given(flag))
            .flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()])
            .chain(self.flags.iter().cloned())
            .collect()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the node runs")
    }

    /// Its end without a word.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Tells it to end, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the node runs");
        process.signal(Signal::TERM);
        process.end(SOON).await
    }

    /// It does nothing any more, and its connections stay open.
    pub fn pause(&self) {
        self.process().signal(Signal::STOP);
    }

    /// It goes on.
    pub fn resume(&self) {
        self.process().signal(Signal::CONT);
    }

    /// Its resident memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process().resident_kib()
    }

    /// The whole log of all its lives.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// An answer of its HTTP side, when there is one soon.
    pub async fn get(&self, path: &str) -> Option<Answer> {
        let mut http = Http::to(self.address);
        let answer = http
            .ask("GET", path, None, "", Duration::from_secs(5))
            .await;
        answer.ok()
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) {
        until("a node is ready", SOON, async || {
            (self.get("/readyz").await?.status == 200).then_some(())
        })
        .await;
    }

    /// What `/metrics` says, by name with labels.
    ///
    /// # Panics
    /// When it says nothing.
    pub async fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = self.get("/metrics").await.expect("a node has metrics");
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    /// One of them; 0 when it was never counted.
    pub async fn metric(&self, name: &str) -> f64 {
        self.metrics().await.get(name).copied().unwrap_or(0.0)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let printed = self.printed();
            let lines: Vec<&str> = printed.lines().collect();
            let last = &lines[lines.len().saturating_sub(40)..];
            eprintln!("── node {}\n{}", self.address, last.join("\n"));
        }
    }
}

/// The server: `TABWIRE_SERVER`, else the build that lies beside this program.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TABWIRE_SERVER") {
        return path.into();
    }
    let program = std::env::current_exe().expect("a program has a path");
    let found = program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("tabwire-server"))
        .find(|path| path.is_file());
    found.expect(
        "build the server first (cargo build -p tabwire-server), or name it in TABWIRE_SERVER",
    )
}
