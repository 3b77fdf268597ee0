//! Whether the leader runs, as far as a tab that follows it can tell.
//!
//! What comes out of the leader's socket shows that it runs, and so does what its timers say. An answer to a message shows
//! nothing: the channel's handlers of a frozen page still run, while its socket and its timers do not.

use tabwire_protocol::Millis;

/// How long the leader has to show that it runs once it was asked to, in milliseconds.
pub(crate) const ANSWER_MS: u64 = 3_000;
/// After a leader was told to leave, this tab tells none for so long, in milliseconds; and twice as long each further time
/// that it has heard no other tab meanwhile, since then its own channel may be what is broken.
const COOL_DOWN_MS: u64 = 10_000;
/// The longest such wait, in milliseconds.
const COOL_DOWN_MS_MAX: u64 = 600_000;

/// What a tab that does not lead thinks of the leader.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    step: Step,
    /// It has not shown so in time, whatever step it has come to since.
    doubts: bool,
    /// A timer of this escalation came much too late, and the leader was asked again for that: once is enough, since the
    /// timers of a hidden page may always be late.
    excused: bool,
    /// When the leader showed that it runs.
    proved_at: Millis,
    /// No leader is told to leave before this.
    tells_again_at: Millis,
    /// How often one was told to since this tab heard another tab.
    told_in_silence: u32,
}

/// How far it has gone with a leader that does not show that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It has shown so in time.
    Trusts,
    /// It was asked to.
    Asked,
    /// It has not, and is to be told to leave when the cool-down is over.
    Doubts,
    /// It was told to leave.
    Told,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            step: Step::Trusts,
            doubts: false,
            excused: false,
            proved_at: Millis(0),
            tells_again_at: Millis(0),
            told_in_silence: 0,
        }
    }

    pub(crate) fn step(&self) -> Step {
        self.step
    }

    pub(crate) fn proved_at(&self) -> Millis {
        self.proved_at
    }

    /// Whether what the leader said last can no longer be taken for how things are.
    pub(crate) fn doubts(&self) -> bool {
        self.doubts
    }

    /// The leader has shown that it runs.
    pub(crate) fn proved(&mut self, now: Millis) {
        self.step = Step::Trusts;
        self.doubts = false;
        self.excused = false;
        self.proved_at = now;
    }

    /// Another tab was heard: this tab's channel works.
    pub(crate) fn heard(&mut self) {
        self.told_in_silence = 0;
    }

    /// The leader is asked to show that it runs.
    pub(crate) fn asked(&mut self) {
        self.step = Step::Asked;
    }

    /// A timer came much too late: the leader may not have had its time either. True for the first time.
    pub(crate) fn excuses(&mut self) -> bool {
        !core::mem::replace(&mut self.excused, true)
    }

    /// The leader has not shown that it runs. When it may be told to leave, if that is not now.
    pub(crate) fn doubted(&mut self, now: Millis) -> Option<Millis> {
        self.step = Step::Doubts;
        self.doubts = true;
        Some(self.tells_again_at).filter(|at| *at > now)
    }

    /// The leader is told to leave.
    pub(crate) fn told(&mut self, now: Millis) {
        self.step = Step::Told;
        let wait = (COOL_DOWN_MS << self.told_in_silence.min(16)).min(COOL_DOWN_MS_MAX);
        self.tells_again_at = now.plus(Millis(wait));
        self.told_in_silence += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_again_after(watch: &mut Watch, now: &mut u64) -> u64 {
        let since = *now;
        if let Some(Millis(at)) = watch.doubted(Millis(*now)) {
            *now = at;
        }
        assert_eq!(watch.doubted(Millis(*now)), None);
        watch.told(Millis(*now));
        *now - since
    }

    #[test]
    fn a_tab_that_hears_nobody_tells_leaders_to_leave_ever_more_rarely() {
        let (mut watch, mut now) = (Watch::new(), 1_000);
        let waits: Vec<u64> = (0..9)
            .map(|_| told_again_after(&mut watch, &mut now))
            .collect();
        let seconds: Vec<u64> = waits.iter().map(|wait| wait / 1_000).collect();
        assert_eq!(seconds, [0, 10, 20, 40, 80, 160, 320, 600, 600]);
        watch.heard();
        assert_eq!(told_again_after(&mut watch, &mut now), 600_000);
        assert_eq!(told_again_after(&mut watch, &mut now), 10_000);
    }

    #[test]
    fn a_proof_ends_the_doubt_and_gives_the_next_escalation_its_excuse() {
        let mut watch = Watch::new();
        watch.asked();
        assert!(!watch.doubts());
        assert!(watch.excuses() && !watch.excuses());
        assert_eq!(watch.doubted(Millis(5)), None);
        assert!(watch.doubts());
        watch.proved(Millis(6));
        assert!(!watch.doubts() && watch.excuses());
        assert_eq!(watch.step(), Step::Trusts);
    }
}
