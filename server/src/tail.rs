//! The end of a shop's log, in memory, for the sessions that this node has of the shop.
//!
//! One task per shop follows the log and wakes the sessions; each session reads here with its own cursor. What was lost on the
//! way from the log is repaired with a read, before any session sees that it was missing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use tabwire_protocol::{Epoch, Millis, Module, Position, ShopId, UserId};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    clock,
    log::{EventLog, LogUnavailable, Notice, Notices, Page, Stored},
    session::cursor::{LogBounds, Routed, Stretch},
};

/// How many events a tail has at most.
pub(crate) const TAIL_EVENTS_MAX: usize = 4_096;
/// How many encodings of an event are kept: sessions differ in `prev`, mostly only in few ways.
const ENCODINGS_MAX: usize = 4;
/// How long a session waits for the tail to follow a log that has begun anew.
const EPOCH_WAIT: Duration = Duration::from_secs(2);
/// How long between the tries of a repair.
const REPAIR_PAUSE: Duration = Duration::from_millis(200);

/// The tail of a shop.
#[derive(Debug)]
pub(crate) struct Tail {
    // A std lock: sessions hold it while they gather what to write, never across an await.
    ring: RwLock<Ring>,
    /// Says that the ring has grown, and whether there is still somebody who makes it grow.
    state: watch::Sender<State>,
    /// Rung by whoever has seen that the log is further, or another one.
    doubted: Notify,
}

/// Whether a tail follows its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does.
    Following,
    /// The log can't be read: nothing that the tail says about it is true any more.
    Lost,
}

/// How much memory the tails of a node have: one, and all together. Each has at least its newest event.
#[derive(Debug)]
pub(crate) struct Room {
    tail_bytes_max: usize,
    tails_bytes_max: usize,
    /// How many bytes they have.
    taken: Gauge,
    /// How many events one tail had no room for, and how many all together.
    limited: [Counter; 2],
}

impl Room {
    /// Room for so many bytes of events. The gauge says how many are taken.
    pub(crate) fn new(tail_bytes_max: usize, tails_bytes_max: usize, taken: Gauge) -> Self {
        Self {
            tail_bytes_max,
            tails_bytes_max,
            taken,
            limited: Default::default(),
        }
    }

    /// Counts the events that one tail has no room for, and those that all together have none for.
    pub(crate) fn counting(self, tail: Counter, tails: Counter) -> Self {
        Self {
            limited: [tail, tails],
            ..self
        }
    }

