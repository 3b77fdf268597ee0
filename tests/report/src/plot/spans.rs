//! Several figures of one kind on one line for each subject: how long half of them, nearly all and all but the rarest take.

use super::{Anchor, MARGIN, Plot, WIDTH, of_kind, scale::Scale, width_of};
use crate::{
    names::{Figure, Kind},
    number::number,
    place::better,
};

const TOP: f64 = 100.0;
const ROW: f64 = 32.0;
const VALUE: f64 = 62.0;
const AXIS: f64 = 34.0;

/// A subject.
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) kind: Kind,
    /// One for each figure.
    pub(crate) marks: Vec<f64>,
}

pub(crate) fn draw(rows: &[Row], figures: &[&Figure], of: &str, rounds: &str) -> Plot {
    let left = MARGIN + width_of(rows.iter().map(|row| row.label.as_str())) + 14.0;
    let right = WIDTH - MARGIN - VALUE * figures.len() as f64;
    let all = rows.iter().flat_map(|row| row.marks.iter().copied());
    let (lowest, highest) = (
        all.clone().fold(f64::INFINITY, f64::min),
        all.fold(0.0, f64::max),
    );
    let scale = Scale::log(lowest, highest, left, right);
    let unit = figures[0].unit;
    let titles: Vec<&str> = figures.iter().map(|figure| figure.title).collect();
    let title = format!("From publishing to delivery, {unit}");
    let mut note = vec![rounds, "logarithmic scale"];
    note.extend(better(figures[0]));
    let mut plot = Plot::new(&title, of, &note);
    let bottom = TOP + rows.len() as f64 * ROW;
    for (value, text) in scale.ticks() {
        plot.line(
            (scale.at(value), TOP - 4.0),
            (scale.at(value), bottom),
            "grid",
        );
        plot.text(
            scale.at(value),
            bottom + 18.0,
            "tick",
            Anchor::Middle,
            &text,
        );
    }
    // Which mark is which is said by its shape, above its own column of numbers.
    for (index, figure) in figures.iter().enumerate() {
        let x = right + VALUE * (index + 1) as f64;
        plot.mark(x - 6.0, TOP - 30.0, index, "mark-peer");
        plot.text(
            x,
            TOP - 12.0,
            "tick",
            Anchor::End,
            figure.title.trim_end_matches(" within"),
        );
    }
    let mut said = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + (index as f64 + 0.5) * ROW;
        let weight = if row.kind == Kind::Ours { "strong" } else { "" };
        plot.text(left - 12.0, y + 4.5, weight, Anchor::End, &row.label);
        let at: Vec<f64> = row.marks.iter().map(|mark| scale.at(*mark)).collect();
        plot.line(
            (at[0], y),
            (at[at.len() - 1], y),
            &format!("fit-{}", of_kind(row.kind)),
        );
        for (shape, x) in at.iter().enumerate() {
            plot.mark(*x, y, shape, &format!("mark-{}", of_kind(row.kind)));
        }
        for (column, mark) in row.marks.iter().enumerate() {
            let x = right + VALUE * (column + 1) as f64;
            plot.text(x, y + 4.5, weight, Anchor::End, &number(*mark));
        }
        let numbers: Vec<String> = row.marks.iter().map(|mark| number(*mark)).collect();
        said.push(format!("{} {}", row.label, numbers.join(", ")));
    }
    plot.height = bottom + AXIS;
    plot.description = format!("{title}, {of}, {}: {}.", titles.join(", "), said.join("; "));
    plot
}
