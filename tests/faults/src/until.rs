//! Waiting for something to become true. A sleep would be too short on a busy machine and too long on any other.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// What everything may take that should come soon, on a machine that is busy.
pub const SOON: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(20);

/// Asks `probe` until it has an answer.
///
/// # Panics
/// When it has none in time: that is what the test found.
pub async fn until<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + within;
    loop {
        // A probe may wait for a process that stands still.
        if let Ok(Some(answer)) = timeout(within, probe()).await {
            return answer;
        }
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        sleep(POLL).await;
    }
}
