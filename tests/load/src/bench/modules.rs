//! 1,000 sessions with two of four modules. They see as many events in each setting; beside those there are none, as many or nine times as
//! many of modules that are not theirs. What is looked at for nothing must cost next to nothing.

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

const CLIENTS: usize = 1_000;
const SEEN_PER_SECOND: f64 = 20.0;
/// The module of each event in turn. Sessions have modules 0 and 1.
const SETTINGS: [(&str, &[usize]); 3] = [
    ("none filtered", &[0, 1]),
    ("half filtered", &[0, 2, 1, 3]),
    (
        "nine of ten filtered",
        &[0, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1, 3, 2, 3, 2, 3, 2, 3, 2, 3],
    ),
];

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for (setting, modules) in SETTINGS {
        let running = peer.start(&Setting::default()).await?;
        let mut crowd = Crowd::new();
        let clients = scale.clients(CLIENTS);
        crowd.grow(&running, clients).await?;
        sleep(scale.quiet()).await;
        let span = Span::begin(&running, &crowd);
        let seen = |nth: &u64| modules[*nth as usize % modules.len()] < 2;
        let share = (0..modules.len() as u64).filter(seen).count() as f64 / modules.len() as f64;
        let rate = Rate {
            modules,
            ..Rate::of(SEEN_PER_SECOND / share)
        };
        let published = rate.publish(&running, scale.lasts(6, 2)).await?;
        let seen = (0..published).filter(seen).count();
        crowd.delivered((seen * clients) as u64).await?;
        let measured = span.end();
        found.push(Found::new(
            Bench::Modules,
            setting,
            peer,
            [measured.cpu_per_delivery(), measured.late("p99_ms", 0.99)],
        ));
    }
    Ok(found)
}
