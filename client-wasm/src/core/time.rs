//! The machine's clock: all its timers, and a time that never runs backwards.

use tabwire_protocol::Millis;

/// A timer that fires so much too late says that the machine slept, or the page did, in milliseconds.
pub(crate) const LATE_MS: u64 = 2_000;

/// A clock that was set back by so much may have hidden as much time in which the page did not run, in milliseconds. A server
/// knows a command for a minute after its deadline; within half of that nothing can be confused.
pub(crate) const SET_BACK_MS: u64 = 30_000;

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

/// Turns the wall clock, which people and time servers set back, into a time that never runs backwards.
///
/// Forward jumps are passed on: a sleeping laptop looks like one, and its deadlines are over indeed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    behind: u64,
    last: Millis,
}

impl Clock {
    /// The machine's time when the wall clock says `wall`.
    pub(crate) fn read(&mut self, wall: Millis) -> Millis {
        self.behind = self.behind.max(self.last.since(wall).0);
        self.last = self.last.max(wall.plus(Millis(self.behind)));
        self.last
    }

    /// How far the wall clock was set back, when it says `wall` now.
    pub(crate) fn set_back(&self, wall: Millis) -> Millis {
        self.last.since(wall.plus(Millis(self.behind)))
    }

    /// What the machine's time would be when the wall clock says `wall`.
    pub(crate) fn peek(&self, wall: Millis) -> Millis {
        self.last.max(wall.plus(Millis(self.behind)))
    }

    /// The wall clock's time for a time of the machine.
    pub(crate) fn wall(&self, time: Millis) -> Millis {
        Millis(time.0.saturating_sub(self.behind))
    }

    /// The machine's time for a time of the wall clock.
    pub(crate) fn machine(&self, wall: Millis) -> Millis {
        wall.plus(Millis(self.behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_does_not_stop_the_machines_time() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(Millis(10_000)), Millis(10_000));
        assert_eq!(clock.read(Millis(4_000)), Millis(10_000));
        assert_eq!(clock.read(Millis(4_500)), Millis(10_500));
        assert_eq!(clock.wall(Millis(10_500)), Millis(4_500));
        assert_eq!(clock.machine(Millis(4_500)), Millis(10_500));
        assert_eq!(clock.peek(Millis(4_600)), Millis(10_600));
        assert_eq!(clock.peek(Millis(1_000)), Millis(10_500));
        assert_eq!(clock.read(Millis(90_000)), Millis(96_000));
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
