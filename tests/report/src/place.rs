//! What stands in a template where a number, a table or a picture comes: the first word says what, the others what of.
//!
//! | placeholder | becomes |
//! |---|---|
//! | `value BENCH SETTING FIGURE WHO` | the median with its unit |
//! | `ratio BENCH SETTING FIGURE WHO OTHER` | who's median divided by the other's |
//! | `across BENCH FIGURE WHO SETTING OTHER` | the same subject's median in one setting divided by that in another |
//! | `versus BENCH FIGURE SETTING WHO SETTING OTHER` | one subject's median in one setting divided by another's in another |
//! | `added BENCH FIGURE WHO SETTING OTHER` | by how much a subject's median in one setting is above that in another, with its unit |
//! | `table BENCH SETTING FIGURE…` | a row for each subject: medians, the lowest and highest of the rounds, the first figure divided by tabwire's |
//! | `bars BENCH SETTING FIGURE "of what"` | a picture of the same |
//! | `spans BENCH SETTING FIGURE… "of what"` | a picture in which each subject's figures are marks on one line |
//! | `curve BENCH FIGURE "what grows"` | a picture of a bench whose settings are numbers, with fitted lines |
//! | `growth BENCH FIGURE WHO "what grows" LIMIT` | a sentence: how many times as much of it costs how many times as much, the fitted exponent, whether that is within the limit |
//! | `budget value BENCH SETTING FIGURE WHO LIMIT` | two cells: what was measured, and whether it is within the limit |
//! | `budget ratio BENCH SETTING FIGURE WHO OTHER LIMIT` | the same of a ratio |
//! | `runs` | tables of when, on what and with which versions all of this was measured |
//! | `when-and-where` | the same in a few words |
//!
//! The setting `*` is all settings of the bench.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    fit::Fit,
    measured::{Measured, Summary},
    names::{self, Better, Figure},
    number::{number, rounded, signed, times, whole},
    plot::{self, Plot, bars, curve, spans},
    run::Run,
};

const NOT_MEASURED: &str = "*not measured*";
/// How far above its limit a fitted exponent may be: it is measured too.
const EXPONENT_TOLERANCE: f64 = 0.05;
/// How many figures a table has room for with the spread beside them.
const NARROW: usize = 3;
/// Where pictures are, seen from the page.
const PICTURES: &str = "benchmarks";

/// Fills placeholders, and remembers what they used.
pub struct Fill<'a> {
    measured: &'a Measured,
    runs: &'a [Run],
    used: BTreeSet<(String, String, String)>,
    /// Pictures by file name.
    pub plots: BTreeMap<String, String>,
}

/// What there is of a part of a template.
pub(crate) struct Part {
    pub(crate) is_measured: bool,
    /// Titles of those who should have been measured.
    pub(crate) missing: Vec<&'static str>,
}

/// What was measured of what has a limit. Compared is what is written: `5.00` is within 5.
pub(crate) struct Budget {
    shown: String,
    /// Whether it is within the limit.
    pub(crate) holds: Option<bool>,
}

impl Part {
    /// What the page says of what it has not.
    pub(crate) fn note(&self, bench: &str) -> String {
        match (self.is_measured, &self.missing[..]) {
            (false, _) => format!("\nNot measured yet: `cargo xtask bench {bench}`.\n"),
            (true, []) => String::new(),
            (true, missing) => format!("\n**Not measured in this run:** {}.\n", missing.join("; ")),
        }
    }
}

impl<'a> Fill<'a> {
    /// With nothing used.
    pub fn new(measured: &'a Measured, runs: &'a [Run]) -> Self {
        Self {
            measured,
            runs,
            used: BTreeSet::new(),
            plots: BTreeMap::new(),
        }
    }

    /// Fails when something was measured that no placeholder has used.
    pub fn all_used(&self) -> Result<()> {
        let mut unused = BTreeSet::new();
        for line in self.measured.lines() {
            for figure in line.figures.keys() {
                let key = (line.bench.clone(), line.setting.clone(), figure.clone());
                if !self.used.contains(&key) {
                    unused.insert(format!("{} \"{}\" {figure}", line.bench, line.setting));
                }
            }
        }
        ensure!(
            unused.is_empty(),
            "no placeholder uses {}",
            unused.into_iter().collect::<Vec<_>>().join(", ")
        );
        Ok(())
    }

