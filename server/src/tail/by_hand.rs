//! A tail that is grown by hand, and the sessions that read it: the steps of a delivery without log, task or socket. Not a stable
//! part of the API: `tests/cost` counts what they cost.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use prometheus_client::metrics::gauge::Gauge;
use tabwire_protocol::{Cursor, Epoch, Millis, Module, Position, ShopId, UserId};

use super::{
    Tail, Watch,
    ring::{Framed, Room, Took},
};
use crate::{
    log::Stored,
    session::cursor::{LogBounds, Output, SessionCursor, Viewer},
};

const BYTES_MAX: usize = 64 << 20;
const AGE: Millis = Millis(600_000);
const MAX_REPLAY: u64 = 5_000;

/// A tail.
#[derive(Debug)]
pub struct TailByHand {
    tail: Arc<Tail>,
    epoch: Epoch,
}

impl TailByHand {
    /// A tail that begins at the head of a log.
    pub fn new(bounds: LogBounds) -> Self {
        let epoch = bounds.epoch.clone();
        let room = Room::new(BYTES_MAX, BYTES_MAX, Gauge::default());
        Self {
            tail: Arc::new(Tail::new(bounds, Arc::new(room))),
            epoch,
        }
    }

    /// Takes the next event.
    ///
    /// # Panics
    /// When it is not the next.
    pub fn take(&self, stored: Arc<Stored>) {
        let took = self.tail.change(|ring| ring.take(&self.epoch, stored, AGE));
        assert_eq!(took, Took::Next, "events are given in order");
    }

    /// Wakes the sessions that wait for what came after a position.
    pub fn tell(&self, told: Position) {
        self.tail.tell(told, AGE);
    }

    /// A session of a user with these modules, which goes on from a cursor or begins at the head.
    pub fn open(
        &self,
        shop: &ShopId,
        user: UserId,
        modules: &Arc<BTreeSet<Module>>,
        cursor: Option<&Cursor>,
    ) -> SessionByHand {
        let watch = self.tail.watch(modules, &user);
        let viewer = Viewer::new(shop, user, Arc::clone(modules));
        let opened = SessionCursor::open(cursor, viewer, &*self.tail.ring(), MAX_REPLAY);
        SessionByHand {
            tail: Arc::clone(&self.tail),
            watch,
            cursor: opened.cursor,
        }
    }
}

/// A session that reads such a tail.
#[derive(Debug)]
pub struct SessionByHand {
    tail: Arc<Tail>,
    watch: Watch,
    cursor: SessionCursor,
}

impl SessionByHand {
    /// Reads all there is, and says how many bytes of frames that makes.
    pub fn read(&mut self) -> usize {
        self.watch.looks();
        let ring = self.tail.ring();
        let mut bytes = 0;
        while let Some(output) = self.cursor.next(&*ring) {
            if let Output::Event { prev, event, .. } = output {
                bytes += event.frame(prev).wire().len();
            }
        }
        bytes
    }

    /// Waits for more: this waker will be woken. True: there is more already.
    pub fn wait(&mut self, waker: &Waker) -> bool {
        let changed = pin!(self.watch.changed());
        changed.poll(&mut Context::from_waker(waker)).is_ready()
    }
}
