//! 1,000 sessions of a shop, and one in twenty reads nothing: what the others notice of it, and what a slow one costs, early and after much
//! more that it did not read. Servers are told to bear them where they can be; those that are closed are counted.

use anyhow::Result;
use tokio::time::sleep;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    idlers,
    peer::{Peer, Running, Setting},
    process::connections_of,
    publisher::Rate,
    scale::Scale,
    span::Span,
};

const CLIENTS: usize = 1_000;
const SLOW: usize = 50;
const PER_SECOND: f64 = 20.0;
/// So that logs and tails are full before anything is measured, and their own memory is the same at each measurement.
const KEPT: usize = 100;
/// How often there is a flood before, so that they are, and after.
const BEFORE: usize = 3;
const AFTER: usize = 3;
/// What makes slow clients slow: 3.2 MB for each, more than the kernel's buffers hold.
const FLOOD_BYTES: usize = 16_000;
const FLOOD_PER_SECOND: f64 = 100.0;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let setting = Setting {
        kept: KEPT,
        bears_slow: true,
        ..Setting::default()
    };
    let running = peer.start(&setting).await?;
    let (slow, clients) = scale.pick((SLOW, CLIENTS), (SLOW, CLIENTS), (2, 6));
    let mut crowd = Crowd::new();
    let fast = clients - slow;
    crowd.grow(&running, fast).await?;
    for _ in 0..scale.pick(BEFORE, BEFORE, 1) {
        flood(&running, &crowd, scale).await?;
    }
    let without = running.settled_kib(scale).await;

    let unread = idlers::connect(&running, clients, slow).await?;
    flood(&running, &crowd, scale).await?;
    let early = running.settled_kib(scale).await;

    sleep(scale.quiet()).await;
    let span = Span::begin(&running, &crowd);
    let rate = Rate::of(PER_SECOND);
    let published = rate.publish(&running, scale.lasts(6, 3)).await?;
    crowd.delivered(published * fast as u64).await?;
    let measured = span.end();

    for _ in 0..scale.pick(AFTER, 1, 1) {
        flood(&running, &crowd, scale).await?;
    }
    let late = running.settled_kib(scale).await;
    let closed = clients.saturating_sub(connections_of(running.address(0)));
    drop(unread);
    let of_each = |kib: f64| (kib - without) / slow as f64;
    Ok(vec![Found::new(
        Bench::Slow,
        "",
        peer,
        [
            measured.cpu_per_delivery(),
            measured.late("p99_ms", 0.99),
            ("kib_per_slow_early", of_each(early)),
            ("kib_per_slow", of_each(late)),
            ("closed_slow", closed as f64),
        ],
    )])
}

/// More than a client that does not read can be given, delivered to those who do.
async fn flood(running: &Running, crowd: &Crowd, scale: Scale) -> Result<()> {
    crowd.tally.reset();
    let rate = Rate {
        bytes: FLOOD_BYTES,
        ..Rate::of(FLOOD_PER_SECOND)
    };
    let published = rate.publish(running, scale.lasts(2, 2)).await?;
    crowd.delivered(published * crowd.len() as u64).await
}