    /// What there is of a bench that should compare these.
    pub(crate) fn part(&self, bench: &str, subjects: &[&str]) -> Result<Part> {
        let bench = names::bench(bench)?;
        let lines = self
            .measured
            .lines()
            .iter()
            .filter(|line| line.bench == bench);
        let there: BTreeSet<&str> = lines.map(|line| line.who.as_str()).collect();
        let mut missing = Vec::new();
        for who in subjects {
            let subject = names::subject(bench, who)?;
            if !there.contains(who) {
                missing.push(subject.title);
            }
        }
        Ok(Part {
            is_measured: !there.is_empty(),
            missing,
        })
    }

    /// What comes where these words stand. Several lines, or a text for within one.
    pub(crate) fn place(&mut self, words: &[&str]) -> Result<String> {
        match words {
            ["value", bench, setting, figure, who] => self.value(bench, setting, figure, who),
            ["ratio", bench, setting, figure, who, other] => {
                let ratio = self.ratio(bench, setting, figure, who, other)?;
                Ok(ratio.map_or_else(|| NOT_MEASURED.into(), times))
            }
            ["across", bench, figure, who, setting, other] => {
                self.place(&["versus", bench, figure, setting, who, other, who])
            }
            ["versus", bench, figure, setting, who, other, whom] => {
                let one = self.summary(bench, setting, figure, who)?;
                let other = self.summary(bench, other, figure, whom)?;
                let ratio = one.zip(other).map(|(one, other)| one.median / other.median);
                Ok(ratio.map_or_else(|| NOT_MEASURED.into(), times))
            }
            ["added", bench, figure, who, setting, other] => {
                let one = self.summary(bench, setting, figure, who)?;
                let other = self.summary(bench, other, figure, who)?;
                let added = one.zip(other).map(|(one, other)| one.median - other.median);
                let figure = names::figure(figure)?;
                Ok(added.map_or_else(|| NOT_MEASURED.into(), |added| with_unit(figure, added)))
            }
            ["table", bench, setting, figures @ ..] if !figures.is_empty() => {
                self.table(bench, setting, figures)
            }
            ["bars", bench, setting, figure, of] => self.bars(bench, setting, figure, of),
            ["spans", bench, setting, figures @ .., of] if figures.len() > 1 => {
                self.spans(bench, setting, figures, of)
            }
            ["curve", bench, figure, what] => self.curve(bench, figure, what),
            ["growth", bench, figure, who, what, limit] => {
                self.growth(bench, figure, who, what, limit.parse()?)
            }
            ["budget", budget @ ..] => {
                let Budget { shown, holds } = self.budget(budget)?;
                let verdict = match holds {
                    Some(true) => "holds",
                    Some(false) => "**does not hold**",
                    None => "–",
                };
                Ok(format!("{shown} | {verdict}"))
            }
            ["runs"] => Ok(self.tables_of_runs()),
            ["when-and-where"] => self.when_and_where(),
            [name, ..] => bail!("there is no placeholder {name} with these words"),
            [] => bail!("a placeholder is empty"),
        }
    }

    fn summary(
        &mut self,
        bench: &str,
        setting: &str,
        figure: &str,
        who: &str,
    ) -> Result<Option<Summary>> {
        names::bench(bench)?;
        names::figure(figure)?;
        names::subject(bench, who)?;
        let key = [bench, setting, figure].map(str::to_owned);
        self.used.insert(key.into());
        Ok(self.measured.summary(bench, setting, who, figure))
    }

    fn value(&mut self, bench: &str, setting: &str, figure: &str, who: &str) -> Result<String> {
        let found = self.summary(bench, setting, figure, who)?;
        let figure = names::figure(figure)?;
        Ok(found.map_or_else(
            || NOT_MEASURED.into(),
            |found| with_unit(figure, found.median),
        ))
    }

    fn ratio(
        &mut self,
        bench: &str,
        setting: &str,
        figure: &str,
        who: &str,
        other: &str,
    ) -> Result<Option<f64>> {
        let who = self.summary(bench, setting, figure, who)?;
        let other = self.summary(bench, setting, figure, other)?;
        Ok(who.zip(other).map(|(who, other)| who.median / other.median))
    }

    /// A budget, by the words behind `budget`.
    pub(crate) fn budget(&mut self, words: &[&str]) -> Result<Budget> {
        match words {
            ["value", bench, setting, figure, who, limit] => {
                let limit: f64 = limit.parse()?;
                let found = self.summary(bench, setting, figure, who)?;
                Ok(Budget {
                    shown: self.value(bench, setting, figure, who)?,
                    holds: found.map(|found| rounded(found.median) <= limit),
                })
            }
            ["ratio", bench, setting, figure, who, other, limit] => {
                let limit: f64 = limit.parse()?;
                let ratio = self.ratio(bench, setting, figure, who, other)?;
                let of = names::subject(bench, other)?.title;
                Ok(Budget {
                    shown: ratio.map_or_else(
                        || NOT_MEASURED.into(),
                        |ratio| format!("{} of {of}", times(ratio)),
                    ),
                    holds: ratio.map(|ratio| rounded(ratio) <= limit),
                })
            }
            words => bail!("there is no budget with the words {}", words.join(" ")),
        }
    }

