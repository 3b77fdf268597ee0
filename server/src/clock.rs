//! The server's clock. Everything that decides takes the time as an argument; only the edges read it here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tabwire_protocol::Millis;

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is a machine that has not been set up; any time is as good as another.
    Millis(since.map_or(0, millis))
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long from one time to another; zero when it is over.
pub(crate) const fn until(now: Millis, then: Millis) -> Duration {
    Duration::from_millis(then.since(now).0)
}
