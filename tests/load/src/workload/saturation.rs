//! A shop of 5,000 sessions, and events as fast as they are delivered.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{Found, Workload};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    publisher,
    stats::percentile,
};

const CLIENTS: usize = 5_000;
const BYTES: usize = 200;
const LASTS: Duration = Duration::from_secs(8);
const LASTS_QUICK: Duration = Duration::from_secs(4);
const QUIET: Duration = Duration::from_secs(1);

pub(super) async fn run(peer: Peer, quick: bool) -> Result<Vec<Found>> {
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    crowd
        .grow(running.address, &running.dialect, CLIENTS)
        .await?;
    sleep(QUIET).await;
    crowd.tally.reset();
    let (before, begun) = (running.server.cpu_micros(), Instant::now());
    publisher::saturating(
        &running,
        &crowd,
        BYTES,
        if quick { LASTS_QUICK } else { LASTS },
    )
    .await?;
    let cpu = running.server.cpu_micros() - before;
    let seconds = begun.elapsed().as_secs_f64();
    let deliveries = crowd.tally.delivered.get() as f64;
    let mut late = crowd.tally.latencies.take();
    late.sort_unstable();
    Ok(vec![Found::new(
        Workload::Saturation,
        "200 B",
        peer,
        [
            ("deliveries_per_s", deliveries / seconds),
            ("cpu_us_per_delivery", cpu / deliveries),
            ("cpu_share", cpu / 1e6 / seconds),
            (
                "events_per_read",
                deliveries / crowd.tally.reads.get() as f64,
            ),
            ("p99_ms", percentile(&late, 0.99) / 1e3),
        ],
    )])
}
