//! What happens to a tab, and what a tab does about it.

use std::collections::VecDeque;

use tabwire_protocol::{ClientFrame, Cursor, Device, Epoch, Millis, Position, RawJson, UserId};

use super::{
    frame::{Frame, Raw},
    message::{Message, TabId},
    random::Random,
    status::Status,
    time::{Timer, Timers},
};

/// What a tab is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whom the group of tabs belongs to; the server must name the same user.
    pub user: UserId,
    /// This tab's name, drawn anew with each page load.
    pub tab: TabId,
    /// The browser profile, the same for all its tabs.
    pub device: Device,
    /// Where to go on: only together with the state that it belongs to.
    pub cursor: Option<Cursor>,
    /// Whether the app fetches its state when told to.
    pub fetches_state: bool,
    /// What the tabs of this browser agree by.
    pub sharing: Sharing,
    /// Names what the app's state depends on besides the view. Tabs that give the same key share a fetched state.
    pub state_key: Option<String>,
    /// A leader whose page gets hidden lets a visible tab lead: for browsers that suspend hidden pages without a word.
    pub hands_over: bool,
    /// The highest term that this browser remembers.
    pub term: u64,
    /// Where the machine's random numbers start.
    pub seed: u64,
}

/// What the tabs of a browser agree by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Web Locks say who leads, and BroadcastChannel carries what tabs say to each other.
    Locks,
    /// There is BroadcastChannel and there are no Web Locks: the tabs elect a leader among themselves.
    Election,
    /// Neither: each tab is alone.
    Nothing,
}

/// What happens to a tab.
#[derive(Clone, Debug)]
pub enum Input<R> {
    /// The page is there: join the group.
    Start,
    /// A timer of the page fired. Other inputs tell the time too, but only this one and a frame from the socket show that the
    /// page runs: a frozen page still hears other tabs.
    Tick,
    /// The group's lock was granted to this request.
    LockGranted(LockRequest),
    /// The lock that this request had was taken away.
    LockLost(LockRequest),
    /// The browser refuses to lock: the tabs elect.
    LockRefused(LockRequest),
    /// Another tab said something.
    Message(Message<R>),
    /// The socket is open.
    SocketOpen(SocketId),
    /// The socket brought a frame.
    SocketFrame(SocketId, Frame, R),
    /// The socket brought something that is no frame.
    SocketNoise(SocketId),
    /// The socket is closed.
    SocketClosed(SocketId, u16),
    /// The app has a token, or none because nobody is logged in.
    Token(u32, Option<String>),
    /// The app failed to get a token.
    TokenFailed(u32),
    /// The app has fetched its state, which is at this position if it said so; as JSON, where it is to be shared.
    StateFetched(u32, Option<(Epoch, Position)>, Option<RawJson>),
    /// The app failed to fetch its state.
    StateFailed(u32),
    /// The app wants a command done.
    Send(NewCommand),
    /// The page is frozen or goes into the back-forward cache.
    Hide,
    /// The page is back.
    Show,
    /// The page is visible (or hidden).
    Visible(bool),
    /// The browser says that there is a network.
    Online,
    /// A person wants the group to connect again.
    Reconnect,
    /// This tab leaves for good.
    Close,
    /// All tabs of the group stop and forget.
    Logout,
}

/// A command as the app gives it.
#[derive(Clone, Debug)]
pub struct NewCommand {
    /// Its type, as the app wrote it.
    pub event_type: String,
    /// Its payload as JSON.
    pub payload: RawJson,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
}

/// Numbers the sockets of a tab, so that a late word of an old one is not taken for a new one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub u32);

/// Numbers the requests for the lock, so that a grant which crosses with a release is not taken for the next request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockRequest(pub u32);

/// What a tab does.
#[derive(Clone, Debug)]
pub enum Output<R> {
    /// Listen to the other tabs.
    OpenChannel,
    /// Stop listening to the other tabs.
    CloseChannel,
    /// Tell the other tabs.
    Post(Message<R>),
    /// Queue for the group's lock, without a limit of time.
    RequestLock(LockRequest),
    /// Take the lock from whoever has it.
    StealLock(LockRequest),
    /// Give the lock up, or leave its queue.
    ReleaseLock(LockRequest),
    /// Remember the term for the next page load.
    StoreTerm(u64),
    /// Open a socket.
    OpenSocket(SocketId),
    /// Write a frame.
    SendFrame(SocketId, ClientFrame),
    /// Close the socket and do not listen to it any more.
    CloseSocket(SocketId),
    /// Ask the app for a token.
    GetToken(u32, TokenReason),
    /// Ask the app for its state. An older request is void.
    FetchState {
        /// Numbers the request.
        number: u32,
        /// Why.
        reason: FetchReason,
        /// Which log the state must be of.
        epoch: Epoch,
        /// Up to where events are known.
        head: Position,
    },
    /// The state fetched by this request is the app's state now.
    ApplyState {
        /// Which request.
        number: u32,
        /// Why it was fetched.
        reason: FetchReason,
        /// Which log it is of.
        epoch: Epoch,
        /// Up to where it holds the events.
        position: Position,
        /// The state as JSON, when it is another tab's: the app has not fetched it.
        shared: Option<RawJson>,
    },
    /// Events were missed and the app fetches no state: it is told so.
    Refreshed {
        /// Why.
        reason: FetchReason,
        /// Which log goes on.
        epoch: Epoch,
        /// After which position.
        at: Position,
    },
    /// Events for the app, in order.
    Deliver(Vec<R>),
    /// The app's cursor once all outputs before this one are carried out.
    Cursor(Cursor),
    /// A command of this tab is settled.
    Settled(String, Settlement<R>),
    /// The status has changed.
    Status(Box<Status>),
    /// Something worth a line in the debug log.
    Log(Log),
}

