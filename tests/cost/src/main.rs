//! Takes one step, for a program that counts instructions. Without a name it lists the steps.

use std::{env, process::ExitCode};

use tabwire_cost::{Step, tabwire_cost_counted};

fn main() -> ExitCode {
    let Some(name) = env::args().nth(1) else {
        Step::all().for_each(|step| println!("{}", step.name));
        return ExitCode::SUCCESS;
    };
    let Some(step) = Step::all().find(|step| step.name == name) else {
        eprintln!("there is no step {name}");
        return ExitCode::FAILURE;
    };
    let mut work = step.prepare();
    tabwire_cost_counted(&mut work);
    ExitCode::SUCCESS
}
