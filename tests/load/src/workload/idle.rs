//! What a session costs that nothing happens in: the memory of 4,000 sessions, less what the server needs without them.

use anyhow::Result;

use super::{Found, Workload};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
};

/// Those that what is measured is measured on top of: whatever a server makes once, it has made.
const FIRST: usize = 1_000;
const MORE: usize = 4_000;

pub(super) async fn run(peer: Peer, _quick: bool) -> Result<Vec<Found>> {
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    crowd.grow(running.address, &running.dialect, FIRST).await?;
    let first = running.server.settled_kib().await;
    crowd.grow(running.address, &running.dialect, MORE).await?;
    let all = running.server.settled_kib().await;
    crowd.all_there()?;
    Ok(vec![Found::new(
        Workload::Idle,
        "",
        peer,
        [
            ("kib_per_session", (all - first) / MORE as f64),
            ("mib_with_5000", all / 1024.0),
        ],
    )])
}
