//! When a client connects again: the rule that browsers follow too.

use std::time::{Duration, Instant};

use crate::random::Random;

const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(30);
/// A connection that lived so long was a good one.
const HEALTHY: Duration = Duration::from_secs(10);

/// The first retry within a second, then full jitter that doubles up to 30 s; what the server asked for wins.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after a connection that was lost, or could not be made (`lived` is then none).
    pub fn after(
        &mut self,
        lived_since: Option<Instant>,
        asked: Option<Duration>,
        random: &mut Random,
    ) -> Duration {
        if lived_since.is_some_and(|since| since.elapsed() >= HEALTHY) {
            self.failures = 0;
        }
        let most = (BASE * (1 << self.failures.min(10))).min(CAP);
        self.failures += 1;
        let most = u64::try_from(most.as_millis()).expect("at most 30 s");
        asked.unwrap_or_else(|| Duration::from_millis(random.below(most)))
    }
}
