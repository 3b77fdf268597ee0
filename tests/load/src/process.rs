//! Servers under load: processes of their own, on a core of their own, and what they cost by the kernel's account.

use std::{
    fs,
    net::SocketAddr,
    ops::{Add, Sub},
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};
use tabwire_faults::{
    dir::Dir,
    process::{Process, on_path},
};

/// Where servers run; whoever loads them runs on the next, and so does Redis, which inherits it.
const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;
/// What the kernel counts CPU time in.
const TICK_MICROS: f64 = 10_000.0;
/// Open files, here and in the servers that inherit it: more than the connections of any bench.
const FILES: u64 = 20_000;

/// Lets this process and those it starts open as many files as connections are made, where the system does.
pub(crate) fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|files| files >= FILES) {
        return;
    }
    let wanted = limit.maximum.map_or(FILES, |most| most.min(FILES));
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, raised).is_err() || wanted < FILES {
        eprintln!(
            "Only {wanted} files may be open here: benches of more connections will fail (ulimit -n {FILES})."
        );
    }
}

/// Keeps this process away from the servers' core.
pub(crate) fn stay_away() -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(LOAD_CORE);
    sched_setaffinity(None, &cores)
        .context("this machine has one core: nothing can be measured on it")
}

/// A server and all that it started.
pub(crate) struct Server {
    process: Process,
    _dir: Dir,
}

impl Server {
    /// Starts a program on the servers' core.
    pub(crate) fn start(name: &str, program: &Path, arguments: &[String]) -> Self {
        Self::start_in(name, program, arguments, Dir::new())
    }

    /// The same, with the folder that its files are in.
    pub(crate) fn start_in(name: &str, program: &Path, arguments: &[String], dir: Dir) -> Self {
        let mut words = vec![
            "-c".to_owned(),
            SERVER_CORE.to_string(),
            program.display().to_string(),
        ];
        words.extend_from_slice(arguments);
        let taskset = on_path("taskset").unwrap_or_else(|| PathBuf::from("taskset"));
        let process = Process::start(name, &taskset, &words, &dir.join("log"));
        Self { process, _dir: dir }
    }

    /// Fails with what it printed when it has ended.
    pub(crate) fn runs(&mut self) -> Result<()> {
        let ended = self.process.ended();
        ensure!(
            ended.is_none(),
            "it ended ({ended:?}): {}",
            self.process.printed()
        );
        Ok(())
    }

    /// Waits until it has ended; what it printed.
    pub(crate) async fn end(&mut self, within: Duration) -> (ExitStatus, String) {
        let status = self.process.end(within).await;
        (status, self.process.printed())
    }

    /// CPU time so far, of all its processes. Threads that have ended count too, so it is the kernel's sum per process.
    pub(crate) fn cpu(&self) -> Cpu {
        let each = self.processes().into_iter().filter_map(Cpu::of);
        each.reduce(Cpu::add).unwrap_or_default()
    }

    /// Memory that is resident, of all its processes: what they share counts once. In KiB.
    pub(crate) fn resident_kib(&self) -> f64 {
        let of = |pid: &u32| {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        self.processes().iter().filter_map(of).sum()
    }

    /// All processes of its group.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let group = self.process.id().to_string();
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                // The name, in brackets, may contain anything; behind it come state, parent and group.
                let behind = stat.rsplit_once(')').map(|(_, behind)| behind);
                behind.and_then(|behind| behind.split_whitespace().nth(2)) == Some(group.as_str())
            })
            .collect()
    }
}

/// CPU time, in microseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Cpu {
    /// What a process has used so far.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may contain anything.
        let (_, behind) = stat.rsplit_once(')')?;
        let mut fields = behind.split_whitespace().skip(11);
        let mut micros = || Some(fields.next()?.parse::<f64>().ok()? * TICK_MICROS);
        Some(Self {
            user: micros()?,
            system: micros()?,
        })
    }

    /// What this process has used so far.
    pub(crate) fn own() -> Self {
        Self::of(std::process::id()).unwrap_or_default()
    }

    pub(crate) fn micros(self) -> f64 {
        self.user + self.system
    }
}

impl Add for Cpu {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            user: self.user - other.user,
            system: self.system - other.system,
        }
    }
}

/// How many connections to this address are established, by the account of the side that listens.
pub(crate) fn connections_of(address: SocketAddr) -> usize {
    const ESTABLISHED: &str = "01";
    let port = format!(":{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let is_one = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port))
            && fields.nth(1) == Some(ESTABLISHED)
    };
    table.lines().filter(is_one).count()
}
