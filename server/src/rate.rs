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
        self.take_many(rate, now, 1).is_ok()
    }

    /// Takes so many, if there are as many; all or none.
    ///
    /// # Errors
    /// When there are fewer: how long it takes until there are enough. More than a burst there never are.
    pub fn take_many(&mut self, rate: Rate, now: Millis, count: u64) -> Result<(), Millis> {
        self.fill(rate, now);
        let wanted = count.saturating_mul(1_000);
        match self.milli_tokens.checked_sub(wanted) {
            Some(left) => {
                self.milli_tokens = left;
                Ok(())
            }
            None if rate.per_second == 0 => Err(Millis(u64::MAX)),
            None => Err(Millis(
                (wanted - self.milli_tokens).div_ceil(rate.per_second),
            )),
        }
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
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        per_second: 2,
    };

    /// A bucket whose burst has just passed.
    fn emptied(at: Millis) -> Bucket {
        let mut bucket = Bucket::full(RATE, at);
        for _ in 0..RATE.burst {
            assert!(bucket.take(RATE, at));
        }
        bucket
    }

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let mut bucket = emptied(Millis(0));
        let mut take = |at| bucket.take(RATE, Millis(at));
        assert_eq!(
            [take(0), take(499), take(500), take(500)],
            [false, false, true, false]
        );
    }

    #[test]
    fn a_rest_fills_it_up_to_the_burst_and_no_further() {
        let mut bucket = emptied(Millis(0));
        assert!(!bucket.is_full(RATE, Millis(1_499)));
        assert!(bucket.is_full(RATE, Millis(9_000_000)));
        let taken = (0..10).filter(|_| bucket.take(RATE, Millis(9_000_000)));
        assert_eq!(taken.count(), 3);
    }

    #[test]
    fn many_are_taken_together_or_not_at_all_and_the_wait_for_them_is_told() {
        let mut bucket = Bucket::full(RATE, Millis(0));
        assert_eq!(bucket.take_many(RATE, Millis(0), 2), Ok(()));
        assert_eq!(bucket.take_many(RATE, Millis(0), 2), Err(Millis(500)));
        assert_eq!(bucket.take_many(RATE, Millis(0), 1), Ok(()));
        assert_eq!(bucket.take_many(RATE, Millis(100), 3), Err(Millis(1_400)));
        assert_eq!(bucket.take_many(RATE, Millis(1_500), 3), Ok(()));
        let never = Rate {
            per_second: 0,
            ..RATE
        };
        assert_eq!(
            bucket.take_many(never, Millis(1_500), 1),
            Err(Millis(u64::MAX))
        );
    }

    #[test]
    fn a_clock_that_is_set_back_fills_nothing() {
        assert!(!emptied(Millis(1_000)).take(RATE, Millis(0)));
    }

    #[test]
    fn a_bucket_holds_the_largest_rate_after_the_longest_rest() {
        let rate = Rate {
            burst: 1,
            per_second: u64::MAX,
        };
        let mut bucket = Bucket::full(rate, Millis(0));
        assert!(bucket.take(rate, Millis(0)));
        assert!(bucket.take(rate, Millis(u64::MAX)));
        assert!(!bucket.take(rate, Millis(u64::MAX)));
    }

    fn wait() -> impl Strategy<Value = u64> {
        prop_oneof![3 => Just(0), 4 => 1_u64..600, 1 => 600_u64..9_000]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Neither more than the rate allows, nor less: one passes when in every span of time, with it, no more have passed than
        /// the burst and what the span has gathered.
        #[test]
        fn one_passes_exactly_when_no_span_of_time_then_has_more_than_the_burst_and_its_rate(
            burst in 0_u64..5,
            per_second in 0_u64..4,
            waits in vec(wait(), 1..60),
        ) {
            let rate = Rate { burst, per_second };
            let mut now = Millis(0);
            let mut bucket = Bucket::full(rate, now);
            let mut passed: Vec<Millis> = Vec::new();
            for wait in waits {
                now = now.plus(Millis(wait));
                // In thousandths: the most that any span up to now, from one that passed, has above what it gathered.
                let missing = (1_u64..)
                    .zip(passed.iter().rev())
                    .map(|(count, at)| (count * 1_000).saturating_sub(now.since(*at).0 * per_second))
                    .max()
                    .unwrap_or(0);
                prop_assert_eq!(bucket.is_full(rate, now), missing == 0);
                let passes = missing + 1_000 <= burst * 1_000;
                prop_assert_eq!(bucket.take(rate, now), passes);
                if passes {
                    passed.push(now);
                }
            }
        }
    }
}
