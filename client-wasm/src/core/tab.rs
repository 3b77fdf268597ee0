//! One tab: where inputs go, and how its parts work together.

use tabwire_protocol::{Command, Cursor, Millis};

use super::{
    carried::GivenUp,
    frame::{Frame, Kind, Moving, Raw, Welcome},
    io::{
        Config, Context, Counters, Input, LockRequest, Log, NewCommand, Output, Settlement,
        Sharing, SocketId,
    },
    link::{Ended, Link},
    message::{Envelope, LeaderStatus, Leadership, Message, RelayPosition, SessionInfo, TabId},
    outbox::Outbox,
    reader::{REPAIR_MS, Reader},
    status::{LinkStatus, Reason, Role, State, Status},
    time::Timer,
};

/// While its socket is silent, a leader says that it is there so often, in milliseconds.
pub const BEACON_MS: u64 = 5_000;
/// How long a tab waits for a leader to say that it leads, in milliseconds.
const HELLO_MS: u64 = 1_000;
/// A tab whose socket was superseded queues for the lock again after this, and twice as long each further time, in
/// milliseconds.
const REJOIN_MS: u64 = 5_000;
/// The longest such wait, in milliseconds.
const REJOIN_MS_MAX: u64 = 60_000;

/// A tab of a group, as a state machine without input or output of its own.
///
/// Call [`Tab::handle`] for everything that happens, then [`Tab::poll`] until it has nothing more, then wait until
/// [`Tab::next_timeout`] at the latest and say [`Input::Tick`].
pub struct Tab<R> {
    config: Config,
    cx: Context<R>,
    presence: Presence,
    visible: bool,
    lock: Lock,
    lock_requests: u32,
    /// The highest leadership heard of: the fence. Lower ones move nobody.
    known: Option<Leadership>,
    /// The leadership that is alive, as far as this tab can tell; its own when it leads.
    leader: Option<Leadership>,
    /// When the leader was heard last.
    beacon_at: Millis,
    /// How the group's leader was last: the place from which this tab goes on when it leads.
    group: Option<LeaderStatus>,
    link: Link,
    reader: Reader<R>,
    outbox: Outbox,
    demotions: u32,
    shown: Option<Status>,
}

/// Whether this tab takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Not started yet.
    New,
    /// In the group.
    Here,
    /// Frozen, or in the back-forward cache.
    Away,
    /// Left, until somebody calls `reconnect()`.
    Left(Reason),
}

/// What this tab has of the group's lock. The holder leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    None,
    Queued(LockRequest),
    Held(LockRequest),
    /// This browser cannot share: the tab leads nobody but itself.
    Alone,
}

/// Why this tab leads or not, and what it has seen, for `inspect()`.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// This tab.
    pub tab: TabId,
    /// The leadership that is alive, as far as this tab can tell.
    pub leader: Option<Leadership>,
    /// The highest leadership heard of.
    pub known: Option<Leadership>,
    /// Why this tab leads.
    pub why: Option<Why>,
    /// How long ago the leader showed that it runs, in milliseconds.
    pub beacon_age_ms: u64,
    /// The group's session, once a server has welcomed it.
    pub session: Option<SessionInfo>,
    /// Commands that wait for an answer.
    pub outbox: usize,
    /// What happened so far.
    pub counters: Counters,
}

/// Why a tab leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its turn for the lock came.
    Granted,
    /// It took the lock from a leader that did not show that it runs.
    Stole,
    /// A hidden leader let it.
    HandedOver,
    /// It elected itself, in a browser without Web Locks.
    Elected,
    /// It is alone, in a browser without BroadcastChannel.
    Alone,
}

/// How much a tab holds on to, for whoever checks its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Commands of this tab that wait for an answer.
    pub outbox: usize,
    /// Commands of all tabs that this leader carries.
    pub carried: usize,
    /// Frames in the ring.
    pub ring: usize,
    /// Bytes that those hold on to.
    pub ring_bytes: usize,
    /// Events held until the app's state is there.
    pub held: usize,
    /// Events collected for one delivery.
    pub batch: usize,
}