    /// The settings that are meant: those of the bench, or the one.
    fn settings(&self, bench: &str, setting: &str) -> Vec<String> {
        let settings = match setting {
            "*" => self.measured.settings(bench),
            _ => vec![setting],
        };
        settings.into_iter().map(str::to_owned).collect()
    }

    /// Who was measured in a setting, in the order of all tables.
    fn subjects(&self, bench: &str, setting: &str) -> Result<Vec<&'static names::Subject>> {
        let mut subjects = self.measured.subjects(bench, setting);
        subjects.sort_by_key(|who| names::rank(who));
        subjects
            .into_iter()
            .map(|who| names::subject(bench, who))
            .collect()
    }

    fn table(&mut self, bench: &str, setting: &str, figures: &[&str]) -> Result<String> {
        let settings = self.settings(bench, setting);
        if settings
            .iter()
            .all(|setting| self.measured.subjects(bench, setting).is_empty())
        {
            return Ok(NOT_MEASURED.into());
        }
        let (mut compares, mut has_names) = (false, settings.len() == 1);
        for setting in &settings {
            let subjects = self.subjects(bench, setting)?;
            // Where each setting has one subject, it is the settings that are compared.
            has_names |= subjects.len() > 1;
            let has_reference = subjects.iter().any(|who| who.key == names::REFERENCE);
            compares |= has_reference && subjects.len() > 1;
        }
        let (mut head, mut rule) = (String::from("|"), String::from("|"));
        let mut column = |title: &str, align: &str| {
            let _ = write!(head, " {title} |");
            rule += align;
        };
        if settings.len() > 1 {
            column("", "---|");
        }
        if has_names {
            column("", "---|");
        }
        for figure in figures {
            column(&names::figure(figure)?.heading(), "---:|");
        }
        if compares {
            column("÷ tabwire", "---:|");
        }
        let mut table = format!("{head}\n{rule}\n");
        for setting in &settings {
            for (index, who) in self.subjects(bench, setting)?.into_iter().enumerate() {
                table.push('|');
                if settings.len() > 1 {
                    let shown = if index == 0 {
                        whole(setting)
                    } else {
                        String::new()
                    };
                    let _ = write!(table, " {shown} |");
                }
                match who.kind {
                    _ if !has_names => {}
                    names::Kind::Ours => write!(table, " **{}** |", who.title)?,
                    _ => write!(table, " {} |", who.title)?,
                }
                for name in figures {
                    let found = self.summary(bench, setting, name, who.key)?;
                    let figure = names::figure(name)?;
                    let shown = found.map_or_else(
                        || "–".into(),
                        |found| with_spread(figure, found, figures.len() > NARROW),
                    );
                    let _ = write!(table, " {shown} |");
                }
                if compares {
                    let ratio =
                        self.ratio(bench, setting, figures[0], who.key, names::REFERENCE)?;
                    let shown = ratio.map_or_else(|| "–".into(), times);
                    let _ = write!(table, " {shown} |");
                }
                table.push('\n');
            }
        }
        Ok(table)
    }

    fn bars(&mut self, bench: &str, setting: &str, name: &str, of: &str) -> Result<String> {
        let figure = names::figure(name)?;
        let settings = self.settings(bench, setting);
        let mut groups = Vec::new();
        for setting in &settings {
            let mut rows = Vec::new();
            for who in self.subjects(bench, setting)? {
                let Some(found) = self.summary(bench, setting, name, who.key)? else {
                    continue;
                };
                let ratio = self.ratio(bench, setting, name, who.key, names::REFERENCE)?;
                rows.push(bars::Row {
                    label: who.title.into(),
                    kind: who.kind,
                    shown: shown(figure, found),
                    ratio,
                });
            }
            let title = (settings.len() > 1).then(|| whole(setting));
            groups.push(bars::Group { title, rows });
        }
        let Some(groups) = bars::tidied(groups) else {
            return Ok(String::new());
        };
        let plot = bars::draw(&groups, figure, of, &self.rounds(bench));
        self.keep(&file_name(&[bench, setting, name]), plot)
    }

    fn spans(&mut self, bench: &str, setting: &str, figures: &[&str], of: &str) -> Result<String> {
        let mut rows = Vec::new();
        for who in self.subjects(bench, setting)? {
            let mut marks = Vec::new();
            for name in figures {
                let found = self.summary(bench, setting, name, who.key)?;
                marks.extend(found.map(|found| found.median));
            }
            if marks.len() == figures.len() {
                rows.push(spans::Row {
                    label: who.title.into(),
                    kind: who.kind,
                    marks,
                });
            }
        }
        if rows.is_empty() {
            return Ok(String::new());
        }
        let known: Vec<&Figure> = figures
            .iter()
            .map(|name| names::figure(name))
            .collect::<Result<_>>()?;
        let plot = spans::draw(&rows, &known, of, &self.rounds(bench));
        self.keep(&file_name(&[bench, setting, figures[0]]), plot)
    }

    /// The points of a bench whose settings are numbers, by subject.
    fn points(&mut self, bench: &str, name: &str) -> Result<Vec<curve::Series>> {
        let mut series: Vec<curve::Series> = Vec::new();
        for setting in self.settings(bench, "*") {
            let x = setting
                .parse::<f64>()
                .ok()
                .filter(|x| *x > 0.0)
                .with_context(|| {
                    format!("{bench}: the setting {setting} is no number above zero")
                })?;
            for who in self.subjects(bench, &setting)? {
                let Some(found) = self.summary(bench, &setting, name, who.key)? else {
                    continue;
                };
                ensure!(
                    found.min > 0.0,
                    "{bench} {setting}: {name} is {}",
                    found.min
                );
                let known = series.iter().position(|series| series.key == who.key);
                let at = known.unwrap_or_else(|| {
                    series.push(curve::Series {
                        key: who.key,
                        label: who.title.into(),
                        kind: who.kind,
                        points: Vec::new(),
                    });
                    series.len() - 1
                });
                series[at].points.push((x, found));
            }
        }
        for series in &mut series {
            series
                .points
                .sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        series.sort_by_key(|series| names::rank(series.key));
        Ok(series)
    }

    fn curve(&mut self, bench: &str, name: &str, what: &str) -> Result<String> {
        let series = self.points(bench, name)?;
        if series.is_empty() {
            return Ok(String::new());
        }
        let plot = curve::draw(&series, names::figure(name)?, what, &self.rounds(bench));
        self.keep(&file_name(&[bench, name]), plot)
    }

    fn growth(
        &mut self,
        bench: &str,
        name: &str,
        who: &str,
        what: &str,
        limit: f64,
    ) -> Result<String> {
        let figure = names::figure(name)?;
        names::subject(bench, who)?;
        let series = self.points(bench, name)?;
        let own = series.into_iter().find(|series| series.key == who);
        let points = own.map(|series| series.points).unwrap_or_default();
        let line: Vec<(f64, f64)> = points.iter().map(|(x, y)| (*x, y.median)).collect();
        let (Some(fit), Some(first), Some(last)) = (Fit::of(&line), line.first(), line.last())
        else {
            return Ok(NOT_MEASURED.into());
        };
        let error = fit
            .error
            .map_or_else(String::new, |error| format!(" ± {error:.2}"));
        let verdict = match fit.exponent <= limit + EXPONENT_TOLERANCE {
            true if limit == 0.0 => "it does not grow",
            true => "linear or better",
            false if limit == 0.0 => "**it grows**",
            false => "**worse than linear**",
        };
        Ok(format!(
            "From {} to {} {what}, {} times as many, {} becomes {} times as high (fitted exponent {}{error} over {} steps: {verdict})",
            number_of(first.0),
            number_of(last.0),
            plain(last.0 / first.0),
            figure.title,
            times(last.1 / first.1),
            signed(fit.exponent),
            line.len(),
        ))
    }

    /// How many rounds a bench had, in words.
    fn rounds(&self, bench: &str) -> String {
        let mut counts = BTreeSet::new();
        for setting in self.measured.settings(bench) {
            for who in self.measured.subjects(bench, setting) {
                let lines = self.measured.lines().iter();
                let own = lines.filter(|line| {
                    line.bench == bench && line.setting == setting && line.who == who
                });
                counts.insert(own.count());
            }
        }
        match (counts.first(), counts.last()) {
            (Some(1), Some(1)) => "one round".into(),
            (Some(few), Some(many)) if few == many => format!("median of {many} rounds"),
            (Some(few), Some(many)) => format!("median of {few} to {many} rounds"),
            _ => String::new(),
        }
    }

    /// The picture in both themes, and how the page shows it.
    fn keep(&mut self, name: &str, plot: Plot) -> Result<String> {
        for (theme, file) in [
            (plot::LIGHT, format!("{name}.svg")),
            (plot::DARK, format!("{name}-dark.svg")),
        ] {
            let before = self.plots.insert(file, plot.svg(&theme));
            ensure!(before.is_none(), "there are two pictures {name}");
        }
        let (alt, width) = (plot::escaped(&plot.description), plot.width);
        Ok(format!(
            "<picture>\n<source media=\"(prefers-color-scheme: dark)\" srcset=\"{PICTURES}/{name}-dark.svg\">\n\
             <img src=\"{PICTURES}/{name}.svg\" width=\"{width}\" alt=\"{alt}\">\n</picture>\n"
        ))
    }

    fn tables_of_runs(&self) -> String {
        let mut text = String::new();
        for run in self.runs {
            let facts = &run.facts;
            let short = if facts.quick {
                ", short (`--quick`)"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "| {}, commit `{}`{short} | |\n|---|---|",
                facts.date, facts.commit
            );
            for (name, value) in &facts.machine {
                let _ = writeln!(text, "| {name} | {value} |");
            }
            let versions = facts
                .versions
                .iter()
                .map(|(name, version)| format!("{name} {version}"));
            let _ = writeln!(
                text,
                "| versions | {} |",
                versions.collect::<Vec<_>>().join(", ")
            );
            let benches = run
                .seconds
                .iter()
                .map(|(bench, seconds)| format!("{bench} {seconds}"));
            let _ = writeln!(
                text,
                "| seconds it took | {} |",
                benches.collect::<Vec<_>>().join(", ")
            );
            if let Some(note) = &facts.note {
                let _ = writeln!(text, "| note | {note} |");
            }
            text.push('\n');
        }
        text
    }

    fn when_and_where(&self) -> Result<String> {
        let dates: BTreeSet<&str> = self
            .runs
            .iter()
            .map(|run| run.facts.date.as_str())
            .collect();
        let cpus: BTreeSet<&str> = self
            .runs
            .iter()
            .filter_map(|run| run.facts.machine.get("processor").map(String::as_str))
            .collect();
        let when = match (dates.first(), dates.last()) {
            (Some(first), Some(last)) if first == last => format!("Measured on {first}"),
            (Some(first), Some(last)) => format!("Measured from {first} to {last}"),
            _ => return Ok("Not measured yet".into()),
        };
        let quick = if self.runs.iter().any(|run| run.facts.quick) {
            ", in short rounds"
        } else {
            ""
        };
        Ok(format!(
            "{when} on {}{quick}",
            cpus.into_iter().collect::<Vec<_>>().join(" and ")
        ))
    }
}

