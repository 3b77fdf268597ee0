//! When and on what it was measured. A run may have measured some of the benches only, so there may be several.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// What is known of a run, whatever it measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The day, as 2026-12-31.
    pub date: String,
    /// The commit that was measured.
    pub commit: String,
    /// Whether it was short: fewer rounds, shorter ones.
    pub quick: bool,
    /// Whatever a reader must know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Processor, cores, memory, kernel: in words.
    pub machine: BTreeMap<String, String>,
    /// Versions by program.
    pub versions: BTreeMap<String, String>,
}

/// A run, with those of its results that no later one has replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What is known of it.
    #[serde(flatten)]
    pub facts: Facts,
    /// The seconds that each bench took.
    pub seconds: BTreeMap<String, u64>,
}

/// Reads a file of runs.
pub fn parse(text: &str) -> Result<Vec<Run>> {
    serde_json::from_str(text).context("the file of runs")
}

/// Writes it.
pub fn format(runs: &[Run]) -> String {
    let text = serde_json::to_string_pretty(runs).expect("maps of strings are JSON");
    text + "\n"
}

/// Adds what a bench took in a run. It is no part of any other run from then on.
pub fn add(runs: &mut Vec<Run>, facts: &Facts, bench: &str, seconds: u64) {
    for run in runs.iter_mut() {
        run.seconds.remove(bench);
    }
    match runs.iter_mut().find(|run| run.facts == *facts) {
        Some(run) => {
            run.seconds.insert(bench.to_owned(), seconds);
        }
        None => runs.push(Run {
            facts: facts.clone(),
            seconds: [(bench.to_owned(), seconds)].into(),
        }),
    }
    runs.retain(|run| !run.seconds.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(commit: &str) -> Facts {
        Facts {
            date: "2026-01-01".into(),
            commit: commit.into(),
            quick: false,
            note: None,
            machine: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }

    #[test]
    fn a_bench_belongs_to_the_run_that_measured_it_last() {
        let mut runs = Vec::new();
        add(&mut runs, &facts("one"), "idle", 10);
        add(&mut runs, &facts("one"), "connect", 20);
        add(&mut runs, &facts("two"), "idle", 30);
        let of = |run: &Run| (run.facts.commit.clone(), run.seconds.clone());
        assert_eq!(
            runs.iter().map(of).collect::<Vec<_>>(),
            [
                ("one".into(), [("connect".into(), 20)].into()),
                ("two".into(), [("idle".into(), 30)].into()),
            ]
        );
        add(&mut runs, &facts("two"), "connect", 40);
        assert_eq!(runs.len(), 1, "nothing of the first is left");
        assert_eq!(parse(&format(&runs)).expect("it was just written"), runs);
    }
}
