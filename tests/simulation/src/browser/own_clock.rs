//! The time as a page's machine has it: it follows the wall clock forwards and never goes back. What passes while the wall
//! clock is set back is lost on it.

use tabwire_protocol::Millis;

/// A page's own clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnClock {
    now: Millis,
    wall: Millis,
    /// When the page last read its clock.
    read_at: Millis,
    /// What was lost, and when it was.
    lost: Vec<(Millis, u64)>,
}

impl OwnClock {
    /// The page reads its wall clock.
    pub(crate) fn read(&mut self, now: Millis, wall: Millis) {
        let passed = wall.since(self.wall).0;
        if let Some(lost) = now
            .since(self.read_at)
            .0
            .checked_sub(passed)
            .filter(|lost| *lost > 0)
        {
            self.lost.push((now, lost));
        }
        self.now = self.now.plus(Millis(passed));
        self.wall = wall;
        self.read_at = now;
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
