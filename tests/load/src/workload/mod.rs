//! What servers are put through.

mod connect;
mod fanout;
mod idle;
mod saturation;

use std::{collections::BTreeMap, fmt::Write as _, pin::Pin};

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::peer::Peer;

/// A way to put load on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// A shop of 1,000, 20 events a second
    Fanout,
    /// A shop of 5,000, as fast as it goes
    Saturation,
    /// What a session costs that nothing happens in
    Idle,
    /// How many log in per second
    Connect,
}

/// What a workload found on a peer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) workload: Workload,
    /// Which of its settings.
    pub(crate) setting: String,
    pub(crate) peer: Peer,
    /// Figures, by name with their unit.
    pub(crate) figures: BTreeMap<String, f64>,
}

impl Found {
    pub(crate) fn new<const N: usize>(
        workload: Workload,
        setting: &str,
        peer: Peer,
        figures: [(&str, f64); N],
    ) -> Self {
        Self {
            workload,
            setting: setting.to_owned(),
            peer,
            figures: figures
                .into_iter()
                .map(|(name, figure)| (name.to_owned(), figure))
                .collect(),
        }
    }

    /// For whoever watches.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "{:10} {:24} {:18}",
            self.workload.name(),
            self.peer.title(),
            self.setting
        );
        for (name, figure) in &self.figures {
            let _ = write!(line, "  {name} {figure:.2}");
        }
        line
    }
}

impl Workload {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whom it compares.
    pub(crate) fn peers(self) -> &'static [Peer] {
        use Peer::{
            Bare, Kernel, Nchan, NchanRedis, SocketIo, SocketIoRedis, Tabwire, TabwireRedis,
        };
        match self {
            Self::Fanout => &[
                Tabwire,
                TabwireRedis,
                Nchan,
                NchanRedis,
                SocketIo,
                SocketIoRedis,
                Bare,
                Kernel,
            ],
            Self::Saturation => &[Tabwire, TabwireRedis, Nchan, SocketIo, Bare, Kernel],
            Self::Idle => &[Tabwire, TabwireRedis, Nchan, SocketIo, Bare],
            Self::Connect => &[Tabwire, TabwireRedis, SocketIo, Nchan],
        }
    }

    pub(crate) fn run(
        self,
        peer: Peer,
        quick: bool,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Found>>>>> {
        match self {
            Self::Fanout => Box::pin(fanout::run(peer, quick)),
            Self::Saturation => Box::pin(saturation::run(peer, quick)),
            Self::Idle => Box::pin(idle::run(peer, quick)),
            Self::Connect => Box::pin(connect::run(peer, quick)),
        }
    }
}
