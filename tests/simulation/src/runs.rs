//! Many seeds on all cores, and what they add up to.

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    coverage::Coverage,
    plan::{Failure, Plan},
    report, world,
};

/// Seeds that found a bug once, and the bug: they run first. Each names its run for as long as nobody draws otherwise.
const FOUND: &[(u64, &str)] = &[
    (
        228,
        "a leader whose timers come a minute late never found its socket dead",
    ),
    (
        604,
        "a clock set forward made the server refuse every command",
    ),
    (
        820,
        "two devices in one group handed the lead over to each other for ever",
    ),
    (
        6007,
        "a tab that missed a new leader's status never asked who leads",
    ),
    (
        1857,
        "a tab that missed that its leader connected never asked for what it lacked",
    ),
    (358, "a token that named another user was never given up"),
    (
        2650,
        "a clock set back made the next leader wait for ten minutes",
    ),
    (
        108,
        "a clock set back while the page hung made commands expire",
    ),
    (
        1749,
        "a tab that waited to queue again did not watch its leader",
    ),
];
/// From so many seeds on every required path must have been gone.
const SEEDS_FOR_COVERAGE: u64 = 500;
/// A seed that runs for longer than this does not come to an end.
const SEED_LASTS_MAX: Duration = Duration::from_secs(30);

/// Which seeds to run.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) seeds: u64,
    pub(crate) minutes: Option<u64>,
    pub(crate) without: Vec<String>,
    /// Goes on after a seed that fails, and only lists it.
    pub(crate) lists: bool,
}

/// What all threads add to.
#[derive(Default)]
struct Total {
    seeds: u64,
    steps: u64,
    fewest: Option<u64>,
    simulated_ms: u64,
    applied: u64,
    coverage: Coverage,
    failures: u64,
    failure: Option<(Plan, Failure)>,
}

struct Runs<'a> {
    range: &'a Range,
    ends: Option<Instant>,
    next: AtomicU64,
    over: AtomicBool,
    total: Mutex<Total>,
    /// What each thread runs, and since when.
    running: Vec<Mutex<Option<(u64, Instant)>>>,
}

/// Runs seeds until they are over, or until one fails.
pub(crate) fn run(range: &Range) -> ExitCode {
    let began = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let runs = Runs {
        range,
        ends: (range.minutes).map(|minutes| began + Duration::from_secs(60 * minutes)),
        next: AtomicU64::new(0),
        over: AtomicBool::new(false),
        total: Mutex::default(),
        running: (0..threads).map(|_| Mutex::new(None)).collect(),
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (runs.running.iter())
            .map(|running| scope.spawn(|| runs.work(running)))
            .collect();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            runs.watch();
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    let total = runs.total.into_inner().expect("no thread panicked");
    println!(
        "{} seeds, {} steps (fewest in a seed: {}), {} simulated hours, {} events applied, {:.1} s",
        total.seeds,
        total.steps,
        total.fewest.unwrap_or(0),
        total.simulated_ms / 3_600_000,
        total.applied,
        began.elapsed().as_secs_f64(),
    );
    if let Some((plan, failure)) = total.failure.filter(|_| !range.lists) {
        return report::failed(&plan, &failure);
    }
    println!("{}", total.coverage.lines().collect::<Vec<_>>().join(", "));
    if total.failures > 0 {
        println!("{} seeds fail", total.failures);
        return ExitCode::FAILURE;
    }
    let missed = total.coverage.missed();
    if total.seeds >= SEEDS_FOR_COVERAGE && !missed.is_empty() {
        println!("paths that no seed went: {missed:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

impl Runs<'_> {
    fn work(&self, running: &Mutex<Option<(u64, Instant)>>) {
        while let Some(seed) = self.next_seed() {
            *running.lock().expect("no thread panics with it") = Some((seed, Instant::now()));
            let plan = Plan {
                seed,
                without: self.range.without.clone(),
                ..Plan::default()
            };
            let ran = world::run(&plan, false);
            *running.lock().expect("no thread panics with it") = None;
            let mut total = self.total.lock().expect("no thread panics with it");
            total.seeds += 1;
            total.steps += ran.effective;
            let fewest = total.fewest.get_or_insert(ran.effective);
            *fewest = ran.effective.min(*fewest);
            total.simulated_ms += ran.simulated.0;
            total.applied += ran.applied;
            total.coverage.merge(&ran.coverage);
            let Some(failure) = ran.failure else { continue };
            if let Some((_, bug)) = FOUND.iter().find(|(found, _)| *found == seed) {
                println!("seed {seed} found before: {bug}");
            }
            if self.range.lists {
                report::say(&plan, &failure);
            } else {
                self.over.store(true, Ordering::Relaxed);
            }
            total.failures += 1;
            total.failure.get_or_insert((plan, failure));
        }
    }

    fn next_seed(&self) -> Option<u64> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let found = FOUND.len() as u64;
        let over = match self.ends {
            Some(ends) => Instant::now() >= ends,
            None => index >= found + self.range.seeds,
        };
        if over || self.over.load(Ordering::Relaxed) {
            return None;
        }
        Some(match FOUND.get(index as usize) {
            Some((seed, _)) => *seed,
            None => self.range.start + index - found,
        })
    }

    /// A machine that never returns cannot be stopped: the process ends with it.
    fn watch(&self) {
        for running in &self.running {
            let running = *running.lock().expect("no thread panics with it");
            if let Some((seed, since)) = running
                && since.elapsed() > SEED_LASTS_MAX
            {
                println!(
                    "seed {seed} fails: End: it has run for {} s",
                    SEED_LASTS_MAX.as_secs()
                );
                println!("replay it: cargo xtask sim --seed {seed}");
                std::process::exit(1);
            }
        }
    }
}
