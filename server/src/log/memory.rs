//! The log in memory: the default, and the reference for other backends.
//!
//! One mutex, no tasks; old events go when somebody appends or reads. What is lost with the process is lost, so each log of each
//! process has an epoch of its own.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tabwire_protocol::{Epoch, Millis, Position, ShopId};
use tokio::sync::mpsc;

use super::{
    AppendError, EventLog, KEY_KEPT, Key, LogUnavailable, NewEvent, Notice, Notices, Page,
    Recalled, Receipt, Stored,
};
use crate::{random, session::cursor::LogBounds};

/// How many notices a follower may be behind before it is told of a gap.
pub const NOTICES_MAX: usize = 1_024;
/// How many idempotency keys a shop may have within [`KEY_KEPT`].
pub const SHOP_KEYS_MAX: usize = 100_000;
/// How often the logs of quiet shops are looked through for what has expired.
const SWEEP_EVERY: Millis = Millis(60_000);

/// How much of a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// For how long.
    pub age: Millis,
    /// How many events of a shop at most.
    pub events: usize,
    /// How many shops. For one more, those go whose events have all expired: they'd start again with a new epoch.
    pub shops: usize,
}

/// The logs of all shops, in memory.
#[derive(Debug)]
pub struct MemoryLog {
    retention: Retention,
    // A std mutex: held for a few map operations, never across an await.
    shops: Mutex<Shops>,
}

#[derive(Debug, Default)]
struct Shops {
    logs: HashMap<ShopId, ShopLog>,
    next_sweep: Millis,
}

#[derive(Debug)]
struct ShopLog {
    bounds: LogBounds,
    events: VecDeque<Arc<Stored>>,
    keys: BTreeMap<String, Used>,
    /// The keys in the order in which they end.
    key_ends: VecDeque<(Millis, String)>,
    followers: Vec<Follower>,
}

/// One who follows, and for whom notices wait. Not a broadcast channel: that has its room for notices from the beginning, in each shop.
#[derive(Debug)]
struct Follower {
    notices: mpsc::Sender<Notice>,
    has_missed: Arc<AtomicBool>,
}

/// What an idempotency key was used for.
#[derive(Debug)]
struct Used {
    body: u64,
    epoch: Epoch,
    id: Position,
}

impl Used {
    fn receipt(&self) -> Receipt {
        Receipt {
            epoch: self.epoch.clone(),
            id: self.id,
            repeated: true,
        }
    }
}

impl MemoryLog {
    /// No events yet.
    pub fn new(retention: Retention) -> Self {
        Self {
            retention,
            shops: Mutex::default(),
        }
    }

    fn with<T>(
        &self,
        now: Millis,
        shop: &ShopId,
        act: impl FnOnce(&mut ShopLog) -> T,
    ) -> Result<T, LogUnavailable> {
        let mut shops = self.shops.lock().unwrap_or_else(PoisonError::into_inner);
        let crowded = shops.logs.len() >= self.retention.shops && !shops.logs.contains_key(shop);
        if crowded || now >= shops.next_sweep {
            shops.sweep(now, self.retention, crowded);
        }
        if crowded && shops.logs.len() >= self.retention.shops {
            return Err(LogUnavailable("it has too many shops".to_owned()));
        }
        let log = shops.logs.entry(shop.clone()).or_insert_with(ShopLog::new);
        log.expire(now, self.retention);
        Ok(act(log))
    }
}

impl EventLog for MemoryLog {
    type Notices = MemoryNotices;

    async fn append(
        &self,
        now: Millis,
        shop: &ShopId,
        event: NewEvent,
        key: Option<Key<'_>>,
    ) -> Result<Receipt, AppendError> {
        self.with(now, shop, |log| {
            log.append(now, shop, event, key, self.retention)
        })?
    }

