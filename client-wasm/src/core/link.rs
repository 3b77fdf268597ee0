//! The leader's link to the server: token, socket, back-off and liveness; what it asks and carries for the tabs is beside it.

use tabwire_protocol::{
    Bye, ClientFrame, CloseCode, Cursor, Device, Epoch, Hello, Millis, Position, Reaction,
    RequestSync, Resume, VERSION, View,
};

use super::{
    carried::{Carried, Destination, GivenUp},
    frame::{Raw, Refresh, Renewed, Welcome},
    io::{Context, Log, Output, SocketId, TokenReason},
    message::{LeaderStatus, RelayPosition, SessionInfo, TabId},
    repairs::Repairs,
    status::{LinkStatus, Reason},
    time::{LATE_MS, Timer},
};

/// The first wait before a new connection is a random part of this, in milliseconds.
const FIRST_RETRY_MS_MAX: u64 = 1_000;
/// The second wait is a random part of this and each further one of twice as much, in milliseconds (full jitter).
const BACKOFF_BASE_MS: u64 = 1_000;
/// No wait is longer than this, in milliseconds, unless the server asks for it.
pub(crate) const BACKOFF_MS_MAX: u64 = 30_000;
/// A connection that has been healthy for so long makes earlier failures forgotten, in milliseconds.
const HEALTHY_MS: u64 = 10_000;
/// How long the app has for a token, in milliseconds.
const TOKEN_MS_MAX: u64 = 30_000;
/// How long a socket has to open and the server to welcome, in milliseconds.
const WELCOME_MS_MAX: u64 = 15_000;
/// How much longer than a ping period a socket may be silent, in milliseconds.
const SILENCE_MARGIN_MS: u64 = 5_000;
/// How long the server has to answer our ping, in milliseconds.
const PROBE_MS: u64 = 5_000;
/// On waking up, a socket that was heard so recently needs no probe, in milliseconds.
const FRESH_MS: u64 = 2_000;
/// `online` and a tab becoming visible shorten a wait at most this often, in milliseconds.
const WAKE_RETRY_MS: u64 = 2_000;
/// A token is renewed so long before it ends, or a fifth of its life if that is shorter, in milliseconds.
const RENEW_BEFORE_MS: u64 = 60_000;
/// A token is not renewed sooner than this after the last one, in milliseconds.
const RENEW_MS_MIN: u64 = 1_000;
/// The wait between two attempts to renew a token, in milliseconds.
const RENEW_AGAIN_MS: u64 = 5_000;
/// A token that ends sooner than this is not used for a new connection, in milliseconds.
const TOKEN_LEFT_MS_MIN: u64 = 5_000;
/// The link stops after so many tokens refused in a row.
const REFUSALS_MAX: u32 = 3;
/// The longest wait that a server can ask for, in milliseconds.
const ASKED_WAIT_MS_MAX: u64 = 600_000;
/// What a browser says of a socket that ended without a close frame.
const CLOSED_WITHOUT_A_WORD: u16 = 1006;

/// The leader's link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    phase: Phase,
    sockets: u32,
    /// Failures in a row.
    failures: u32,
    /// Tokens refused in a row.
    refusals: u32,
    was_open: bool,
    token: Option<Token>,
    token_requests: u32,
    /// The request for a newer token, under way while the link is open.
    renewing: Option<u32>,
    /// What the server said of this group's last session; outlives the connection.
    session: Option<SessionInfo>,
    /// Sent with automatic reconnects.
    claim: Option<u64>,
    /// What the server said before it closes.
    bye: Option<Bye>,
    woken_at: Millis,
    carried: Carried,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Not leading.
    Idle,
    /// Nothing until somebody calls `reconnect()`.
    Stopped(Reason),
    /// The next attempt comes at `until`; nothing shortens a wait that the server asked for.
    Waiting { until: Millis, asked: bool },
    /// The app is asked for a token.
    Token { number: u32 },
    /// The socket opens, then the server welcomes.
    Greeting { socket: SocketId },
    /// The server has welcomed the session.
    Open(Box<Session>),
}

#[derive(Clone, Debug)]
struct Token {
    jwt: String,
    /// When it ends, by the machine's clock; unknown until a server has accepted it.
    until: Option<Millis>,
}

