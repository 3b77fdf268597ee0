//! Who waits for a tail to grow. Those who may see the same modules are one audience, so that an event costs nothing for those whom it
//! does not concern, however many they are.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use slab::Slab;
use tabwire_protocol::{Module, Position, UserId};

use super::{State, Tail};
use crate::{
    log::Stored,
    session::cursor::{Routed, Stretch},
};

/// How many are woken before others may come or go.
const WOKEN_AT_A_TIME: usize = 256;

/// All who wait for a tail.
#[derive(Debug, Default)]
pub(super) struct Audiences {
    /// How often the tail has said that it has grown.
    times: AtomicU64,
    is_lost: AtomicBool,
    count: AtomicUsize,
    // A std lock: held for an operation, never across an await.
    list: Mutex<Vec<Arc<Audience>>>,
}

/// Those who may see the same modules.
#[derive(Debug)]
struct Audience {
    modules: Arc<BTreeSet<Module>>,
    /// Where the tail was when all of them were woken last.
    woken_at: AtomicU64,
    // A std lock, too.
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: Slab<Seat>,
    /// How many of them wait for any event.
    wait_for_any: usize,
}

/// One who waits, and for what.
#[derive(Debug)]
struct Seat {
    user: UserId,
    awaited: Awaited,
    waker: Waker,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// An event that they may see.
    Own,
    /// Any event: how far the log is matters to them.
    Any,
}

/// What a tail has that it has not told of.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The modules of events that are for everybody.
    modules: Vec<Module>,
    /// Events that are for some.
    addressed: Vec<Arc<Stored>>,
}

impl News {
    /// Counts an event in.
    pub(super) fn add(&mut self, stored: &Arc<Stored>) {
        if self.modules.contains(stored.module()) {
            return;
        }
        match stored.event.users {
            None => self.modules.push(stored.module().clone()),
            Some(_) => self.addressed.push(Arc::clone(stored)),
        }
    }

    fn concern_all(&self, modules: &BTreeSet<Module>) -> bool {
        self.modules.iter().any(|module| modules.contains(module))
    }

    fn concern(&self, modules: &BTreeSet<Module>, user: &UserId) -> bool {
        let mut addressed = self.addressed.iter();
        addressed.any(|stored| modules.contains(stored.module()) && stored.is_for(user))
    }
}

impl Audiences {
    /// How many watch.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Tells those whom the news concern. The tail is at `head`. Whoever was not woken since `fading` is woken too, so that nobody falls
    /// behind what the tail has at hand.
    pub(super) fn tell(&self, news: &News, fading: Position, head: Position) {
        self.times.fetch_add(1, Ordering::AcqRel);
        for audience in self.all() {
            let is_behind = audience.woken_at.load(Ordering::Relaxed) <= fading.get();
            if is_behind || news.concern_all(&audience.modules) {
                audience.woken_at.store(head.get(), Ordering::Relaxed);
                audience.wake(|_| true);
            } else if !news.addressed.is_empty() || audience.seats().wait_for_any > 0 {
                audience.wake(|seat| {
                    seat.awaited == Awaited::Any || news.concern(&audience.modules, &seat.user)
                });
            }
        }
    }

    /// Where the tail was when the audience was woken whose turn was the longest ago; at `head` when there is none.
    pub(super) fn woken_at(&self, head: Position) -> Position {
        let woken_at = |audience: Arc<Audience>| audience.woken_at.load(Ordering::Relaxed);
        let least = self.all().into_iter().map(woken_at).min();
        least.map_or(head, |least| {
            Position::new(least).expect("only positions are stored")
        })
    }

    /// Tells everybody: what the tail has now does not just go on from what it had.
    pub(super) fn tell_all(&self, state: State, head: Position) {
        self.is_lost.store(state == State::Lost, Ordering::Release);
        self.times.fetch_add(1, Ordering::AcqRel);
        for audience in self.all() {
            audience.woken_at.store(head.get(), Ordering::Relaxed);
            audience.wake(|_| true);
        }
    }

