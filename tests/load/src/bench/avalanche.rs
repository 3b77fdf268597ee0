//! A server or a network comes back: 2,000 clients of a shop connect at once, each 200 events behind, and the time until all of them have
//! all of it.

use std::time::Instant;

use anyhow::Result;
use tabwire_faults::redis::Redis;
use tokio::time::sleep;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting, To},
    publisher,
    scale::Scale,
};

const CLIENTS: usize = 2_000;
const MISSED: usize = 200;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let setting = Setting {
        missed: Some(MISSED),
        ..Setting::default()
    };
    let running = peer.start(&setting).await?;
    let clients = scale.clients(CLIENTS);
    let mut crowd = Crowd::new();
    crowd.grow(&running, clients).await?;
    // Whoever has seen nothing yet has nothing to come back with.
    publisher::fill(&running, To::default(), 1).await?;
    crowd.delivered(clients as u64).await?;
    drop(crowd);
    sleep(scale.quiet()).await;
    publisher::fill(&running, To::default(), MISSED).await?;
    running.dialect.come_back();

    let before = reads(&running.redis).await;
    let mut crowd = Crowd::new();
    let begun = Instant::now();
    let cpu = running.cpu();
    crowd.spawn(&running, clients, clients);
    crowd.caught_up(&running, clients * MISSED).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = running.cpu() - cpu;
    let mut figures = vec![("seconds", seconds), ("cpu_s", cpu.micros() / 1e6)];
    figures.extend(
        reads(&running.redis)
            .await
            .zip(before)
            .map(|(now, before)| ("redis_reads", now - before)),
    );
    Ok(vec![Found::new(Bench::Avalanche, "", peer, figures)])
}

/// How often events were read from Redis. A read of 200 events by the server is 14 such calls: one for the oldest, then 16 at a time.
async fn reads(redis: &Option<Redis>) -> Option<f64> {
    let calls = redis.as_ref()?.calls().await;
    Some(calls.get("xrange").copied().unwrap_or(0) as f64)
}