fn shown(figure: &Figure, found: Summary) -> Summary {
    Summary {
        median: figure.shown(found.median),
        min: figure.shown(found.min),
        max: figure.shown(found.max),
        rounds: found.rounds,
    }
}

fn with_unit(figure: &Figure, value: f64) -> String {
    let value = number(figure.shown(value));
    match figure.unit {
        "" => value,
        unit => format!("{value} {unit}"),
    }
}

/// The spread stands below the median where there is no room beside it.
fn with_spread(figure: &Figure, found: Summary, below: bool) -> String {
    let found = shown(figure, found);
    let [median, min, max] = [found.median, found.min, found.max].map(number);
    match below {
        _ if min == max => median,
        true => format!("{median}<br><sub>{min}–{max}</sub>"),
        false => format!("{median} ({min}–{max})"),
    }
}

/// A count, as it is.
fn number_of(count: f64) -> String {
    whole(&format!("{count:.0}"))
}

/// `15`, `2.5`.
fn plain(value: f64) -> String {
    match value {
        value if (value - value.round()).abs() < 0.05 => number_of(value),
        value => format!("{value:.1}"),
    }
}

/// Words of which a file is named.
fn file_name(words: &[&str]) -> String {
    let mut name = String::new();
    for letter in words.join("-").chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() => name.push(letter.to_ascii_lowercase()),
            '*' => {}
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.trim_matches('-').replace("--", "-")
}

/// What is better, in words.
pub(crate) fn better(figure: &Figure) -> Option<&'static str> {
    match figure.better {
        Better::Less => Some("less is better"),
        Better::More => Some("more is better"),
        Better::Neither => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_what_they_show() {
        assert_eq!(
            file_name(&["fanout", "200 B", "p50_ms"]),
            "fanout-200-b-p50-ms"
        );
        assert_eq!(file_name(&["idle", "", "kib"]), "idle-kib");
        assert_eq!(file_name(&["modules", "*", "p99_ms"]), "modules-p99-ms");
    }
}
