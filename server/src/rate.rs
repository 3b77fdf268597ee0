//! A token bucket that is told the time.

use tabwire_protocol::Millis;

/// How many may come, and how fast they may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a rest.
    pub burst: u64,
    /// Per second, in the long run.
    pub per_second: u64,
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// In thousandths, so that slow rates gather too.
    milli_tokens: u64,
    at: Millis,
}

impl Bucket {
    /// A full bucket.
    pub const fn full(rate: Rate, now: Millis) -> Self {
        Self {
            milli_tokens: rate.burst * 1_000,
            at: now,
        }
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, rate: Rate, now: Millis) -> bool {
        self.fill(rate, now);
        let left = self.milli_tokens.checked_sub(1_000);
        self.milli_tokens = left.unwrap_or(self.milli_tokens);
        left.is_some()
    }

    /// Whether nothing is missing: a bucket that need not be kept.
    pub fn is_full(&mut self, rate: Rate, now: Millis) -> bool {
        self.fill(rate, now);
        self.milli_tokens == rate.burst * 1_000
    }

    fn fill(&mut self, rate: Rate, now: Millis) {
        // A clock that was set back fills nothing.
        let gathered = now.since(self.at).0.saturating_mul(rate.per_second);
        self.milli_tokens = self
            .milli_tokens
            .saturating_add(gathered)
            .min(rate.burst * 1_000);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        per_second: 2,
    };

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let mut bucket = Bucket::full(RATE, Millis(0));
        let mut take = |at| bucket.take(RATE, Millis(at));
        assert_eq!(
            [take(0), take(0), take(0), take(0)],
            [true, true, true, false]
        );
        assert_eq!([take(499), take(500), take(500)], [false, true, false]);
    }

    #[test]
    fn a_rest_fills_it_up_to_the_burst_and_no_further() {
        let mut bucket = Bucket::full(RATE, Millis(0));
        while bucket.take(RATE, Millis(0)) {}
        assert!(!bucket.is_full(RATE, Millis(1_499)));
        assert!(bucket.is_full(RATE, Millis(9_000_000)));
        let taken = (0..10).filter(|_| bucket.take(RATE, Millis(9_000_000)));
        assert_eq!(taken.count(), 3);
    }

    #[test]
    fn a_clock_that_is_set_back_fills_nothing() {
        let mut bucket = Bucket::full(RATE, Millis(1_000));
        while bucket.take(RATE, Millis(1_000)) {}
        assert!(!bucket.take(RATE, Millis(0)));
    }
}
