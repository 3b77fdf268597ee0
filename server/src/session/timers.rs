//! The timers of a session, in one table.

use std::time::Duration;

use tokio::time::Instant;

/// When something is due though nothing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The next `ping` of the server. Set by each `ping`.
    Ping,
    /// The client has been silent for too long. Set by each frame of the client.
    Silence,
    /// The token ends: delivery stops. Set by each token.
    TokenEnds,
    /// The token was not renewed in time. Set when it ends.
    GraceEnds,
    /// The commands were not answered before the node ends. Set when it drains.
    Leaves,
}

impl Timer {
    const ALL: [Self; 5] = [
        Self::Ping,
        Self::Silence,
        Self::TokenEnds,
        Self::GraceEnds,
        Self::Leaves,
    ];
}

/// When each timer fires, if it is set.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    /// Sets a timer anew.
    pub(crate) const fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    /// Takes a timer out.
    pub(crate) const fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// When the next one fires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes out one that has fired, if one has, and says how late that is.
    pub(crate) fn fired(&mut self, now: Instant) -> Option<(Timer, Duration)> {
        let has_fired = |timer: &Timer| self.0[*timer as usize].is_some_and(|at| at <= now);
        let timer = Timer::ALL.into_iter().find(has_fired)?;
        let at = self.0[timer as usize].take()?;
        Some((timer, now.saturating_duration_since(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_once_in_time() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let mut timers = Timers::default();
        assert_eq!(timers.next(), None);
        timers.set(Timer::Ping, after(2));
        timers.set(Timer::Silence, after(1));
        timers.set(Timer::TokenEnds, after(3));
        timers.stop(Timer::TokenEnds);
        assert_eq!(timers.next(), Some(after(1)));
        assert_eq!(timers.fired(start), None);
        assert_eq!(
            timers.fired(after(1)),
            Some((Timer::Silence, Duration::ZERO))
        );
        assert_eq!(timers.fired(after(1)), None);
        let late = Duration::from_secs(7);
        assert_eq!(timers.fired(after(9)), Some((Timer::Ping, late)));
        assert_eq!(timers.next(), None);
    }
}
