//! How a figure grows with something, on logarithmic scales: points, their spread, and the straight line fitted through them.

use super::{Anchor, MARGIN, Plot, WIDTH, of_kind, scale::Scale, width_of};
use crate::{
    fit::Fit,
    measured::Summary,
    names::{Figure, Kind},
    number::{number, signed, whole},
    place::better,
};

const TOP: f64 = 74.0;
const PLANE: f64 = 200.0;
const LEFT: f64 = 66.0;
const AXIS: f64 = 56.0;
/// What is less than this apart, is not to look as if it grew much.
const AT_LEAST: f64 = 10.0;
/// Between the labels of two lines that end side by side.
const APART: f64 = 18.0;

/// The points of a subject.
pub(crate) struct Series {
    pub(crate) key: &'static str,
    pub(crate) label: String,
    pub(crate) kind: Kind,
    pub(crate) points: Vec<(f64, Summary)>,
}

pub(crate) fn draw(series: &[Series], figure: &Figure, what: &str, rounds: &str) -> Plot {
    let mut title = figure.heading();
    title[..1].make_ascii_uppercase();
    let mut note = vec![rounds, "both scales logarithmic", "line: least squares"];
    note.extend(better(figure));
    let mut plot = Plot::new(&title, &format!("by {what}"), &note);
    let right = WIDTH - MARGIN - width_of(series.iter().map(|series| series.label.as_str())) - 64.0;
    let bottom = TOP + PLANE;
    let points = || series.iter().flat_map(|series| &series.points);
    let (first, last) = points().fold((f64::INFINITY, 0.0_f64), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    // Half a step of room on both sides.
    let room = (last / first).max(2.0).powf(0.06);
    let across = Scale::between(first / room, last * room, LEFT, right);
    let lowest = points().map(|(_, y)| y.min).fold(f64::INFINITY, f64::min);
    let highest = points().map(|(_, y)| y.max).fold(0.0, f64::max);
    let widen = (AT_LEAST / (highest / lowest)).max(1.2).sqrt();
    let up = Scale::log(lowest / widen, highest * widen, bottom, TOP);

    for (value, text) in up.ticks() {
        plot.line((LEFT, up.at(value)), (right, up.at(value)), "grid");
        plot.text(LEFT - 10.0, up.at(value) + 4.0, "tick", Anchor::End, &text);
    }
    let mut steps: Vec<f64> = points().map(|(x, _)| *x).collect();
    steps.sort_unstable_by(f64::total_cmp);
    steps.dedup();
    for x in &steps {
        plot.line(
            (across.at(*x), bottom),
            (across.at(*x), bottom + 5.0),
            "axis",
        );
        plot.text(
            across.at(*x),
            bottom + 20.0,
            "tick",
            Anchor::Middle,
            &whole(&format!("{x:.0}")),
        );
    }
    plot.line((LEFT, bottom), (right, bottom), "axis");
    plot.text(
        f64::midpoint(LEFT, right),
        bottom + 42.0,
        "tick",
        Anchor::Middle,
        what,
    );

    let mut ends = Vec::new();
    let mut said = Vec::new();
    for (shape, series) in series.iter().enumerate() {
        let kind = of_kind(series.kind);
        let line: Vec<(f64, f64)> = series.points.iter().map(|(x, y)| (*x, y.median)).collect();
        if let (Some(fit), Some(first), Some(last)) = (Fit::of(&line), line.first(), line.last()) {
            let at = |x: f64| (across.at(x), up.at(fit.at(x)));
            plot.line(at(first.0), at(last.0), &format!("fit-{kind}"));
        }
        for (x, y) in &series.points {
            let x = across.at(*x);
            if y.min < y.max {
                plot.spread((x, up.at(y.min)), (x, up.at(y.max)));
            }
            plot.mark(x, up.at(y.median), shape, &format!("mark-{kind}"));
        }
        ends.push(line.last().map_or(bottom, |(_, y)| up.at(*y)));
        let numbers = line
            .iter()
            .map(|(x, y)| format!("{} at {}", number(*y), whole(&format!("{x:.0}"))));
        said.push(format!(
            "{}: {}",
            series.label,
            numbers.collect::<Vec<_>>().join(", ")
        ));
    }
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by(|one, other| ends[*one].total_cmp(&ends[*other]));
    let mut free = f64::NEG_INFINITY;
    for index in order {
        let y = ends[index].max(free);
        let weight = if series[index].kind == Kind::Ours {
            "strong"
        } else {
            ""
        };
        match exponent(&series[index]) {
            Some(exponent) => plot.power(
                right + 12.0,
                y + 4.5,
                weight,
                &format!("{}  ~ n", series[index].label),
                &exponent,
            ),
            None => plot.text(
                right + 12.0,
                y + 4.5,
                weight,
                Anchor::Start,
                &series[index].label,
            ),
        }
        free = y + APART;
    }
    plot.height = bottom + AXIS;
    plot.description = format!("{title}, by {what}. {}.", said.join("; "));
    plot
}

/// How steep the line is.
fn exponent(series: &Series) -> Option<String> {
    let line: Vec<(f64, f64)> = series.points.iter().map(|(x, y)| (*x, y.median)).collect();
    Some(signed(Fit::of(&line)?.exponent))
}
