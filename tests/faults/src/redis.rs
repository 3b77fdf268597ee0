//! A Redis of one's own, to be broken.

mod cluster;
mod copy;
mod sentinel;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use rustix::process::Signal;

pub use self::{cluster::Cluster, copy::LogCopy, sentinel::Sentinels};
use crate::{
    dir::Dir,
    ports,
    process::{Process, on_path},
    resp::{self, Reply},
    until::{SOON, until},
};

/// A redis-server with a port and a configuration that stay the same from one life to the next.
#[derive(Debug)]
pub struct Redis {
    /// Its port.
    pub port: u16,
    arguments: Vec<String>,
    dir: Dir,
    process: Option<Process>,
}

impl Redis {
    /// One that answers, with these lines of configuration. It saves nothing unless they say so.
    pub async fn start(lines: &[&str]) -> Self {
        Self::start_with(lines, &[]).await
    }

    async fn start_with(lines: &[&str], arguments: &[&str]) -> Self {
        let (port, dir) = (ports::free(), Dir::new());
        let data = dir.join("data");
        let own = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", data.display()),
            "save \"\"".to_owned(),
            // A test that kills it shall not wait for its last words.
            "shutdown-timeout 0".to_owned(),
        ];
        let own = if arguments.is_empty() {
            &own[..]
        } else {
            &own[..3]
        };
        let lines = own.iter().map(String::as_str).chain(lines.iter().copied());
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        let file = dir.join("redis.conf");
        fs::write(&file, text).expect("a file can be written among the temporary ones");
        let mut words = vec![file.display().to_string()];
        words.extend(arguments.iter().copied().map(str::to_owned));
        let mut redis = Self {
            port,
            arguments: words,
            dir,
            process: None,
        };
        redis.start_again().await;
        redis
    }

    /// How nodes are told of it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Its end without a word.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again with what it had saved.
    ///
    /// # Panics
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        fs::create_dir_all(self.data()).expect("a folder can be made among the temporary ones");
        let program = on_path("redis-server").expect("redis-server is installed");
        let log = self.dir.join("redis.log");
        let process = Process::start("redis-server", &program, &self.arguments, &log);
        let process = self.process.insert(process);
        let port = self.port;
        until("Redis answers", SOON, async || {
            let ended = process.ended();
            assert_eq!(ended, None, "Redis ended at once: {}", process.printed());
            let answer = resp::call(port, &[b"PING"]).await.ok()?;
            (answer == Reply::Bytes(b"PONG".to_vec())).then_some(())
        })
        .await;
    }

    /// Starts it again with nothing.
    pub async fn start_empty(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        fs::remove_dir_all(self.data()).expect("its folder is there");
        self.start_again().await;
    }

    /// It does nothing any more, and its connections stay open.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("Redis runs").signal(signal);
    }

    /// All that it printed.
    pub fn printed(&self) -> String {
        self.process.as_ref().expect("Redis runs").printed()
    }

    /// Runs a command.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn call(&self, words: &[&[u8]]) -> Reply {
        let answer = resp::call(self.port, words).await;
        answer.unwrap_or_else(|error| panic!("Redis at {}: {error}", self.port))
    }

    /// Runs a command of plain words.
    pub async fn command(&self, line: &str) -> Reply {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.call(&words).await
    }

    /// Runs a command that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ok(&self, line: &str) {
        let answer = self.command(line).await;
        assert!(answer.is_ok(), "{line}: {answer:?}");
    }

    /// A section of INFO.
    pub async fn info(&self, section: &str) -> BTreeMap<String, String> {
        let text = self.command(&format!("INFO {section}")).await.text();
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// How often each command was called, scripts' own included.
    pub async fn calls(&self) -> BTreeMap<String, u64> {
        let stats = self.info("commandstats").await;
        stats
            .into_iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("cmdstat_")?.to_owned();
                let calls = value.strip_prefix("calls=")?.split(',').next()?;
                Some((name, calls.parse().ok()?))
            })
            .collect()
    }
}

/// What a failover or a failed node may take until all agree.
const AGREEMENT: Duration = Duration::from_secs(60);

/// Whether the scenarios with Redis can run. Where there is none they fail when `CI` is set, else they are passed over, loudly.
///
/// # Panics
/// In CI without Redis.
pub fn is_installed() -> bool {
    if on_path("redis-server").is_some() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "redis-server is not installed"
    );
    crate::report::say("SKIPPED: redis-server is not installed, so nothing is known about Redis");
    false
}
