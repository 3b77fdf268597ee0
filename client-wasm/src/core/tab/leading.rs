//! Who leads: the lock, the terms that fence old leaders, and the ways in which the lead goes from tab to tab.

use super::{
    super::{
        frame::Raw,
        io::{LockRequest, Log, Output, Sharing},
        message::{LeaderStatus, Leadership, Message, TabId},
        status::LinkStatus,
        time::Timer,
    },
    Lock, Presence, Tab, TakeOver, Why,
};

/// While its socket is not open, a leader says that it is there so often, in milliseconds.
pub const BEACON_MS: u64 = 5_000;
/// In a browser without locks a leader says so all the time, so often, in milliseconds: nothing else shows that it is there.
pub(super) const ELECTED_BEACON_MS: u64 = 1_000;
/// How long a tab waits for a leader to say that it leads, in milliseconds.
pub(super) const HELLO_MS: u64 = 1_000;
/// A tab whose socket was superseded queues for the lock again after this, and twice as long each further time, in
/// milliseconds.
const REJOIN_MS: u64 = 5_000;
/// The longest such wait, in milliseconds.
const REJOIN_MS_MAX: u64 = 60_000;
/// A leader that stepped down for another queues again after this and up to twice as long, in milliseconds. A frozen page, in
/// which no timer fires, does not come back before it runs.
const STEPPED_DOWN_MS: u64 = 500;
/// How long handing over the lead may take, in milliseconds.
const HAND_OVER_MS: u64 = 5_000;
/// The most frames that a tab on its way to lead keeps from its new socket.
pub(super) const EARLY_FRAMES_MAX: usize = 1_000;

impl<R: Raw> Tab<R> {
    // The lock.

    pub(super) fn queue(&mut self) {
        self.cx.timers.stop(Timer::Rejoin);
        match self.config.sharing {
            Sharing::Locks => {
                let request = self.next_request(false);
                self.cx.emit(Output::RequestLock(request));
                self.await_leader();
            }
            Sharing::Election => self.await_leader(),
            Sharing::Nothing => self.alone(),
        }
    }

    fn next_request(&mut self, robs: bool) -> LockRequest {
        self.robs = robs;
        self.lock_requests += 1;
        let request = LockRequest(self.lock_requests);
        self.lock = Lock::Queued(request);
        request
    }

    pub(super) fn lock_granted(&mut self, request: LockRequest) {
        if self.lock == Lock::Queued(request) {
            self.lock = Lock::Held(request);
            self.lead();
        }
    }

    /// The lock was taken by another tab: it leads now, whatever this tab's socket still brings.
    pub(super) fn lock_lost(&mut self, request: LockRequest) {
        if self.lock == Lock::Held(request) {
            self.cx.log(Log::Demoted);
            self.lock = Lock::None;
            self.no_longer_lead();
            self.say_hello();
            self.queue();
        } else if self.lock == Lock::Queued(request) {
            // Two took it at once, and this tab's grant was over before it came.
            self.lock = Lock::None;
            self.rejoin_soon();
        }
    }

    /// The browser has locks and does not give them to this page: the tabs elect.
    pub(super) fn lock_refused(&mut self, request: LockRequest) {
        if self.lock == Lock::Queued(request) {
            self.lock = Lock::None;
            self.config.sharing = Sharing::Election;
            self.queue();
        }
    }

    pub(super) fn give_up_lock(&mut self) {
        self.no_longer_lead();
        if let Lock::Queued(request) | Lock::Held(request) = self.lock {
            self.cx.emit(Output::ReleaseLock(request));
        }
        self.lock = Lock::None;
    }

    fn no_longer_lead(&mut self) {
        self.link.close(&mut self.cx);
        self.leader = None;
        self.why = None;
        self.hands_over_to = None;
        self.takes_over = None;
        self.state_wanted = false;
        self.cx.timers.stop(Timer::HandOver);
    }

    pub(super) fn steal(&mut self) {
        if self.take_lock() {
            self.cx.log(Log::Stole);
            self.cx.counters.steals += 1;
            self.why = Some(Why::Stole);
        }
    }

    /// Takes the lock, unless it is about to be this tab's already.
    fn take_lock(&mut self) -> bool {
        if let Lock::Queued(request) = self.lock {
            if self.robs {
                return false;
            }
            self.cx.emit(Output::ReleaseLock(request));
        }
        let request = self.next_request(true);
        self.cx.emit(Output::StealLock(request));
        true
    }

