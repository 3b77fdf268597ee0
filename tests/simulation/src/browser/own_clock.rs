//! The time as a page has it, by the clocks of its browser. What passes while the machine sleeps and its wall clock is set back is
//! lost on it.

use tabwire_client::core::SteadyClock;
use tabwire_protocol::Millis;

/// A page's own clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnClock {
    steady: SteadyClock,
    now: Millis,
    /// When the page last read it.
    read_at: Millis,
    /// What was lost, and when it was.
    lost: Vec<(Millis, u64)>,
}

impl OwnClock {
    /// The page reads its clocks.
    pub(crate) fn read(&mut self, now: Millis, wall: Millis, monotonic: Millis) {
        let time = self.steady.read(wall, monotonic);
        let passed = time.since(self.now).0;
        let lost = now.since(self.read_at).0.saturating_sub(passed);
        if lost > 0 && self.read_at > Millis(0) {
            self.lost.push((now, lost));
        }
        self.now = time;
        self.read_at = now;
    }

    pub(crate) fn read_at(&self) -> Millis {
        self.read_at
    }

    /// What it would read.
    pub(crate) fn peek(&self, wall: Millis, monotonic: Millis) -> Millis {
        self.steady.clone().read(wall, monotonic)
    }

    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    /// How much was lost since then, in milliseconds.
    pub(crate) fn lost_since(&self, since: Millis) -> u64 {
        let lost = self.lost.iter().rev();
        let lost = lost.take_while(|(at, _)| *at >= since);
        lost.map(|(_, lost)| lost).sum()
    }
}
