//! How many writes to sockets the servers make, by system calls: what a client can count are reads, and several writes may be one.
//!
//! `perf stat` counts write, writev, sendto, sendmsg and sendmmsg of the servers' processes (`/proc/PID/io` knows the first two only, and
//! segments are merged when a client is behind). That makes each call a little dearer, so it is done in a span of its own, in which no
//! CPU time is measured. Where perf may not count, there is no figure.

use std::{fs, time::Duration};

use rustix::process::Signal;
use tabwire_faults::{
    dir::Dir,
    process::{Process, on_path},
};
use tokio::time::sleep;

use crate::peer::Running;

const CALLS: [&str; 5] = ["write", "writev", "sendto", "sendmsg", "sendmmsg"];
/// How long perf may take to begin, and to end.
const WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Counts until it is asked.
pub(crate) struct Writes {
    perf: Process,
    _dir: Dir,
}

impl Writes {
    /// Begins to count, if that is possible here.
    pub(crate) async fn begin(running: &Running) -> Option<Self> {
        let perf = on_path("perf")?;
        let events = CALLS.map(|call| format!("syscalls:sys_enter_{call}"));
        let pids: Vec<String> = running.processes().iter().map(u32::to_string).collect();
        let words = [
            "stat",
            "-x,",
            "-e",
            &events.join(","),
            "-p",
            &pids.join(","),
        ];
        let dir = Dir::new();
        let mut perf = Process::start("perf", &perf, &words.map(str::to_owned), &dir.join("log"));
        for _ in 0..WITHIN.as_millis() / LOOK.as_millis() {
            sleep(LOOK).await;
            if perf.ended().is_some() {
                return None;
            }
            if counters(perf.id()) >= CALLS.len() {
                sleep(LOOK).await;
                return Some(Self { perf, _dir: dir });
            }
        }
        None
    }

    /// How many events a write carried, when so many were delivered.
    pub(crate) async fn end(mut self, deliveries: u64) -> Option<(&'static str, f64)> {
        self.perf.signal(Signal::INT);
        self.perf.end(WITHIN).await;
        let printed = self.perf.printed();
        let counts = printed.lines().filter(|line| line.contains("sys_enter_"));
        let count = |line: &str| line.split(',').next()?.parse::<f64>().ok();
        let total: f64 = counts.filter_map(count).sum();
        (total > 0.0).then_some(("events_per_write", deliveries as f64 / total))
    }
}

/// The counters that it has open.
fn counters(pid: u32) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten();
    let links = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    links
        .filter(|link| link.as_os_str() == "anon_inode:[perf_event]")
        .count()
}