    async fn read(
        &self,
        now: Millis,
        shop: &ShopId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogUnavailable> {
        self.with(now, shop, |log| log.read(after, limit))
    }

    async fn recall(
        &self,
        now: Millis,
        shop: &ShopId,
        key: Key<'_>,
    ) -> Result<Recalled, LogUnavailable> {
        self.with(now, shop, |log| match log.keys.get(key.name) {
            Some(used) => Recalled::Appended(used.receipt()),
            None if key.until.is_some_and(|until| until < now) => Recalled::Never,
            None => Recalled::NotYet,
        })
    }

    async fn renounce(&self, shop: &ShopId, epoch: &Epoch) -> Result<(), LogUnavailable> {
        let mut shops = self.shops.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = shops.logs.get_mut(shop)
            && log.bounds.epoch == *epoch
        {
            log.begin_anew();
        }
        Ok(())
    }

    async fn subscribe(&self, now: Millis, shop: &ShopId) -> Result<MemoryNotices, LogUnavailable> {
        self.with(now, shop, |log| {
            let (sender, notices) = mpsc::channel(NOTICES_MAX);
            let has_missed = Arc::<AtomicBool>::default();
            log.followers.push(Follower {
                notices: sender,
                has_missed: Arc::clone(&has_missed),
            });
            MemoryNotices {
                notices,
                has_missed,
            }
        })
    }
}

/// The notices of a shop.
#[derive(Debug)]
pub struct MemoryNotices {
    notices: mpsc::Receiver<Notice>,
    /// Whether some found no room, and none was kept since then.
    has_missed: Arc<AtomicBool>,
}

impl Notices for MemoryNotices {
    async fn next(&mut self) -> Option<Notice> {
        // Those that wait came before those that found no room.
        if self.notices.is_empty() && self.has_missed.swap(false, Ordering::AcqRel) {
            return Some(Notice::Gap);
        }
        self.notices.recv().await
    }
}

impl Shops {
    /// Expires what has been quiet; when there are too many shops, forgets those that keep nothing.
    fn sweep(&mut self, now: Millis, retention: Retention, crowded: bool) {
        self.next_sweep = now.plus(SWEEP_EVERY);
        self.logs.retain(|_, log| {
            log.expire(now, retention);
            !crowded || !log.is_idle()
        });
    }
}

fn new_epoch() -> Epoch {
    Epoch::new(&random::hex::<8>()).expect("hexadecimal digits make a name")
}

impl ShopLog {
    fn new() -> Self {
        Self {
            bounds: LogBounds {
                epoch: new_epoch(),
                head: Position::ZERO,
                floor: Position::ZERO,
            },
            events: VecDeque::new(),
            keys: BTreeMap::new(),
            key_ends: VecDeque::new(),
            followers: Vec::new(),
        }
    }

    /// Goes on as another log. Ids go on counting, so that a mistake can't look like a continuation.
    fn begin_anew(&mut self) {
        self.events.clear();
        self.bounds.epoch = new_epoch();
        self.bounds.floor = self.bounds.head;
        self.tell_followers(&Notice::Gap);
    }

    fn is_idle(&self) -> bool {
        self.events.is_empty() && self.keys.is_empty() && self.followers.is_empty()
    }

    fn append(
        &mut self,
        now: Millis,
        shop: &ShopId,
        event: NewEvent,
        key: Option<Key<'_>>,
        retention: Retention,
    ) -> Result<Receipt, AppendError> {
        let body = fingerprint(&event);
        let until = key.and_then(|key| key.until);
        let key = key.map(|key| key.name);
        if let Some(used) = key.and_then(|key| self.keys.get(key)) {
            if used.body != body {
                return Err(AppendError::KeyReused);
            }
            return Ok(used.receipt());
        }
        if until.is_some_and(|until| until < now) {
            return Err(AppendError::Late);
        }
        if key.is_some() && self.keys.len() >= SHOP_KEYS_MAX {
            return Err(unavailable("too many idempotency keys in 5 minutes"));
        }
        let Some(id) = self.bounds.head.next() else {
            return Err(unavailable("its last position is taken"));
        };
        self.bounds.head = id;
        let newest = self.events.back().map_or(now, |last| last.timestamp);
        let stored = Arc::new(Stored {
            id,
            shop: shop.clone(),
            // Never before the one before, even when the clock was set back: age is judged from the oldest on.
            timestamp: now.max(newest),
            event,
        });
        self.events.push_back(Arc::clone(&stored));
        self.expire(now, retention);
        if let Some(key) = key {
            let epoch = self.bounds.epoch.clone();
            self.keys.insert(key.to_owned(), Used { body, epoch, id });
            self.key_ends
                .push_back((now.plus(KEY_KEPT), key.to_owned()));
        }
        self.tell_followers(&Notice::Appended(self.bounds.epoch.clone(), stored));
        Ok(Receipt {
            epoch: self.bounds.epoch.clone(),
            id,
            repeated: false,
        })
    }

    fn tell_followers(&self, notice: &Notice) {
        for follower in &self.followers {
            // Until it was told of the gap nothing may come behind it.
            if follower.has_missed.load(Ordering::Acquire) {
                continue;
            }
            // Who has left is no error.
            if let Err(mpsc::error::TrySendError::Full(_)) =
                follower.notices.try_send(notice.clone())
            {
                follower.has_missed.store(true, Ordering::Release);
            }
        }
    }

