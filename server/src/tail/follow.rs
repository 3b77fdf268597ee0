//! A tail follows its log: notice by notice, and with a comparison where some may be missing.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, family::Family};
use tabwire_protocol::{Millis, Position, ShopId};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    State, Tail,
    ring::{Paged, TAIL_EVENTS_MAX, Took},
};
use crate::{
    clock,
    log::{EventLog, LogUnavailable, Notice, Notices},
    session::cursor::{LogBounds, Stretch},
};

/// How long between the tries of a repair.
const REPAIR_PAUSE: Duration = Duration::from_millis(200);
/// How long sessions that were woken have to read what is about to be dropped.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// What a tail is followed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Following {
    /// Events that follow each other faster than this wake the sessions together.
    pub(crate) coalesce: Duration,
    /// How long events are kept.
    pub(crate) age: Millis,
    /// How often a tail is compared with its log, where notices can be lost.
    pub(crate) compare: Option<Duration>,
    /// For how long a log may be unreadable before the tail is lost.
    pub(crate) patience: Duration,
    /// How many events are read at a time.
    pub(crate) page_events: usize,
}

/// Lets a tail follow its log, until the log can't be read.
pub(crate) async fn follow<L: EventLog>(
    log: &L,
    shop: &ShopId,
    tail: &Tail,
    mut notices: L::Notices,
    how: Following,
    metrics: &TailMetrics,
) {
    // The sessions are woken at once when it was quiet, and at most once per `coalesce` when it isn't.
    let mut wakes_at = Instant::now();
    let mut due = Due::Nothing;
    let mut told = tail.ring().bounds().head;
    // Up to where everybody has been woken, and when they have had the time to read that.
    let mut passing = (told, Instant::now());
    let mut compares_at = how.compare.map(|every| Instant::now() + every);
    loop {
        if due != Due::Nothing && wakes_at <= Instant::now() {
            let head = tail.ring().bounds().head;
            match due {
                Due::Everybody => tail.tell_all(State::Following),
                _ => tail.tell(told, how.age),
            }
            told = head;
            let (woken_at, has_passed_at) = passing;
            if has_passed_at <= Instant::now() {
                tail.change(|ring| ring.pass(woken_at));
                passing = (tail.audiences.woken_at(head), Instant::now() + READ_WITHIN);
            }
            (wakes_at, due) = (Instant::now() + how.coalesce, Due::Nothing);
        }
        let why = tokio::select! {
            biased;
            notice = notices.next() => match notice {
                None => Why::Unsubscribed,
                Some(Notice::Gap) => Why::Gap,
                Some(Notice::Appended(epoch, stored)) => {
                    match tail.change(|ring| ring.take(&epoch, stored, how.age)) {
                        Took::Known => continue,
                        Took::Next => {
                            due = due.max(Due::Concerned);
                            continue;
                        }
                        Took::Gap => Why::Gap,
                        Took::Contradiction => Why::Contradiction,
                    }
                }
            },
            () = sleep_until(wakes_at), if due != Due::Nothing => continue,
            () = tail.doubted.notified() => Why::Doubted,
            () = sleep_until(compares_at.unwrap_or(wakes_at)), if compares_at.is_some() => Why::Due,
        };
        metrics.repairs.get_or_create(&[("why", why.name())]).inc();
        let repair = Repair {
            log,
            shop,
            tail,
            how,
            metrics,
        };
        let (began, before) = (Instant::now(), tail.ring().bounds().clone());
        let mut subscribed = why != Why::Unsubscribed;
        if why == Why::Contradiction {
            metrics.contradictions.inc();
            tracing::error!(shopId = %shop, "the log contradicts what was read from it: it goes on as another one");
        }
        let mut contradicts = why == Why::Contradiction;
        loop {
            let repaired = async {
                if !subscribed {
                    notices = log.subscribe(clock::now(), shop).await?;
                    subscribed = true;
                }
                if contradicts {
                    let epoch = tail.ring().bounds().epoch.clone();
                    log.renounce(shop, &epoch).await?;
                    contradicts = false;
                }
                repair.run().await
            };
            let Err(error) = repaired.await else { break };
            tracing::warn!(shopId = %shop, %error, "a tail can't be compared with its log");
            if began.elapsed() >= how.patience {
                metrics.lost.inc();
                tail.tell_all(State::Lost);
                return;
            }
            sleep(REPAIR_PAUSE).await;
        }
        compares_at = how.compare.map(|every| Instant::now() + every);
        // Nobody is woken for a comparison that found nothing, but who asked for it.
        if why == Why::Doubted || *tail.ring().bounds() != before {
            due = Due::Everybody;
        }
    }
}

