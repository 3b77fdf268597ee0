//! A shop of 5,000 sessions and what nchan can just hold on one core: what is offered is the same for all, and only latency and CPU time
//! differ. Who cannot hold it has latencies that grow as long as it lasts.

use anyhow::Result;
use tokio::time::sleep;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    publisher::Rate,
    scale::Scale,
    span::Span,
    writes::Writes,
};

const CLIENTS: usize = 5_000;
/// 75,000 deliveries a second.
const PER_SECOND: f64 = 15.0;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    let clients = scale.clients(CLIENTS);
    crowd.grow(&running, clients).await?;
    sleep(scale.quiet()).await;
    let span = Span::begin(&running, &crowd);
    let rate = Rate::of(PER_SECOND);
    let published = rate.publish(&running, scale.lasts(6, 3)).await?;
    crowd.delivered(published * clients as u64).await?;
    let measured = span.end();
    let mut figures = vec![
        measured.cpu_per_delivery(),
        measured.late("p50_ms", 0.5),
        measured.late("p99_ms", 0.99),
        measured.late("p999_ms", 0.999),
    ];
    if let Some(writes) = Writes::begin(&running).await {
        let deliveries = rate.publish(&running, scale.lasts(2, 1)).await? * clients as u64;
        crowd
            .delivered(published * clients as u64 + deliveries)
            .await?;
        figures.extend(writes.end(deliveries).await);
    }
    Ok(vec![Found::new(Bench::Offered, "200 B", peer, figures)])
}
