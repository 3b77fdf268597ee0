//! A seeded simulator of tabs, browser, network and server.
//!
//! Real are: the tab machine of `tabwire-client`, and the session, policy and dedupe code of `tabwire-server`. Modelled are: the
//! browser (lock manager, channel, storage, clocks, pages that are hidden, freeze, are suspended, crash and reload), the network
//! (latency, connections that break, go silent or never answer), the log (retention, epochs, nodes that lag) and the app. After
//! each step the app in each tab must have been given exactly the events of its view, in order, once, or an explicit refresh,
//! and the other promises of `plan.rs` must hold; after the last fault every tab must be at the head soon.
//!
//! `--seeds N [--start S]` runs many seeds, up to the first that fails; with `--list` it goes on and lists those that do;
//! `--minutes M` runs until the time is over; `--seed S [--faults …] [--tabs …]` replays one, or what is left of it, with its
//! trace.

mod app;
mod browser;
mod coverage;
mod log;
mod plan;
mod random;
mod raw;
mod report;
mod runs;
mod schedule;
mod server;
mod shrink;
mod swarm;
mod trace;
mod world;

use std::process::ExitCode;

use plan::Plan;
use runs::Range;

const USAGE: &str =
    "usage: tabwire-simulation [--seeds N] [--start S] [--minutes M] [--without NAMES] [--list]
       tabwire-simulation --seed S [--faults NUMBERS|none] [--tabs NUMBERS|none] [--without NAMES]";

fn main() -> ExitCode {
    match options() {
        Ok(Options::Replay(plan)) => report::replay(&plan),
        Ok(Options::Run(range)) => runs::run(&range),
        Err(wrong) => {
            eprintln!("{wrong}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

enum Options {
    Run(Range),
    Replay(Plan),
}

fn options() -> Result<Options, String> {
    let mut plan = Plan::default();
    let mut seed = None;
    let (mut seeds, mut start, mut minutes) = (200, 1, None);
    let mut arguments = std::env::args().skip(1);
    let mut lists = false;
    while let Some(flag) = arguments.next() {
        if flag == "--list" {
            lists = true;
            continue;
        }
        let value = arguments.next().unwrap_or_default();
        let number = || {
            let number = value.parse::<u64>();
            number.map_err(|_| format!("{flag}: a number follows"))
        };
        let numbers = || -> Result<Vec<usize>, String> {
            if value == "none" {
                return Ok(Vec::new());
            }
            let numbers: Result<_, _> = value.split(',').map(str::parse).collect();
            numbers.map_err(|_| format!("{flag}: numbers follow, with commas, or \"none\""))
        };
        match flag.as_str() {
            "--seeds" => seeds = number()?,
            "--start" => start = number()?,
            "--minutes" => minutes = Some(number()?),
            "--seed" => seed = Some(number()?),
            "--faults" => plan.faults = Some(numbers()?),
            "--tabs" => plan.tabs = Some(numbers()?),
            "--without" => plan.without = value.split(',').map(str::to_owned).collect(),
            _ => return Err(format!("{flag}: there is no such option")),
        }
    }
    Ok(match seed {
        Some(seed) => Options::Replay(Plan { seed, ..plan }),
        None => Options::Run(Range {
            start,
            seeds,
            minutes,
            without: plan.without,
            lists,
        }),
    })
}
