//! More and more servers of one Redis, the sessions of a shop spread over them: what all of them together need for a delivery, and what
//! Redis needs for an event. All servers share one core, so this is about work and not about speed.

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Running, Setting},
    publisher::Rate,
    scale::Scale,
    span::Span,
};

const SESSIONS: usize = 600;
/// So many that what Redis does when nothing happens, which counts too, is little beside them.
const PER_SECOND: f64 = 50.0;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for &nodes in scale.pick(&[1, 2, 3][..], &[1, 3], &[1, 2]) {
        let setting = Setting {
            nodes,
            ..Setting::default()
        };
        let running = peer.start(&setting).await?;
        let mut crowd = Crowd::new();
        let sessions = scale.clients(SESSIONS);
        crowd.grow(&running, sessions).await?;
        sleep(scale.quiet()).await;
        let redis = redis_micros(&running).await?;
        let span = Span::begin(&running, &crowd);
        let rate = Rate::of(PER_SECOND);
        let published = rate.publish(&running, scale.lasts(6, 2)).await?;
        crowd.delivered(published * sessions as u64).await?;
        let measured = span.end();
        let redis = redis_micros(&running).await? - redis;
        found.push(Found::new(
            Bench::NodesCurve,
            &nodes.to_string(),
            peer,
            [
                measured.cpu_per_delivery(),
                measured.late("p99_ms", 0.99),
                ("redis_us_per_event", redis / published as f64),
                ("mib", running.resident_kib() / 1024.0),
            ],
        ));
    }
    Ok(found)
}

/// The CPU time of Redis so far.
async fn redis_micros(running: &Running) -> Result<f64> {
    let redis = running.redis.as_ref().context("a server with Redis")?;
    let cpu = redis.info("cpu").await;
    let seconds = ["used_cpu_user", "used_cpu_sys"].map(|name| cpu.get(name)?.parse::<f64>().ok());
    let seconds: Option<f64> = seconds.into_iter().sum();
    Ok(seconds.context("INFO cpu")? * 1e6)
}
