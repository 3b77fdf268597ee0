//! The end of a shop's log, in memory, for the sessions that this node has of the shop.
//!
//! One task per shop follows the log and wakes the sessions; each session reads here with its own cursor. What was lost on the
//! way from the log is repaired with a read, before any session sees that it was missing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use tabwire_protocol::{Epoch, Millis, Module, Position, ShopId, UserId};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    clock,
    log::{EventLog, LogUnavailable, Notice, Notices, Page, Stored},
    session::cursor::{LogBounds, Routed, Stretch},
};

/// How many events a tail has at most.
pub(crate) const TAIL_EVENTS_MAX: usize = 4_096;
/// How many bytes of events a tail has at most, but always one event.
pub(crate) const TAIL_BYTES_MAX: usize = 8 << 20;
/// How many encodings of an event are kept: sessions differ in `prev`, mostly only in few ways.
const ENCODINGS_MAX: usize = 4;
/// How many events a repair reads at a time.
const REPAIR_PAGE_EVENTS: usize = 512;
/// How often a repair is tried before the tail is lost, and how long between.
const REPAIR_TRIES: u32 = 5;
const REPAIR_PAUSE: Duration = Duration::from_millis(200);

/// The tail of a shop.
#[derive(Debug)]
pub(crate) struct Tail {
    // A std lock: sessions hold it while they gather what to write, never across an await.
    ring: RwLock<Ring>,
    /// Says that the ring has grown, and whether there is still somebody who makes it grow.
    state: watch::Sender<State>,
}

/// Whether a tail follows its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does.
    Following,
    /// The log can't be read: nothing that the tail says about it is true any more.
    Lost,
}

impl Tail {
    /// A tail that begins at the head of the log.
    fn new(bounds: LogBounds) -> Self {
        Self {
            ring: RwLock::new(Ring::new(bounds)),
            state: watch::Sender::new(State::Following),
        }
    }

    /// What is at hand now. Don't hold it across an await: the log waits.
    pub(crate) fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says when the tail has grown or is lost.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// How many sessions watch.
    pub(crate) fn watchers(&self) -> usize {
        self.state.receiver_count()
    }

