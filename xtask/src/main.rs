//! The commands of this workspace, run as `cargo xtask <command>`.
//!
//! Each command installs what it needs, prints what it runs, and stops at the first failure. It builds nothing by
//! itself: it calls cargo, npm, wasm-bindgen and a browser in the right order (`chain.rs`), and nothing here is
//! needed to work on one folder with that folder's own tools.

mod bench;
mod chain;
mod cost;
mod lint;
mod parts;
mod run;
mod server;
mod setup;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::parts::Part;
use crate::run::{cargo, cmd};
use crate::setup::Need;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The commands of this workspace",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the tests: all parts, or only those named
    Test {
        /// Parts to run, in the order given
        parts: Vec<Part>,
        /// Also what takes long: ten times the simulator's seeds, long scenarios, Firefox and WebKit
        #[arg(long)]
        all: bool,
    },
    /// Build everything and serve the demo
    Demo {
        /// Port of the loopback address to listen on
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Run the simulator of tabs, browser, network and server
    Sim(Sim),
    /// Break real processes at random and watch what clients are given
    Soak(Soak),
    /// Measure, and write docs/BENCHMARKS.md
    Bench(bench::Options),
    /// Count the instructions of the hot steps
    Cost {
        /// Write them down, as what the tests compare with from now on
        #[arg(long)]
        record: bool,
    },
    /// Format the Rust code
    Fmt,
    /// Check formatting, lints, and that no file of this machine's own is committed
    Lint,
}

#[derive(Args)]
struct Sim {
    /// How many seeds to run
    #[arg(long)]
    seeds: Option<u64>,
    /// Replay this one seed, with a trace
    #[arg(long)]
    seed: Option<u64>,
    /// Of that seed only these faults, as a failure names them
    #[arg(long, value_name = "NUMBERS")]
    faults: Option<String>,
    /// Of that seed only these tabs
    #[arg(long, value_name = "NUMBERS")]
    tabs: Option<String>,
    /// Leave out what is named: faults, and things that a browser may have
    #[arg(long, value_name = "NAMES")]
    without: Option<String>,
    /// Go on after a seed that fails, and list those that do
    #[arg(long)]
    list: bool,
    /// Run new seeds until so many minutes have passed
    #[arg(long)]
    minutes: Option<u64>,
    /// The first seed to run
    #[arg(long)]
    start: Option<u64>,
}

#[derive(Args)]
struct Soak {
    /// How long
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// The first round's seed; those that follow count up from it
    #[arg(long)]
    seed: Option<u64>,
    /// At most so many rounds, of some minutes each
    #[arg(long)]
    rounds: Option<u64>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run::forward_signals();
    let done = match cli.command {
        Command::Test { parts, all } => parts::test(&parts, all),
        Command::Demo { port } => demo(port),
        Command::Sim(sim) => simulate(&sim),
        Command::Soak(options) => soak(&options),
        Command::Bench(options) => bench::bench(&options),
        Command::Cost { record } => cost::cost(record),
        Command::Fmt => format(),
        Command::Lint => lint::lint(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The server is a debug build: it is the one the tests have compiled already, and one person's three tabs
/// cannot tell the difference, while the optimised build costs a newcomer minutes.
fn demo(port: u16) -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Node])?;
    let server = chain::server()?;
    let site = chain::site()?;
    println!("\nOpen http://127.0.0.1:{port} in three tabs; Ctrl-C stops the server.\n");
    cmd(server)
        .args(["--demo", "--static"])
        .arg(site)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .run()
}

fn simulate(sim: &Sim) -> Result<()> {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let flags = [
        ("--seeds", number(sim.seeds)),
        ("--seed", number(sim.seed)),
        ("--faults", sim.faults.clone()),
        ("--tabs", sim.tabs.clone()),
        ("--without", sim.without.clone()),
        ("--minutes", number(sim.minutes)),
        ("--start", number(sim.start)),
    ];
    let mut command = cargo("run").args(["--profile", "sim", "-p", "tabwire-simulation", "--"]);
    for (flag, value) in &flags {
        if let Some(value) = value {
            command = command.args([flag, value.as_str()]);
        }
    }
    if sim.list {
        command = command.arg("--list");
    }
    command.run()
}

fn soak(options: &Soak) -> Result<()> {
    setup::ensure(&[Need::Redis])?;
    let server = chain::server()?;
    let flags = [
        ("--hours", Some(options.hours.to_string())),
        ("--seed", options.seed.map(|seed| seed.to_string())),
        ("--rounds", options.rounds.map(|rounds| rounds.to_string())),
    ];
    let mut command = cargo("run")
        .args(["-p", "tabwire-faults", "--bin", "tabwire-soak", "--"])
        .env("TABWIRE_SERVER", server);
    for (flag, value) in &flags {
        if let Some(value) = value {
            command = command.args([flag, value.as_str()]);
        }
    }
    command.run()
}

fn format() -> Result<()> {
    setup::ensure(&[Need::Rustfmt])?;
    cmd("cargo").args(["fmt", "--all"]).run()?;
    cmd("cargo")
        .args(["fmt", "--manifest-path", "examples/leptos/Cargo.toml"])
        .run()
}