/// One welcomed socket.
#[derive(Clone, Debug)]
struct Session {
    socket: SocketId,
    epoch: Epoch,
    view: View,
    /// The highest position relayed; none until a refresh that was announced has come.
    relayed: Option<Position>,
    /// More frames of a replay follow.
    replaying: bool,
    heard_at: Millis,
    /// A probe's timer came much too late, and the server was asked again for that: once is enough, since the timers of a
    /// hidden page may always be late.
    excused: bool,
    /// The server's clock is ahead of the machine's by this much; both count milliseconds.
    server_ahead: i64,
    /// Not after a jump of the clock, until the server tells the time again.
    knows_time: bool,
    repairs: Repairs,
}

/// What the end of a connection means for the tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The link has made its own arrangements.
    Retries,
    /// The group stops.
    Stops(Reason),
    /// The tab stops leading.
    Demotes,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Idle,
            sockets: 0,
            failures: 0,
            refusals: 0,
            was_open: false,
            token: None,
            token_requests: 0,
            renewing: None,
            session: None,
            claim: None,
            bye: None,
            woken_at: Millis(0),
            carried: Carried::default(),
        }
    }

    /// Takes over where the last leader's link was, as far as the group knows.
    pub(crate) fn start<R: Raw>(&mut self, cx: &mut Context<R>, last: Option<&LeaderStatus>) {
        self.failures = 0;
        self.refusals = 0;
        if let Some(last) = last {
            self.was_open = last.session.is_some();
            self.claim = last
                .session
                .as_ref()
                .map(|session| session.claim)
                .or(self.claim);
            self.session = last.session.clone().or_else(|| self.session.take());
            match last.link {
                LinkStatus::Stopped(reason) => {
                    self.phase = Phase::Stopped(reason);
                    return;
                }
                LinkStatus::Reconnecting {
                    retry_at: Some(until),
                    asked: true,
                } => {
                    let until = until.min(cx.now.plus(Millis(ASKED_WAIT_MS_MAX)));
                    if until > cx.now {
                        return self.wait(cx, until, true);
                    }
                }
                _ => {}
            }
        }
        self.connect(cx);
    }

    /// A person wants to connect again: without a claim, so that it may replace another device.
    pub(crate) fn reconnect<R: Raw>(&mut self, cx: &mut Context<R>) {
        if matches!(self.phase, Phase::Stopped(_) | Phase::Waiting { .. }) {
            self.failures = 0;
            self.refusals = 0;
            self.claim = None;
            // Nobody has checked whom it names, where no server welcomed it.
            self.token = None;
            self.connect(cx);
        }
    }

    /// Forgets whom the connection was for.
    pub(crate) fn forget(&mut self) {
        self.token = None;
        self.claim = None;
        self.session = None;
        self.was_open = false;
    }

    /// Closes the socket, if there is one, and does nothing more.
    pub(crate) fn close<R: Raw>(&mut self, cx: &mut Context<R>) {
        self.drop_socket(cx);
        self.phase = Phase::Idle;
        self.carried.clear(cx);
    }

    /// Closes the socket and stops until somebody calls `reconnect()`.
    pub(crate) fn stop<R: Raw>(&mut self, cx: &mut Context<R>, reason: Reason) {
        self.drop_socket(cx);
        self.phase = Phase::Stopped(reason);
    }

    fn drop_socket<R: Raw>(&mut self, cx: &mut Context<R>) {
        if let Some(socket) = self.socket() {
            cx.emit(Output::CloseSocket(socket));
        }
        self.socket_gone(cx);
    }

    fn socket_gone<R: Raw>(&mut self, cx: &mut Context<R>) {
        self.renewing = None;
        self.bye = None;
        for timer in [
            Timer::Retry,
            Timer::Connect,
            Timer::Silence,
            Timer::Probe,
            Timer::Renew,
            Timer::Healthy,
        ] {
            cx.timers.stop(timer);
        }
    }

    fn socket(&self) -> Option<SocketId> {
        match &self.phase {
            Phase::Greeting { socket } => Some(*socket),
            Phase::Open(session) => Some(session.socket),
            _ => None,
        }
    }

    /// Whether there is a connection, or one under way.
    pub(crate) fn is_active(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Idle | Phase::Stopped(_) | Phase::Waiting { .. }
        )
    }

    /// Whether a word of this socket counts.
    pub(crate) fn is_current(&self, socket: SocketId) -> bool {
        self.socket() == Some(socket)
    }

    pub(crate) fn status(&self) -> LinkStatus {
        let retry_at = match &self.phase {
            Phase::Open(_) => return LinkStatus::Open,
            Phase::Stopped(reason) => return LinkStatus::Stopped(*reason),
            Phase::Waiting { until, asked } => Some((*until, *asked)),
            _ => None,
        };
        match retry_at {
            None if !self.was_open => LinkStatus::Connecting,
            _ => LinkStatus::Reconnecting {
                retry_at: retry_at.map(|(at, _)| at),
                asked: retry_at.is_some_and(|(_, asked)| asked),
            },
        }
    }

    pub(crate) fn session_info(&self) -> Option<&SessionInfo> {
        self.session.as_ref()
    }

    /// Up to where the link has relayed, while it is open.
    pub(crate) fn relay_position(&self) -> Option<RelayPosition> {
        let Phase::Open(session) = &self.phase else {
            return None;
        };
        let at = session.relayed?;
        Some(RelayPosition {
            epoch: session.epoch.clone(),
            view: session.view.clone(),
            at,
        })
    }

    /// The log and view of the open session, and whether more of a replay follows.
    pub(crate) fn relaying(&self) -> Option<(Epoch, View, bool)> {
        let Phase::Open(session) = &self.phase else {
            return None;
        };
        Some((
            session.epoch.clone(),
            session.view.clone(),
            session.replaying,
        ))
    }

    // Connecting.

    fn connect<R: Raw>(&mut self, cx: &mut Context<R>) {
        cx.timers.stop(Timer::Retry);
        let left = Millis(TOKEN_LEFT_MS_MIN);
        match &self.token {
            Some(token) if token.until.is_none_or(|until| until > cx.now.plus(left)) => {
                self.open_socket(cx)
            }
            _ => {
                self.token = None;
                self.token_requests += 1;
                let number = self.token_requests;
                let reason = if self.refusals == 0 {
                    TokenReason::Connect
                } else {
                    TokenReason::Unauthorized
                };
                self.phase = Phase::Token { number };
                cx.after(Timer::Connect, TOKEN_MS_MAX);
                cx.emit(Output::GetToken(number, reason));
            }
        }
    }

    fn open_socket<R: Raw>(&mut self, cx: &mut Context<R>) {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        self.phase = Phase::Greeting { socket };
        cx.after(Timer::Connect, WELCOME_MS_MAX);
        cx.log(Log::Connecting);
        cx.emit(Output::OpenSocket(socket));
    }

    /// The app has a token. False when it has none: nobody is logged in.
    pub(crate) fn token<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        number: u32,
        jwt: Option<String>,
    ) -> bool {
        let asked = match &self.phase {
            Phase::Token { number: asked } => *asked == number,
            _ => false,
        };
        let renews = self.renewing == Some(number);
        if !asked && !renews {
            return true;
        }
        let Some(jwt) = jwt else { return false };
        if asked {
            self.token = Some(Token { jwt, until: None });
            self.open_socket(cx);
        } else if let Some(socket) = self.socket() {
            self.renewing = None;
            self.token = Some(Token {
                jwt: jwt.clone(),
                until: None,
            });
            // Should the server not answer, it is asked again while the old token lasts.
            cx.after(Timer::Renew, RENEW_AGAIN_MS);
            cx.emit(Output::SendFrame(socket, ClientFrame::Renew { token: jwt }));
        }
        true
    }

    /// The app failed to get a token.
    pub(crate) fn token_failed<R: Raw>(&mut self, cx: &mut Context<R>, number: u32) {
        if matches!(&self.phase, Phase::Token { number: asked } if *asked == number) {
            cx.log(Log::TokenFailed);
            self.retry(cx);
        } else if self.renewing == Some(number) {
            cx.log(Log::TokenFailed);
            self.renewing = None;
            cx.after(Timer::Renew, RENEW_AGAIN_MS);
        }
    }

    /// The socket is open: say hello.
    pub(crate) fn opened<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        device: &Device,
        cursor: Option<Cursor>,
    ) {
        let (Phase::Greeting { socket }, Some(token)) = (&self.phase, &self.token) else {
            return;
        };
        let hello = Hello {
            v: VERSION,
            token: token.jwt.clone(),
            device: device.clone(),
            claim: self.claim,
            cursor,
            features: Vec::new(),
        };
        cx.emit(Output::SendFrame(*socket, ClientFrame::Hello(hello)));
    }

    /// The server has welcomed the session; the tab has checked for whom.
    pub(crate) fn welcomed<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        cursor: Option<&Cursor>,
        device: &Device,
        welcome: Welcome,
    ) {
        let Phase::Greeting { socket } = self.phase else {
            return;
        };
        cx.log(Log::Welcomed);
        cx.counters.connects += 1;
        cx.timers.stop(Timer::Connect);
        cx.after(Timer::Healthy, HEALTHY_MS);
        self.refusals = 0;
        self.was_open = true;
        self.claim = Some(welcome.claim);
        self.session = Some(SessionInfo {
            user: welcome.user,
            shop: welcome.shop,
            modules: welcome.modules,
            view: welcome.view.clone(),
            claim: welcome.claim,
            ping_ms: welcome.ping_ms,
            max_frame: welcome.max_frame,
            device: device.clone(),
        });
        let relayed = match welcome.resume {
            Resume::Fresh => Some(welcome.at),
            Resume::Replay => Some(cursor.map_or(welcome.at, |cursor| cursor.last)),
            Resume::FullRefresh => None,
        };
        self.phase = Phase::Open(Box::new(Session {
            socket,
            epoch: welcome.epoch,
            view: welcome.view,
            relayed,
            replaying: welcome.resume == Resume::Replay,
            heard_at: cx.now,
            excused: false,
            server_ahead: ahead(welcome.now, cx.now),
            knows_time: true,
            repairs: Repairs::default(),
        }));
        cx.after(
            Timer::Silence,
            welcome.ping_ms.saturating_add(SILENCE_MARGIN_MS),
        );
        self.token_ends(cx, welcome.now, welcome.expires_at);
    }

    fn token_ends<R: Raw>(&mut self, cx: &mut Context<R>, server_now: Millis, expires_at: Millis) {
        let left = expires_at.since(server_now);
        let until = cx.now.plus(left);
        if let Some(token) = &mut self.token {
            token.until = Some(until);
        }
        let before = RENEW_BEFORE_MS.min(left.0 / 5);
        let soonest = cx.now.plus(Millis(RENEW_MS_MIN));
        cx.timers
            .set(Timer::Renew, Millis(until.0 - before).max(soonest));
    }

    /// The token should be renewed.
    pub(crate) fn renew_due<R: Raw>(&mut self, cx: &mut Context<R>) {
        if matches!(self.phase, Phase::Open(_)) {
            self.token_requests += 1;
            self.renewing = Some(self.token_requests);
            cx.after(Timer::Renew, TOKEN_MS_MAX);
            cx.emit(Output::GetToken(self.token_requests, TokenReason::Renew));
        }
    }

    /// The clock has jumped, or the page did not run: only the server knows what time it is.
    pub(crate) fn lost_the_time<R: Raw>(&mut self, cx: &mut Context<R>) {
        if let Phase::Open(session) = &mut self.phase {
            session.knows_time = false;
            self.probe(cx);
        }
    }

    /// The server has pinged, and may have said what time it is.
    pub(crate) fn time_told<R: Raw>(&mut self, cx: &Context<R>, now: Option<Millis>) {
        if let Phase::Open(session) = &mut self.phase {
            session.knows_time = true;
            if let Some(now) = now {
                session.server_ahead = ahead(now, cx.now);
            }
        }
    }

    /// The newer token is in force. A view that changed with it comes in a `full_refresh` of its own.
    pub(crate) fn renewed<R: Raw>(&mut self, cx: &mut Context<R>, renewed: Renewed) {
        let Phase::Open(session) = &mut self.phase else {
            return;
        };
        session.server_ahead = ahead(renewed.now, cx.now);
        session.knows_time = true;
        if let Some(info) = &mut self.session {
            info.modules = renewed.modules;
            info.view = renewed.view;
        }
        self.token_ends(cx, renewed.now, renewed.expires_at);
    }

    // The end of a connection.

    /// The server said why it closes.
    pub(crate) fn bye(&mut self, bye: Bye) {
        self.bye = Some(bye);
    }

    /// The socket is closed. A `bye` decides over the code that follows it.
    pub(crate) fn closed<R: Raw>(&mut self, cx: &mut Context<R>, code: u16) -> Ended {
        cx.log(Log::Closed);
        let bye = self.bye.unwrap_or(Bye {
            code,
            retry: true,
            after_ms: None,
        });
        self.socket_gone(cx);
        let code = CloseCode::from_code(bye.code);
        match code.reaction() {
            // Nobody but this client says 1000; from a server or proxy it is just an end.
            Reaction::Stop if code != CloseCode::Normal => return self.stopped(Reason::of(code)),
            Reaction::Retry if !bye.retry => return self.stopped(Reason::of(code)),
            Reaction::Demote => {
                self.phase = Phase::Idle;
                return Ended::Demotes;
            }
            Reaction::NewToken => {
                self.token = None;
                self.refusals += 1;
                if self.refusals >= REFUSALS_MAX {
                    return self.stopped(Reason::Unauthorized);
                }
            }
            Reaction::Stop | Reaction::Retry => {}
        }
        match bye.after_ms {
            Some(ms) => self.wait(cx, cx.now.plus(Millis(ms.min(ASKED_WAIT_MS_MAX))), true),
            None => self.retry(cx),
        }
        Ended::Retries
    }

    fn stopped(&mut self, reason: Reason) -> Ended {
        self.phase = Phase::Stopped(reason);
        Ended::Stops(reason)
    }

    /// The socket is given up: detached and closed, not waited for.
    fn dead<R: Raw>(&mut self, cx: &mut Context<R>) -> Ended {
        cx.log(Log::Dead);
        if let Some(socket) = self.socket() {
            cx.emit(Output::CloseSocket(socket));
        }
        self.closed(cx, CLOSED_WITHOUT_A_WORD)
    }

    /// Full jitter: AWS Architecture Blog, "Exponential Backoff And Jitter"; the first retry comes within a second.
    fn retry<R: Raw>(&mut self, cx: &mut Context<R>) {
        let max = match self.failures {
            0 => FIRST_RETRY_MS_MAX,
            failures => (BACKOFF_BASE_MS << failures.min(16)).min(BACKOFF_MS_MAX),
        };
        self.failures += 1;
        let wait = cx.random.up_to(max);
        self.wait(cx, cx.now.plus(Millis(wait)), false);
    }

    fn wait<R: Raw>(&mut self, cx: &mut Context<R>, until: Millis, asked: bool) {
        cx.timers.stop(Timer::Connect);
        cx.timers.set(Timer::Retry, until);
        self.phase = Phase::Waiting { until, asked };
    }

    // Timers.

    pub(crate) fn retry_due<R: Raw>(&mut self, cx: &mut Context<R>) {
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.connect(cx);
        }
    }

    /// The app or the server took too long.
    pub(crate) fn connect_over<R: Raw>(&mut self, cx: &mut Context<R>) -> Ended {
        match self.phase {
            Phase::Token { .. } => {
                cx.log(Log::TokenFailed);
                self.retry(cx);
                Ended::Retries
            }
            Phase::Greeting { .. } => self.dead(cx),
            _ => Ended::Retries,
        }
    }

    pub(crate) fn healthy(&mut self) {
        self.failures = 0;
    }

    /// Silence is measured by a timestamp, since timers of hidden tabs come late.
    pub(crate) fn silence_due<R: Raw>(&mut self, cx: &mut Context<R>) {
        let Phase::Open(session) = &self.phase else {
            return;
        };
        let ping_ms = self.session.as_ref().map_or(0, |info| info.ping_ms);
        let quiet_until = session
            .heard_at
            .plus(Millis(ping_ms.saturating_add(SILENCE_MARGIN_MS)));
        if quiet_until > cx.now {
            cx.timers.set(Timer::Silence, quiet_until);
        } else {
            self.probe(cx);
        }
    }

    /// Asks the server for a sign of life, unless it was asked already.
    pub(crate) fn probe<R: Raw>(&mut self, cx: &mut Context<R>) {
        if let Phase::Open(session) = &self.phase
            && cx.timers.deadline(Timer::Probe).is_none()
        {
            cx.after(Timer::Probe, PROBE_MS);
            cx.emit(Output::SendFrame(session.socket, ClientFrame::Ping));
        }
    }

    /// The probe was not answered. `deadline` is when it should have been: much earlier than now means that the machine slept,
    /// and the answer may be in a queue.
    pub(crate) fn probe_over<R: Raw>(&mut self, cx: &mut Context<R>, deadline: Millis) -> Ended {
        let Phase::Open(session) = &mut self.phase else {
            return Ended::Retries;
        };
        let late = cx.now.since(deadline) > Millis(LATE_MS);
        if late && !core::mem::replace(&mut session.excused, true) {
            self.probe(cx);
            Ended::Retries
        } else {
            self.dead(cx)
        }
    }

    /// Something came out of the socket.
    pub(crate) fn heard<R: Raw>(&mut self, cx: &mut Context<R>) {
        if let Phase::Open(session) = &mut self.phase {
            session.heard_at = cx.now;
            session.excused = false;
            cx.timers.stop(Timer::Probe);
            let ping_ms = self.session.as_ref().map_or(0, |info| info.ping_ms);
            cx.after(Timer::Silence, ping_ms.saturating_add(SILENCE_MARGIN_MS));
        }
    }

    /// The tab became visible, the network came back, or the page did: look now rather than later.
    pub(crate) fn wake<R: Raw>(&mut self, cx: &mut Context<R>) {
        match &self.phase {
            Phase::Open(session) if cx.now.since(session.heard_at) > Millis(FRESH_MS) => {
                self.probe(cx)
            }
            Phase::Waiting { asked: false, .. }
                if cx.now.since(self.woken_at) > Millis(WAKE_RETRY_MS) =>
            {
                self.woken_at = cx.now;
                self.connect(cx);
            }
            _ => {}
        }
    }

    // Relaying.

    /// A frame that moves the cursor is relayed. The answer to a request_sync ends it.
    pub(crate) fn relayed<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        position: Position,
        synced: Option<Option<u64>>,
    ) {
        let Phase::Open(session) = &mut self.phase else {
            return;
        };
        session.relayed = session.relayed.max(Some(position));
        if let Some(reference) = synced {
            session.repairs.synced(reference);
            session.replaying = session.repairs.is_under_way();
            session.ask_next(cx);
        }
    }

    pub(crate) fn pong<R: Raw>(&self, cx: &mut Context<R>, last: Position) {
        if let Phase::Open(session) = &self.phase {
            cx.emit(Output::SendFrame(
                session.socket,
                ClientFrame::Pong {
                    last_event_id: last,
                },
            ));
        }
    }

    /// The server cannot send what was missed: `None` when all tabs are meant, else the tabs whose request this refuses.
    pub(crate) fn refused<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        refresh: &Refresh,
    ) -> Option<Vec<TabId>> {
        let Phase::Open(session) = &mut self.phase else {
            return Some(Vec::new());
        };
        match refresh.reference {
            None => {
                session.epoch = refresh.epoch.clone();
                session.view = refresh.view.clone();
                session.relayed = Some(refresh.at);
                session.replaying = session.repairs.is_under_way();
                session.repairs.forget_waiting();
                None
            }
            Some(reference) => {
                let refused = session.repairs.refused(reference);
                session.replaying = session.repairs.is_under_way();
                session.ask_next(cx);
                Some(refused)
            }
        }
    }

    /// A tab lacks what comes after a cursor of the session's log and view.
    pub(crate) fn repair<R: Raw>(&mut self, cx: &mut Context<R>, tab: TabId, cursor: &Cursor) {
        let Phase::Open(session) = &mut self.phase else {
            return;
        };
        let same = session.epoch == cursor.epoch && session.view == cursor.view;
        if same && session.relayed.is_some() {
            session.repairs.add(tab, cursor.last);
            session.ask_next(cx);
        }
    }

    /// What the link takes to the server.
    pub(crate) fn carried(&mut self) -> &mut Carried {
        &mut self.carried
    }

    pub(crate) fn carried_len(&self) -> usize {
        self.carried.len()
    }

    /// Writes what the link carries, while it is open.
    ///
    /// Returns a command that is given up instead: the caller settles it and comes again.
    pub(crate) fn write_carried<R: Raw>(&mut self, cx: &mut Context<R>) -> Option<GivenUp> {
        let (Phase::Open(session), Some(info)) = (&self.phase, &self.session) else {
            return None;
        };
        if !session.knows_time {
            return None;
        }
        let to = Destination {
            socket: session.socket,
            server_ahead: session.server_ahead,
            max_frame: info.max_frame,
        };
        self.carried.write(cx, to)
    }
}

/// How far a clock that says `theirs` is ahead of one that says `ours`, in milliseconds.
fn ahead(theirs: Millis, ours: Millis) -> i64 {
    theirs.0.cast_signed().wrapping_sub(ours.0.cast_signed())
}

impl Session {
    fn ask_next<R: Raw>(&mut self, cx: &mut Context<R>) {
        let Some((reference, last)) = self.repairs.next() else {
            return;
        };
        self.replaying = true;
        cx.counters.server_repairs += 1;
        cx.log(Log::RepairFromServer);
        let cursor = Cursor {
            epoch: self.epoch.clone(),
            view: self.view.clone(),
            last,
        };
        let request = ClientFrame::RequestSync(RequestSync { reference, cursor });
        cx.emit(Output::SendFrame(self.socket, request));
    }
}
