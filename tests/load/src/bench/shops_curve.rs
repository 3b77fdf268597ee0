//! 5,000 sessions of one shop, then of more and more, at the same deliveries per second. With 5,000 shops each event is for one session,
//! and it is publishing that is measured.

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

const STEPS: [usize; 5] = [1, 10, 100, 1_000, 5_000];
const SESSIONS: usize = 5_000;
/// Deliveries per second.
const FULL: f64 = 5_000.0;
const SMOKE: f64 = 100.0;
const PUBLISHERS: usize = 16;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for &shops in scale.pick(&STEPS[..], &[1, 100, 5_000], &[1, 5]) {
        let setting = Setting {
            shops,
            ..Setting::default()
        };
        let running = peer.start(&setting).await?;
        let mut crowd = Crowd::new();
        let sessions = scale.clients(SESSIONS);
        crowd.grow(&running, sessions).await?;
        sleep(scale.quiet()).await;
        let of_each = sessions / shops;
        let span = Span::begin(&running, &crowd);
        let rate = Rate {
            shops,
            publishers: PUBLISHERS.min(shops),
            ..Rate::of(scale.pick(FULL, FULL, SMOKE) / of_each as f64)
        };
        let published = rate.publish(&running, scale.lasts(6, 2)).await?;
        crowd.delivered(published * of_each as u64).await?;
        let measured = span.end();
        found.push(Found::new(
            Bench::ShopsCurve,
            &shops.to_string(),
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
