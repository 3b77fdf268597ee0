//! Servers under load: processes of their own, on a core of their own, and what they cost by the kernel's account.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{CpuSet, sched_setaffinity};
use tabwire_faults::{
    dir::Dir,
    process::{Process, on_path},
};
use tokio::time::sleep;

/// Where servers run; whoever loads them runs on the next.
const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;
/// Memory has settled when it did not grow by more than a hundredth in so long.
const SETTLE: Duration = Duration::from_secs(2);
const SETTLED_WITHIN: usize = 15;

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

    /// CPU time so far, of all its processes, in microseconds. Threads that have ended count too, so it is the kernel's sum per process,
    /// in ticks of 10 ms.
    pub(crate) fn cpu_micros(&self) -> f64 {
        let of = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, behind) = stat.rsplit_once(')')?;
            let mut fields = behind.split_whitespace().skip(11);
            let (user, system) = (fields.next()?, fields.next()?);
            Some(user.parse::<u64>().ok()? + system.parse::<u64>().ok()?)
        };
        let ticks: u64 = self.processes().iter().filter_map(of).sum();
        ticks as f64 * 10_000.0
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

    /// The same, once it stands still.
    pub(crate) async fn settled_kib(&self) -> f64 {
        let mut before = self.resident_kib();
        for _ in 0..SETTLED_WITHIN {
            sleep(SETTLE).await;
            let now = self.resident_kib();
            if (now - before).abs() < before / 100.0 {
                return now;
            }
            before = now;
        }
        before
    }

    /// All processes of its group.
    fn processes(&self) -> Vec<u32> {
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