    pub(super) fn elect(&mut self) {
        self.cx.log(Log::Elected);
        self.lock = Lock::Elected;
        self.lead();
    }

    pub(super) fn alone(&mut self) {
        if self.lock == Lock::None {
            self.lock = Lock::Alone;
            self.lead();
        }
    }

    // Leading.

    fn lead(&mut self) {
        self.cx.counters.leads += 1;
        self.cx.log(Log::Leading);
        self.why = Some(match (self.lock, self.takes_over.is_some(), self.why) {
            (Lock::Alone, ..) => Why::Alone,
            (_, true, _) => Why::HandedOver,
            (Lock::Elected, ..) => Why::Elected,
            (_, _, Some(Why::Stole)) => Why::Stole,
            _ => Why::Granted,
        });
        self.cx.timers.stop(Timer::Watch);
        self.take_term();
        match self.takes_over.take() {
            Some(TakeOver { frames, .. }) => {
                self.cx.counters.take_overs += 1;
                self.cx.timers.stop(Timer::HandOver);
                self.group = None;
                self.session_opened();
                for (socket, frame, raw) in frames {
                    self.socket_frame(socket, frame, raw);
                }
            }
            None => {
                self.link.start(&mut self.cx, self.group.as_ref());
                self.group = None;
            }
        }
        self.hand_over_commands();
    }

    /// A term above all that this tab and this browser have heard of.
    fn take_term(&mut self) {
        let highest = self
            .known
            .map_or(0, |known| known.term)
            .max(self.config.term);
        let mine = Leadership {
            term: highest + 1,
            tab: self.config.tab,
        };
        self.config.term = mine.term;
        self.known = Some(mine);
        self.leader = Some(mine);
        self.watch.proved(self.cx.now);
        self.cx.emit(Output::StoreTerm(mine.term));
        self.cx.after(Timer::Beacon, self.beacon_ms());
    }

    /// Another tab has heard of a leadership above this one, which would make it ignore all that this leader says.
    pub(super) fn reterm(&mut self, above: Leadership) {
        self.known = self.known.max(Some(above));
        self.cx.log(Log::Reterm);
        self.take_term();
        self.hand_over_commands();
        self.say_status();
    }

    /// Leaves the lead to another tab, and queues again once this page is known to run.
    pub(super) fn step_down(&mut self) {
        self.cx.log(Log::Demoted);
        self.say_bye();
        self.give_up_lock();
        self.rejoin_soon();
        self.cx.after(Timer::Beacon, HELLO_MS);
    }

    pub(super) fn rejoin_soon(&mut self) {
        let wait = STEPPED_DOWN_MS + self.cx.random.up_to(STEPPED_DOWN_MS);
        self.cx.after(Timer::Rejoin, wait);
    }

    /// This tab's socket was superseded by another of the same browser profile.
    pub(super) fn demote(&mut self) {
        self.link.close(&mut self.cx);
        if self.hands_over_to.is_some() {
            // The tab that was invited is connected, and about to take the lock.
            return;
        }
        self.cx.log(Log::Demoted);
        self.say_bye();
        let alone = self.lock == Lock::Alone;
        self.give_up_lock();
        if !alone {
            let wait = REJOIN_MS
                .saturating_mul(1 << self.demotions.min(8))
                .min(REJOIN_MS_MAX);
            self.demotions += 1;
            self.cx.after(Timer::Rejoin, wait);
        }
        self.cx.after(Timer::Beacon, HELLO_MS);
    }

    pub(super) fn say_bye(&mut self) {
        if let (Some(by), true) = (self.leads(), self.shares()) {
            self.cx.post(Message::Bye { by });
        }
    }

    // Beacons.

    fn beacon_ms(&self) -> u64 {
        match self.lock {
            Lock::Elected => ELECTED_BEACON_MS,
            _ => BEACON_MS,
        }
    }

    pub(super) fn beacon_due(&mut self) {
        if self.leads().is_some() {
            self.cx.after(Timer::Beacon, self.beacon_ms());
            // While the socket is open, what comes out of it is the proof that this tab runs.
            let open = self.link.status() == LinkStatus::Open;
            if !open || self.lock == Lock::Elected {
                self.watch.proved(self.cx.now);
                self.say_status();
            }
        } else if self.leader.is_none() && self.presence == Presence::Here && self.shares() {
            self.say_hello();
        }
    }

