//! How much of everything a run does.

use std::time::Duration;

/// Clients of a smoke test.
const CLIENTS_SMOKE: usize = 10;
/// How long a smoke test publishes.
const LASTS_SMOKE: Duration = Duration::from_millis(300);

/// Which of three sizes a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// What is published about the server.
    Full,
    /// Each bench on the peers that matter most, shorter and once: minutes in all.
    Quick,
    /// A handful of clients for a moment: it says that the harness works, and its figures say nothing.
    Smoke,
}

impl Scale {
    /// How often each bench is run on each peer.
    pub(crate) fn rounds(self) -> usize {
        self.pick(3, 1, 1)
    }

    pub(crate) fn pick<T>(self, full: T, quick: T, smoke: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
            Self::Smoke => smoke,
        }
    }

    pub(crate) fn clients(self, count: usize) -> usize {
        self.pick(count, count, count.min(CLIENTS_SMOKE))
    }

    /// How long something is published.
    pub(crate) fn lasts(self, full: u64, quick: u64) -> Duration {
        self.pick(
            Duration::from_secs(full),
            Duration::from_secs(quick),
            LASTS_SMOKE,
        )
    }

    /// Between the last client's login and the first event.
    pub(crate) fn quiet(self) -> Duration {
        self.pick(
            Duration::from_secs(1),
            Duration::from_millis(500),
            Duration::from_millis(50),
        )
    }
}
