//! A shop of 1,000 sessions and 20 events a second: what most shops are like on a busy day.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Found, Workload};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    publisher,
    stats::percentile,
};

const CLIENTS: usize = 1_000;
const PER_SECOND: f64 = 20.0;
const LASTS: Duration = Duration::from_secs(10);
const LASTS_QUICK: Duration = Duration::from_secs(3);
/// Between the last client's login and the first event.
const QUIET: Duration = Duration::from_secs(1);
const ALL_DELIVERED: Duration = Duration::from_secs(20);

pub(super) async fn run(peer: Peer, quick: bool) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for bytes in [200, 4_096] {
        let running = peer.start(&Setting::default()).await?;
        let mut crowd = Crowd::new();
        crowd
            .grow(running.address, &running.dialect, CLIENTS)
            .await?;
        sleep(QUIET).await;
        crowd.tally.reset();
        let before = running.server.cpu_micros();
        let lasts = if quick { LASTS_QUICK } else { LASTS };
        let published = publisher::at_rate(&running, PER_SECOND, bytes, lasts).await?;
        let deliveries = published * CLIENTS as u64;
        crowd.delivered(deliveries, ALL_DELIVERED).await?;
        let cpu = running.server.cpu_micros() - before;
        let mut late = crowd.tally.latencies.take();
        late.sort_unstable();
        found.push(Found::new(
            Workload::Fanout,
            &format!("{bytes} B"),
            peer,
            [
                ("cpu_us_per_delivery", cpu / deliveries as f64),
                ("p50_ms", percentile(&late, 0.5) / 1e3),
                ("p99_ms", percentile(&late, 0.99) / 1e3),
                ("p999_ms", percentile(&late, 0.999) / 1e3),
                (
                    "bytes_per_event",
                    crowd.tally.bytes.get() as f64 / deliveries as f64,
                ),
            ],
        ));
    }
    Ok(found)
}
