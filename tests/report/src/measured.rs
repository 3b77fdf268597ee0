//! What was measured: lines of JSON, one for one run of one setting on one subject.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// A line of a file with results.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What `cargo xtask bench` calls it.
    pub bench: String,
    /// Which of its settings; may be empty.
    pub setting: String,
    /// Who was measured.
    pub who: String,
    /// Figures, by name with their unit.
    pub figures: BTreeMap<String, f64>,
}

/// The rounds of one figure, in one setting, of one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle one.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// How many there were.
    pub rounds: usize,
}

/// All results.
#[derive(Debug, Default)]
pub struct Measured {
    lines: Vec<Line>,
}

impl Measured {
    /// Reads lines of JSON.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().enumerate().map(|(number, text)| {
            let line: Line =
                serde_json::from_str(text).with_context(|| format!("line {}", number + 1))?;
            for (name, figure) in &line.figures {
                ensure!(
                    figure.is_finite(),
                    "line {}: {name} is {figure}",
                    number + 1
                );
            }
            Ok(line)
        });
        Ok(Self {
            lines: lines.collect::<Result<_>>()?,
        })
    }

    /// The lines in the order in which they were measured.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether there is anything of a bench.
    pub fn has(&self, bench: &str) -> bool {
        self.lines.iter().any(|line| line.bench == bench)
    }

    /// The settings of a bench, in the order in which they were measured.
    pub fn settings(&self, bench: &str) -> Vec<&str> {
        let mut settings: Vec<&str> = Vec::new();
        for line in self.lines.iter().filter(|line| line.bench == bench) {
            if !settings.contains(&line.setting.as_str()) {
                settings.push(&line.setting);
            }
        }
        settings
    }

    /// Who was measured in a setting, in that order.
    pub fn subjects(&self, bench: &str, setting: &str) -> Vec<&str> {
        let mut subjects: Vec<&str> = Vec::new();
        let lines = self.lines.iter();
        for line in lines.filter(|line| line.bench == bench && line.setting == setting) {
            if !subjects.contains(&line.who.as_str()) {
                subjects.push(&line.who);
            }
        }
        subjects
    }

    /// A figure over all rounds.
    pub fn summary(&self, bench: &str, setting: &str, who: &str, figure: &str) -> Option<Summary> {
        let lines = self.lines.iter();
        let of =
            lines.filter(|line| line.bench == bench && line.setting == setting && line.who == who);
        summarise(
            of.filter_map(|line| line.figures.get(figure).copied())
                .collect(),
        )
    }
}

fn summarise(mut rounds: Vec<f64>) -> Option<Summary> {
    rounds.sort_unstable_by(f64::total_cmp);
    let (min, max) = (*rounds.first()?, *rounds.last()?);
    let middle = rounds.len() / 2;
    let median = match rounds.len() % 2 {
        0 => f64::midpoint(rounds[middle - 1], rounds[middle]),
        _ => rounds[middle],
    };
    Some(Summary {
        median,
        min,
        max,
        rounds: rounds.len(),
    })
}

/// A file of results in which the lines of one bench are replaced by others.
pub fn replaced(text: &str, bench: &str, found: &str) -> Result<String> {
    let found = found.trim_end();
    let theirs = Measured::parse(found).context("what was found")?;
    ensure!(!theirs.lines.is_empty(), "{bench} found nothing");
    if let Some(line) = theirs.lines.iter().find(|line| line.bench != bench) {
        anyhow::bail!("{bench} wrote a line of {}", line.bench);
    }
    let mut lines = Vec::new();
    for line in text.lines() {
        let parsed: Line = serde_json::from_str(line)?;
        if parsed.bench != bench {
            lines.push((parsed.bench, line));
        }
    }
    lines.extend(found.lines().map(|line| (bench.to_owned(), line)));
    // One order whatever was measured last; within a bench as it was measured.
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(lines.iter().map(|(_, line)| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_two_lies_between_them() {
        let two = summarise(vec![3.0, 1.0]).expect("there are some");
        assert_eq!(
            (two.min, two.median, two.max, two.rounds),
            (1.0, 2.0, 3.0, 2)
        );
        let three = summarise(vec![3.0, 1.0, 1.5]).expect("there are some");
        assert_eq!(three.median, 1.5);
        assert_eq!(summarise(Vec::new()), None);
    }

    #[test]
    fn a_run_of_a_bench_replaces_its_lines_and_keeps_those_of_others() {
        let line = |bench: &str, ms: f64| {
            format!(r#"{{"bench":"{bench}","setting":"","who":"a","figures":{{"ms":{ms:?}}}}}"#)
        };
        let before = format!("{}\n{}\n", line("idle", 1.0), line("takeover", 2.0));
        let after = replaced(&before, "idle", &line("idle", 3.0)).expect("it is of that bench");
        assert_eq!(
            after,
            format!("{}\n{}\n", line("idle", 3.0), line("takeover", 2.0))
        );
        assert!(replaced(&before, "idle", "").is_err(), "nothing was found");
        assert!(replaced(&before, "idle", &line("connect", 3.0)).is_err());
    }

    #[test]
    fn a_line_of_another_shape_is_refused() {
        for wrong in [
            "{}",
            r#"{"workload":"idle","setting":"","who":"a","figures":{}}"#,
            r#"{"bench":"idle","setting":"","who":"a","figures":{"ms":null}}"#,
        ] {
            assert!(Measured::parse(wrong).is_err(), "{wrong}");
        }
    }
}