    fn change<T>(&self, act: impl FnOnce(&mut Ring) -> T) -> T {
        act(&mut self.ring.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Begins a tail. The returned notices are for [`follow`].
///
/// # Errors
/// When the log can't be read.
pub(crate) async fn begin<L: EventLog>(
    log: &L,
    shop: &ShopId,
) -> Result<(Arc<Tail>, L::Notices), LogUnavailable> {
    // In this order: what is appended between the two is known twice, not never.
    let notices = log.subscribe(clock::now(), shop).await?;
    let page = log.read(clock::now(), shop, Position::ZERO, 0).await?;
    Ok((Arc::new(Tail::new(page.bounds)), notices))
}

/// What a tail is followed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Following {
    /// Events that follow each other faster than this wake the sessions together.
    pub(crate) coalesce: Duration,
    /// How long events are kept.
    pub(crate) age: Millis,
}

/// Lets a tail follow its log, until the log can't be read.
pub(crate) async fn follow<L: EventLog>(
    log: &L,
    shop: &ShopId,
    tail: &Tail,
    mut notices: L::Notices,
    how: Following,
) {
    // The sessions are woken at once when it was quiet, and at most once per `coalesce` when it isn't.
    let mut wakes_at = Instant::now();
    let mut due = false;
    loop {
        if due && wakes_at <= Instant::now() {
            tail.state.send_replace(State::Following);
            (wakes_at, due) = (Instant::now() + how.coalesce, false);
        }
        let notice = tokio::select! {
            biased;
            notice = notices.next() => notice,
            () = sleep_until(wakes_at), if due => continue,
        };
        let took = match &notice {
            Some(Notice::Appended(epoch, stored)) => {
                tail.change(|ring| ring.take(epoch, Arc::clone(stored), how.age))
            }
            Some(Notice::Gap) | None => Took::Gap,
        };
        due |= took != Took::Known;
        if took != Took::Gap {
            continue;
        }
        let repaired = async {
            if notice.is_none() {
                notices = log.subscribe(clock::now(), shop).await?;
            }
            repair(log, shop, tail, how.age).await
        };
        let mut tries = 1;
        let mut repaired = repaired.await;
        while let Err(error) = repaired {
            tracing::warn!(%shop, %error, tries, "a tail can't be repaired");
            if tries == REPAIR_TRIES {
                tail.state.send_replace(State::Lost);
                return;
            }
            sleep(REPAIR_PAUSE).await;
            tries += 1;
            repaired = repair(log, shop, tail, how.age).await;
        }
    }
}

/// Reads what the tail does not have yet.
async fn repair(
    log: &impl EventLog,
    shop: &ShopId,
    tail: &Tail,
    age: Millis,
) -> Result<(), LogUnavailable> {
    loop {
        let head = tail.ring().bounds.head;
        let page = log
            .read(clock::now(), shop, head, REPAIR_PAGE_EVENTS)
            .await?;
        if tail.change(|ring| ring.take_page(&page, age)) {
            return Ok(());
        }
    }
}

/// The events that are at hand: those after the floor.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Those of the log, but for the floor, which is the ring's own.
    bounds: LogBounds,
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Took {
    /// It was the next event.
    Next,
    /// It is in the ring already.
    Known,
    /// Something is missing before it.
    Gap,
}

impl Ring {
    const fn new(bounds: LogBounds) -> Self {
        let mut ring = Self {
            bounds,
            entries: VecDeque::new(),
            bytes: 0,
        };
        ring.bounds.floor = ring.bounds.head;
        ring
    }

    fn take(&mut self, epoch: &Epoch, stored: Arc<Stored>, age: Millis) -> Took {
        if *epoch != self.bounds.epoch {
            return Took::Gap;
        }
        if stored.id <= self.bounds.head {
            return Took::Known;
        }
        if Some(stored.id) != self.bounds.head.next() {
            return Took::Gap;
        }
        self.push(stored, age);
        Took::Next
    }

    /// Takes what was read after the head. False: there is more to read.
    fn take_page(&mut self, page: &Page, age: Millis) -> bool {
        if page.bounds.epoch != self.bounds.epoch {
            *self = Self::new(page.bounds.clone());
            return true;
        }
        for stored in &page.events {
            self.take(&page.bounds.epoch, Arc::clone(stored), age);
        }
        if self.bounds.head < page.bounds.floor {
            // What came after the ring has expired in the log: what is in the ring is no longer its end.
            *self = Self::new(page.bounds.clone());
        }
        self.bounds.head >= page.bounds.head
    }

    fn push(&mut self, stored: Arc<Stored>, age: Millis) {
        let now = stored.timestamp;
        self.bounds.head = stored.id;
        self.bytes += stored.bytes();
        self.entries.push_back(Entry {
            stored,
            encodings: Mutex::default(),
        });
        while let Some(oldest) = self.entries.front() {
            let keeps = self.entries.len() == 1
                || (self.entries.len() <= TAIL_EVENTS_MAX
                    && self.bytes <= TAIL_BYTES_MAX
                    && now.since(oldest.stored.timestamp) < age);
            if keeps {
                break;
            }
            self.bytes -= oldest.stored.bytes();
            self.bounds.floor = oldest.stored.id;
            self.entries.pop_front();
        }
    }
}

impl Stretch for Ring {
    type Event = Entry;

    fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    fn get(&self, position: Position) -> Option<&Entry> {
        let index = position.get().checked_sub(self.bounds.floor.get() + 1)?;
        self.entries.get(usize::try_from(index).ok()?)
    }
}

/// An event that can be written as a frame.
pub(crate) trait Framed: Routed {
    /// The frame, after a cursor-moving frame of position `prev`.
    fn frame(&self, prev: Position) -> Utf8Bytes;
}

impl Framed for Stored {
    fn frame(&self, prev: Position) -> Utf8Bytes {
        Self::frame(self, prev)
    }
}

/// An event of the ring, with its frame: encoded once for all sessions that share the same `prev`.
#[derive(Debug)]
pub(crate) struct Entry {
    stored: Arc<Stored>,
    encodings: Mutex<Vec<(Position, Utf8Bytes)>>,
}

impl Routed for Entry {
    fn module(&self) -> &Module {
        self.stored.module()
    }

    fn is_for(&self, user: &UserId) -> bool {
        self.stored.is_for(user)
    }
}

impl Framed for Entry {
    fn frame(&self, prev: Position) -> Utf8Bytes {
        let mut encodings = self
            .encodings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, frame)) = encodings.iter().find(|(of, _)| *of == prev) {
            return frame.clone();
        }
        let frame = self.stored.frame(prev);
        if encodings.len() < ENCODINGS_MAX {
            encodings.push((prev, frame.clone()));
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{
        AppendError, MemoryLog, NewEvent, Receipt,
        conformance::{event, shop},
        memory::Retention,
    };

    const AGE: Millis = Millis(600_000);

    fn ring() -> Ring {
        Ring::new(LogBounds {
            epoch: epoch("e1"),
            head: at(10),
            floor: at(2),
        })
    }

    fn epoch(name: &str) -> Epoch {
        Epoch::new(name).expect("a name")
    }

    fn at(value: u64) -> Position {
        Position::new(value).expect("small")
    }

    fn stored(id: u64, payload: &str, timestamp: u64) -> Arc<Stored> {
        Arc::new(Stored {
            id: at(id),
            shop: shop("s_1"),
            timestamp: Millis(timestamp),
            event: event(payload),
        })
    }

    fn bounds(ring: &Ring) -> (u64, u64) {
        (ring.bounds.floor.get(), ring.bounds.head.get())
    }

    #[test]
    fn a_ring_takes_the_next_event_only() {
        let mut ring = ring();
        assert_eq!(bounds(&ring), (10, 10));
        let mut take = |e, id| ring.take(&epoch(e), stored(id, "{}", 0), AGE);
        assert_eq!(take("e1", 11), Took::Next);
        assert_eq!(take("e1", 11), Took::Known);
        assert_eq!(take("e1", 13), Took::Gap);
        assert_eq!(take("e2", 12), Took::Gap);
        assert_eq!(bounds(&ring), (10, 11));
        assert!(ring.get(at(10)).is_none());
        assert!(ring.get(at(11)).is_some());
    }

    #[test]
    fn a_ring_is_bounded_by_number_bytes_and_age() {
        let mut ring = ring();
        for id in 11..11 + TAIL_EVENTS_MAX as u64 + 3 {
            ring.take(&epoch("e1"), stored(id, "{}", 0), AGE);
        }
        assert_eq!(ring.entries.len(), TAIL_EVENTS_MAX);
        assert_eq!(ring.bounds.floor, at(13));

        let next = ring.bounds.head.get() + 1;
        ring.take(&epoch("e1"), stored(next, "{}", AGE.0), AGE);
        assert_eq!(bounds(&ring), (next - 1, next));

        let large = format!("\"{}\"", "x".repeat(TAIL_BYTES_MAX));
        ring.take(&epoch("e1"), stored(next + 1, &large, AGE.0), AGE);
        assert_eq!(bounds(&ring), (next, next + 1));
        ring.take(&epoch("e1"), stored(next + 2, "{}", AGE.0), AGE);
        assert_eq!(bounds(&ring), (next + 1, next + 2));
        assert!(ring.bytes < 1_000);
    }

    #[test]
    fn a_page_of_another_epoch_begins_the_ring_anew() {
        let mut ring = ring();
        ring.take(&epoch("e1"), stored(11, "{}", 0), AGE);
        let page = Page {
            bounds: LogBounds {
                epoch: epoch("e2"),
                head: at(40),
                floor: at(20),
            },
            after: at(11),
            events: Vec::new(),
        };
        assert!(ring.take_page(&page, AGE));
        assert_eq!(
            (ring.bounds.epoch.as_str(), bounds(&ring)),
            ("e2", (40, 40))
        );
    }

    #[test]
    fn a_page_after_a_hole_begins_the_ring_anew() {
        let mut ring = ring();
        ring.take(&epoch("e1"), stored(11, "{}", 0), AGE);
        let page = Page {
            bounds: LogBounds {
                epoch: epoch("e1"),
                head: at(40),
                floor: at(20),
            },
            after: at(11),
            events: Vec::new(),
        };
        assert!(ring.take_page(&page, AGE));
        assert_eq!(bounds(&ring), (40, 40));
    }

    #[test]
    fn an_event_is_encoded_once_per_prev() {
        let mut ring = ring();
        ring.take(&epoch("e1"), stored(11, "{}", 0), AGE);
        let entry = ring.get(at(11)).expect("it was taken");
        let frame = |prev| entry.frame(at(prev)).as_str().as_ptr();
        assert_eq!(frame(10), frame(10));
        assert_ne!(frame(10), frame(9));
        for prev in 0..10 {
            frame(prev);
        }
        assert_eq!(
            entry.encodings.lock().expect("not poisoned").len(),
            ENCODINGS_MAX
        );
    }

    #[tokio::test]
    async fn a_tail_that_missed_notices_reads_what_it_missed() {
        let log = MemoryLog::new(Retention {
            age: AGE,
            events: 10_000,
            shops: 100,
        });
        let shop = shop("s_1");
        let (tail, notices) = begin(&log, &shop).await.expect("memory");
        // More than the notices hold, before anybody follows.
        for _ in 0..3_000 {
            let appended = log.append(clock::now(), &shop, event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let mut grown = tail.watch();
        let how = Following {
            coalesce: Duration::from_millis(1),
            age: AGE,
        };
        let caught_up = async {
            while tail.ring().bounds.head < at(3_000) {
                grown.changed().await.expect("the tail is there");
            }
        };
        tokio::select! {
            () = follow(&log, &shop, &tail, notices, how) => panic!("a log in memory is never lost"),
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
            key: Option<&str>,
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
        let (tail, notices) = begin(&log, &shop).await.expect("memory");
        let log = Unreadable(log);
        for _ in 0..3_000 {
            let appended = log.append(clock::now(), &shop, event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let state = tail.watch();
        let how = Following {
            coalesce: Duration::ZERO,
            age: AGE,
        };
        follow(&log, &shop, &tail, notices, how).await;
        assert_eq!(*state.borrow(), State::Lost);
    }
}