impl<R: Raw> Tab<R> {
    /// A tab that has not joined its group yet.
    pub fn new(config: Config) -> Self {
        Self {
            cx: Context::new(config.seed),
            presence: Presence::New,
            visible: true,
            lock: Lock::None,
            lock_requests: 0,
            known: None,
            leader: None,
            beacon_at: Millis(0),
            group: None,
            link: Link::new(),
            reader: Reader::new(config.cursor.clone(), config.fetches_state),
            outbox: Outbox::default(),
            demotions: 0,
            shown: None,
            config,
        }
    }

    /// Something happened, at this time of the wall clock.
    pub fn handle(&mut self, wall: Millis, input: Input<R>) {
        self.begin(wall);
        match input {
            Input::Tick => {}
            Input::Start => self.join(),
            Input::LockGranted(request) => self.lock_granted(request),
            Input::LockLost(request) => self.lock_lost(request),
            Input::LockRefused(request) => {
                if self.lock == Lock::Queued(request) {
                    self.alone();
                }
            }
            Input::Message(message) => self.message(message),
            Input::SocketOpen(socket) => {
                if self.link.is_current(socket) {
                    self.link
                        .opened(&mut self.cx, &self.config.device, self.reader.cursor());
                }
            }
            Input::SocketFrame(socket, frame, raw) => self.socket_frame(socket, frame, raw),
            Input::SocketNoise(socket) => {
                if self.link.is_current(socket) {
                    self.cx.log(Log::Noise);
                    self.link.heard(&mut self.cx);
                }
            }
            Input::SocketClosed(socket, code) => {
                if self.link.is_current(socket) {
                    let ended = self.link.closed(&mut self.cx, code);
                    self.ended(ended);
                }
            }
            Input::Token(number, token) => {
                if !self.link.token(&mut self.cx, number, token) {
                    // Another tab may have what this one lacks: let it try.
                    self.logged_out();
                }
            }
            Input::TokenFailed(number) => self.link.token_failed(&mut self.cx, number),
            Input::StateFetched(number, position, _) => {
                self.reader.state_fetched(&mut self.cx, number, position)
            }
            Input::StateFailed(number) => self.reader.state_failed(&mut self.cx, number),
            Input::Send(command) => {
                self.send_command(command);
            }
            Input::Hide => self.hide(),
            Input::Show => self.show(),
            Input::Visible(visible) => self.visible(visible),
            Input::Online => self.wake(),
            Input::Reconnect => self.reconnect(),
            Input::Close => self.close(),
            Input::Logout => self.logout(),
        }
        self.end();
    }

    /// The app wants a command done: [`Input::Send`], which also says the command's id.
    pub fn send(&mut self, wall: Millis, command: NewCommand) -> String {
        self.begin(wall);
        let id = self.send_command(command);
        self.end();
        id
    }

    /// What to do next.
    pub fn poll(&mut self) -> Option<Output<R>> {
        self.cx.outputs.pop_front()
    }

    /// When to say [`Input::Tick`], by the wall clock.
    pub fn next_timeout(&self) -> Option<Millis> {
        self.cx.timers.next().map(|at| self.cx.clock.wall(at))
    }

    /// Whether this tab leads, and under which number.
    pub fn leads(&self) -> Option<Leadership> {
        matches!(self.lock, Lock::Held(_) | Lock::Alone)
            .then_some(self.leader)
            .flatten()
    }

    /// Up to where this tab has received its view. The app may be behind: see [`Output::Cursor`].
    pub fn cursor(&self) -> Option<Cursor> {
        self.reader.cursor()
    }

