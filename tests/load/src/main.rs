//! What a server costs per client and per event, beside its peers in the same run.
//!
//! A bench is run on each peer in turn, and all of that several times (A B C A B C): a machine that is slower for a minute is so for
//! everybody. The server has one core, this program the next, and it must not be what limits: it reads with as little work as a client can.
//! What a bench found is a line of JSON.
//!
//! Redis, where a server uses it, shares the core of this program: the server's is its own.
//!
//! Each peer that is installed takes part: nginx with nchan, Redis and taskset come from the system, and so does perf, which counts the
//! servers' writes; `npm ci` in `tests/load/peers` installs Socket.IO, and uWebSockets wants libuv1 and
//!
//! ```sh
//! python3 -m venv target/bench/venv && target/bench/venv/bin/pip install -r tests/load/peers/requirements.txt
//! ```
//!
//! With the server and this built by `cargo build --release -p tabwire-server -p tabwire-load`, all benches, three minutes of them, or one:
//!
//! ```sh
//! target/release/tabwire-load
//! target/release/tabwire-load --quick
//! target/release/tabwire-load fanout --peer tabwire --peer nchan
//! ```

mod bench;
mod crowd;
mod idlers;
mod peer;
mod process;
mod publisher;
mod redis_benchmark;
mod rounds;
mod scale;
mod span;
mod stats;
mod writes;
mod ws;

use std::{fs::File, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;

use crate::{bench::Bench, peer::Peer, rounds::Rounds, scale::Scale};

#[derive(Parser)]
#[command(about = "What a server costs per client and per event, beside its peers in the same run")]
struct Cli {
    /// Benches to run; all of them when none is named
    benches: Vec<Bench>,
    /// Peers to run them on; those that a bench is about when none is named
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<Peer>,
    /// Fewer peers, once and shorter
    #[arg(long)]
    quick: bool,
    /// A handful of clients for a moment, on tabwire: whether all of this works
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
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
    process::open_many_files();
    let scale = match (cli.quick, cli.smoke) {
        (_, true) => Scale::Smoke,
        (true, _) => Scale::Quick,
        _ => Scale::Full,
    };
    let results = File::options()
        .create(true)
        .append(true)
        .open(&cli.results)?;
    let benches = match &cli.benches[..] {
        [] => Bench::all(),
        named => named,
    };
    let rounds = Rounds {
        benches,
        peers: &cli.peers,
        scale,
        results,
    };
    rounds.run()
}
