//! A log that keeps more and more events: what publishing to it costs once it is full, how long a client waits that is 200 events behind,
//! and what an event costs that is kept.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Bench, Found, publish::as_fast_as_taken};
use crate::{
    crowd::Crowd,
    peer::{Peer, Running, Setting, To},
    publisher,
    scale::Scale,
};

const STEPS: [usize; 3] = [1_000, 10_000, 100_000];
const MISSED: usize = 200;
const UNDER_WAY: usize = 50;
/// How many come back, one after another.
const REPLAYS: usize = 50;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for &kept in scale.pick(&STEPS[..], &[1_000, 10_000], &[250, 500]) {
        let setting = Setting {
            kept,
            missed: Some(MISSED),
            ..Setting::default()
        };
        let running = peer.start(&setting).await?;
        // Whatever the server makes once is made before memory is looked at.
        let mut crowd = Crowd::numbered(REPLAYS);
        crowd.grow(&running, 1).await?;
        publisher::fill(&running, To::default(), MISSED).await?;
        crowd.delivered(MISSED as u64).await?;
        drop(crowd);
        let empty = running.settled_kib(scale).await;
        publisher::fill(&running, To::default(), kept).await?;
        let full = running.settled_kib(scale).await;

        let before = running.cpu();
        let published = as_fast_as_taken(&running, UNDER_WAY, 1, scale.lasts(3, 1)).await?;
        let cpu = running.cpu() - before;
        let replay = replay(&running, scale.pick(REPLAYS, REPLAYS, 2)).await?;
        found.push(Found::new(
            Bench::RetentionCurve,
            &kept.to_string(),
            peer,
            [
                ("cpu_us_per_publish", cpu.micros() / published as f64),
                ("replay_ms", replay.as_secs_f64() * 1e3),
                ("kib_per_event", (full - empty) / (kept - MISSED) as f64),
                ("mib", full / 1024.0),
            ],
        ));
    }
    Ok(found)
}

/// How long it takes from connecting to having all, for a client that missed 200 events: the median.
async fn replay(running: &Running, clients: usize) -> Result<Duration> {
    let mut crowd = Crowd::new();
    crowd.grow(running, clients).await?;
    drop(crowd);
    publisher::fill(running, To::default(), MISSED).await?;
    let mut times = Vec::new();
    let mut crowd = Crowd::new();
    for nth in 1..=clients {
        let begun = Instant::now();
        crowd.spawn(running, 1, 1);
        crowd.caught_up(running, nth * MISSED).await?;
        let synced = crowd.tally.synced_at.get().context("it was synced")?;
        times.push(synced - begun);
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
