//! What a session costs that nothing happens in: the memory of 4,000 sessions, less what the server needs without them.

use anyhow::Result;

use super::{Bench, Found};
use crate::{
    crowd::Crowd,
    peer::{Peer, Setting},
    scale::Scale,
};

/// Those that what is measured is measured on top of: whatever a server makes once, it has made.
const FIRST: usize = 1_000;
const MORE: usize = 4_000;

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let running = peer.start(&Setting::default()).await?;
    let mut crowd = Crowd::new();
    crowd.grow(&running, scale.clients(FIRST)).await?;
    let first = running.settled_kib(scale).await;
    let more = scale.clients(MORE);
    crowd.grow(&running, more).await?;
    let all = running.settled_kib(scale).await;
    crowd.all_there()?;
    Ok(vec![Found::new(
        Bench::Idle,
        "",
        peer,
        [
            ("kib_per_session", (all - first) / more as f64),
            ("mib_with_5000", all / 1024.0),
        ],
    )])
}
