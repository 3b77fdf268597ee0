//! The events of a tail that are at hand, in a room of so many bytes that all tails share.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tabwire_protocol::{Epoch, Millis, Module, Position, UserId};

use crate::{
    frame::Frame,
    log::{Page, Stored},
    session::cursor::{LogBounds, Routed, Stretch},
};

/// How many events a tail has at most.
pub(crate) const TAIL_EVENTS_MAX: usize = 4_096;
/// How many encodings of an event are kept: sessions differ in `prev`, mostly only in few ways.
const ENCODINGS_MAX: usize = 4;

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

/// The events that are at hand: those after the floor.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Those of the log, but for the floor, which is the ring's own.
    bounds: LogBounds,
    entries: VecDeque<Entry>,
    /// Every session has read up to here, or had the time to: what is older than events are kept is dropped no further. A clock that is
    /// set forward makes all of them old at once.
    passed: Position,
    bytes: usize,
    room: Arc<Room>,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
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
pub(super) enum Paged {
    /// The ring is as far as the log.
    All,
    /// There is more to read.
    More,
    /// The log is not what it was, and does not say so.
    Contradiction,
}

impl Ring {
    pub(super) const fn new(bounds: LogBounds, room: Arc<Room>) -> Self {
        let mut ring = Self {
            passed: bounds.head,
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

    pub(super) fn take(&mut self, epoch: &Epoch, stored: Arc<Stored>, age: Millis) -> Took {
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
    pub(super) fn take_page(&mut self, page: &Page, age: Millis) -> Paged {
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
    pub(super) fn reach_back(&mut self, epoch: &Epoch, after: Position, older: Vec<Arc<Stored>>) {
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
                    && (now.since(oldest.stored.timestamp) < age
                        || oldest.stored.id > self.passed));
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

impl Ring {
    /// From where a comparison with the log reads: from before the newest event, if there is one.
    pub(super) fn compares_after(&self) -> Position {
        let head = self.bounds.head;
        // The log must have the very same event there, else it was put back and has gone on.
        match self.entries.is_empty() {
            true => head,
            false => head.before(),
        }
    }

    /// The events after a position, as far as they are at hand.
    pub(super) fn after(&self, position: Position) -> impl Iterator<Item = &Arc<Stored>> {
        let known = position.get().saturating_sub(self.bounds.floor.get());
        let entries = self.entries.iter();
        entries
            .skip(usize::try_from(known).unwrap_or(usize::MAX))
            .map(|entry| &entry.stored)
    }

    /// Up to where events will be dropped before long: the older half of what is at hand, and all that is older than events are kept.
    pub(super) fn fading(&self, age: Millis) -> Position {
        let Some(newest) = self.entries.back() else {
            return self.bounds.head;
        };
        let now = newest.stored.timestamp;
        let is_old = |entry: &Entry| now.since(entry.stored.timestamp) >= age;
        let fading = self
            .entries
            .partition_point(is_old)
            .max(self.entries.len() / 2);
        let first_to_stay = self.entries.get(fading);
        first_to_stay.map_or(self.bounds.head, |entry| entry.stored.id.before())
    }

    /// Says up to where every session has read, or had the time to.
    pub(super) fn pass(&mut self, to: Position) {
        self.passed = self.passed.max(to);
    }

    /// Whether there is room for so many bytes more.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.room.has(self.bytes, bytes)
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
    fn frame(&self, prev: Position) -> Frame;
}

impl Framed for Stored {
    fn frame(&self, prev: Position) -> Frame {
        Self::frame(self, prev)
    }
}

/// An event of the ring, with its frame: encoded once for all sessions that share the same `prev`.
#[derive(Debug)]
pub(crate) struct Entry {
    stored: Arc<Stored>,
    encodings: Mutex<Vec<(Position, Frame)>>,
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
    fn frame(&self, prev: Position) -> Frame {
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
    use super::{super::testing::*, *};

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

        // Not by age, as long as somebody may not have read them.
        let next = ring.bounds.head.get() + 1;
        ring.take(&epoch("e1"), stored(next, "{}", AGE.0), AGE);
        assert_eq!(bounds(&ring), (14, next));
        assert_eq!(ring.fading(AGE), at(next - 1));
        ring.pass(at(next - 2));
        ring.take(&epoch("e1"), stored(next + 1, "{}", AGE.0), AGE);
        assert_eq!(bounds(&ring), (next - 2, next + 1));
        ring.pass(at(next - 1));
        let next = next + 2;
        ring.take(&epoch("e1"), stored(next, "{}", AGE.0), AGE);
        assert_eq!(bounds(&ring), (next - 3, next));

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

    #[test]
    fn an_event_is_encoded_once_per_prev() {
        let mut ring = ring();
        ring.take(&epoch("e1"), stored(11, "{}", 0), AGE);
        let entry = ring.get(at(11)).expect("it was taken");
        let frame = |prev| entry.frame(at(prev)).wire().as_ptr();
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
}
