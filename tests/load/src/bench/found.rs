//! A line of the results, as those read it who make a report of them.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::Bench;
use crate::peer::Peer;

/// What a bench found on a peer.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    bench: Bench,
    /// Which of its settings.
    setting: String,
    who: Peer,
    /// Figures, by name with their unit.
    figures: BTreeMap<&'static str, f64>,
}

impl Found {
    pub(crate) fn new(
        bench: Bench,
        setting: &str,
        who: Peer,
        figures: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> Self {
        Self {
            bench,
            setting: setting.to_owned(),
            who,
            figures: figures.into_iter().collect(),
        }
    }

    /// A figure that is none.
    pub(crate) fn nonsense(&self) -> Option<&'static str> {
        let mut figures = self.figures.iter();
        figures.find_map(|(name, figure)| (!figure.is_finite()).then_some(*name))
    }

    /// For whoever watches.
    pub(crate) fn line(&self) -> String {
        let (bench, who) = (self.bench.name(), self.who.title());
        let mut line = format!("{bench:16} {who:24} {:20}", self.setting);
        for (name, figure) in &self.figures {
            let _ = write!(line, "  {name} {figure:.2}");
        }
        line
    }
}
