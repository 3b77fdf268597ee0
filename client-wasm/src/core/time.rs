//! The machine's clock: all its timers, and a time that never runs backwards.

use tabwire_protocol::Millis;

/// A timer that fires so much too late says that the machine slept, or the page did, in milliseconds.
pub(crate) const LATE_MS: u64 = 2_000;

/// When the machine wants to be called although nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The wait before the next connection is over.
    Retry,
    /// The app has not answered with a token, or the server with a welcome, in time.
    Connect,
    /// Nothing was heard from the socket for longer than a ping period.
    Silence,
    /// The server has not answered our ping.
    Probe,
    /// The token should be renewed now.
    Renew,
    /// The connection has been healthy for long enough to forget earlier failures.
    Healthy,
    /// A state fetch is due: the spread or the back-off is over.
    Fetch,
    /// A repair that was asked for has not come.
    Repair,
    /// A replay has been collected for long enough: deliver what is there.
    Batch,
    /// A command's deadline is over, or its acceptance should be asked for again.
    Outbox,
    /// A command that the leader carries has reached its deadline.
    Carried,
    /// The leader says that it is there although its socket is silent; a tab without a leader asks for one.
    Beacon,
    /// The leader has not been heard for too long, or has not done what it was asked.
    Watch,
    /// Handing the lead over takes too long.
    HandOver,
    /// A demoted tab queues for the lock again.
    Rejoin,
}

const TIMERS: usize = Timer::Rejoin as usize + 1;

/// The deadline of a timer that is not set.
const NEVER: Millis = Millis(u64::MAX);

/// One deadline per timer.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    deadlines: [Millis; TIMERS],
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            deadlines: [NEVER; TIMERS],
        }
    }
}

impl Timers {
    /// Sets or moves a timer.
    pub(crate) fn set(&mut self, timer: Timer, at: Millis) {
        self.deadlines[timer as usize] = at;
    }

    /// Sets a timer unless an earlier deadline is set already.
    pub(crate) fn set_earlier(&mut self, timer: Timer, at: Millis) {
        let deadline = &mut self.deadlines[timer as usize];
        *deadline = at.min(*deadline);
    }

    /// Stops a timer.
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = NEVER;
    }

    /// When the timer is to fire.
    pub(crate) fn deadline(&self, timer: Timer) -> Option<Millis> {
        Some(self.deadlines[timer as usize]).filter(|at| *at != NEVER)
    }

    /// The earliest deadline of all.
    pub(crate) fn next(&self) -> Option<Millis> {
        let mut next = NEVER;
        for at in self.deadlines {
            next = next.min(at);
        }
        Some(next).filter(|at| *at != NEVER)
    }

    /// Whether the timer is due; a timer that is due is stopped.
    pub(crate) fn fire(&mut self, timer: Timer, now: Millis) -> bool {
        let due = self.deadlines[timer as usize] <= now;
        if due {
            self.stop(timer);
        }
        due
    }
}

/// A page's time, which never goes back and misses nothing: it goes on by what the wall clock does or by what the monotonic one
/// does, whichever is more.
///
/// People and time servers set the wall clock back, and the monotonic clock of some browsers stands still while the machine
/// sleeps. A wall clock that is set forward looks like sleep, and is passed on: nobody can tell them apart.
#[derive(Clone, Debug, Default)]
pub struct SteadyClock {
    now: Millis,
    wall: Millis,
    monotonic: Millis,
}

impl SteadyClock {
    /// The page's time, when its clocks say this.
    pub fn read(&mut self, wall: Millis, monotonic: Millis) -> Millis {
        let passed = wall.since(self.wall).max(monotonic.since(self.monotonic));
        self.now = self.now.plus(passed);
        self.wall = wall;
        self.monotonic = monotonic;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_time_never_goes_back_and_misses_nothing() {
        let mut clock = SteadyClock::default();
        let mut read = |wall, monotonic| clock.read(Millis(wall), Millis(monotonic)).0;
        assert_eq!(read(1_000_000, 50), 1_000_000);
        assert_eq!(read(1_000_700, 750), 1_000_700);
        assert_eq!(read(400_700, 1_750), 1_001_700, "set back by ten minutes");
        assert_eq!(read(400_800, 1_850), 1_001_800);
        assert_eq!(read(1_400_800, 1_850), 2_001_800, "asleep, as one clock is");
        assert_eq!(read(1_400_800, 1_850), 2_001_800);
    }

    #[test]
    fn a_timer_fires_once_and_the_earliest_is_known() {
        let mut timers = Timers::default();
        timers.set(Timer::Retry, Millis(20));
        timers.set(Timer::Silence, Millis(10));
        timers.set_earlier(Timer::Silence, Millis(15));
        assert_eq!(timers.next(), Some(Millis(10)));
        assert!(!timers.fire(Timer::Silence, Millis(9)));
        assert!(timers.fire(Timer::Silence, Millis(10)));
        assert!(!timers.fire(Timer::Silence, Millis(11)));
        assert_eq!(timers.next(), Some(Millis(20)));
    }
}
