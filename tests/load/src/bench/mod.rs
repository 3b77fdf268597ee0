//! What servers are put through: the list of benches, whom each compares, and what a run of one finds.

mod connect;
mod fanout;
mod idle;
mod saturation;

use std::{collections::BTreeMap, fmt::Write as _, pin::Pin};

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::{peer::Peer, scale::Scale};

/// A way to put load on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bench {
    /// A shop of 1,000, 20 events a second
    Fanout,
    /// A shop of 5,000, as fast as it goes
    Saturation,
    /// What a session costs that nothing happens in
    Idle,
    /// How many log in per second
    Connect,
}

impl Bench {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whom it compares: all of them, and those that a quick run makes do with.
    fn compares(self) -> (&'static [Peer], &'static [Peer]) {
        use Peer::{
            Bare, Kernel, Nchan, NchanRedis, SocketIo, SocketIoRedis, Tabwire, TabwireRedis,
        };
        match self {
            Self::Fanout => (
                &[
                    Tabwire,
                    TabwireRedis,
                    Nchan,
                    NchanRedis,
                    SocketIo,
                    SocketIoRedis,
                    Bare,
                    Kernel,
                ],
                &[Tabwire, TabwireRedis, Nchan, Kernel],
            ),
            Self::Saturation => (
                &[Tabwire, TabwireRedis, Nchan, SocketIo, Bare, Kernel],
                &[Tabwire, Nchan, Kernel],
            ),
            Self::Idle => (
                &[Tabwire, TabwireRedis, Nchan, SocketIo, Bare],
                &[Tabwire, Nchan],
            ),
            Self::Connect => (
                &[Tabwire, TabwireRedis, SocketIo, Nchan],
                &[Tabwire, SocketIo],
            ),
        }
    }

    pub(crate) fn peers(self, scale: Scale) -> &'static [Peer] {
        let (all, few) = self.compares();
        scale.pick(all, few, &[Peer::Tabwire])
    }

    pub(crate) fn run(
        self,
        peer: Peer,
        scale: Scale,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Found>>>>> {
        match self {
            Self::Fanout => Box::pin(fanout::run(peer, scale)),
            Self::Saturation => Box::pin(saturation::run(peer, scale)),
            Self::Idle => Box::pin(idle::run(peer, scale)),
            Self::Connect => Box::pin(connect::run(peer, scale)),
        }
    }
}

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