    fn take(&self, bytes: usize) {
        self.taken.inc_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn give_back(&self, bytes: usize) {
        self.taken.dec_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Whether a tail of so many bytes has to drop some: what counts that.
    fn short_of(&self, bytes: usize) -> Option<&Counter> {
        let [tail, tails] = &self.limited;
        let all = usize::try_from(self.taken.get()).unwrap_or(0);
        match () {
            () if bytes > self.tail_bytes_max => Some(tail),
            () if all > self.tails_bytes_max => Some(tails),
            () => None,
        }
    }

    /// Whether a tail of so many bytes may take so many more.
    fn has(&self, bytes: usize, more: usize) -> bool {
        let all = usize::try_from(self.taken.get()).unwrap_or(0);
        bytes + more <= self.tail_bytes_max && all + more <= self.tails_bytes_max
    }
}

impl Tail {
    /// A tail that begins at the head of the log.
    fn new(bounds: LogBounds, room: Arc<Room>) -> Self {
        Self {
            ring: RwLock::new(Ring::new(bounds, room)),
            state: watch::Sender::new(State::Following),
            doubted: Notify::new(),
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

    /// Has the tail compared with its log now.
    pub(crate) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Waits until the tail is of this epoch; until then it is behind a log that has begun anew.
    pub(crate) async fn is_of(&self, epoch: &Epoch) -> Result<(), LogUnavailable> {
        let mut state = self.watch();
        let arrived = async {
            while self.ring().bounds.epoch != *epoch {
                if state.changed().await.is_err() {
                    return;
                }
            }
        };
        let waited = timeout(EPOCH_WAIT, arrived).await;
        waited.map_err(|_| LogUnavailable("this node is behind it".to_owned()))
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
    room: Arc<Room>,
) -> Result<(Arc<Tail>, L::Notices), LogUnavailable> {
    // In this order: what is appended between the two is known twice, not never.
    let notices = log.subscribe(clock::now(), shop).await?;
    let page = log.read(clock::now(), shop, Position::ZERO, 0).await?;
    Ok((Arc::new(Tail::new(page.bounds, room)), notices))
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
    let LogBounds { epoch, head, floor } = tail.ring().bounds.clone();
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
        {
            let ring = tail.ring();
            if !ring.room.has(ring.bytes, bytes) {
                return Ok(());
            }
        }
        older.extend(page.events);
    }
    tail.change(|ring| ring.reach_back(&epoch, after, older));
    Ok(())
}

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
    let mut due = false;
    let mut compares_at = how.compare.map(|every| Instant::now() + every);
    loop {
        if due && wakes_at <= Instant::now() {
            tail.state.send_replace(State::Following);
            (wakes_at, due) = (Instant::now() + how.coalesce, false);
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
                            due = true;
                            continue;
                        }
                        Took::Gap => Why::Gap,
                        Took::Contradiction => Why::Contradiction,
                    }
                }
            },
            () = sleep_until(wakes_at), if due => continue,
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
        let began = Instant::now();
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
                    let epoch = tail.ring().bounds.epoch.clone();
                    log.renounce(shop, &epoch).await?;
                    contradicts = false;
                }
                repair.run().await
            };
            let Err(error) = repaired.await else { break };
            tracing::warn!(shopId = %shop, %error, "a tail can't be compared with its log");
            if began.elapsed() >= how.patience {
                metrics.lost.inc();
                tail.state.send_replace(State::Lost);
                return;
            }
            sleep(REPAIR_PAUSE).await;
        }
        compares_at = how.compare.map(|every| Instant::now() + every);
        due = true;
    }
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
            // From before the newest event: the log must have the very same one there, else it was put back and has gone on.
            let (after, epoch) = {
                let ring = self.tail.ring();
                let head = ring.bounds.head;
                let has_newest = !ring.entries.is_empty();
                let after = if has_newest { head.before() } else { head };
                (after, ring.bounds.epoch.clone())
            };
            let page = self
                .log
                .read(clock::now(), self.shop, after, self.how.page_events.max(2))
                .await?;
            let before = self.tail.ring().bounds.head;
            match self.tail.change(|ring| ring.take_page(&page, self.how.age)) {
                Paged::Contradiction => {
                    tracing::error!(shopId = %self.shop, "the log contradicts what was read from it: it goes on as another one");
                    self.metrics.contradictions.inc();
                    self.log.renounce(self.shop, &epoch).await?;
                }
                paged => {
                    let ring = self.tail.ring();
                    if ring.bounds.epoch == epoch {
                        let more = ring.bounds.head.get() - before.get();
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

/// The events that are at hand: those after the floor.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Those of the log, but for the floor, which is the ring's own.
    bounds: LogBounds,
    entries: VecDeque<Entry>,
    bytes: usize,
    room: Arc<Room>,
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
    /// Another event is in its place.
    Contradiction,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paged {
    /// The ring is as far as the log.
    All,
    /// There is more to read.
    More,
    /// The log is not what it was, and does not say so.
    Contradiction,
}

impl Ring {
    const fn new(bounds: LogBounds, room: Arc<Room>) -> Self {
        let mut ring = Self {
            bounds,
            entries: VecDeque::new(),
            bytes: 0,
            room,
        };
        ring.bounds.floor = ring.bounds.head;
        ring
    }

    /// Begins at the head of another log, or of one that has gone on without it.
    fn begin_anew(&mut self, bounds: &LogBounds) {
        *self = Self::new(bounds.clone(), Arc::clone(&self.room));
    }

    fn take(&mut self, epoch: &Epoch, stored: Arc<Stored>, age: Millis) -> Took {
        if *epoch != self.bounds.epoch {
            return Took::Gap;
        }
        if stored.id <= self.bounds.head {
            return match self.get(stored.id) {
                Some(entry) if entry.stored != stored => Took::Contradiction,
                _ => Took::Known,
            };
        }
        if Some(stored.id) != self.bounds.head.next() {
            return Took::Gap;
        }
        self.push(stored, age);
        Took::Next
    }

    /// Takes what was read after the head, or after the position before it.
    fn take_page(&mut self, page: &Page, age: Millis) -> Paged {
        if page.bounds.epoch != self.bounds.epoch {
            self.begin_anew(&page.bounds);
            return Paged::All;
        }
        if page.bounds.head < self.bounds.head {
            return Paged::Contradiction;
        }
        if self.bounds.head < page.bounds.floor {
            // What came after the ring has expired in the log: what is in the ring is no longer its end.
            self.begin_anew(&page.bounds);
            return Paged::All;
        }
        for stored in &page.events {
            if self.take(&page.bounds.epoch, Arc::clone(stored), age) == Took::Contradiction {
                return Paged::Contradiction;
            }
        }
        if self.bounds.head >= page.bounds.head {
            Paged::All
        } else {
            Paged::More
        }
    }

    /// Takes older events, those up to its floor. Without effect when they don't reach it.
    fn reach_back(&mut self, epoch: &Epoch, after: Position, older: Vec<Arc<Stored>>) {
        let floor = self.bounds.floor;
        let reaches = older.last().is_some_and(|last| last.id >= floor);
        if *epoch != self.bounds.epoch || after >= floor || !reaches {
            return;
        }
        for stored in older.into_iter().rev().filter(|stored| stored.id <= floor) {
            self.bytes += stored.bytes();
            self.room.take(stored.bytes());
            self.entries.push_front(Entry::new(stored));
        }
        self.bounds.floor = after;
    }

    fn push(&mut self, stored: Arc<Stored>, age: Millis) {
        let now = stored.timestamp;
        self.bounds.head = stored.id;
        self.bytes += stored.bytes();
        self.room.take(stored.bytes());
        self.entries.push_back(Entry::new(stored));
        while let Some(oldest) = self.entries.front() {
            let short = self.room.short_of(self.bytes);
            let keeps = self.entries.len() == 1
                || (self.entries.len() <= TAIL_EVENTS_MAX
                    && short.is_none()
                    && now.since(oldest.stored.timestamp) < age);
            if keeps {
                break;
            }
            if let Some(limited) = short {
                limited.inc();
            }
            self.bytes -= oldest.stored.bytes();
            self.room.give_back(oldest.stored.bytes());
            self.bounds.floor = oldest.stored.id;
            self.entries.pop_front();
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
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

impl Entry {
    fn new(stored: Arc<Stored>) -> Self {
        Self {
            stored,
            encodings: Mutex::default(),
        }
    }
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
        AppendError, Key, MemoryLog, NewEvent, Recalled, Receipt,
        conformance::{event, shop},
        memory::Retention,
    };

    const AGE: Millis = Millis(600_000);

    const TAIL_BYTES_MAX: usize = 1 << 20;

    fn room() -> Arc<Room> {
        Arc::new(Room::new(
            TAIL_BYTES_MAX,
            2 * TAIL_BYTES_MAX,
            Gauge::default(),
        ))
    }

    fn ring() -> Ring {
        ring_in(&room())
    }

    fn ring_in(room: &Arc<Room>) -> Ring {
        let bounds = LogBounds {
            epoch: epoch("e1"),
            head: at(10),
            floor: at(2),
        };
        Ring::new(bounds, Arc::clone(room))
    }

    fn following(coalesce: Duration) -> Following {
        Following {
            coalesce,
            age: AGE,
            compare: None,
            patience: Duration::from_millis(300),
            page_events: 512,
        }
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
    fn rings_together_are_bounded_too_and_give_back_what_they_had() {
        let room = room();
        let (mut one, mut two, mut three) = (ring_in(&room), ring_in(&room), ring_in(&room));
        let half = format!("\"{}\"", "x".repeat(TAIL_BYTES_MAX / 2 - 1_000));
        for ring in [&mut one, &mut two] {
            for id in [11, 12] {
                ring.take(&epoch("e1"), stored(id, &half, 0), AGE);
            }
        }
        // Whoever grows makes room; its newest event stays.
        for id in [11, 12] {
            three.take(&epoch("e1"), stored(id, &half, 0), AGE);
        }
        assert_eq!(
            [bounds(&one), bounds(&two), bounds(&three)],
            [(10, 12), (10, 12), (11, 12)]
        );
        let taken = |rings: &[&Ring]| rings.iter().map(|ring| ring.bytes as i64).sum::<i64>();
        assert_eq!(room.taken.get(), taken(&[&one, &two, &three]));
        assert_eq!(room.limited.each_ref().map(Counter::get), [0, 1]);
        drop(one);
        two.begin_anew(&three.bounds);
        assert_eq!(room.taken.get(), taken(&[&three]));
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
        assert_eq!(ring.take_page(&page, AGE), Paged::All);
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
        assert_eq!(ring.take_page(&page, AGE), Paged::All);
        assert_eq!(bounds(&ring), (40, 40));
    }

    #[test]
    fn a_notice_that_says_something_else_than_one_before_is_a_contradiction() {
        let mut ring = ring();
        ring.take(&epoch("e1"), stored(11, "1", 0), AGE);
        ring.take(&epoch("e1"), stored(12, "2", 0), AGE);
        let mut take = |id, payload, at| ring.take(&epoch("e1"), stored(id, payload, at), AGE);
        assert_eq!(take(11, "1", 0), Took::Known);
        assert_eq!(take(11, "1", 1), Took::Contradiction);
        assert_eq!(take(12, "1", 0), Took::Contradiction);
        // What was before the ring, nobody here can tell.
        assert_eq!(take(10, "1", 0), Took::Known);
    }

    #[test]
    fn a_page_that_does_not_begin_with_the_newest_event_is_a_contradiction() {
        let page = |head, events: &[Arc<Stored>]| Page {
            bounds: LogBounds {
                epoch: epoch("e1"),
                head: at(head),
                floor: at(2),
            },
            after: at(10),
            events: events.to_vec(),
        };
        let (newest, next) = (stored(11, "1", 0), stored(12, "2", 0));
        for (page, paged, head) in [
            (page(11, std::slice::from_ref(&newest)), Paged::All, 11),
            (page(12, &[newest.clone(), next.clone()]), Paged::All, 12),
            (page(13, &[newest.clone(), next.clone()]), Paged::More, 12),
            (page(10, &[]), Paged::Contradiction, 11),
            (
                page(12, &[stored(11, "0", 0), next]),
                Paged::Contradiction,
                11,
            ),
        ] {
            let mut ring = ring();
            ring.take(&epoch("e1"), newest.clone(), AGE);
            assert_eq!(ring.take_page(&page, AGE), paged);
            assert_eq!(ring.bounds.head, at(head));
        }
    }

    #[test]
    fn a_ring_reaches_back_only_without_a_hole() {
        let older =
            |ids: std::ops::RangeInclusive<u64>| ids.map(|id| stored(id, "{}", 0)).collect();
        for (of, after, ids, floor) in [
            ("e1", 7, 8..=10, 7),
            // It was read before the ring dropped some, or took some more.
            ("e1", 7, 8..=12, 7),
            ("e1", 7, 8..=9, 10),
            ("e2", 7, 8..=10, 10),
            ("e1", 10, 11..=11, 10),
        ] {
            let mut ring = ring();
            ring.take(&epoch("e1"), stored(11, "{}", 0), AGE);
            ring.reach_back(&epoch(of), at(after), older(ids));
            assert_eq!(bounds(&ring), (floor, 11), "{of} {after}");
            for id in floor + 1..=11 {
                let there = ring.get(at(id)).map(|entry| entry.stored.id);
                assert_eq!(there, Some(at(id)));
            }
            let bytes: usize = ring.entries.iter().map(|entry| entry.stored.bytes()).sum();
            assert_eq!(ring.bytes, bytes);
        }
    }

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
        let (tail, notices) = begin(&log, &shop, room()).await.expect("memory");
        // More than the notices hold, before anybody follows.
        for _ in 0..3_000 {
            let appended = log.append(clock::now(), &shop, event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let mut grown = tail.watch();
        let (how, metrics) = (following(Duration::from_millis(1)), TailMetrics::default());
        let caught_up = async {
            while tail.ring().bounds.head < at(3_000) {
                grown.changed().await.expect("the tail is there");
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
        let state = tail.watch();
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
        assert_eq!(*state.borrow(), State::Lost);
    }
}