/// Why the app is asked for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReason {
    /// To connect.
    Connect,
    /// To go on with the connection there is.
    Renew,
    /// The server refused the last one.
    Unauthorized,
}

/// Why the app is asked for its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchReason {
    /// The tab is new.
    Initial,
    /// The server cannot send what was missed.
    Refresh(tabwire_protocol::RefreshReason),
}

impl FetchReason {
    /// The reason as the app reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Refresh(reason) => reason.as_str(),
        }
    }
}

/// What came of a command.
#[derive(Clone, Debug)]
pub enum Settlement<R> {
    /// The server's `ack` or `nack`. With a doubt, its `executed: "no"` means `unknown`: the command was written more than
    /// once, and a server that has lost its records does not know of the first time.
    Answered(R, bool),
    /// It was given up here.
    Failed(Failure),
}

/// Why a command was given up, and whether it may have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub why: FailureReason,
    /// Whether it may have taken effect.
    pub executed: tabwire_protocol::Executed,
}

/// Why a command was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// Its deadline is over.
    Timeout,
    /// Its type is not a name.
    Invalid,
    /// It is larger than the server takes.
    TooLarge,
    /// Too many commands are waiting.
    QueueFull,
    /// The tab left, or its group stopped.
    Closed,
}

impl FailureReason {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::Timeout,
        Self::Invalid,
        Self::TooLarge,
        Self::QueueFull,
        Self::Closed,
    ];

    /// The reason as the app reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::QueueFull => "queue_full",
            Self::Closed => "closed",
        }
    }
}

/// A line of the debug log: its number is spelled out by the TypeScript layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Log {
    /// This tab leads.
    Leading = 1,
    /// This tab stopped leading.
    Demoted = 2,
    /// A connection is being made.
    Connecting = 3,
    /// The server has welcomed the session.
    Welcomed = 4,
    /// The socket is closed.
    Closed = 5,
    /// The socket is silent and given up.
    Dead = 6,
    /// A frame was missing: a repair is asked for.
    Gap = 7,
    /// A repair is sent to another tab, from the ring.
    RepairedFromRing = 8,
    /// A repair is asked of the server.
    RepairFromServer = 9,
    /// The app's state is to be fetched.
    Refresh = 10,
    /// A tab spoke under an old leadership and was ignored.
    StaleLeader = 11,
    /// This tab raised its term, since another had heard of a higher one.
    Reterm = 12,
    /// The socket brought something that is no frame.
    Noise = 13,
    /// The server ignored something that this client sent.
    ServerError = 14,
    /// The app failed to give a token.
    TokenFailed = 15,
    /// The app failed to fetch its state.
    StateFailed = 16,
    /// The leader is asked to show that it runs.
    Asked = 17,
    /// The leader did not show that it runs, and is told to leave.
    Told = 18,
    /// Another tab told this leader to leave, and it does.
    Abdicated = 19,
    /// The lock is taken from a leader that does not leave.
    Stole = 20,
    /// This leader's page is hidden: a visible tab is invited to lead.
    HandsOver = 21,
    /// This tab was invited to lead, and connects first.
    TakesOver = 22,
    /// No leader was heard of: this tab elects itself.
    Elected = 23,
    /// A timer came much too late: the machine slept, or the page did.
    Woke = 24,
    /// A state was taken from another tab instead of being fetched.
    StateShared = 25,
}

/// Counts what happened, for `inspect()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events given to the app.
    pub delivered: u64,
    /// Frames dropped, since everything up to them was there.
    pub duplicates: u64,
    /// Frames not applied, since something before them was missing.
    pub gaps: u64,
    /// Events of modules that are not the session's.
    pub foreign: u64,
    /// Repairs sent to other tabs from the ring.
    pub ring_repairs: u64,
    /// Repairs asked of the server.
    pub server_repairs: u64,
    /// Times the app was told to fetch its state, or that it missed something.
    pub refreshes: u64,
    /// Times this tab began to lead.
    pub leads: u64,
    /// Connections made.
    pub connects: u64,
    /// Messages ignored, since they came under an old leadership.
    pub stale: u64,
    /// Times this tab took the lock from a leader that did not leave.
    pub steals: u64,
    /// Times this tab left the lead because another told it to.
    pub abdications: u64,
    /// Times this tab took the lead over from a hidden leader, connecting first.
    pub take_overs: u64,
    /// States taken from another tab instead of being fetched.
    pub states_shared: u64,
}

/// What every part of the machine works with: the time, random numbers, the timers, and where outputs go.
#[derive(Clone, Debug)]
pub(crate) struct Context<R> {
    pub(crate) now: Millis,
    pub(crate) random: Random,
    pub(crate) timers: Timers,
    pub(crate) outputs: VecDeque<Output<R>>,
    pub(crate) counters: Counters,
}

impl<R: Raw> Context<R> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Millis(0),
            random: Random::new(seed),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn emit(&mut self, output: Output<R>) {
        self.outputs.push_back(output);
    }

    pub(crate) fn log(&mut self, line: Log) {
        self.emit(Output::Log(line));
    }

    pub(crate) fn post(&mut self, message: Message<R>) {
        self.emit(Output::Post(message));
    }

    /// Sets a timer to fire so many milliseconds from now.
    pub(crate) fn after(&mut self, timer: Timer, ms: u64) {
        self.timers.set(timer, self.now.plus(Millis(ms)));
    }
}
