//! Pictures as SVG, written by hand: what is drawn is lines, bars and words, and each of them has a reason.
//!
//! Two themes of each, since a page may be light or dark; both bring their background, so that neither is unreadable where it was not
//! meant to be. No meaning is in a colour alone. Coordinates have one decimal: same numbers, same bytes.

pub(crate) mod bars;
pub(crate) mod curve;
mod scale;
pub(crate) mod spans;

use std::fmt::Write as _;

use crate::names::Kind;

/// As wide as a page of GitHub's is at least.
const WIDTH: f64 = 760.0;
const MARGIN: f64 = 18.0;
/// What a letter of a label is wide at most, on average: nobody knows the reader's font.
const LETTER: f64 = 7.3;

/// Colours.
#[derive(Clone, Copy)]
pub(crate) struct Theme {
    paper: &'static str,
    ink: &'static str,
    muted: &'static str,
    grid: &'static str,
    ours: &'static str,
    peer: &'static str,
}

/// On GitHub's light background.
pub(crate) const LIGHT: Theme = Theme {
    paper: "#ffffff",
    ink: "#1f2328",
    muted: "#59636e",
    grid: "#e4e8ec",
    ours: "#0969da",
    peer: "#a3abb4",
};

/// On its dark one.
pub(crate) const DARK: Theme = Theme {
    paper: "#0d1117",
    ink: "#f0f6fc",
    muted: "#9198a1",
    grid: "#262c36",
    ours: "#4493f8",
    peer: "#656c76",
};

/// A picture without its colours.
pub(crate) struct Plot {
    pub(crate) width: f64,
    height: f64,
    title: String,
    /// What it shows, for those who don't see it.
    pub(crate) description: String,
    body: String,
}

#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Plot {
    /// With a heading that says of what it is, and a line that says how to read it.
    fn new(title: &str, of: &str, note: &[&str]) -> Self {
        let mut plot = Self {
            width: WIDTH,
            height: 0.0,
            title: format!("{title}: {of}"),
            description: String::new(),
            body: String::new(),
        };
        let (title, of) = (escaped(title), escaped(of));
        let _ = writeln!(
            plot.body,
            "<text x=\"{MARGIN:.1}\" y=\"30.0\" class=\"title\">{title}<tspan class=\"of\" dx=\"10\">{of}</tspan></text>"
        );
        plot.text(MARGIN, 50.0, "note", Anchor::Start, &note.join(" · "));
        plot
    }

    fn text(&mut self, x: f64, y: f64, class: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\"{anchor}>{text}</text>"
        );
    }

    /// A word with something above it to the right.
    fn power(&mut self, x: f64, y: f64, class: &str, text: &str, exponent: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}<tspan dy=\"-5\" class=\"exponent\">{exponent}</tspan></text>"
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" class=\"{class}\"/>"
        );
    }

    fn rect(&mut self, at: (f64, f64), size: (f64, f64), class: &str) {
        let ((x, y), (width, height)) = (at, size);
        let _ = writeln!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>"
        );
    }

    /// From the lowest to the highest, with ends that can be seen; lying or standing.
    fn spread(&mut self, from: (f64, f64), to: (f64, f64)) {
        const CAP: f64 = 4.0;
        let (x, y) = match (to.0 - from.0).abs() > (to.1 - from.1).abs() {
            true => (0.0, CAP),
            false => (CAP, 0.0),
        };
        let mut path = format!("M{:.1} {:.1}L{:.1} {:.1}", from.0, from.1, to.0, to.1);
        for end in [from, to] {
            let _ = write!(
                path,
                "M{:.1} {:.1}L{:.1} {:.1}",
                end.0 - x,
                end.1 - y,
                end.0 + x,
                end.1 + y
            );
        }
        // Once in the colour of the paper, so that it can be seen on a bar.
        for class in ["halo", "spread"] {
            let _ = writeln!(self.body, "<path d=\"{path}\" class=\"{class}\"/>");
        }
    }

    /// A mark in one of several shapes.
    fn mark(&mut self, x: f64, y: f64, shape: usize, class: &str) {
        let path = match shape {
            0 => format!("M{:.1} {y:.1}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z", x - 5.0),
            1 => format!("M{:.1} {:.1}h9v9h-9Z", x - 4.5, y - 4.5),
            2 => format!("M{x:.1} {:.1}l5.5 9.5h-11Z", y - 6.0),
            _ => format!("M{x:.1} {:.1}l6 6l-6 6l-6 -6Z", y - 6.0),
        };
        let _ = writeln!(self.body, "<path d=\"{path}\" class=\"{class}\"/>");
    }

    /// The picture in these colours.
    pub(crate) fn svg(&self, theme: &Theme) -> String {
        let Theme {
            paper,
            ink,
            muted,
            grid,
            ours,
            peer,
        } = theme;
        let (width, height) = (self.width, self.height);
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title description\">
<title id=\"title\">{title}</title>
<desc id=\"description\">{description}</desc>
<style>
text {{ font: 13px -apple-system, \"Segoe UI\", \"Noto Sans\", Helvetica, Arial, sans-serif; font-variant-numeric: tabular-nums; fill: {ink} }}
.title {{ font-size: 15px; font-weight: 600 }}
.of {{ font-size: 13px; font-weight: 400 }}
.note, .tick {{ font-size: 12px; fill: {muted} }}
.exponent {{ font-size: 10.5px }}
.strong {{ font-weight: 600 }}
.muted {{ fill: {muted} }}
.grid {{ stroke: {grid} }}
.axis {{ stroke: {muted} }}
.ours {{ fill: {ours} }}
.peer {{ fill: {peer} }}
.floor {{ fill: {paper}; stroke: {muted}; stroke-dasharray: 3 2 }}
.mark-ours {{ fill: {ours}; stroke: {ours}; stroke-width: 1.5 }}
.mark-peer {{ fill: {paper}; stroke: {ink}; stroke-width: 1.5 }}
.mark-floor {{ fill: {paper}; stroke: {muted}; stroke-width: 1.5 }}
.fit-ours {{ stroke: {ours}; stroke-width: 1.5 }}
.fit-peer {{ stroke: {muted}; stroke-width: 1.5; stroke-dasharray: 6 4 }}
.fit-floor {{ stroke: {muted}; stroke-width: 1.5; stroke-dasharray: 2 3 }}
.halo {{ fill: none; stroke: {paper}; stroke-width: 4 }}
.spread {{ fill: none; stroke: {ink}; stroke-width: 1.5 }}
</style>
<rect width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>
{}</svg>
",
            self.body
        )
    }
}

fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Ours => "ours",
        Kind::Peer => "peer",
        Kind::Floor => "floor",
    }
}

/// What labels need at most.
fn width_of<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    labels
        .map(|label| label.chars().count() as f64 * LETTER)
        .fold(0.0, f64::max)
}

/// Text as XML has it.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
