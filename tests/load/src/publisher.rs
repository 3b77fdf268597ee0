//! Back ends that publish: at a fixed rate, or as fast as the clients are given what was published.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Result;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use crate::{
    crowd::{Crowd, now_micros, payload},
    peer::{Running, To},
    ws::Http,
};

/// How many requests are under way when it goes as fast as it can.
const AT_A_TIME: usize = 8;
/// How many events may be published and not delivered to everybody.
const UNDER_WAY_MAX: u64 = 64;
/// What a log is filled with.
const FILLED_BYTES: usize = 200;
const FILLED_AT_ONCE: usize = 100;
const PAUSE: Duration = Duration::from_micros(200);

/// Events at a fixed rate, to the shops and of the modules in turn.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) bytes: usize,
    pub(crate) shops: usize,
    pub(crate) modules: &'static [usize],
    /// How many back ends share the rate, each with one request under way at most.
    pub(crate) publishers: usize,
}

impl Rate {
    /// Events of 200 B, to one shop, by one back end.
    pub(crate) fn of(per_second: f64) -> Self {
        Self {
            per_second,
            bytes: 200,
            shops: 1,
            modules: &[0],
            publishers: 1,
        }
    }

    /// Publishes for so long; how many events.
    pub(crate) async fn publish(&self, running: &Running, lasts: Duration) -> Result<u64> {
        let begun = Instant::now();
        let published = Rc::new(Cell::new(0));
        let mut publishers = JoinSet::new();
        for number in 0..self.publishers {
            let mut http = Http::open(running.address(0)).await?;
            let dialect = Rc::clone(&running.dialect);
            let period = Duration::from_secs_f64(self.publishers as f64 / self.per_second);
            let first = begun + period.mul_f64(number as f64 / self.publishers as f64);
            let mut ticks = interval_at(first, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (published, bytes) = (Rc::clone(&published), self.bytes);
            let (shops, modules) = (self.shops, self.modules);
            publishers.spawn_local(async move {
                let mut answered = begun;
                loop {
                    let due = ticks.tick().await;
                    if due >= begun + lasts {
                        return anyhow::Ok(());
                    }
                    // What had to wait for the answer to the event before is under way since it was due.
                    let late = match answered > due {
                        true => due.elapsed().as_micros() as u64,
                        false => 0,
                    };
                    let nth = published.replace(published.get() + 1);
                    let payload = payload(bytes, now_micros() - late);
                    let to = To {
                        shop: nth as usize % shops,
                        module: modules[nth as usize % modules.len()],
                    };
                    http.ask(&dialect.publish(to, &[payload])).await?;
                    answered = Instant::now();
                }
            });
        }
        while let Some(ended) = publishers.join_next().await {
            ended??;
        }
        Ok(published.get())
    }
}

/// Publishes so many events of 200 B, a hundred with each request.
pub(crate) async fn fill(running: &Running, to: To, count: usize) -> Result<()> {
    let mut http = Http::open(running.address(0)).await?;
    let mut missing = count;
    while missing > 0 {
        let some = missing.min(FILLED_AT_ONCE);
        let payloads = vec![payload(FILLED_BYTES, now_micros()); some];
        let request = running.dialect.publish(to, &payloads);
        http.ask_all(&request, running.dialect.answers(some))
            .await?;
        missing -= some;
    }
    Ok(())
}

/// Publishes to shop 0 as fast as all clients are given it, for so long, and waits until they have been; so many events with each
/// request.
pub(crate) async fn saturating(
    running: &Running,
    crowd: &Crowd,
    bytes: usize,
    at_once: usize,
    lasts: Duration,
) -> Result<()> {
    let published = Rc::new(Cell::new(0_u64));
    let clients = crowd.len() as u64;
    let before = crowd.tally.delivered.get();
    let end = Instant::now() + lasts;
    let mut publishers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let mut http = Http::open(running.address(0)).await?;
        let (dialect, published, tally) = (
            Rc::clone(&running.dialect),
            Rc::clone(&published),
            Rc::clone(&crowd.tally),
        );
        publishers.spawn_local(async move {
            while Instant::now() < end {
                if published.get() > (tally.delivered.get() - before) / clients + UNDER_WAY_MAX {
                    sleep(PAUSE).await;
                    continue;
                }
                published.set(published.get() + at_once as u64);
                let payloads = vec![payload(bytes, now_micros()); at_once];
                http.ask(&dialect.publish(To::default(), &payloads)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = publishers.join_next().await {
        ended??;
    }
    // What is under way has cost the server something already, and is a good part of the whole.
    crowd.delivered(before + published.get() * clients).await
}
