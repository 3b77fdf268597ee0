//! What one client was given, told and put through.

use std::{collections::BTreeMap, time::Duration};

use tabwire_protocol::RefreshReason;

/// From one fresh start or refresh to the next: what was delivered of one log.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Which log.
    pub epoch: String,
    /// The position it starts after.
    pub from: u64,
    /// Where the cursor is, or was when the next stretch began.
    pub last: u64,
    /// Id and serial of each event that was delivered, in that order.
    pub delivered: Vec<(u64, u64)>,
    /// The refresh that it began with.
    pub because: Option<RefreshReason>,
}

/// How long it took to come back after a connection was lost.
#[derive(Clone, Copy, Debug)]
pub struct Return {
    /// From the loss, or from when the client was to come back, until the welcome.
    pub away: Duration,
    /// From the start of the attempt that succeeded until everything missed was there, or a refresh.
    pub catch_up: Duration,
}

/// A client's life.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What it was given.
    pub stretches: Vec<Stretch>,
    /// The newest serial it was given.
    pub newest: Option<u64>,
    /// How it came back, each time.
    pub returns: Vec<Return>,
    /// Connections that were closed, by code; 1006 when there was none.
    pub closes: BTreeMap<u16, u64>,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
    /// Frames that showed a gap. The transport loses nothing, so a server that keeps the rule causes none.
    pub gaps: u64,
    /// Commands that were acked, refused for good, and never answered in their time.
    pub commands: [u64; 3],
    /// Whether a command is not answered yet.
    pub awaits_answer: bool,
    /// Whether it has a session now.
    pub is_connected: bool,
    /// The claim of the last welcome.
    pub claim: u64,
}

impl History {
    /// The last stretch.
    pub fn now(&self) -> Option<&Stretch> {
        self.stretches.last()
    }

    /// The refreshes so far, by reason.
    pub fn refreshes(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for reason in self.stretches.iter().filter_map(|stretch| stretch.because) {
            *counts.entry(reason.as_str()).or_default() += 1;
        }
        counts
    }

    /// How many events it was given.
    pub fn count(&self) -> usize {
        let counts = self.stretches.iter().map(|stretch| stretch.delivered.len());
        counts.sum()
    }
}
