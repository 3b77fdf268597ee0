//! A shop of 5,000 sessions, and events as fast as they are delivered.

use anyhow::Result;
use tokio::time::sleep;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    publisher::saturating,
    scale::Scale,
    span::Span,
    writes::Writes,
};

const CLIENTS: usize = 5_000;
const BYTES: usize = 200;
/// What the floor of the kernel is asked to write at once, beside one: what a server can gain by writing several.
const AT_ONCE: usize = 8;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let one = ("200 B", 1);
    let settings = match peer {
        Peer::Kernel => &[one, ("200 B, 8 a write", AT_ONCE)][..],
        _ => &[one],
    };
    let mut found = Vec::new();
    for &(setting, at_once) in settings {
        let running = peer.start(&Setting::default()).await?;
        let mut crowd = Crowd::new();
        crowd.grow(&running, scale.clients(CLIENTS)).await?;
        sleep(scale.quiet()).await;
        let span = Span::begin(&running, &crowd);
        saturating(&running, &crowd, BYTES, at_once, scale.lasts(6, 3)).await?;
        let measured = span.end();
        let mut figures = vec![
            ("deliveries_per_s", measured.deliveries / measured.seconds),
            measured.cpu_per_delivery(),
            ("cpu_share", measured.cpu.micros() / 1e6 / measured.seconds),
            measured.late("p99_ms", 0.99),
        ];
        if let Some(writes) = Writes::begin(&running).await {
            let before = crowd.tally.delivered.get();
            saturating(&running, &crowd, BYTES, at_once, scale.lasts(2, 1)).await?;
            figures.extend(writes.end(crowd.tally.delivered.get() - before).await);
        }
        found.push(Found::new(Bench::Saturation, setting, peer, figures));
    }
    Ok(found)
}
