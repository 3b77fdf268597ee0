//! What the hot steps cost, as a test: `tests/cost` takes them one by one, callgrind counts, and `counts.txt` says what there is to be.
//!
//! A count does not depend on how fast or busy a machine is. It does depend on the compiler, so that is written down too. What
//! libc does is left out, because its `memcpy` is another one on another processor; that it is called for memory is counted by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::chain;
use crate::run::{cmd, root};
use crate::setup::{self, Need};

/// How much more or less than recorded a step may cost. Allocations are exact.
const TOLERANCE_PERCENT: u64 = 3;
/// How often a step is taken while it is counted.
const TIMES: f64 = 100.0;
const COUNTS: &str = "tests/cost/counts.txt";
/// The function in which everything is counted.
const COUNTED: &str = "tabwire_cost::tabwire_cost_counted";
const PROGRAM: &str = "tabwire-cost";
const ALLOCATING: [&str; 5] = [
    "malloc",
    "calloc",
    "realloc",
    "aligned_alloc",
    "posix_memalign",
];

/// What a step costs when it is taken 100 times.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    instructions: u64,
    allocations: u64,
}

/// In the order in which they are recorded.
type Costs = Vec<(String, Cost)>;

/// What has been recorded, and with which compiler.
#[derive(Debug, PartialEq)]
struct Record {
    compiler: String,
    costs: Costs,
}

/// Fails when the counts were recorded with another compiler: then they say nothing about the code.
pub(crate) fn comparable() -> Result<()> {
    let (recorded, here) = (read()?.compiler, compiler()?);
    ensure!(
        recorded == here,
        "{COUNTS} was recorded with\n    {recorded}\nand this is\n    {here}\n\
        Test with that compiler. Or go over to this one: on a commit that passed, run `cargo xtask cost --record` and commit the file.",
    );
    Ok(())
}

/// Fails when a step costs more than was recorded, and also when it costs less: only what is written down can be lost again.
pub(crate) fn compare() -> Result<()> {
    let costs = count_all(&chain::steps()?)?;
    let deviations = deviations(&read()?.costs, &costs);
    if deviations.is_empty() {
        return Ok(());
    }
    bail!(
        "the cost of steps is not what {COUNTS} says:\n  {}\n\
        Where a step spends it: `callgrind_annotate {}`. If it is meant to be dearer, or is cheaper: `cargo xtask cost --record`, and \
        commit the file together with what changed it.",
        deviations.join("\n  "),
        profile_of("<step>")?.display(),
    )
}

/// Prints what each step costs, and writes it down when told to.
pub(crate) fn cost(record: bool) -> Result<()> {
    setup::ensure(&[Need::Valgrind])?;
    let program = chain::steps()?;
    let costs = count_all(&program)?;
    if !record {
        return Ok(());
    }
    for (step, first) in &costs {
        let again = count(&program, step)?;
        ensure!(
            again == *first,
            "{step} costs {first:?}, and the next time {again:?}: a step must do the same each time, or it can't be recorded"
        );
    }
    let record = Record {
        compiler: compiler()?,
        costs,
    };
    fs::write(root().join(COUNTS), record.to_text())
        .with_context(|| format!("writing {COUNTS}"))?;
    println!("\n{COUNTS} is written: commit it.");
    Ok(())
}

fn compiler() -> Result<String> {
    let version = cmd("rustc").arg("-vV").read()?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    let name = version.lines().next().unwrap_or_default();
    Ok(format!("{name} {host}"))
}

fn read() -> Result<Record> {
    let text = fs::read_to_string(root().join(COUNTS))
        .with_context(|| format!("reading {COUNTS}, which `cargo xtask cost --record` writes"))?;
    Record::parse(&text).with_context(|| format!("{COUNTS} is damaged"))
}

