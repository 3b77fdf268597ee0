//! Runs benches on peers, in rounds, unattended: what fails or can't be run is said at the end and keeps nothing else from running.

use std::{
    fs::File,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
    time::timeout,
};

use crate::{
    bench::{Bench, Found},
    peer::Peer,
    scale::Scale,
};

/// Longer than any run takes, also on a machine that is busy with something else.
const RUN_MAX: Duration = Duration::from_secs(600);

/// What is to be run, and where the results go.
pub(crate) struct Rounds<'c> {
    pub(crate) benches: &'c [Bench],
    /// Those that a bench is about when none is named.
    pub(crate) peers: &'c [Peer],
    pub(crate) scale: Scale,
    pub(crate) results: File,
}

impl Rounds<'_> {
    /// Runs all of it. Fails when anything did.
    pub(crate) fn run(mut self) -> Result<()> {
        let (begun, mut complaints, mut failures) = (Instant::now(), Vec::new(), 0);
        for bench in self.benches {
            let mut peers = match self.peers {
                [] => bench.peers(self.scale),
                named => named.to_vec(),
            };
            peers.retain(|peer| match peer.missing() {
                Some(what) => {
                    let (name, who) = (bench.name(), peer.title());
                    complaints.push(format!(
                        "SKIPPED: {name} on {who}: this machine lacks {what}"
                    ));
                    false
                }
                None => true,
            });
            for round in 0..self.scale.rounds() {
                for peer in &peers {
                    println!(
                        "{:5.0} s  {} on {}, round {} of {}",
                        begun.elapsed().as_secs_f64(),
                        bench.name(),
                        peer.title(),
                        round + 1,
                        self.scale.rounds(),
                    );
                    if let Err(error) = self.one(*bench, *peer) {
                        let complaint =
                            format!("FAILED: {} on {}: {error:#}", bench.name(), peer.title());
                        println!("{complaint}");
                        complaints.push(complaint);
                        failures += 1;
                    }
                }
            }
        }
        for complaint in &complaints {
            println!("{complaint}");
        }
        println!("{:5.0} s  done", begun.elapsed().as_secs_f64());
        let is_whole = complaints.is_empty() || std::env::var_os("CI").is_none();
        ensure!(failures == 0, "{failures} runs failed");
        ensure!(
            is_whole,
            "not all could be run, and in CI nothing is passed over"
        );
        Ok(())
    }

    fn one(&mut self, bench: Bench, peer: Peer) -> Result<()> {
        // A runtime of its own, so that nothing of it is left for the next; what starts servers panics where there are none.
        let run = || -> Result<Vec<Found>> {
            let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
            let run = async { timeout(RUN_MAX, bench.run(peer, self.scale)).await };
            let found = LocalSet::new().block_on(&runtime, run);
            found.with_context(|| format!("it did not end within {RUN_MAX:?}"))?
        };
        let found = catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            anyhow!("{}", text.unwrap_or("it panicked").to_owned())
        })??;
        for result in found {
            println!("         {}", result.line());
            if let Some(name) = result.nonsense() {
                bail!("{name} is not a number");
            }
            writeln!(self.results, "{}", serde_json::to_string(&result)?)?;
        }
        Ok(())
    }
}