    /// What this tab knows.
    pub fn inspect(&self) -> Inspection {
        Inspection {
            tab: self.config.tab,
            leader: self.leader,
            known: self.known,
            why: None,
            beacon_age_ms: self.cx.now.since(self.beacon_at).0,
            session: self.session().cloned(),
            outbox: self.outbox.len(),
            counters: self.cx.counters,
        }
    }

    /// How much this tab holds on to.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            outbox: self.outbox.len(),
            carried: self.link.carried_len(),
            ..self.reader.sizes()
        }
    }

    fn session(&self) -> Option<&SessionInfo> {
        match self.leads() {
            Some(_) => self.link.session_info(),
            None => self.group.as_ref().and_then(|group| group.session.as_ref()),
        }
    }

    fn shares(&self) -> bool {
        self.config.sharing != Sharing::Nothing
    }

    fn begin(&mut self, wall: Millis) {
        self.cx.now = self.cx.clock.read(wall);
        self.fire_timers();
    }

    fn end(&mut self) {
        self.fire_timers();
        self.tell_group();
        self.show_status();
    }

    // Coming and going.

    fn join(&mut self) {
        if self.presence == Presence::Here {
            return;
        }
        self.presence = Presence::Here;
        if !self.shares() {
            return self.alone();
        }
        self.cx.emit(Output::OpenChannel);
        self.say_hello();
        self.queue();
    }

    /// Asks who leads, and again until somebody says so: a channel that was just made may miss what others say.
    fn say_hello(&mut self) {
        self.cx.post(Message::Hello {
            known: self.known,
            asks: false,
        });
        self.cx.after(Timer::Beacon, HELLO_MS);
    }

    fn queue(&mut self) {
        self.cx.timers.stop(Timer::Rejoin);
        if self.lock == Lock::None {
            self.lock_requests += 1;
            let request = LockRequest(self.lock_requests);
            self.lock = Lock::Queued(request);
            self.cx.emit(Output::RequestLock(request));
        }
    }

    /// Stops taking part: the others go on.
    fn part(&mut self) {
        if self.leads().is_some() {
            self.say_bye();
            self.link.close(&mut self.cx);
        }
        if let Lock::Queued(request) | Lock::Held(request) = self.lock {
            self.cx.emit(Output::ReleaseLock(request));
        }
        if self.shares() {
            self.cx.emit(Output::CloseChannel);
        }
        self.lock = Lock::None;
        self.leader = None;
        for timer in [Timer::Beacon, Timer::Rejoin, Timer::Repair] {
            self.cx.timers.stop(timer);
        }
    }

    fn say_bye(&mut self) {
        if let (Some(by), true) = (self.leads(), self.shares()) {
            self.cx.post(Message::Bye { by });
        }
    }

    fn hide(&mut self) {
        if self.presence == Presence::Here {
            self.part();
            self.presence = Presence::Away;
        }
    }

    fn show(&mut self) {
        if self.presence == Presence::Away {
            self.join();
        }
        self.wake();
    }

    /// This tab stops until somebody calls `reconnect()`.
    fn leave(&mut self, reason: Reason) {
        if self.presence == Presence::Here {
            self.part();
        }
        self.presence = Presence::Left(reason);
        self.outbox.close(&mut self.cx);
        self.group = None;
    }

    fn close(&mut self) {
        self.reader.deliver_batch(&mut self.cx);
        self.leave(Reason::Closed);
    }

    fn logout(&mut self) {
        if self.presence == Presence::Here && self.shares() {
            self.cx.post(Message::Logout);
        }
        self.logged_out();
    }

    fn logged_out(&mut self) {
        self.leave(Reason::LoggedOut);
        self.link.forget();
        self.reader.forget(&mut self.cx);
    }

    fn reconnect(&mut self) {
        match self.presence {
            Presence::Left(_) => {
                self.link.forget();
                self.join();
            }
            Presence::Here if self.leads().is_some() => self.link.reconnect(&mut self.cx),
            Presence::Here => {
                if self.shares() {
                    self.cx.post(Message::Reconnect);
                }
                self.rejoin();
            }
            Presence::New | Presence::Away => {}
        }
    }

    fn visible(&mut self, visible: bool) {
        self.visible = visible;
        if visible {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if self.presence != Presence::Here {
            return;
        }
        if self.leads().is_some() {
            self.link.wake(&mut self.cx);
        } else if self.visible {
            self.rejoin();
        }
    }

    /// A demoted tab takes its place in the group again.
    fn rejoin(&mut self) {
        if self.presence == Presence::Here && self.lock == Lock::None {
            if self.shares() {
                self.queue()
            } else {
                self.alone()
            }
        }
    }

    // Leading.

    fn lock_granted(&mut self, request: LockRequest) {
        if self.lock == Lock::Queued(request) {
            self.lock = Lock::Held(request);
            self.lead();
        }
    }

    /// The lock was taken by another tab: it leads now, whatever this tab's socket still brings.
    fn lock_lost(&mut self, request: LockRequest) {
        if self.lock == Lock::Held(request) {
            self.cx.log(Log::Demoted);
            self.link.close(&mut self.cx);
            self.lock = Lock::None;
            self.leader = None;
            self.say_hello();
            self.queue();
        }
    }

    fn alone(&mut self) {
        if self.presence == Presence::Here && matches!(self.lock, Lock::None | Lock::Queued(_)) {
            if self.shares() {
                self.config.sharing = Sharing::Nothing;
                self.cx.emit(Output::CloseChannel);
            }
            self.lock = Lock::Alone;
            self.lead();
        }
    }

    fn lead(&mut self) {
        self.cx.counters.leads += 1;
        self.cx.log(Log::Leading);
        self.take_term();
        self.link.start(&mut self.cx, self.group.as_ref());
        self.group = None;
        self.hand_over();
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
        self.beacon_at = self.cx.now;
        self.cx.emit(Output::StoreTerm(mine.term));
        self.cx.after(Timer::Beacon, BEACON_MS);
    }

    /// Another tab has heard of a leadership above this one, which would make it ignore all that this leader says.
    fn reterm(&mut self, above: Leadership) {
        self.known = self.known.max(Some(above));
        self.cx.log(Log::Reterm);
        self.take_term();
        self.hand_over();
        self.say_status();
    }

    /// This tab's socket was superseded by another of the same browser profile.
    fn demote(&mut self) {
        self.cx.log(Log::Demoted);
        self.say_bye();
        self.link.close(&mut self.cx);
        if let Lock::Held(request) = self.lock {
            self.cx.emit(Output::ReleaseLock(request));
            let wait = REJOIN_MS
                .saturating_mul(1 << self.demotions.min(8))
                .min(REJOIN_MS_MAX);
            self.demotions += 1;
            self.cx.after(Timer::Rejoin, wait);
        }
        self.lock = Lock::None;
        self.leader = None;
        self.cx.after(Timer::Beacon, HELLO_MS);
    }

    fn ended(&mut self, ended: Ended) {
        self.reader.deliver_batch(&mut self.cx);
        if ended == Ended::Demotes {
            self.demote();
        }
    }

    /// Tells the group how this leader is, when that has changed.
    fn tell_group(&mut self) {
        if self.leads().is_none() {
            return;
        }
        let now = self.leader_status();
        let changed = self.group.as_ref().is_none_or(|last| {
            last.link != now.link
                || last.session != now.session
                || last.relay.is_some() != now.relay.is_some()
        });
        if changed {
            self.say_status();
        }
    }

    fn leader_status(&self) -> LeaderStatus {
        LeaderStatus {
            link: self.link.status(&self.cx),
            session: self.link.session_info().cloned(),
            relay: self.link.relay_position(),
            seeks: false,
        }
    }

    fn say_status(&mut self) {
        let Some(by) = self.leads() else { return };
        let status = self.leader_status();
        self.group = Some(status.clone());
        if self.shares() {
            self.cx.post(Message::Status {
                by,
                status: Box::new(status),
                beacon: true,
            });
        }
    }

    // The socket.

    fn socket_frame(&mut self, socket: SocketId, frame: Frame, raw: R) {
        if !self.link.is_current(socket) {
            return;
        }
        self.link.heard(&mut self.cx);
        self.beacon_at = self.cx.now;
        match frame {
            Frame::Welcome(welcome) => self.welcomed(*welcome),
            Frame::Moving(moving) => self.relay(moving, raw),
            Frame::FullRefresh(refresh) => {
                let tabs = self.link.refused(&mut self.cx, &refresh);
                let Some((epoch, view, more)) = self.link.relaying() else {
                    return;
                };
                let envelope = Envelope {
                    epoch,
                    view,
                    frame: Frame::FullRefresh(refresh),
                    raw,
                    more,
                };
                match tabs {
                    None => self.pass_on(envelope, None),
                    Some(tabs) => {
                        for tab in tabs {
                            self.pass_on(envelope.clone(), Some(tab));
                        }
                    }
                }
            }
            Frame::Outcome { id } => {
                if let Some((tab, doubt)) = self.link.carried().answered(&id) {
                    self.settle(tab, id, Ok(raw), doubt);
                    self.write_carried();
                }
            }
            Frame::Renewed(renewed) => {
                self.reader.entitled_to(&renewed.view, &renewed.modules);
                self.link.renewed(&mut self.cx, renewed);
            }
            Frame::Bye(bye) => self.link.bye(bye),
            Frame::Error => self.cx.log(Log::ServerError),
        }
    }

    fn welcomed(&mut self, welcome: Welcome) {
        if welcome.user != self.config.user {
            // Whoever connects again must ask the app for a token: this one names another user.
            self.link.forget();
            return self.link.stop(&mut self.cx, Reason::IdentityChanged);
        }
        self.reader.entitled_to(&welcome.view, &welcome.modules);
        self.link
            .welcomed(&mut self.cx, self.reader.cursor().as_ref(), welcome);
        // The others hear of the session before its first frame.
        self.say_status();
        if let (None, Some(relay)) = (self.reader.cursor(), self.link.relay_position()) {
            self.reader.relay_at(&mut self.cx, &relay);
        }
        self.write_carried();
    }

    /// A frame of the view goes to all tabs, as it came.
    fn relay(&mut self, moving: Moving, raw: R) {
        let synced = match moving.kind {
            Kind::Synced(reference) => Some(reference),
            _ => None,
        };
        let pings = moving.kind == Kind::Ping;
        self.link.relayed(&mut self.cx, moving.position, synced);
        let Some((epoch, view, more)) = self.link.relaying() else {
            return;
        };
        self.pass_on(
            Envelope {
                epoch,
                view,
                frame: Frame::Moving(moving),
                raw,
                more,
            },
            None,
        );
        if let (true, Some(cursor)) = (pings, self.reader.cursor()) {
            self.link.pong(&mut self.cx, cursor.last);
        }
    }

    /// Passes a frame on to one tab or all; this tab reads it in the same way as any other.
    fn pass_on(&mut self, envelope: Envelope<R>, to: Option<TabId>) {
        let Some(by) = self.leads() else { return };
        let mine = to.is_none_or(|to| to == self.config.tab);
        if self.shares() && to != Some(self.config.tab) {
            self.cx.post(Message::Relay {
                by,
                envelope: Box::new(envelope.clone()),
                to,
            });
        }
        if mine {
            self.reader.receive(&mut self.cx, envelope);
        }
    }

    // Other tabs.

    fn message(&mut self, message: Message<R>) {
        if self.presence != Presence::Here || !self.shares() {
            return;
        }
        match message {
            Message::Hello { known, .. } => {
                if let Some(mine) = self.leads() {
                    match known.filter(|known| *known > mine) {
                        Some(above) => self.reterm(above),
                        None => self.say_status(),
                    }
                }
            }
            Message::Status { by, status, .. } => {
                if self.hears(by) {
                    self.follow(by, *status);
                } else if let Some(known) = self.known.filter(|known| by < *known) {
                    self.cx.log(Log::StaleLeader);
                    self.cx.post(Message::Stale { known, led: false });
                }
            }
            Message::Relay { by, envelope, to } => {
                if self.hears(by) && to.is_none_or(|to| to == self.config.tab) {
                    self.reader.receive(&mut self.cx, *envelope);
                }
            }
            Message::Repair { tab, cursor } => {
                if self.leads().is_some() {
                    self.repair(tab, &cursor);
                }
            }
            Message::Command { tab, command } => {
                if let Some(by) = self.leads() {
                    let id: String = command.id.as_str().into();
                    if self.carry(tab, *command) {
                        self.cx.post(Message::Accepted { by, id });
                    }
                }
            }
            Message::Accepted { by, id } => self.outbox.accepted(by, &id),
            // What came of a command is so whoever says it.
            Message::Settled {
                by: _,
                id,
                answer,
                doubt,
            } => self.outbox.settled(&mut self.cx, &id, answer, doubt),
            Message::Stale { known, .. } => {
                if self.leads().is_some_and(|mine| known > mine) {
                    self.reterm(known);
                }
            }
            Message::Bye { by } => {
                if self.leader == Some(by) {
                    self.leader = None;
                    self.cx.after(Timer::Beacon, HELLO_MS);
                    self.reader.deliver_batch(&mut self.cx);
                }
            }
            Message::Reconnect => {
                if self.leads().is_some() {
                    self.link.reconnect(&mut self.cx);
                } else {
                    self.rejoin();
                }
            }
            Message::Logout => self.logged_out(),
            _ => {}
        }
    }

    /// Whether what is said under this leadership counts.
    fn hears(&mut self, by: Leadership) -> bool {
        if let Some(mine) = self.leads() {
            // This tab holds the lock, so the other does not, or not any more.
            if by > mine {
                self.reterm(by);
            }
            return false;
        }
        if self.known.is_some_and(|known| by < known) {
            self.cx.counters.stale += 1;
            return false;
        }
        self.known = Some(by);
        self.beacon_at = self.cx.now;
        true
    }

    /// The leader said how it is.
    fn follow(&mut self, by: Leadership, status: LeaderStatus) {
        if self.leader != Some(by) {
            self.reader.deliver_batch(&mut self.cx);
            self.leader = Some(by);
        }
        if let Some(session) = &status.session {
            self.reader.entitled_to(&session.view, &session.modules);
        }
        if let Some(relay) = &status.relay {
            self.follow_relay(relay);
        }
        self.group = Some(status);
        self.hand_over();
    }

    fn follow_relay(&mut self, relay: &RelayPosition) {
        self.reader.relay_at(&mut self.cx, relay);
        if self.reader.missing_after().is_some() {
            self.cx.after(Timer::Repair, 0);
        }
    }

    /// A tab lacks what comes after its cursor: from the ring, if it is all there, else from the server.
    fn repair(&mut self, tab: TabId, cursor: &Cursor) {
        let frames = match self.link.relay_position() {
            Some(relay)
                if tab != self.config.tab
                    && relay.epoch == cursor.epoch
                    && relay.view == cursor.view =>
            {
                self.reader.ring_after(cursor)
            }
            _ => None,
        };
        let Some(frames) = frames.filter(|frames| !frames.is_empty()) else {
            return self.link.repair(&mut self.cx, tab, cursor);
        };
        self.cx.counters.ring_repairs += 1;
        self.cx.log(Log::RepairedFromRing);
        let last = frames.len() - 1;
        for (index, (moving, raw)) in frames.into_iter().enumerate() {
            let (epoch, view) = (cursor.epoch.clone(), cursor.view.clone());
            let envelope = Envelope {
                epoch,
                view,
                frame: Frame::Moving(moving),
                raw,
                more: index < last,
            };
            self.pass_on(envelope, Some(tab));
        }
    }

    fn repair_due(&mut self) {
        if let (Some(cursor), Presence::Here) = (self.reader.missing_after(), self.presence) {
            self.cx.after(Timer::Repair, REPAIR_MS);
            if self.leads().is_some() {
                self.link.repair(&mut self.cx, self.config.tab, &cursor);
            } else if self.leader.is_some()
                && self
                    .group
                    .as_ref()
                    .is_some_and(|group| group.link == LinkStatus::Open)
            {
                self.cx.post(Message::Repair {
                    tab: self.config.tab,
                    cursor,
                });
            }
        }
    }

    // Commands.

    fn send_command(&mut self, command: NewCommand) -> String {
        let session = match self.leads() {
            Some(_) => self.link.session_info(),
            None => self.group.as_ref().and_then(|group| group.session.as_ref()),
        };
        let closed = matches!(self.presence, Presence::Left(_));
        let id = self
            .outbox
            .take(&mut self.cx, self.config.tab, session, command, closed);
        self.hand_over();
        id
    }

    /// Hands the leader what it has not got yet.
    fn hand_over(&mut self) {
        let (Some(leader), Presence::Here) = (self.leader, self.presence) else {
            return;
        };
        while let Some(command) = self.outbox.hand_to(self.cx.now, leader) {
            if self.leads().is_some() {
                let id = command.id.clone();
                if self.carry(self.config.tab, command) {
                    self.outbox.accepted(leader, &id);
                }
            } else {
                self.cx.post(Message::Command {
                    tab: self.config.tab,
                    command: Box::new(command),
                });
            }
        }
        self.outbox.set_timer(&mut self.cx);
    }

    fn carry(&mut self, tab: TabId, command: Command) -> bool {
        let carried = self.link.carried().take(&mut self.cx, tab, command);
        self.write_carried();
        carried
    }

    fn write_carried(&mut self) {
        while let Some(given_up) = self.link.write_carried(&mut self.cx) {
            self.give_up(given_up);
        }
    }

    fn give_up(&mut self, GivenUp { tab, id, why }: GivenUp) {
        self.settle(tab, id, Err(why), false);
    }

    fn settle(
        &mut self,
        tab: TabId,
        id: String,
        answer: Result<R, super::io::FailureReason>,
        doubt: bool,
    ) {
        if tab == self.config.tab {
            self.outbox.settled(&mut self.cx, &id, answer, doubt);
        } else if let (Some(by), true) = (self.leads(), self.shares()) {
            self.cx.post(Message::Settled {
                by,
                id,
                answer,
                doubt,
            });
        }
    }

    // Time and what the app sees.

    fn fire_timers(&mut self) {
        let now = self.cx.now;
        if self.cx.timers.next().is_none_or(|next| next > now) {
            return;
        }
        let due = |cx: &mut Context<R>, timer| cx.timers.fire(timer, now);
        if due(&mut self.cx, Timer::Healthy) {
            self.link.healthy();
            self.demotions = 0;
        }
        if due(&mut self.cx, Timer::Connect) {
            let ended = self.link.connect_over(&mut self.cx);
            self.ended(ended);
        }
        if due(&mut self.cx, Timer::Silence) {
            self.link.silence_due(&mut self.cx);
        }
        if let Some(deadline) = self.cx.timers.deadline(Timer::Probe)
            && due(&mut self.cx, Timer::Probe)
        {
            let ended = self.link.probe_over(&mut self.cx, deadline);
            self.ended(ended);
        }
        if due(&mut self.cx, Timer::Retry) {
            self.link.retry_due(&mut self.cx);
        }
        if due(&mut self.cx, Timer::Renew) {
            self.link.renew_due(&mut self.cx);
        }
        if due(&mut self.cx, Timer::Fetch) {
            self.reader.fetch_due(&mut self.cx);
        }
        if due(&mut self.cx, Timer::Batch) {
            self.reader.deliver_batch(&mut self.cx);
        }
        if due(&mut self.cx, Timer::Repair) {
            self.repair_due();
        }
        if due(&mut self.cx, Timer::Outbox) && self.outbox.tick(&mut self.cx) {
            self.hand_over();
        }
        if due(&mut self.cx, Timer::Carried) {
            while let Some(given_up) = self.link.carried().due(&mut self.cx) {
                self.give_up(given_up);
            }
            self.write_carried();
        }
        if due(&mut self.cx, Timer::Rejoin) {
            self.rejoin();
        }
        if due(&mut self.cx, Timer::Beacon) {
            self.beacon_due();
        }
    }

    fn beacon_due(&mut self) {
        if self.leads().is_some() {
            self.cx.after(Timer::Beacon, BEACON_MS);
            // While the socket is open, what comes out of it is the proof that this tab runs.
            if self.link.status(&self.cx) != LinkStatus::Open {
                self.beacon_at = self.cx.now;
                self.say_status();
            }
        } else if self.leader.is_none() && self.presence == Presence::Here && self.shares() {
            self.say_hello();
        }
    }

    fn show_status(&mut self) {
        let status = self.status();
        if self.shown.as_ref() != Some(&status) {
            self.shown = Some(status.clone());
            self.cx.emit(Output::Status(Box::new(status)));
        }
    }

    /// What the app is shown of this tab.
    pub fn status(&self) -> Status {
        let leads = self.leads().is_some();
        let session = match leads {
            true => self.link.session_info(),
            false => self.group.as_ref().and_then(|group| group.session.as_ref()),
        };
        let role = match (self.presence, self.lock) {
            (Presence::Here, Lock::Alone) => Role::Solo,
            (Presence::Here, Lock::Held(_)) => Role::Leader,
            (Presence::Here, _) if self.leader.is_some() => Role::Follower,
            _ => Role::None,
        };
        let link = match (leads, &self.group) {
            (true, _) => self.link.status(&self.cx),
            (false, Some(group)) => group.link,
            (false, None) => LinkStatus::Connecting,
        };
        let (state, reason, retry_at) = match (self.presence, link) {
            (Presence::New | Presence::Away, _) => (State::Idle, None, None),
            (Presence::Left(reason), _) => (State::Stopped, Some(reason), None),
            (Presence::Here, LinkStatus::Stopped(reason)) => (State::Stopped, Some(reason), None),
            (Presence::Here, LinkStatus::Connecting) => (State::Connecting, None, None),
            (Presence::Here, LinkStatus::Reconnecting { retry_at, .. }) => {
                (State::Reconnecting, None, retry_at)
            }
            // A tab whose socket was superseded has no leader until it has found its place again.
            (Presence::Here, LinkStatus::Open)
                if self.lock == Lock::None && self.leader.is_none() =>
            {
                (State::Reconnecting, None, None)
            }
            (Presence::Here, LinkStatus::Open) if self.reader.is_refreshing() => (
                State::Refreshing,
                self.reader.state_fails().then_some(Reason::StateFailed),
                None,
            ),
            (Presence::Here, LinkStatus::Open) => (State::Open, None, None),
        };
        Status {
            state,
            role,
            reason,
            retry_at,
            user: session.map(|session| session.user.clone()),
            shop: session.map(|session| session.shop.clone()),
            modules: session
                .map(|session| session.modules.clone())
                .unwrap_or_default(),
        }
    }
}

impl<R> Settlement<R> {
    /// Whether the server answered.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Answered(..))
    }
}