/// Has a tail reach back to a position, if it has the room: then those who come back after a while are served from it, and not each
/// from the log.
///
/// # Errors
/// When the log can't be read.
pub(crate) async fn reach_back(
    log: &impl EventLog,
    shop: &ShopId,
    tail: &Tail,
    after: Position,
    page_events: usize,
) -> Result<(), LogUnavailable> {
    let LogBounds { epoch, head, floor } = tail.ring().bounds().clone();
    let room = (TAIL_EVENTS_MAX as u64).saturating_sub(head.get() - floor.get());
    if after >= floor || floor.get() - after.get() > room {
        return Ok(());
    }
    let (mut older, mut at, mut bytes) = (Vec::new(), after, 0);
    while at < floor {
        let page = log.read(clock::now(), shop, at, page_events).await?;
        if page.bounds.epoch != epoch {
            tail.doubt();
            return Ok(());
        }
        let Some(last) = page.events.last() else {
            return Ok(());
        };
        at = last.id;
        bytes += page
            .events
            .iter()
            .map(|stored| stored.bytes())
            .sum::<usize>();
        if !tail.ring().has_room(bytes) {
            return Ok(());
        }
        older.extend(page.events);
    }
    tail.change(|ring| ring.reach_back(&epoch, after, older));
    Ok(())
}

/// Who is to be woken next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Nothing,
    /// Those whom what has come concerns.
    Concerned,
    Everybody,
}

/// Why a tail is compared with its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Notices are missing.
    Gap,
    /// There will be no more notices.
    Unsubscribed,
    /// A notice said something else than one before.
    Contradiction,
    /// Somebody has seen more of the log.
    Doubted,
    /// It was long ago.
    Due,
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Unsubscribed => "unsubscribed",
            Self::Contradiction => "contradiction",
            Self::Doubted => "doubted",
            Self::Due => "due",
        }
    }
}

/// What is counted of the tails of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailMetrics {
    /// Comparisons with the log, by why.
    pub(crate) repairs: Family<[(&'static str, &'static str); 1], Counter>,
    /// Events that a comparison found and no notice had told of.
    pub(crate) repaired_events: Counter,
    /// Logs that were ended because they contradicted themselves.
    pub(crate) contradictions: Counter,
    /// Tails that were given up.
    pub(crate) lost: Counter,
}

/// A comparison of a tail with its log.
struct Repair<'r, L> {
    log: &'r L,
    shop: &'r ShopId,
    tail: &'r Tail,
    how: Following,
    metrics: &'r TailMetrics,
}

