//! How many log in per second, each with a token of its own.

use anyhow::Result;

use super::{Found, Workload};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
};

const FIRST: usize = 200;
const MORE: usize = 4_000;

pub(super) async fn run(peer: Peer, _quick: bool) -> Result<Vec<Found>> {
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    crowd.grow(running.address, &running.dialect, FIRST).await?;
    let before = running.server.cpu_micros();
    let seconds = crowd.grow(running.address, &running.dialect, MORE).await?;
    let cpu = running.server.cpu_micros() - before;
    Ok(vec![Found::new(
        Workload::Connect,
        "",
        peer,
        [
            ("per_s", MORE as f64 / seconds),
            ("cpu_us_per_login", cpu / MORE as f64),
        ],
    )])
}