    /// Asks who leads, and again until somebody says so: a channel that was just made may miss what others say.
    pub(super) fn say_hello(&mut self) {
        let known = self.known;
        self.cx.post(Message::Hello { known, asks: true });
        self.cx.after(Timer::Beacon, HELLO_MS);
    }

    /// Another tab wants to see that this leader runs: by the server's answer, or by a timer.
    pub(super) fn show_that_it_runs(&mut self) {
        if self.link.status() == LinkStatus::Open {
            self.link.probe(&mut self.cx);
        } else {
            self.cx.timers.set(Timer::Beacon, self.cx.now);
        }
    }

    /// Tells the group how this leader is, when that has changed.
    pub(super) fn tell_group(&mut self) {
        if self.leads().is_none() {
            return;
        }
        if self.hands_over_to.is_some() && !self.link.is_active() {
            // The tab that was invited says in a moment how things are.
            return;
        }
        let now = self.leader_status();
        let changed = self.group.as_ref().is_none_or(|last| {
            last.link != now.link
                || last.session != now.session
                || last.relay.is_some() != now.relay.is_some()
                || last.seeks != now.seeks
        });
        if changed {
            self.say_status();
        }
    }

    fn leader_status(&self) -> LeaderStatus {
        LeaderStatus {
            link: self.link.status(),
            session: self.link.session_info().cloned(),
            relay: self.link.relay_position(),
            seeks: self.config.hands_over && !self.visible && self.lock != Lock::Alone,
        }
    }

    pub(super) fn say_status(&mut self) {
        let Some(by) = self.leads() else { return };
        let mut status = self.leader_status();
        self.group = Some(status.clone());
        if self.shares() {
            status.link = status.link.by_clock(|at| at.since(self.cx.now));
            self.cx.post(Message::Status {
                by,
                status: Box::new(status),
                beacon: self.runs,
            });
        }
    }

    // Handing over, in a browser that may suspend a hidden leader without a word.

    /// A visible tab would lead: it connects first, while this one goes on.
    pub(super) fn willing(&mut self, tab: TabId, of: Leadership) {
        let Some(by) = self.leads().filter(|by| *by == of) else {
            return;
        };
        let seeks = self.group.as_ref().is_some_and(|group| group.seeks);
        if seeks && self.hands_over_to.is_none() {
            self.cx.log(Log::HandsOver);
            self.hands_over_to = Some(tab);
            self.cx.after(Timer::HandOver, HAND_OVER_MS);
            self.cx.post(Message::HandOver { by, to: tab });
        }
    }

    /// The leader invites this tab.
    pub(super) fn take_over(&mut self, from: Leadership) {
        let waits =
            matches!(self.lock, Lock::Queued(_)) || self.config.sharing == Sharing::Election;
        if self.leader == Some(from) && waits && self.visible && self.takes_over.is_none() {
            self.cx.log(Log::TakesOver);
            self.takes_over = Some(TakeOver {
                from,
                frames: Vec::new(),
            });
            self.cx.after(Timer::HandOver, HAND_OVER_MS);
            self.link.start(&mut self.cx, self.group.as_ref());
        }
    }

    /// The new socket is welcomed: now the lead is taken, and the old leader's socket is superseded.
    pub(super) fn take_lead(&mut self) {
        if self.config.sharing == Sharing::Election {
            self.elect();
        } else {
            self.take_lock();
        }
    }

    pub(super) fn give_up_take_over(&mut self) {
        if self.takes_over.take().is_some() {
            self.link.close(&mut self.cx);
            self.cx.timers.stop(Timer::HandOver);
        }
    }

    pub(super) fn hand_over_is_over(&mut self) {
        self.give_up_take_over();
        if self.hands_over_to.take().is_some() && !self.link.is_active() {
            self.step_down();
        }
    }

    /// Somebody leads above the leader that invited this tab: it has nothing to hand over any more.
    pub(super) fn hears_above_old_leader(&mut self, by: Leadership) {
        if self.takes_over.as_ref().is_some_and(|over| over.from < by) {
            self.give_up_take_over();
        }
    }
}