impl<L: EventLog> Repair<'_, L> {
    /// Reads what the tail does not have yet.
    async fn run(&self) -> Result<(), LogUnavailable> {
        loop {
            let (after, epoch) = {
                let ring = self.tail.ring();
                (ring.compares_after(), ring.bounds().epoch.clone())
            };
            let page = self
                .log
                .read(clock::now(), self.shop, after, self.how.page_events.max(2))
                .await?;
            let before = self.tail.ring().bounds().head;
            match self.tail.change(|ring| ring.take_page(&page, self.how.age)) {
                Paged::Contradiction => {
                    tracing::error!(shopId = %self.shop, "the log contradicts what was read from it: it goes on as another one");
                    self.metrics.contradictions.inc();
                    self.log.renounce(self.shop, &epoch).await?;
                }
                paged => {
                    let ring = self.tail.ring();
                    if ring.bounds().epoch == epoch {
                        let more = ring.bounds().head.get() - before.get();
                        self.metrics.repaired_events.inc_by(more);
                    }
                    if paged == Paged::All {
                        return Ok(());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Watch, begin, testing::*},
        *,
    };
    use crate::log::{
        AppendError, Key, MemoryLog, NewEvent, Page, Recalled, Receipt,
        conformance::{event, shop},
        memory::Retention,
    };
    use std::{collections::BTreeSet, sync::Arc};
    use tabwire_protocol::{Epoch, UserId};

    #[tokio::test]
    async fn a_tail_reaches_back_as_far_as_it_has_room() {
        let log = MemoryLog::new(Retention {
            age: AGE,
            events: 10_000,
            shops: 100,
        });
        let shop = shop("s_1");
        for _ in 0..TAIL_EVENTS_MAX + 10 {
            let appended = log.append(clock::now(), &shop, event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let head = TAIL_EVENTS_MAX as u64 + 10;
        let (tail, _notices) = begin(&log, &shop, room()).await.expect("memory");
        for (after, floor) in [
            (head, head),
            (9, head),
            (head - 700, head - 700),
            (10, 10),
            (9, 10),
        ] {
            let reached = reach_back(&log, &shop, &tail, at(after), 512).await;
            assert_eq!(reached, Ok(()));
            assert_eq!(bounds(&tail.ring()), (floor, head));
        }
    }

    fn watch(tail: &Arc<Tail>) -> Watch {
        let modules = BTreeSet::from([event("{}").module]);
        tail.watch(&Arc::new(modules), &UserId::new("u_1").expect("a name"))
    }

    #[tokio::test]
    async fn a_tail_that_missed_notices_reads_what_it_missed() {
        let log = MemoryLog::new(Retention {
            age: AGE,
            events: 10_000,
            shops: 100,
        });
        let shop = shop("s_1");
        let (tail, notices) = begin(&log, &shop, room()).await.expect("memory");
        // More than the notices hold, before anybody follows.
        for _ in 0..3_000 {
            let appended = log.append(clock::now(), &shop, event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let mut grown = watch(&tail);
        let (how, metrics) = (following(Duration::from_millis(1)), TailMetrics::default());
        let caught_up = async {
            while tail.ring().bounds().head < at(3_000) {
                grown.looks();
                grown.changed().await;
            }
        };
        tokio::select! {
            () = follow(&log, &shop, &tail, notices, how, &metrics) => panic!("a log in memory is never lost"),
            () = caught_up => {}
        }
        assert_eq!(bounds(&tail.ring()), (0, 3_000));
    }

    /// A log that can be subscribed to, but not be read any more.
    struct Unreadable(MemoryLog);

    impl EventLog for Unreadable {
        type Notices = <MemoryLog as EventLog>::Notices;

        async fn append(
            &self,
            now: Millis,
            shop: &ShopId,
            event: NewEvent,
            key: Option<Key<'_>>,
        ) -> Result<Receipt, AppendError> {
            self.0.append(now, shop, event, key).await
        }

        async fn read(
            &self,
            _: Millis,
            _: &ShopId,
            _: Position,
            _: usize,
        ) -> Result<Page, LogUnavailable> {
            Err(LogUnavailable("this is a test".to_owned()))
        }

        async fn recall(
            &self,
            now: Millis,
            shop: &ShopId,
            key: Key<'_>,
        ) -> Result<Recalled, LogUnavailable> {
            self.0.recall(now, shop, key).await
        }

        async fn renounce(&self, shop: &ShopId, epoch: &Epoch) -> Result<(), LogUnavailable> {
            self.0.renounce(shop, epoch).await
        }

        async fn subscribe(
            &self,
            now: Millis,
            shop: &ShopId,
        ) -> Result<Self::Notices, LogUnavailable> {
            self.0.subscribe(now, shop).await
        }
    }

    #[tokio::test]
    async fn a_tail_that_cannot_be_repaired_says_that_it_is_lost() {
        let log = MemoryLog::new(Retention {
            age: AGE,
            events: 10_000,
            shops: 100,
        });
        let shop = shop("s_1");
        let (tail, notices) = begin(&log, &shop, room()).await.expect("memory");
        let log = Unreadable(log);
        for _ in 0..3_000 {
            let appended = log.append(clock::now(), &shop, event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let mut watch = watch(&tail);
        let metrics = TailMetrics::default();
        follow(
            &log,
            &shop,
            &tail,
            notices,
            following(Duration::ZERO),
            &metrics,
        )
        .await;
        assert_eq!(metrics.lost.get(), 1);
        assert_eq!(watch.looks(), State::Lost);
    }
}
