//! A shop of 1,000 sessions and 20 events a second: what most shops are like on a busy day.

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

const CLIENTS: usize = 1_000;
const PER_SECOND: f64 = 20.0;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for &bytes in scale.pick(&[200, 4_096][..], &[200], &[200, 4_096]) {
        let running = peer.start(&Setting::default()).await?;
        let mut crowd = Crowd::new();
        let clients = scale.clients(CLIENTS);
        crowd.grow(&running, clients).await?;
        sleep(scale.quiet()).await;
        let span = Span::begin(&running, &crowd);
        let rate = Rate {
            bytes,
            ..Rate::of(PER_SECOND)
        };
        let published = rate.publish(&running, scale.lasts(6, 3)).await?;
        crowd.delivered(published * clients as u64).await?;
        let measured = span.end();
        found.push(Found::new(
            Bench::Fanout,
            &format!("{bytes} B"),
            peer,
            [
                measured.cpu_per_delivery(),
                measured.late("p50_ms", 0.5),
                measured.late("p99_ms", 0.99),
                measured.late("p999_ms", 0.999),
                measured.bytes_per_event(),
                measured.user_share(),
            ],
        ));
    }
    Ok(found)
}
