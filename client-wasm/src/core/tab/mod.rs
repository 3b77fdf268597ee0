//! One tab: where inputs go, and how its parts work together.

mod commands;
mod following;
mod leading;
mod relaying;
mod showing;

use tabwire_protocol::{Cursor, Millis};

use super::{
    frame::{Frame, Raw},
    io::{Config, Context, Input, LockRequest, Log, NewCommand, Output, Sharing, SocketId},
    link::{Ended, Link},
    message::{LeaderStatus, Leadership, Message, TabId},
    outbox::Outbox,
    reader::Reader,
    status::{Reason, Status},
    time::{LATE_MS, Timer},
    watch::Watch,
};

pub use leading::BEACON_MS;
pub use showing::{Inspection, Sizes, Why};

/// A tab of a group, as a state machine without input or output of its own.
///
/// Call [`Tab::handle`] for everything that happens, then [`Tab::poll`] until it has nothing more, then wait until
/// [`Tab::next_timeout`] at the latest and say [`Input::Tick`].
#[derive(Clone, Debug)]
pub struct Tab<R> {
    config: Config,
    cx: Context<R>,
    presence: Presence,
    visible: bool,
    /// What happens now shows that this page runs, which a word of another tab does not.
    runs: bool,
    lock: Lock,
    lock_requests: u32,
    /// The request in the queue takes the lock from whoever has it.
    robs: bool,
    why: Option<Why>,
    /// The highest leadership heard of: the fence. Lower ones move nobody.
    known: Option<Leadership>,
    /// The leadership that is alive, as far as this tab can tell; its own when it leads.
    leader: Option<Leadership>,
    watch: Watch,
    /// Whom this leader has invited to lead.
    hands_over_to: Option<TabId>,
    /// This tab was invited to lead: it connects first.
    takes_over: Option<TakeOver<R>>,
    /// How the group's leader was last: the place from which this tab goes on when it leads.
    group: Option<LeaderStatus>,
    /// A follower waits for the state that this leader fetches.
    state_wanted: bool,
    link: Link,
    reader: Reader<R>,
    outbox: Outbox,
    demotions: u32,
    shown: Option<Status>,
}

/// A tab on its way to lead that connects first, while the old leader goes on.
#[derive(Clone, Debug)]
struct TakeOver<R> {
    from: Leadership,
    /// What the new socket brought before this tab led.
    frames: Vec<(SocketId, Frame, R)>,
}

/// No clock says more: there is always a later time to wait for.
const END_OF_TIME: Millis = Millis(u64::MAX / 2);

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

/// What this tab has of the group's lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    None,
    Queued(LockRequest),
    Held(LockRequest),
    /// This browser has no locks: the tabs have elected this one.
    Elected,
    /// This browser cannot share: the tab leads nobody but itself.
    Alone,
}

impl<R: Raw> Tab<R> {
    /// A tab that has not joined its group yet.
    pub fn new(config: Config) -> Self {
        Self {
            cx: Context::new(config.seed),
            presence: Presence::New,
            visible: true,
            runs: true,
            lock: Lock::None,
            lock_requests: 0,
            robs: false,
            why: None,
            known: None,
            leader: None,
            watch: Watch::new(),
            hands_over_to: None,
            takes_over: None,
            group: None,
            state_wanted: false,
            link: Link::new(),
            reader: Reader::new(
                config.cursor.clone(),
                config.fetches_state,
                config.state_key.is_some(),
            ),
            outbox: Outbox::default(),
            demotions: 0,
            shown: None,
            config,
        }
    }

