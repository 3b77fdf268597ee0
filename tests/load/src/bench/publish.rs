//! How many events are taken per second, with history, by a shop of one session: so that it is not delivery that counts.
//!
//! For the log in Redis there is a reference: redis-benchmark runs the server's own script, with the very words that the server passes,
//! over as many connections and as deeply pipelined as the server does with as many requests under way. It has the server's core for
//! itself and Redis the other; the server's Redis shares its core with this program.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::{task::JoinSet, time::sleep};

use super::{Bench, Found};
use crate::{
    crowd::{Crowd, now_micros, payload},
    peer::{Peer, Running, Setting, To},
    redis_benchmark,
    scale::Scale,
    ws::Http,
};

const BYTES: usize = 200;
/// Requests under way: of one event each, and of a hundred.
const UNDER_WAY: usize = 50;
const UNDER_WAY_OF_MANY: usize = 4;
const SETTINGS: [(&str, usize, usize); 2] = [
    (ONE, UNDER_WAY, 1),
    ("100 a request", UNDER_WAY_OF_MANY, 100),
];
const ONE: &str = "one at a time";

pub(super) async fn run(peer: Peer, scale: Scale) -> Result<Vec<Found>> {
    let lasts = scale.lasts(4, 2);
    if peer == Peer::RedisBenchmark {
        let running = Peer::TabwireRedis.start(&Setting::default()).await?;
        let per_second = redis_benchmark::run(running, UNDER_WAY, lasts).await?;
        let figures = [("per_s", per_second)];
        return Ok(vec![Found::new(Bench::Publish, ONE, peer, figures)]);
    }
    let mut found = Vec::new();
    for (setting, under_way, at_once) in SETTINGS {
        let running = peer.start(&Setting::default()).await?;
        let mut crowd = Crowd::new();
        crowd.grow(&running, 1).await?;
        sleep(scale.quiet()).await;
        let (before, begun) = (running.cpu(), Instant::now());
        let published = as_fast_as_taken(&running, under_way, at_once, lasts).await?;
        let (cpu, seconds) = (running.cpu() - before, begun.elapsed().as_secs_f64());
        crowd.all_there()?;
        let published = published as f64;
        found.push(Found::new(
            Bench::Publish,
            setting,
            peer,
            [
                ("per_s", published / seconds),
                ("cpu_us_per_event", cpu.micros() / published),
            ],
        ));
    }
    Ok(found)
}

/// Publishes for so long, with so many requests under way; how many events.
pub(super) async fn as_fast_as_taken(
    running: &Running,
    under_way: usize,
    at_once: usize,
    lasts: Duration,
) -> Result<u64> {
    let taken = Rc::new(Cell::new(0_u64));
    let end = Instant::now() + lasts;
    let mut publishers = JoinSet::new();
    for _ in 0..under_way {
        let mut http = Http::open(running.address(0)).await?;
        let (dialect, taken) = (Rc::clone(&running.dialect), Rc::clone(&taken));
        publishers.spawn_local(async move {
            // The same bytes each time: this program has half a machine only.
            let payloads = vec![payload(BYTES, now_micros()); at_once];
            let request = dialect.publish(To::default(), &payloads);
            let answers = dialect.answers(at_once);
            while Instant::now() < end {
                http.ask_all(&request, answers).await?;
                taken.set(taken.get() + at_once as u64);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = publishers.join_next().await {
        ended??;
    }
    Ok(taken.get())
}
