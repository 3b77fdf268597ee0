//! One figure of several subjects: a bar from zero each, or, when they are far apart, a mark on a logarithmic line.

use super::{Anchor, MARGIN, Plot, WIDTH, of_kind, scale::Scale, width_of};
use crate::{
    measured::Summary,
    names::{Figure, Kind},
    number::{number, times},
    place::better,
};

const TOP: f64 = 88.0;
const ROW: f64 = 28.0;
const BAR: f64 = 14.0;
const MARK: f64 = 12.0;
const GROUP: f64 = 30.0;
const VALUE: f64 = 74.0;
const RATIO: f64 = 76.0;
const AXIS: f64 = 34.0;

/// A subject.
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) kind: Kind,
    pub(crate) shown: Summary,
    /// To tabwire.
    pub(crate) ratio: Option<f64>,
}

/// Subjects in one setting.
pub(crate) struct Group {
    pub(crate) title: Option<String>,
    pub(crate) rows: Vec<Row>,
}

/// Settings with one subject each become rows of one group. `None` when there is nothing.
pub(crate) fn tidied(groups: Vec<Group>) -> Option<Vec<Group>> {
    let groups: Vec<Group> = groups
        .into_iter()
        .filter(|group| !group.rows.is_empty())
        .collect();
    if groups.is_empty() {
        return None;
    }
    if groups.len() == 1 || groups.iter().any(|group| group.rows.len() > 1) {
        return Some(groups);
    }
    let rows = groups.into_iter().flat_map(|group| {
        let title = group.title;
        group.rows.into_iter().map(move |row| Row {
            label: title.clone().unwrap_or_else(|| row.label.clone()),
            ratio: None,
            ..row
        })
    });
    Some(vec![Group {
        title: None,
        rows: rows.collect(),
    }])
}

pub(crate) fn draw(groups: &[Group], figure: &Figure, of: &str, rounds: &str) -> Plot {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let has_ratio = rows().any(|row| row.ratio.is_some_and(|ratio| ratio != 1.0));
    let left = MARGIN + width_of(rows().map(|row| row.label.as_str())) + 14.0;
    let right = WIDTH - MARGIN - VALUE - if has_ratio { RATIO } else { 0.0 };
    let values = rows().flat_map(|row| [row.shown.min, row.shown.max]);
    let scale = Scale::of(values, left, right);

    let spread = |row: &Row| scale.at(row.shown.max) - scale.at(row.shown.min);
    let narrowest = if scale.is_log() { MARK } else { 0.0 };
    let has_spread = rows().any(|row| spread(row) > narrowest);
    let mut note = vec![rounds];
    note.extend(has_spread.then_some("the thin line goes from the lowest to the highest"));
    note.extend(scale.is_log().then_some("logarithmic scale"));
    note.extend(better(figure));
    let mut plot = Plot::new(&heading(figure), of, &note);
    let unit = figure.unit;
    plot.text(right + VALUE, TOP - 14.0, "tick", Anchor::End, unit);
    if has_ratio {
        plot.text(
            right + VALUE + RATIO,
            TOP - 14.0,
            "tick",
            Anchor::End,
            "÷ tabwire",
        );
    }
    let titles = groups.iter().filter(|group| group.title.is_some()).count() as f64;
    let bottom = TOP + rows().count() as f64 * ROW + titles * GROUP;
    for (value, text) in scale.ticks() {
        let x = scale.at(value);
        plot.line((x, TOP - 4.0), (x, bottom), "grid");
        plot.text(x, bottom + 18.0, "tick", Anchor::Middle, &text);
    }
    let mut y = TOP;
    let mut said = Vec::new();
    for group in groups {
        if let Some(title) = &group.title {
            plot.text(MARGIN, y + 20.0, "note strong", Anchor::Start, title);
            y += GROUP;
        }
        for row in &group.rows {
            plot.row(row, &scale, (left, right), y + ROW / 2.0, has_ratio);
            let value = format!("{} {} {unit}", row.label, number(row.shown.median));
            let value = value.trim_end();
            said.push(match &group.title {
                Some(title) => format!("{title}: {value}"),
                None => value.to_owned(),
            });
            y += ROW;
        }
    }
    plot.line((left, TOP - 4.0), (left, bottom), "axis");
    plot.height = bottom + AXIS;
    plot.description = format!("{}, {of}: {}.", heading(figure), said.join("; "));
    plot
}

fn heading(figure: &Figure) -> String {
    let mut heading = figure.heading();
    heading[..1].make_ascii_uppercase();
    heading
}

impl Plot {
    fn row(
        &mut self,
        row: &Row,
        scale: &Scale,
        (left, right): (f64, f64),
        y: f64,
        has_ratio: bool,
    ) {
        let (weight, kind) = (
            if row.kind == Kind::Ours { "strong" } else { "" },
            of_kind(row.kind),
        );
        self.text(left - 12.0, y + 4.5, weight, Anchor::End, &row.label);
        let [at, min, max] =
            [row.shown.median, row.shown.min, row.shown.max].map(|value| scale.at(value));
        match scale.is_log() {
            true => self.line((left, y), (at, y), "grid"),
            false => self.rect((left, y - BAR / 2.0), (at - left, BAR), kind),
        }
        // A mark hides what is narrower than itself.
        let narrowest = if scale.is_log() { MARK } else { 0.0 };
        if max - min > narrowest {
            self.spread((min, y), (max, y));
        }
        if scale.is_log() {
            self.mark(at, y, shape(row.kind), &format!("mark-{kind}"));
        }
        self.text(
            right + VALUE,
            y + 4.5,
            weight,
            Anchor::End,
            &number(row.shown.median),
        );
        if has_ratio && let Some(ratio) = row.ratio {
            self.text(
                right + VALUE + RATIO,
                y + 4.5,
                "muted",
                Anchor::End,
                &times(ratio),
            );
        }
    }
}

fn shape(kind: Kind) -> usize {
    match kind {
        Kind::Ours => 0,
        Kind::Peer => 1,
        Kind::Floor => 3,
    }
}
