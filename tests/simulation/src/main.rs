//! A seeded simulator of tabs, browser, network and server.
//!
//! Real are: the tab machine of `tabwire-client`, and the session, policy and dedupe code of `tabwire-server`. Modelled are: the
//! browser (lock manager, channel, pages that freeze, crash and reload), the network (latency, connections that break or go
//! silent), the log (retention, epochs) and the app. After each step the app in each tab must have been given exactly the
//! events of its view, in order, once, or an explicit refresh; after the last fault every tab must be at the head soon.
//!
//! `--seed S` replays one seed with its trace; `--seeds N [--start S]` runs many; `--minutes M` runs until the time is over.

mod app;
mod browser;
mod coverage;
mod log;
mod random;
mod raw;
mod server;
mod swarm;
mod world;

use std::{
    process::ExitCode,
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::coverage::Coverage;

/// Seeds that found a bug once: they run first.
const FOUND: &[u64] = &[];
/// From so many seeds on every required path must have been gone.
const SEEDS_FOR_COVERAGE: u64 = 500;

/// How much of the trace is shown.
const TRACE_LINES_SHOWN: usize = 400;
const TRACE_COLUMNS: usize = 240;

struct Options {
    seeds: u64,
    start: u64,
    seed: Option<u64>,
    minutes: Option<u64>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!(
                "{wrong}\nusage: tabwire-simulation [--seeds N] [--start S] [--minutes M] | --seed S"
            );
            return ExitCode::from(2);
        }
    };
    match options.seed {
        Some(seed) => replay(seed),
        None => run_many(&options),
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        seeds: 200,
        start: 1,
        seed: None,
        minutes: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        let value: u64 = value.ok_or_else(|| format!("{flag}: a number follows"))?;
        match flag.as_str() {
            "--seeds" => options.seeds = value,
            "--start" => options.start = value,
            "--seed" => options.seed = Some(value),
            "--minutes" => options.minutes = Some(value),
            _ => return Err(format!("{flag}: there is no such option")),
        }
    }
    Ok(options)
}

fn replay(seed: u64) -> ExitCode {
    let ran = world::run(seed, true);
    for line in ran.trace.iter().rev().take(TRACE_LINES_SHOWN).rev() {
        println!("{}", line.chars().take(TRACE_COLUMNS).collect::<String>());
    }
    println!("seed {seed}: {} steps, {:?}", ran.steps, ran.swarm);
    match ran.failure {
        Some(failure) => {
            println!("seed {seed} fails: {failure}");
            ExitCode::FAILURE
        }
        None => {
            println!("seed {seed} holds");
            ExitCode::SUCCESS
        }
    }
}

/// What all threads add to.
#[derive(Default)]
struct Total {
    seeds: u64,
    steps: u64,
    fewest_steps: Option<u64>,
    simulated_ms: u64,
    applied: u64,
    coverage: Coverage,
}

fn run_many(options: &Options) -> ExitCode {
    let began = Instant::now();
    let ends = options
        .minutes
        .map(|minutes| began + Duration::from_secs(60 * minutes));
    let next = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let total = Mutex::new(Total::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let found = FOUND.len() as u64;
                    let seed = match FOUND.get(index as usize) {
                        Some(seed) => *seed,
                        None => options.start + index - found,
                    };
                    let over = match ends {
                        Some(ends) => Instant::now() >= ends,
                        None => index >= found + options.seeds,
                    };
                    if over {
                        break;
                    }
                    let ran = world::run(seed, false);
                    if let Some(failure) = ran.failure
                        && !failed.swap(true, Ordering::Relaxed)
                    {
                        println!("seed {seed} fails: {failure}");
                        println!("replay it: cargo xtask sim --seed {seed}");
                    }
                    let mut total = total.lock().expect("no thread panics with it");
                    total.seeds += 1;
                    total.steps += ran.steps;
                    total.fewest_steps = Some(
                        total
                            .fewest_steps
                            .map_or(ran.steps, |fewest| fewest.min(ran.steps)),
                    );
                    total.simulated_ms += ran.simulated.0;
                    total.applied += ran.applied;
                    total.coverage.merge(&ran.coverage);
                }
            });
        }
    });
    let total = total.into_inner().expect("no thread panicked");
    println!(
        "{} seeds, {} steps (fewest in a seed: {}), {} simulated hours, {} events applied, {:.1} s",
        total.seeds,
        total.steps,
        total.fewest_steps.unwrap_or(0),
        total.simulated_ms / 3_600_000,
        total.applied,
        began.elapsed().as_secs_f64(),
    );
    if failed.into_inner() {
        return ExitCode::FAILURE;
    }
    println!("{}", total.coverage.lines().collect::<Vec<_>>().join(", "));
    let missed = total.coverage.missed();
    if total.seeds >= SEEDS_FOR_COVERAGE && !missed.is_empty() {
        println!("paths that no seed went: {missed:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
