//! Back ends that publish: at a fixed rate, or as fast as the clients are given what was published.

use std::{cell::Cell, future::pending, rc::Rc, time::Duration};

use anyhow::Result;
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    crowd::{Crowd, payload},
    peer::Running,
    ws::Http,
};

/// How many requests are under way when it goes as fast as it can.
const AT_A_TIME: usize = 8;
/// How many events may be published and not delivered to everybody.
const UNDER_WAY_MAX: u64 = 64;
const PAUSE: Duration = Duration::from_micros(200);

/// Publishes to shop 0 at a fixed rate for so long; how many events.
pub(crate) async fn at_rate(
    running: &Running,
    per_second: f64,
    bytes: usize,
    lasts: Duration,
) -> Result<u64> {
    let mut http = Http::open(running.address).await?;
    let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let end = Instant::now() + lasts;
    let mut count = 0;
    loop {
        ticks.tick().await;
        if Instant::now() >= end {
            return Ok(count);
        }
        let request = running.dialect.publish(0, &[payload(bytes)]);
        http.ask(&request).await?;
        count += 1;
    }
}

/// Publishes to shop 0 as fast as all clients are given it, for so long; how many events.
pub(crate) async fn saturating(
    running: &Running,
    crowd: &Crowd,
    bytes: usize,
    lasts: Duration,
) -> Result<u64> {
    let published = Rc::new(Cell::new(0_u64));
    let clients = crowd.len() as u64;
    let before = crowd.tally.delivered.get();
    let mut publishers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let mut http = Http::open(running.address).await?;
        let (dialect, published, tally) = (
            Rc::clone(&running.dialect),
            Rc::clone(&published),
            Rc::clone(&crowd.tally),
        );
        publishers.spawn_local(async move {
            loop {
                if published.get() > (tally.delivered.get() - before) / clients + UNDER_WAY_MAX {
                    sleep(PAUSE).await;
                    continue;
                }
                published.set(published.get() + 1);
                http.ask(&dialect.publish(0, &[payload(bytes)])).await?;
            }
            #[allow(unreachable_code)]
            anyhow::Ok(())
        });
    }
    select! {
        () = sleep(lasts) => {}
        Some(ended) = publishers.join_next() => { ended??; pending::<()>().await }
    }
    publishers.abort_all();
    crowd.all_there()?;
    Ok(published.get())
}