    fn read(&self, after: Position, limit: usize) -> Page {
        let skip = after.get().checked_sub(self.bounds.floor.get());
        let skip = skip.and_then(|skip| usize::try_from(skip).ok());
        let events = skip.map_or_else(Vec::new, |skip| {
            self.events
                .iter()
                .skip(skip)
                .take(limit)
                .map(Arc::clone)
                .collect()
        });
        Page {
            bounds: self.bounds.clone(),
            after,
            events,
        }
    }

    fn expire(&mut self, now: Millis, retention: Retention) {
        while let Some(oldest) = self.events.front() {
            if self.events.len() <= retention.events && now.since(oldest.timestamp) < retention.age
            {
                break;
            }
            self.bounds.floor = oldest.id;
            self.events.pop_front();
        }
        while self.key_ends.front().is_some_and(|(ends, _)| *ends <= now) {
            if let Some((_, key)) = self.key_ends.pop_front() {
                self.keys.remove(&key);
            }
        }
        self.followers
            .retain(|follower| !follower.notices.is_closed());
    }
}

fn unavailable(why: &str) -> AppendError {
    AppendError::Unavailable(LogUnavailable(why.to_owned()))
}

/// Tells the events of one key apart.
fn fingerprint(event: &NewEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.event_type.hash(&mut hasher);
    event.users.hash(&mut hasher);
    event.payload.as_str().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::conformance::{self, event, shop};

    fn log(age: u64, events: usize) -> MemoryLog {
        MemoryLog::new(Retention {
            age: Millis(age),
            events,
            shops: 100,
        })
    }

    conformance::event_log_laws!(log(600_000, 10_000));

    #[tokio::test]
    async fn what_is_older_than_the_retention_goes_and_the_head_stays() {
        let log = log(1_000, 10);
        for at in [0, 500, 1_200] {
            let appended = log
                .append(Millis(at), &shop("s_1"), event("{}"), None)
                .await;
            assert!(appended.is_ok());
        }
        let bounds = |at| {
            let (log, shop) = (&log, shop("s_1"));
            async move {
                let page = log.read(Millis(at), &shop, Position::ZERO, 0).await;
                let LogBounds { head, floor, .. } = page.expect("memory").bounds;
                (head.get(), floor.get())
            }
        };
        assert_eq!(bounds(1_200).await, (3, 1));
        assert_eq!(bounds(1_499).await, (3, 1));
        assert_eq!(bounds(1_500).await, (3, 2));
        assert_eq!(bounds(9_000).await, (3, 3));
    }

    #[tokio::test]
    async fn more_than_the_retained_number_are_not_kept() {
        let log = log(600_000, 2);
        for _ in 0..5 {
            let appended = log.append(Millis(0), &shop("s_1"), event("{}"), None).await;
            assert!(appended.is_ok());
        }
        let page = log.read(Millis(0), &shop("s_1"), Position::ZERO, 10).await;
        assert_eq!(page.expect("memory").bounds.floor.get(), 3);
    }

    #[tokio::test]
    async fn a_key_is_known_for_more_than_five_minutes() {
        let log = log(600_000, 10);
        let append = |at, body| {
            let (log, event) = (&log, event(body));
            async move {
                log.append(Millis(at), &shop("s_1"), event, Some(Key::new("k")))
                    .await
            }
        };
        assert!(append(0, "1").await.is_ok());
        assert_eq!(append(359_999, "2").await, Err(AppendError::KeyReused));
        let anew = append(360_000, "2").await.expect("the key has ended");
        assert_eq!((anew.id.get(), anew.repeated), (2, false));
    }

    #[tokio::test]
    async fn a_shop_has_a_limit_of_keys() {
        let log = log(600_000, 10);
        for n in 0..=SHOP_KEYS_MAX {
            let key = n.to_string();
            let appended = log
                .append(Millis(0), &shop("s_1"), event("{}"), Some(Key::new(&key)))
                .await;
            assert_eq!(appended.is_ok(), n < SHOP_KEYS_MAX, "key {n}");
        }
    }

    #[tokio::test]
    async fn for_one_shop_too_many_those_without_events_go() {
        let log = log(1_000, 10);
        for n in 0..100 {
            let shop = shop(&n.to_string());
            assert!(
                log.append(Millis(0), &shop, event("{}"), None)
                    .await
                    .is_ok()
            );
        }
        let log_ref = &log;
        let append = |at| async move {
            log_ref
                .append(Millis(at), &shop("new"), event("{}"), None)
                .await
        };
        assert!(matches!(
            append(999).await,
            Err(AppendError::Unavailable(_))
        ));
        assert!(append(1_000).await.is_ok());
        let shops = log.shops.lock().expect("no test panicked holding it");
        assert_eq!(shops.logs.len(), 1);
    }
}
