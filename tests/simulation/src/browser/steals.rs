//! How often a page takes the lock from others: rarely, and ever more rarely while it hears nobody. A page whose channel is
//! dead and that did not hold back would take the lock from a healthy group for ever.

use tabwire_protocol::Millis;

/// The wait after a leader was told to leave, in milliseconds: it is robbed once for that, soon after.
const COOL_DOWN_MS: u64 = 10_000;
/// The longest such wait, in milliseconds.
const COOL_DOWN_MS_MAX: u64 = 600_000;

/// The steals of a page. Times are by its own clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steals {
    /// When a leader was told to leave, and the wait that began then.
    told: Option<(Millis, u64)>,
    /// It was told, or has invited this page to take over, and has not been robbed.
    may_steal: bool,
    /// Another tab was heard since.
    heard: bool,
}

impl Steals {
    pub(crate) fn hear_another(&mut self) {
        self.heard = true;
    }

    /// A hidden leader lets this page lead.
    pub(crate) fn invited(&mut self) {
        self.may_steal = true;
    }

    /// The page tells the leader to leave.
    pub(crate) fn tell(&mut self, now: Millis) -> Result<(), String> {
        let mut wait = COOL_DOWN_MS;
        if let Some((last, waits)) = self.told {
            if last.plus(Millis(waits)) > now {
                return Err(format!(
                    "it tells a leader to leave before its cool-down of {waits} ms is over"
                ));
            }
            if !self.heard {
                wait = (waits * 2).min(COOL_DOWN_MS_MAX);
            }
        }
        self.told = Some((now, wait));
        self.may_steal = true;
        self.heard = false;
        Ok(())
    }

    /// The page takes the lock.
    pub(crate) fn steal(&mut self) -> Result<(), String> {
        match std::mem::take(&mut self.may_steal) {
            true => Ok(()),
            false => Err("it takes the lock from a leader that it has neither told to leave nor been invited by".into()),
        }
    }
}
