//! A shop that grows to 15,000 sessions, at the same deliveries per second: what one costs must not depend on how many there are.

use anyhow::Result;
use tokio::time::sleep;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    publisher::Rate,
    scale::Scale,
    span::Span,
};

const STEPS: [usize; 5] = [1_000, 2_000, 5_000, 10_000, 15_000];
/// What all peers hold on one core.
const DELIVERIES_PER_SECOND: f64 = 40_000.0;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    for &sessions in scale.pick(&STEPS[..], &[1_000, 5_000], &[10, 20]) {
        crowd.grow(&running, sessions - crowd.len()).await?;
        sleep(scale.quiet()).await;
        let span = Span::begin(&running, &crowd);
        let rate = Rate::of(DELIVERIES_PER_SECOND / sessions.max(STEPS[0]) as f64);
        let published = rate.publish(&running, scale.lasts(5, 3)).await?;
        crowd.delivered(published * sessions as u64).await?;
        let measured = span.end();
        found.push(Found::new(
            Bench::SessionsCurve,
            &sessions.to_string(),
            peer,
            [
                measured.cpu_per_delivery(),
                measured.late("p99_ms", 0.99),
                ("mib", running.resident_kib() / 1024.0),
            ],
        ));
    }
    Ok(found)
}
