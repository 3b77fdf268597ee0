//! What a scenario says at its end: one line, for people and for the table in docs/FAULTS.md.

use std::{io::Write, time::Duration};

/// Writes a line past the test harness, which would keep it to itself.
pub fn say(line: &str) {
    // In one piece, since other tests say something too. Where nobody listens, nothing is lost.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// The value that so many percent are at most.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// Median, 99th percentile and maximum, for people.
pub fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    if times.is_empty() {
        return "none".to_owned();
    }
    let ms = |time: Duration| time.as_millis();
    format!(
        "{} × p50 {} p99 {} max {} ms",
        times.len(),
        ms(percentile(&times, 50)),
        ms(percentile(&times, 99)),
        ms(percentile(&times, 100))
    )
}
