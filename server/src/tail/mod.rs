//! The end of a shop's log, in memory, for the sessions that this node has of the shop.
//!
//! One task per shop follows the log and wakes the sessions that an event concerns; each session reads here with its own cursor. What was
//! lost on the way from the log is repaired with a read, before any session sees that it was missing.

mod audience;
#[cfg(feature = "test-util")]
mod by_hand;
mod follow;
mod ring;

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use tabwire_protocol::{Epoch, Millis, Module, Position, ShopId, UserId};
use tokio::{sync::Notify, time::timeout};

use self::audience::{Audiences, News};
#[cfg(feature = "test-util")]
pub use self::by_hand::{SessionByHand, TailByHand};
pub(crate) use self::{
    audience::{Awaited, Watch},
    follow::{Following, TailMetrics, follow, reach_back},
    ring::{Framed, Ring, Room},
};
use crate::{
    clock,
    log::{EventLog, LogUnavailable},
    session::cursor::{LogBounds, Stretch},
};

/// How long a session waits for the tail to follow a log that has begun anew.
const EPOCH_WAIT: Duration = Duration::from_secs(2);

/// The tail of a shop.
#[derive(Debug)]
pub(crate) struct Tail {
    // A std lock: sessions hold it while they gather what to write, never across an await.
    ring: RwLock<Ring>,
    /// Those who wait for the ring to grow.
    audiences: Audiences,
    /// Rung when the ring does not just go on from what it was.
    turned: Notify,
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
impl Tail {
    /// A tail that begins at the head of the log.
    fn new(bounds: LogBounds, room: Arc<Room>) -> Self {
        Self {
            ring: RwLock::new(Ring::new(bounds, room)),
            audiences: Audiences::default(),
            turned: Notify::new(),
            doubted: Notify::new(),
        }
    }

    /// What is at hand now. Don't hold it across an await: the log waits.
    pub(crate) fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees it grow, for a user with these modules.
    pub(crate) fn watch(self: &Arc<Self>, modules: &Arc<BTreeSet<Module>>, user: &UserId) -> Watch {
        Watch::new(Arc::clone(self), modules, user)
    }

    /// How many sessions watch.
    pub(crate) fn watchers(&self) -> usize {
        self.audiences.count()
    }

    /// Has the tail compared with its log now.
    pub(crate) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Waits until the tail is of this epoch; until then it is behind a log that has begun anew.
    pub(crate) async fn is_of(&self, epoch: &Epoch) -> Result<(), LogUnavailable> {
        let arrived = async {
            loop {
                let mut turned = pin!(self.turned.notified());
                // From here on, before the ring is looked at.
                turned.as_mut().enable();
                if self.ring().bounds().epoch == *epoch {
                    return;
                }
                turned.await;
            }
        };
        let waited = timeout(EPOCH_WAIT, arrived).await;
        waited.map_err(|_| LogUnavailable("this node is behind it".to_owned()))
    }

    /// Tells those whom what came after `told` concerns.
    fn tell(&self, told: Position, age: Millis) {
        let mut news = News::default();
        let (fading, head) = {
            let ring = self.ring();
            ring.after(told).for_each(|stored| news.add(stored));
            (ring.fading(age), ring.bounds().head)
        };
        self.audiences.tell(&news, fading, head);
    }

    /// Tells everybody that the tail was repaired, or can't be.
    fn tell_all(&self, state: State) {
        let head = self.ring().bounds().head;
        self.audiences.tell_all(state, head);
        self.turned.notify_waiters();
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

/// What the tests of this folder share.
#[cfg(test)]
mod testing {
    use std::{sync::Arc, time::Duration};

    use prometheus_client::metrics::gauge::Gauge;
    use tabwire_protocol::{Epoch, Millis, Position};

    use super::{Following, Ring, Room};
    use crate::{
        log::{
            Stored,
            conformance::{event, shop},
        },
        session::cursor::{LogBounds, Stretch},
    };

    pub(super) const AGE: Millis = Millis(600_000);

    pub(super) const TAIL_BYTES_MAX: usize = 1 << 20;

    pub(super) fn room() -> Arc<Room> {
        Arc::new(Room::new(
            TAIL_BYTES_MAX,
            2 * TAIL_BYTES_MAX,
            Gauge::default(),
        ))
    }

    pub(super) fn ring() -> Ring {
        ring_in(&room())
    }

    pub(super) fn ring_in(room: &Arc<Room>) -> Ring {
        let bounds = LogBounds {
            epoch: epoch("e1"),
            head: at(10),
            floor: at(2),
        };
        Ring::new(bounds, Arc::clone(room))
    }

    pub(super) fn following(coalesce: Duration) -> Following {
        Following {
            coalesce,
            age: AGE,
            compare: None,
            patience: Duration::from_millis(300),
            page_events: 512,
        }
    }

    pub(super) fn epoch(name: &str) -> Epoch {
        Epoch::new(name).expect("a name")
    }

    pub(super) fn at(value: u64) -> Position {
        Position::new(value).expect("small")
    }

    pub(super) fn stored(id: u64, payload: &str, timestamp: u64) -> Arc<Stored> {
        Arc::new(Stored {
            id: at(id),
            shop: shop("s_1"),
            timestamp: Millis(timestamp),
            event: event(payload),
        })
    }

    pub(super) fn bounds(ring: &Ring) -> (u64, u64) {
        (ring.bounds().floor.get(), ring.bounds().head.get())
    }
}