    /// The audience of these modules.
    fn audience(&self, modules: &Arc<BTreeSet<Module>>, head: Position) -> Arc<Audience> {
        let mut list = self.list();
        if let Some(audience) = list.iter().find(|audience| audience.modules == *modules) {
            return Arc::clone(audience);
        }
        // A quiet shop tells nobody, and would keep those that everybody has left.
        list.retain(|audience| Arc::strong_count(audience) > 1);
        let audience = Arc::new(Audience {
            modules: Arc::clone(modules),
            woken_at: AtomicU64::new(head.get()),
            seats: Mutex::default(),
        });
        list.push(Arc::clone(&audience));
        audience
    }

    /// All of them, but for those that everybody has left. A copy: who comes or goes does not wait for a round of telling.
    fn all(&self) -> Vec<Arc<Audience>> {
        let mut list = self.list();
        list.retain(|audience| Arc::strong_count(audience) > 1);
        list.clone()
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Audience>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience {
    fn wake(&self, is_to_wake: impl Fn(&Seat) -> bool) {
        let mut from = 0;
        loop {
            let seats = self.seats();
            let (to, all) = (from + WOKEN_AT_A_TIME, seats.taken.capacity());
            for seat in (from..to.min(all)).filter_map(|number| seats.taken.get(number)) {
                if is_to_wake(seat) {
                    seat.waker.wake_by_ref();
                }
            }
            if to >= all {
                return;
            }
            from = to;
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees a tail grow, for one session.
#[derive(Debug)]
pub(crate) struct Watch {
    tail: Arc<Tail>,
    audience: Arc<Audience>,
    user: UserId,
    awaited: Awaited,
    /// How often the tail had told when it was looked at.
    seen: u64,
    /// Where it sits, and the waker that it left there.
    seat: Option<(usize, Waker)>,
}

impl Watch {
    /// For a user with these modules.
    pub(super) fn new(tail: Arc<Tail>, modules: &Arc<BTreeSet<Module>>, user: &UserId) -> Self {
        let head = tail.ring().bounds().head;
        let audience = tail.audiences.audience(modules, head);
        tail.audiences.count.fetch_add(1, Ordering::Relaxed);
        Self {
            audience,
            user: user.clone(),
            awaited: Awaited::Own,
            seen: tail.audiences.times.load(Ordering::Acquire),
            seat: None,
            tail,
        }
    }

    /// The modules: one set for all who have the same.
    pub(crate) fn modules(&self) -> &Arc<BTreeSet<Module>> {
        &self.audience.modules
    }

    /// To be called before the tail is looked at: what comes from now on has not been seen.
    pub(crate) fn looks(&mut self) -> State {
        self.seen = self.tail.audiences.times.load(Ordering::Acquire);
        match self.tail.audiences.is_lost.load(Ordering::Acquire) {
            true => State::Lost,
            false => State::Following,
        }
    }

    /// Says what is waited for from now on.
    pub(crate) fn awaits(&mut self, awaited: Awaited) {
        if awaited == self.awaited {
            return;
        }
        self.awaited = awaited;
        if let Some((number, _)) = &self.seat {
            let mut seats = self.audience.seats();
            seats.taken[*number].awaited = awaited;
            match awaited {
                Awaited::Any => seats.wait_for_any += 1,
                Awaited::Own => seats.wait_for_any -= 1,
            }
        }
    }

    /// Waits until the tail has what is waited for, or more that was not looked at.
    pub(crate) async fn changed(&mut self) {
        poll_fn(|cx| self.poll_changed(cx)).await;
    }

    fn poll_changed(&mut self, cx: &Context<'_>) -> Poll<()> {
        // The seat is kept from one time to the next: a session is the same task for as long as it lives.
        if !matches!(&self.seat, Some((_, waker)) if waker.will_wake(cx.waker())) {
            self.sit(cx.waker());
        }
        let times = self.tail.audiences.times.load(Ordering::Acquire);
        match std::mem::replace(&mut self.seen, times) == times {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    fn sit(&mut self, waker: &Waker) {
        self.leave();
        let mut seats = self.audience.seats();
        seats.wait_for_any += usize::from(self.awaited == Awaited::Any);
        let number = seats.taken.insert(Seat {
            user: self.user.clone(),
            awaited: self.awaited,
            waker: waker.clone(),
        });
        self.seat = Some((number, waker.clone()));
    }

    fn leave(&mut self) {
        if let Some((number, _)) = self.seat.take() {
            let mut seats = self.audience.seats();
            seats.taken.remove(number);
            seats.wait_for_any -= usize::from(self.awaited == Awaited::Any);
            if seats.taken.len() < seats.taken.capacity() / 4 {
                seats.taken.shrink_to_fit();
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.leave();
        self.tail.audiences.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        sync::atomic::AtomicU32,
        task::Wake,
    };

    use super::{
        super::testing::{AGE, at, epoch, room, stored},
        *,
    };
    use crate::session::cursor::LogBounds;

    /// Counts how often somebody was woken.
    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A session that watches, as a task would.
    struct Session {
        watch: Watch,
        woken: Arc<Woken>,
    }

    impl Session {
        fn of(tail: &Arc<Tail>, user: &str, modules: &[&str]) -> Self {
            let module = |name: &&str| Module::new(name).expect("a name");
            let modules = Arc::new(modules.iter().map(module).collect());
            let user = UserId::new(user).expect("a name");
            let mut session = Self {
                watch: tail.watch(&modules, &user),
                woken: Arc::default(),
            };
            session.waits();
            session
        }

        /// Looks, and waits for more.
        fn waits(&mut self) {
            self.watch.looks();
            assert!(self.poll().is_pending());
        }

        fn poll(&mut self) -> Poll<()> {
            let waker = Waker::from(Arc::clone(&self.woken));
            let mut changed: Pin<_> = pin!(self.watch.changed());
            changed.as_mut().poll(&mut Context::from_waker(&waker))
        }

        /// How often it was woken since it was asked last.
        fn woken(&self) -> u32 {
            self.woken.0.swap(0, Ordering::Relaxed)
        }
    }

    fn tail() -> Arc<Tail> {
        let bounds = LogBounds {
            epoch: epoch("e1"),
            head: at(0),
            floor: at(0),
        };
        let tail = Tail::new(bounds, room());
        // As after a while, when what is in the ring is many events.
        for id in 1..=100 {
            append(&tail, id, "early", None);
        }
        Arc::new(tail)
    }

    fn append(tail: &Tail, id: u64, module: &str, user: Option<&str>) {
        let mut stored = Arc::unwrap_or_clone(stored(id, "{}", 0));
        stored.event.module = Module::new(module).expect("a name");
        stored.event.users = user.map(|user| BTreeSet::from([UserId::new(user).expect("a name")]));
        let told = tail.ring().bounds().head;
        tail.change(|ring| ring.take(&epoch("e1"), Arc::new(stored), AGE));
        tail.tell(told, AGE);
    }

    #[test]
    fn an_event_wakes_those_whom_it_concerns() {
        let tail = tail();
        let cook = Session::of(&tail, "u_1", &["kitchen"]);
        let waiter = Session::of(&tail, "u_2", &["kitchen", "tables"]);
        let guest = Session::of(&tail, "u_3", &[]);
        let woken = || [cook.woken(), waiter.woken(), guest.woken()];
        append(&tail, 101, "kitchen", None);
        assert_eq!(woken(), [1, 1, 0]);
        append(&tail, 102, "tables", None);
        assert_eq!(woken(), [0, 1, 0]);
        append(&tail, 103, "kitchen", Some("u_1"));
        assert_eq!(woken(), [1, 0, 0]);
        append(&tail, 104, "kitchen", Some("u_3"));
        assert_eq!(woken(), [0, 0, 0]);
        tail.tell_all(State::Following);
        assert_eq!(woken(), [1, 1, 1]);
    }

    #[test]
    fn who_waits_for_any_event_is_woken_by_any() {
        let tail = tail();
        let mut guest = Session::of(&tail, "u_3", &[]);
        guest.watch.awaits(Awaited::Any);
        append(&tail, 101, "kitchen", None);
        assert_eq!(guest.woken(), 1);
        guest.watch.awaits(Awaited::Own);
        append(&tail, 102, "kitchen", None);
        assert_eq!(guest.woken(), 0);
        assert_eq!(guest.watch.audience.seats().wait_for_any, 0);
    }

    #[test]
    fn nobody_falls_behind_what_is_at_hand() {
        let tail = tail();
        let guest = Session::of(&tail, "u_3", &[]);
        let (mut woken_at, mut times) = (100, 0);
        for id in 101..20_000 {
            append(&tail, id, "kitchen", None);
            if guest.woken() > 0 {
                (woken_at, times) = (id, times + 1);
            }
            assert!(tail.ring().bounds().floor.get() <= woken_at);
        }
        // But woken it is rarely: a few times while the ring fills, and then once in half of it.
        assert!(times < 20, "{times}");
    }

    #[test]
    fn who_is_not_concerned_is_woken_before_what_has_become_old_is_dropped() {
        let tail = tail();
        let guest = Session::of(&tail, "u_3", &[]);
        let later = |id| {
            let stored = stored(id, "{}", 2 * AGE.0);
            let told = tail.ring().bounds().head;
            tail.change(|ring| ring.take(&epoch("e1"), stored, AGE));
            tail.tell(told, AGE);
        };
        append(&tail, 101, "kitchen", None);
        assert_eq!(guest.woken(), 0);
        // The clock was set. All that was at hand is old now, and still there.
        later(102);
        assert_eq!(guest.woken(), 1);
        assert!(tail.ring().bounds().floor < at(100));
        let head = tail.ring().bounds().head;
        assert_eq!(tail.audiences.woken_at(head), head);
        tail.change(|ring| ring.pass(head));
        later(103);
        assert_eq!(tail.ring().bounds().floor, at(101));
    }

    #[test]
    fn what_came_since_the_tail_was_looked_at_is_not_waited_for() {
        let tail = tail();
        let mut cook = Session::of(&tail, "u_1", &["kitchen"]);
        cook.watch.looks();
        append(&tail, 101, "kitchen", None);
        assert!(cook.poll().is_ready());
        // It was told once, whether it looks or not.
        assert!(cook.poll().is_pending());
        tail.tell_all(State::Lost);
        assert_eq!(cook.watch.looks(), State::Lost);
    }

    #[test]
    fn an_audience_goes_with_the_last_of_it() {
        let tail = tail();
        let one = Session::of(&tail, "u_1", &["kitchen"]);
        let two = Session::of(&tail, "u_2", &["kitchen"]);
        assert!(Arc::ptr_eq(one.watch.modules(), two.watch.modules()));
        let other = Session::of(&tail, "u_3", &["tables"]);
        assert_eq!((tail.watchers(), tail.audiences.list().len()), (3, 2));
        let seats = Arc::clone(&one.watch.audience);
        drop((one, two, other));
        assert!(seats.seats().taken.is_empty());
        drop(seats);
        let again = Session::of(&tail, "u_4", &["office"]);
        assert_eq!((tail.watchers(), tail.audiences.list().len()), (1, 1));
        drop(again);
        append(&tail, 101, "kitchen", None);
        assert_eq!((tail.watchers(), tail.audiences.list().len()), (0, 0));
    }

    #[test]
    fn many_are_woken_once_each() {
        let tail = tail();
        let sessions: Vec<_> = (0..2 * WOKEN_AT_A_TIME + 3)
            .map(|number| Session::of(&tail, &format!("u_{number}"), &["kitchen"]))
            .collect();
        append(&tail, 101, "kitchen", None);
        assert!(sessions.iter().all(|session| session.woken() == 1));
    }
}
