//! What a person is shown of a run that failed, or that is replayed.

use std::process::ExitCode;

use crate::{
    plan::{Failure, Plan, Ran},
    shrink, world,
};

/// How much of the trace is shown.
const TRACE_LINES_SHOWN: usize = 400;
const TRACE_LINES_SHOWN_OF_MANY: usize = 60;
const TRACE_COLUMNS: usize = 200;

/// Runs a plan again, and shows what happens in it.
pub(crate) fn replay(plan: &Plan) -> ExitCode {
    let ran = world::run(plan, true);
    show(&ran, TRACE_LINES_SHOWN);
    println!(
        "seed {}: {} steps, {:?}",
        plan.seed, ran.effective, ran.swarm
    );
    match &ran.failure {
        Some(failure) if plan.faults.is_none() => failed(plan, failure),
        Some(failure) => {
            say(plan, failure);
            ExitCode::FAILURE
        }
        None => {
            println!("seed {} holds", plan.seed);
            ExitCode::SUCCESS
        }
    }
}

/// Shows a failure, and the least that it takes.
pub(crate) fn failed(plan: &Plan, failure: &Failure) -> ExitCode {
    say(plan, failure);
    let least = shrink::shrink(plan, failure.promise);
    let ran = world::run(&least, true);
    println!("the least that breaks the same promise:");
    show(&ran, TRACE_LINES_SHOWN_OF_MANY);
    for fault in &ran.faults {
        println!("fault {}: {:?}", fault.index, fault.fault);
    }
    println!("{:?}", ran.swarm);
    if let Some(failure) = &ran.failure {
        say(&least, failure);
    }
    ExitCode::FAILURE
}

pub(crate) fn say(plan: &Plan, Failure { promise, broken }: &Failure) {
    println!("seed {} fails: {promise:?}: {broken}", plan.seed);
    println!("replay it: {}", plan.command());
}

fn show(ran: &Ran, lines: usize) {
    for line in ran.trace.iter().rev().take(lines).rev() {
        println!("{}", line.chars().take(TRACE_COLUMNS).collect::<String>());
    }
}
