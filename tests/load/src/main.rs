//! What a server costs per client and per event, beside its peers in the same run.
//!
//! A workload is run on each peer in turn, and all of that several times (A B C A B C): a machine that is slower for a minute is so for
//! everybody. The server has one core, this program the next, and it must not be what limits: it reads with as little work as a client can.
//! What a workload found is a line of JSON.
//!
//! `npm ci` in `tests/load/peers` installs Socket.IO; nginx with nchan, Redis and taskset come from the system. With the server and this
//! built by `cargo build --release -p tabwire-server -p tabwire-load`:
//!
//! ```sh
//! target/release/tabwire-load fanout saturation idle connect --quick
//! ```

mod crowd;
mod peer;
mod process;
mod publisher;
mod stats;
mod workload;
mod ws;

use std::{fs::File, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::{runtime::Builder, task::LocalSet};

use crate::{peer::Peer, workload::Workload};

/// How often each workload is run on each peer.
const ROUNDS: usize = 3;
const ROUNDS_QUICK: usize = 1;

#[derive(Parser)]
#[command(about = "What a server costs per client and per event, beside its peers in the same run")]
struct Cli {
    /// Workloads to run; all of them when none is named
    workloads: Vec<Workload>,
    /// Peers to run them on; those that a workload is about when none is named
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<Peer>,
    /// Fewer rounds, shorter
    #[arg(long)]
    quick: bool,
    /// Where the results go, a line of JSON each; what is there stays
    #[arg(long, default_value = "results.jsonl")]
    results: PathBuf,
}

fn main() -> ExitCode {
    match start(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tabwire-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> Result<()> {
    process::stay_away()?;
    let mut results = File::options()
        .create(true)
        .append(true)
        .open(&cli.results)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let all = Workload::all();
    let workloads = if cli.workloads.is_empty() {
        &all
    } else {
        &cli.workloads
    };
    let rounds = if cli.quick { ROUNDS_QUICK } else { ROUNDS };
    for workload in workloads {
        let peers = if cli.peers.is_empty() {
            workload.peers()
        } else {
            &cli.peers
        };
        for round in 0..rounds {
            for peer in peers {
                let run = workload.run(*peer, cli.quick);
                let found = LocalSet::new()
                    .block_on(&runtime, run)
                    .with_context(|| format!("{} on {}", workload.name(), peer.title()))?;
                for result in found {
                    println!("{round} {}", result.line());
                    writeln!(results, "{}", serde_json::to_string(&result)?)?;
                }
            }
        }
    }
    Ok(())
}
