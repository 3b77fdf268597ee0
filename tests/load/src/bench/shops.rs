//! 500 shops of 10 sessions each, and events to all of them in turn: many small ones instead of a large one.

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

const SHOPS: usize = 500;
const EACH: usize = 10;
/// Two a second for each shop: 10,000 deliveries a second.
const PER_SECOND: f64 = 1_000.0;
const PUBLISHERS: usize = 16;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let shops = scale.pick(SHOPS, SHOPS, 2);
    let setting = Setting {
        shops,
        ..Setting::default()
    };
    let running = peer.start(&setting).await?;
    let mut crowd = Crowd::new();
    crowd.grow(&running, shops * EACH).await?;
    sleep(scale.quiet()).await;
    let span = Span::begin(&running, &crowd);
    let rate = Rate {
        shops,
        publishers: PUBLISHERS,
        ..Rate::of(scale.pick(PER_SECOND, PER_SECOND, 50.0))
    };
    let published = rate.publish(&running, scale.lasts(6, 3)).await?;
    crowd.delivered(published * EACH as u64).await?;
    let measured = span.end();
    Ok(vec![Found::new(
        Bench::Shops,
        "500 shops of 10",
        peer,
        [measured.cpu_per_delivery(), measured.late("p99_ms", 0.99)],
    )])
}
