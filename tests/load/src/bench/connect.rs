//! How many log in per second, each with a token of its own.

use anyhow::Result;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    scale::Scale,
};

const FIRST: usize = 200;
const MORE: usize = 4_000;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    crowd.grow(&running, scale.clients(FIRST)).await?;
    let (more, before) = (scale.clients(MORE), running.cpu());
    let seconds = crowd.grow(&running, more).await?;
    let cpu = running.cpu() - before;
    Ok(vec![Found::new(
        Bench::Connect,
        "",
        peer,
        [
            ("per_s", more as f64 / seconds),
            ("cpu_us_per_login", cpu.micros() / more as f64),
        ],
    )])
}