    /// Something happened, at this time of the page: see [`SteadyClock`](super::SteadyClock).
    pub fn handle(&mut self, now: Millis, input: Input<R>) {
        self.begin(now, !matches!(input, Input::Message(_)));
        match input {
            Input::Tick => {}
            Input::Start => self.join(),
            Input::LockGranted(request) => self.lock_granted(request),
            Input::LockLost(request) => self.lock_lost(request),
            Input::LockRefused(request) => self.lock_refused(request),
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
            Input::StateFetched(number, position, state) => {
                self.reader
                    .state_fetched(&mut self.cx, number, position, state);
                self.share_state();
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
    pub fn send(&mut self, now: Millis, command: NewCommand) -> String {
        self.begin(now, true);
        let id = self.send_command(command);
        self.end();
        id
    }

    /// What to do next.
    pub fn poll(&mut self) -> Option<Output<R>> {
        self.cx.outputs.pop_front()
    }

    /// When to say [`Input::Tick`].
    pub fn next_timeout(&self) -> Option<Millis> {
        self.cx.timers.next()
    }

    /// Whether this tab leads, and under which number.
    pub fn leads(&self) -> Option<Leadership> {
        matches!(self.lock, Lock::Held(_) | Lock::Elected | Lock::Alone)
            .then_some(self.leader)
            .flatten()
    }

    /// Up to where this tab has received its view. The app may be behind: see [`Output::Cursor`].
    pub fn cursor(&self) -> Option<Cursor> {
        self.reader.cursor()
    }

    fn shares(&self) -> bool {
        self.config.sharing != Sharing::Nothing
    }

    fn begin(&mut self, now: Millis, runs: bool) {
        self.cx.now = self.cx.now.max(now.min(END_OF_TIME));
        self.runs = runs;
        let due = self.cx.timers.next();
        self.fire_timers();
        let late = due.map_or(Millis(0), |due| self.cx.now.since(due));
        if late > Millis(LATE_MS) {
            self.link.lost_the_time(&mut self.cx);
            if runs {
                self.cx.log(Log::Woke);
                self.wake();
            }
        }
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

    /// Stops taking part: the others go on.
    fn part(&mut self) {
        self.say_bye();
        self.link.close(&mut self.cx);
        self.give_up_lock();
        if self.shares() {
            self.cx.emit(Output::CloseChannel);
        }
        for timer in [Timer::Beacon, Timer::Watch, Timer::Rejoin, Timer::Repair] {
            self.cx.timers.stop(timer);
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

    /// The page became visible or came back, the network did, or a timer came much too late: look now rather than later.
    fn wake(&mut self) {
        if self.presence != Presence::Here {
            return;
        }
        if self.leads().is_some() {
            self.link.wake(&mut self.cx);
        } else {
            if self.visible {
                self.rejoin();
            }
            self.look_at_leader();
        }
    }

    /// A demoted tab takes its place in the group again.
    fn rejoin(&mut self) {
        self.cx.timers.stop(Timer::Rejoin);
        if self.lock == Lock::None {
            if self.shares() {
                self.say_hello();
                self.queue();
            } else {
                self.alone();
            }
        }
    }

    fn ended(&mut self, ended: Ended) {
        self.reader.deliver_batch(&mut self.cx);
        if self.takes_over.is_some() {
            self.give_up_take_over();
        } else if ended == Ended::Demotes {
            self.demote();
        }
    }

    // Time.

    /// The timers that say whether something runs fire only when this page does: a frozen one still hears other tabs.
    fn fire_timers(&mut self) {
        let now = self.cx.now;
        if self.cx.timers.next().is_none_or(|next| next > now) {
            return;
        }
        if self.runs {
            self.fire_timers_of_running();
        }
        let due = |cx: &mut Context<R>, timer| cx.timers.fire(timer, now);
        if due(&mut self.cx, Timer::Healthy) {
            self.link.healthy();
            self.demotions = 0;
        }
        if due(&mut self.cx, Timer::Renew) {
            self.link.renew_due(&mut self.cx);
        }
        if due(&mut self.cx, Timer::Fetch) {
            self.fetch_due();
        }
        if due(&mut self.cx, Timer::Batch) {
            self.reader.deliver_batch(&mut self.cx);
        }
        if due(&mut self.cx, Timer::Repair) {
            self.repair_due();
        }
        if due(&mut self.cx, Timer::Outbox) {
            self.outbox.tick(&mut self.cx);
            self.hand_over_commands();
        }
        if due(&mut self.cx, Timer::Carried) {
            while let Some(given_up) = self.link.carried().due(&mut self.cx) {
                self.give_up(given_up);
            }
            self.write_carried();
        }
    }

    fn fire_timers_of_running(&mut self) {
        let now = self.cx.now;
        let due = |cx: &mut Context<R>, timer| cx.timers.fire(timer, now);
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
        if due(&mut self.cx, Timer::HandOver) {
            self.hand_over_is_over();
        }
        if due(&mut self.cx, Timer::Rejoin) {
            self.rejoin();
        }
        if due(&mut self.cx, Timer::Beacon) {
            self.beacon_due();
        }
        if let Some(deadline) = self.cx.timers.deadline(Timer::Watch)
            && due(&mut self.cx, Timer::Watch)
        {
            self.watch_due(deadline);
        }
    }
}