fn count_all(program: &Path) -> Result<Costs> {
    let steps = cmd(program).read()?;
    println!(
        "\n{:<44}{:>14}{:>14}",
        "each time", "instructions", "allocations"
    );
    let count = |step: &str| {
        let cost = count(program, step)?;
        let each = |count: u64| count as f64 / TIMES;
        println!(
            "{step:<44}{:>14.0}{:>14.2}",
            each(cost.instructions),
            each(cost.allocations)
        );
        Ok((step.to_owned(), cost))
    };
    steps.lines().map(count).collect()
}

fn count(program: &Path, step: &str) -> Result<Cost> {
    let profile = profile_of(step)?;
    let folder = profile.parent().context("a profile is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    cmd("valgrind")
        .args(["--tool=callgrind", "--combine-dumps=no"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--zero-before={COUNTED}"))
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .arg(step)
        .read()?;
    // The first dump is made when the function is left; what follows is of no interest.
    let first = profile.with_extension("out.1");
    fs::rename(&first, &profile)
        .with_context(|| format!("callgrind has seen no {COUNTED} in {step}"))?;
    let text = fs::read_to_string(&profile).context("reading callgrind's profile")?;
    let cost = cost_in(&text).with_context(|| format!("reading {}", profile.display()))?;
    ensure!(cost.instructions > 0, "{step} does nothing");
    Ok(cost)
}

/// Where the profile of a step's last count is.
fn profile_of(step: &str) -> Result<PathBuf> {
    Ok(chain::target()?.join("cost").join(format!("{step}.out")))
}

/// What our own program spent, and how often it asked for memory, by a profile in callgrind's format.
fn cost_in(profile: &str) -> Result<Cost> {
    let mut cost = Cost {
        instructions: 0,
        allocations: 0,
    };
    let (mut ours, mut callee, mut is_call) = (false, "", false);
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            ours = Path::new(object).ends_with(PROGRAM);
        } else if let Some(function) = line.strip_prefix("cfn=") {
            callee = function;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            // The line after this one says what the callee spent: that stands under its own name, too.
            is_call = true;
            if ours && ALLOCATING.contains(&callee.trim_start_matches("__libc_")) {
                cost.allocations += first_number(calls)?;
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let is_callees = std::mem::take(&mut is_call);
            if ours && !is_callees {
                let (_line, spent) = line.split_once(' ').context("a line without a count")?;
                cost.instructions += first_number(spent)?;
            }
        }
    }
    Ok(cost)
}

fn first_number(text: &str) -> Result<u64> {
    let number = text.split(' ').next().unwrap_or_default();
    number
        .parse()
        .with_context(|| format!("{text:?} begins with no number"))
}

/// What differs, in words.
fn deviations(recorded: &Costs, now: &Costs) -> Vec<String> {
    let recorded: BTreeMap<_, _> = recorded.iter().cloned().collect();
    let known: BTreeMap<_, _> = now.iter().cloned().collect();
    let gone = recorded.keys().filter(|step| !known.contains_key(*step));
    let gone = gone.map(|step| format!("{step}: there is no such step any more"));
    let changed = now.iter().filter_map(|(step, cost)| {
        let Some(before) = recorded.get(step) else {
            return Some(format!("{step}: it has not been recorded"));
        };
        let (was, is) = (before.instructions, cost.instructions);
        let mut words = Vec::new();
        if is.abs_diff(was) * 100 > was * TOLERANCE_PERCENT {
            words.push(format!(
                "{:.0} instructions instead of {:.0} ({:+.1} %, and {TOLERANCE_PERCENT} are allowed)",
                is as f64 / TIMES,
                was as f64 / TIMES,
                (is as f64 / was as f64 - 1.0) * 100.0,
            ));
        }
        if before.allocations != cost.allocations {
            words.push(format!(
                "{:.2} allocations instead of {:.2}",
                cost.allocations as f64 / TIMES,
                before.allocations as f64 / TIMES,
            ));
        }
        (!words.is_empty()).then(|| format!("{step}: {}", words.join(", ")))
    });
    gone.chain(changed).collect()
}

impl Record {
    fn to_text(&self) -> String {
        let mut text = format!(
            "# What the hot steps cost, taken 100 times each: instructions of our own code, and allocations.\n\
            # Written by `cargo xtask cost --record`. CONTRIBUTING.md says when.\n\
            compiler: {}\n",
            self.compiler
        );
        for (step, cost) in &self.costs {
            let Cost {
                instructions,
                allocations,
            } = cost;
            writeln!(text, "{step:<44}{instructions:>12}{allocations:>8}")
                .expect("a string takes everything");
        }
        text
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines
            .next()
            .and_then(|line| line.strip_prefix("compiler: "))
            .context("the first line names no compiler")?;
        let cost = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [step, instructions, allocations] = words[..] else {
                bail!("{line:?} is not a step and two numbers");
            };
            let cost = Cost {
                instructions: first_number(instructions)?,
                allocations: first_number(allocations)?,
            };
            Ok((step.to_owned(), cost))
        };
        Ok(Self {
            compiler: compiler.to_owned(),
            costs: lines.map(cost).collect::<Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(of: &[(&str, u64, u64)]) -> Costs {
        let cost = |(step, instructions, allocations): &(&str, u64, u64)| {
            let cost = Cost {
                instructions: *instructions,
                allocations: *allocations,
            };
            ((*step).to_owned(), cost)
        };
        of.iter().map(cost).collect()
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let record = Record {
            compiler: "rustc 1.95.0 (59807616e 2026-04-14) x86_64-unknown-linux-gnu".to_owned(),
            costs: costs(&[("server/one", 123_456, 100), ("client/two", 7, 0)]),
        };
        assert_eq!(
            Record::parse(&record.to_text()).expect("it is whole"),
            record
        );
        for damaged in ["", "server/one 1 2\n", "compiler: rustc\nserver/one 1\n"] {
            assert!(Record::parse(damaged).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn a_step_may_cost_3_percent_more_or_less_but_no_other_allocation() {
        let recorded = costs(&[("a", 100_000, 100)]);
        for (instructions, allocations, passes) in [
            (103_000, 100, true),
            (97_000, 100, true),
            (103_100, 100, false),
            (96_900, 100, false),
            (100_000, 101, false),
            (100_000, 99, false),
        ] {
            let now = costs(&[("a", instructions, allocations)]);
            assert_eq!(
                deviations(&recorded, &now).is_empty(),
                passes,
                "{instructions} {allocations}"
            );
        }
    }

    #[test]
    fn a_deviation_names_the_step_and_both_counts() {
        let recorded = costs(&[("a", 100_000, 100), ("gone", 1, 0), ("same", 1, 0)]);
        let now = costs(&[("a", 150_000, 200), ("same", 1, 0), ("new", 1, 0)]);
        assert_eq!(
            deviations(&recorded, &now),
            [
                "gone: there is no such step any more",
                "a: 1500 instructions instead of 1000 (+50.0 %, and 3 are allowed), 2.00 allocations instead of 1.00",
                "new: it has not been recorded",
            ]
        );
    }

    #[test]
    fn of_a_profile_only_our_own_instructions_and_requests_for_memory_count() {
        let profile = "\
version: 1
events: Ir
summary: 999

ob=/target/release/tabwire-cost
fl=???
fn=tabwire_cost::step
12 30
cob=/lib/libc.so.6
cfi=???
cfn=malloc
calls=4 0
12 500
13 7
cfn=tabwire_cost::inner
calls=1 0
13 5

fn=tabwire_cost::inner
20 5

ob=/lib/libc.so.6
fn=malloc
0 400
cfn=malloc
calls=9 0
0 100

totals: 999
";
        let cost = cost_in(profile).expect("it is whole");
        assert_eq!((cost.instructions, cost.allocations), (42, 4));
    }
}
