//! A span of a run that is measured: what the servers did in it and what it cost them.

use std::time::Instant;

use crate::{crowd::Crowd, peer::Running, process::Cpu, stats::percentile};

/// The share of its core above which this program may be what limits.
const BUSY_MAX: f64 = 0.95;

/// A span that is under way.
pub(crate) struct Span<'r> {
    running: &'r Running,
    crowd: &'r Crowd,
    cpu: Cpu,
    own: Cpu,
    begun: Instant,
}

impl<'r> Span<'r> {
    /// Begins to count.
    pub(crate) fn begin(running: &'r Running, crowd: &'r Crowd) -> Self {
        crowd.tally.reset();
        Self {
            running,
            crowd,
            cpu: running.cpu(),
            own: Cpu::own(),
            begun: Instant::now(),
        }
    }

    /// What was counted.
    pub(crate) fn end(self) -> Measured {
        let seconds = self.begun.elapsed().as_secs_f64();
        let cpu = self.running.cpu() - self.cpu;
        let busy = (Cpu::own() - self.own).micros() / 1e6 / seconds;
        if busy > BUSY_MAX {
            println!(
                "         the clients were busy for {:.0} % of the time: they may be what limits",
                busy * 100.0
            );
        }
        let tally = &self.crowd.tally;
        let mut latencies = tally.latencies.take();
        latencies.sort_unstable();
        Measured {
            seconds,
            cpu,
            deliveries: tally.delivered.get() as f64,
            bytes: tally.bytes.get() as f64,
            latencies,
        }
    }
}

/// What was counted in a span.
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    pub(crate) cpu: Cpu,
    pub(crate) deliveries: f64,
    bytes: f64,
    latencies: Vec<u32>,
}

impl Measured {
    pub(crate) fn cpu_per_delivery(&self) -> (&'static str, f64) {
        ("cpu_us_per_delivery", self.cpu.micros() / self.deliveries)
    }

    pub(crate) fn user_share(&self) -> (&'static str, f64) {
        // Of nothing, nothing: a moment may cost less than the kernel counts.
        ("user_share", self.cpu.user / self.cpu.micros().max(1.0))
    }

    /// Milliseconds from publishing to delivery.
    pub(crate) fn late(&self, name: &'static str, share: f64) -> (&'static str, f64) {
        (name, percentile(&self.latencies, share) / 1e3)
    }

    pub(crate) fn bytes_per_event(&self) -> (&'static str, f64) {
        ("bytes_per_event", self.bytes / self.deliveries)
    }
}
