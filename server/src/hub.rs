//! The shops that have sessions on this node, and their tails.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, Weak},
};

use prometheus_client::metrics::gauge::Gauge;
use tabwire_protocol::{Position, ShopId};
use tokio::{
    sync::{Mutex, OnceCell},
    task::JoinHandle,
};

use crate::{
    log::{EventLog, LogUnavailable},
    tail::{self, Following, Room, Tail, TailMetrics},
};

/// The shops with sessions. A shop's tail begins with its first session and ends with its last.
#[derive(Debug)]
pub(crate) struct Hub<L> {
    log: Arc<L>,
    how: Following,
    metrics: TailMetrics,
    room: Arc<Room>,
    shops: Arc<Shops>,
}

#[derive(Debug)]
struct Shops {
    // A std mutex: held for a map operation, never across an await.
    open: std::sync::Mutex<HashMap<ShopId, Weak<Shop>>>,
    max: usize,
    count: Gauge,
}

/// Why a shop can't be joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// Its log can't be read.
    Log(LogUnavailable),
    /// It would be one too many.
    TooMany,
}

impl From<LogUnavailable> for JoinError {
    fn from(error: LogUnavailable) -> Self {
        Self::Log(error)
    }
}

/// A shop that has sessions: hold it for as long as the session lives.
#[derive(Debug)]
pub(crate) struct Shop {
    name: ShopId,
    /// Empty until the log has been read for the first time.
    followed: OnceCell<Followed>,
    /// Held while the tail is made to reach back: many who come at once want the same.
    reaching: Mutex<()>,
    shops: Arc<Shops>,
}

#[derive(Debug)]
struct Followed {
    tail: Arc<Tail>,
    task: JoinHandle<()>,
}

impl<L: EventLog> Hub<L> {
    /// No shops yet; at most `max` at a time. The gauge says how many there are.
    pub(crate) fn new(
        log: Arc<L>,
        how: Following,
        max: usize,
        count: Gauge,
        metrics: TailMetrics,
        room: Room,
    ) -> Self {
        let shops = Shops {
            open: std::sync::Mutex::default(),
            max,
            count,
        };
        Self {
            log,
            how,
            metrics,
            room: Arc::new(room),
            shops: Arc::new(shops),
        }
    }

    /// Opens a shop, or joins those that have.
    ///
    /// # Errors
    /// When there are too many, or the log can't be read.
    pub(crate) async fn join(&self, name: &ShopId) -> Result<Arc<Shop>, JoinError> {
        let shop = self.shops.open(name).ok_or(JoinError::TooMany)?;
        let begun = shop.followed.get_or_try_init(|| async {
            let (tail, notices) = tail::begin(&*self.log, name, Arc::clone(&self.room)).await?;
            let task = {
                let (log, name, how) = (Arc::clone(&self.log), name.clone(), self.how);
                let (tail, metrics) = (Arc::clone(&tail), self.metrics.clone());
                async move { tail::follow(&*log, &name, &tail, notices, how, &metrics).await }
            };
            Ok::<_, LogUnavailable>(Followed {
                tail,
                task: tokio::spawn(task),
            })
        });
        begun.await?;
        Ok(shop)
    }
}

impl Shops {
    /// The shop of this name; None when it would be one too many.
    fn open(self: &Arc<Self>, name: &ShopId) -> Option<Arc<Shop>> {
        // Declared before the lock, so dropped after it: dropping the last hold of a shop takes the lock.
        let held;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        held = open.get(name).and_then(Weak::upgrade);
        if let Some(shop) = &held {
            let followed = shop.followed.get();
            // A tail that has lost its log is left to those who still have it.
            if !followed.is_some_and(|followed| followed.task.is_finished()) {
                return Some(Arc::clone(shop));
            }
        } else if open.len() >= self.max {
            return None;
        }
        let shop = Arc::new(Shop {
            name: name.clone(),
            followed: OnceCell::new(),
            reaching: Mutex::const_new(()),
            shops: Arc::clone(self),
        });
        self.count.inc();
        open.insert(name.clone(), Arc::downgrade(&shop));
        Some(shop)
    }
}

impl Shop {
    /// Has the tail reach back to a position, if it has the room.
    ///
    /// # Errors
    /// When the log can't be read.
    pub(crate) async fn reach_back(
        &self,
        log: &impl EventLog,
        after: Position,
        page_events: usize,
    ) -> Result<(), LogUnavailable> {
        let _reaching = self.reaching.lock().await;
        tail::reach_back(log, &self.name, self.tail(), after, page_events).await
    }

    /// Its tail.
    pub(crate) fn tail(&self) -> &Arc<Tail> {
        let followed = self.followed.get();
        &followed
            .expect("`join` gives out shops whose tail has begun")
            .tail
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(followed) = self.followed.get() {
            followed.task.abort();
        }
        self.shops.count.dec();
        let mut open = self
            .shops
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Another one may have been opened by the same name meanwhile.
        if open
            .get(&self.name)
            .is_some_and(|shop| shop.strong_count() == 0)
        {
            open.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tabwire_protocol::Millis;

    use super::*;
    use crate::log::{MemoryLog, conformance::shop, memory::Retention};

    fn hub(max: usize) -> Hub<MemoryLog> {
        let log = MemoryLog::new(Retention {
            age: Millis(600_000),
            events: 10,
            shops: 100,
        });
        let how = Following {
            coalesce: Duration::ZERO,
            age: Millis(600_000),
            compare: None,
            patience: Duration::ZERO,
            page_events: 512,
        };
        Hub::new(
            Arc::new(log),
            how,
            max,
            Gauge::default(),
            TailMetrics::default(),
            Room::new(1 << 20, 1 << 20, Gauge::default()),
        )
    }

    #[tokio::test]
    async fn there_are_so_many_shops_and_no_more_until_one_has_gone() {
        let hub = hub(2);
        let one = hub.join(&shop("s_1")).await.expect("there is room");
        let _other = hub.join(&shop("s_2")).await.expect("there is room");
        assert_eq!(hub.join(&shop("s_3")).await.err(), Some(JoinError::TooMany));
        assert!(hub.join(&shop("s_1")).await.is_ok());
        drop(one);
        assert!(hub.join(&shop("s_3")).await.is_ok());
    }

    #[tokio::test]
    async fn a_shop_is_open_for_as_long_as_somebody_has_it() {
        let hub = hub(100);
        let one = hub.join(&shop("s_1")).await.expect("memory");
        let other = hub.join(&shop("s_1")).await.expect("memory");
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(hub.shops.count.get(), 1);
        drop((one, other));
        assert_eq!(hub.shops.count.get(), 0);
        assert!(hub.shops.open.lock().expect("not poisoned").is_empty());
    }
}
