//! One tab, its clock, and what it did in lines of text.

use tabwire_client::core::{
    Config, Envelope, Frame, Input, Inspection, Kind, LeaderStatus, Leadership, LinkStatus,
    LockRequest, Message, Moving, NewCommand, Output, Raw, Refresh, RelayPosition, SessionInfo,
    Settlement, Sharing, SocketId, Status, Tab, TabId, Welcome,
};
use tabwire_protocol::{
    Bye, Command, Cursor, Device, Epoch, EventType, Millis, Module, Position, RawJson,
    RefreshReason, Resume, ShopId, UserId, View,
};

/// The wall clock when a machine is made.
pub(crate) const START: u64 = 1_730_569_300_000;
/// The server's clock is ahead of the tab's by this much.
pub(crate) const AHEAD: u64 = 3_600_000;
pub(crate) const PING_MS: u64 = 25_000;
/// How long tokens last.
pub(crate) const TOKEN_LIFE: u64 = 3_600_000;

/// The text of a frame: for an event its id.
#[derive(Clone, Debug)]
pub(crate) struct Text(pub(crate) String);

impl Raw for Text {
    fn size(&self) -> usize {
        self.0.len()
    }
}

/// A tab, told what happens by a test.
pub(crate) struct Machine {
    pub(crate) tab: Tab<Text>,
    pub(crate) now: u64,
    socket: u32,
    token: u32,
    lock: u32,
}

/// What a tab did, one line for each output, in order.
#[derive(Debug, Default)]
pub(crate) struct Did(Vec<String>);

impl Did {
    /// The lines that begin with one of these words.
    pub(crate) fn of(&self, words: &[&str]) -> Vec<&str> {
        let begins = |line: &&String| words.iter().any(|word| first_word(line) == *word);
        self.0.iter().filter(begins).map(String::as_str).collect()
    }

    /// What the app was told, but for the status.
    pub(crate) fn app(&self) -> Vec<&str> {
        self.of(&[
            "fetch",
            "apply",
            "refreshed",
            "deliver",
            "cursor",
            "settled",
        ])
    }

    /// What was said to the server, and to the browser about the socket.
    pub(crate) fn wire(&self) -> Vec<&str> {
        self.of(&["socket", "send"])
    }

    /// What was said to other tabs.
    pub(crate) fn posts(&self) -> Vec<&str> {
        self.of(&["post"])
    }

    /// Everything but the log.
    pub(crate) fn all(&self) -> Vec<&str> {
        let lines = self.0.iter().filter(|line| first_word(line) != "log");
        lines.map(String::as_str).collect()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.all().is_empty()
    }
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

impl Machine {
    /// A tab that is not started. Its app fetches its state when `fetches_state`.
    pub(crate) fn new(fetches_state: bool) -> Self {
        Self::with(Config {
            fetches_state,
            ..config()
        })
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            tab: Tab::new(config),
            now: START,
            socket: 0,
            token: 0,
            lock: 0,
        }
    }

    /// A tab that leads and has asked for a token.
    pub(crate) fn leading(fetches_state: bool) -> Self {
        let mut machine = Self::new(fetches_state);
        machine.lead();
        machine
    }

    /// A tab that leads and has said hello, and waits for the welcome.
    pub(crate) fn greeting(fetches_state: bool) -> Self {
        let mut machine = Self::leading(fetches_state);
        machine.give_token("jwt");
        machine.open_socket();
        machine
    }

    /// A tab that leads a group whose session started afresh at a position.
    pub(crate) fn open(fetches_state: bool, at: u64) -> Self {
        let mut machine = Self::greeting(fetches_state);
        machine.frame(Frame::Welcome(Box::new(welcome(
            machine.now,
            Resume::Fresh,
            at,
        ))));
        machine
    }

    /// A tab that follows tab 1, whose relay is at a position.
    pub(crate) fn following(fetches_state: bool, at: u64) -> Self {
        let mut machine = Self::new(fetches_state);
        machine.handle(Input::Start);
        machine.hear_status(by(1, 1), open_status(at));
        machine
    }

    pub(crate) fn handle(&mut self, input: Input<Text>) -> Did {
        self.note(|tab, now| tab.handle(now, input))
    }

    fn note(&mut self, act: impl FnOnce(&mut Tab<Text>, Millis)) -> Did {
        act(&mut self.tab, Millis(self.now));
        let mut did = Did::default();
        while let Some(output) = self.tab.poll() {
            match &output {
                Output::OpenSocket(socket) => self.socket = socket.0,
                Output::GetToken(number, _) => self.token = *number,
                Output::RequestLock(request) => self.lock = request.0,
                _ => {}
            }
            did.0.push(line(&output, self.now));
        }
        did
    }

    /// Starts the tab if need be, and grants it the lock.
    pub(crate) fn lead(&mut self) -> Did {
        let mut did = Did::default();
        if self.lock == 0 {
            did.0.extend(self.handle(Input::Start).0);
        }
        did.0
            .extend(self.handle(Input::LockGranted(LockRequest(self.lock))).0);
        did
    }

    /// The app answers the last request for a token.
    pub(crate) fn give_token(&mut self, jwt: &str) -> Did {
        self.handle(Input::Token(self.token, Some(jwt.into())))
    }

    /// The last socket opens.
    pub(crate) fn open_socket(&mut self) -> Did {
        self.handle(Input::SocketOpen(SocketId(self.socket)))
    }

    /// The last socket brings a frame.
    pub(crate) fn frame(&mut self, frame: Frame) -> Did {
        let raw = raw(&frame);
        self.handle(Input::SocketFrame(SocketId(self.socket), frame, raw))
    }

    /// The last socket brings an `ack` or `nack`.
    pub(crate) fn answer(&mut self, id: &str, answer: &str) -> Did {
        let frame = Frame::Outcome { id: unshort(id) };
        let raw = Text(answer.into());
        self.handle(Input::SocketFrame(SocketId(self.socket), frame, raw))
    }

    /// The last socket is welcomed by the server.
    pub(crate) fn welcome(&mut self, resume: Resume, at: u64) -> Did {
        let welcome = welcome(self.now, resume, at);
        self.frame(Frame::Welcome(Box::new(welcome)))
    }

    /// The last socket is closed.
    pub(crate) fn socket_closed(&mut self, code: u16) -> Did {
        self.handle(Input::SocketClosed(SocketId(self.socket), code))
    }

    pub(crate) fn bye(&mut self, code: u16, retry: bool, after_ms: Option<u64>) -> Did {
        self.frame(Frame::Bye(Bye {
            code,
            retry,
            after_ms,
        }))
    }

    /// Another tab says something.
    pub(crate) fn hear(&mut self, message: Message<Text>) -> Did {
        self.handle(Input::Message(message))
    }

    pub(crate) fn hear_status(&mut self, by: Leadership, status: LeaderStatus) -> Did {
        self.hear(Message::Status {
            by,
            status: Box::new(status),
            beacon: true,
        })
    }

    /// The leader answers a question.
    pub(crate) fn hear_answer(&mut self, by: Leadership, status: LeaderStatus) -> Did {
        self.hear(Message::Status {
            by,
            status: Box::new(status),
            beacon: false,
        })
    }

    /// A leader relays a frame to all.
    pub(crate) fn hear_relay(&mut self, by: Leadership, frame: Frame) -> Did {
        self.hear(relay(by, frame, false))
    }

    /// The app sends a command of a type, to be done within 10 s. Its id is "t0:1", then "t0:2" and so on.
    pub(crate) fn send(&mut self, event_type: &str) -> Did {
        self.send_for(event_type, "{}", 10_000)
    }

    pub(crate) fn send_for(&mut self, event_type: &str, payload: &str, timeout_ms: u64) -> Did {
        let command = NewCommand {
            event_type: event_type.into(),
            payload: RawJson::new(payload).expect("JSON"),
            timeout_ms,
        };
        self.handle(Input::Send(command))
    }

    /// Time passes, and the tab is called whenever it wanted to be.
    pub(crate) fn wait(&mut self, ms: u64) -> Did {
        let end = self.now + ms;
        let mut did = Did::default();
        for _ in 0..10_000 {
            match self.tab.next_timeout() {
                Some(Millis(next)) if next <= end => {
                    self.now = self.now.max(next);
                    did.0.extend(self.handle(Input::Tick).0);
                }
                _ => {
                    self.now = end;
                    return did;
                }
            }
        }
        panic!("the tab wants to be called without end");
    }

    /// Time passes in one go, as for a page that was not run.
    pub(crate) fn sleep(&mut self, ms: u64) -> Did {
        self.now += ms;
        self.handle(Input::Tick)
    }

    /// Time passes until the tab does something that begins with this word: after how long, and what it did by then.
    pub(crate) fn wait_for(&mut self, word: &str) -> (u64, Did) {
        let begin = self.now;
        let mut did = Did::default();
        for _ in 0..10_000 {
            let Some(Millis(next)) = self.tab.next_timeout() else {
                panic!("the tab waits for nothing, and {word} has not come");
            };
            self.now = self.now.max(next);
            let more = self.handle(Input::Tick);
            let came = !more.of(&[word]).is_empty();
            did.0.extend(more.0);
            if came {
                return (self.now - begin, did);
            }
        }
        panic!("{word} does not come");
    }

    pub(crate) fn inspect(&self) -> Inspection {
        self.tab.inspect(Millis(self.now))
    }

    /// The status as a line, such as "open leader".
    pub(crate) fn status(&self) -> String {
        status_line(&self.tab.status(), self.now)
    }

    /// Where the tab has received its view up to.
    pub(crate) fn last(&self) -> Option<u64> {
        self.tab.cursor().map(|cursor| cursor.last.get())
    }
}

// What machines are made of.

pub(crate) fn config() -> Config {
    Config {
        user: user("u_101"),
        tab: tab(0),
        device: Device::new("d_1").expect("a name"),
        cursor: None,
        fetches_state: false,
        sharing: Sharing::Locks,
        state_key: None,
        hands_over: false,
        term: 0,
        seed: 42,
    }
}

/// A tab's name. The machine under test is 0.
pub(crate) fn tab(number: u8) -> TabId {
    TabId::from_random([number; 12])
}

/// The leadership of a tab.
pub(crate) fn by(term: u64, number: u8) -> Leadership {
    Leadership {
        term,
        tab: tab(number),
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).expect("a name")
}

pub(crate) fn at(position: u64) -> Position {
    Position::new(position).expect("small")
}

pub(crate) fn epoch(name: &str) -> Epoch {
    Epoch::new(name).expect("a name")
}

pub(crate) fn view(name: &str) -> View {
    View::new(name).expect("a name")
}

pub(crate) fn modules(names: &[&str]) -> Vec<Module> {
    let module = |name: &&str| Module::new(name).expect("a name");
    names.iter().map(module).collect()
}

/// A cursor of the first log and view.
pub(crate) fn cursor(position: u64) -> Cursor {
    Cursor {
        epoch: epoch("e1"),
        view: view("v1"),
        last: at(position),
    }
}

// Frames.

/// A welcome of the first log and view, whose token ends in an hour by the server's clock.
pub(crate) fn welcome(now: u64, resume: Resume, position: u64) -> Welcome {
    Welcome {
        user: user("u_101"),
        shop: ShopId::new("s_1").expect("a name"),
        modules: modules(&["chat", "orders"]),
        epoch: epoch("e1"),
        view: view("v1"),
        resume,
        at: at(position),
        claim: 8,
        now: Millis(now + AHEAD),
        expires_at: Millis(now + AHEAD + TOKEN_LIFE),
        ping_ms: PING_MS,
        max_frame: 65_536,
    }
}

/// The event right behind the one before it.
pub(crate) fn event(id: u64) -> Frame {
    event_after(id - 1, id)
}

pub(crate) fn event_after(prev: u64, id: u64) -> Frame {
    event_of("orders", prev, id)
}

pub(crate) fn event_of(module: &str, prev: u64, id: u64) -> Frame {
    moving(prev, id, Kind::Event(Module::new(module).expect("a name")))
}

pub(crate) fn ping(prev: u64, up_to: u64) -> Frame {
    ping_at(prev, up_to, None)
}

/// A ping by a server whose clock says this.
pub(crate) fn ping_at(prev: u64, up_to: u64, now: Option<u64>) -> Frame {
    moving(prev, up_to, Kind::Ping(now.map(Millis)))
}

pub(crate) fn synced(prev: u64, up_to: u64, reference: Option<u64>) -> Frame {
    moving(prev, up_to, Kind::Synced(reference))
}

fn moving(prev: u64, position: u64, kind: Kind) -> Frame {
    Frame::Moving(Moving {
        prev: at(prev),
        position: at(position),
        kind,
    })
}

/// A refresh that goes on in a log of the first view.
pub(crate) fn refresh(
    reason: RefreshReason,
    log: &str,
    position: u64,
    reference: Option<u64>,
) -> Refresh {
    Refresh {
        reason,
        epoch: epoch(log),
        view: view("v1"),
        at: at(position),
        reference,
        spread_ms: 0,
    }
}

pub(crate) fn full_refresh(
    reason: RefreshReason,
    log: &str,
    position: u64,
    reference: Option<u64>,
) -> Frame {
    Frame::FullRefresh(Box::new(refresh(reason, log, position, reference)))
}

fn raw(frame: &Frame) -> Text {
    Text(match frame {
        Frame::Moving(moving) => moving.position.to_string(),
        _ => String::new(),
    })
}

// What other tabs say.

pub(crate) fn session() -> SessionInfo {
    SessionInfo {
        user: user("u_101"),
        shop: ShopId::new("s_1").expect("a name"),
        modules: modules(&["chat", "orders"]),
        view: view("v1"),
        claim: 8,
        ping_ms: PING_MS,
        max_frame: 65_536,
        device: Device::new("d_1").expect("a name"),
    }
}

/// A leader's link is open and its relay of the first log and view is at a position.
pub(crate) fn open_status(position: u64) -> LeaderStatus {
    LeaderStatus {
        link: LinkStatus::Open,
        session: Some(session()),
        relay: Some(RelayPosition {
            epoch: epoch("e1"),
            view: view("v1"),
            at: at(position),
        }),
        seeks: false,
    }
}

/// A leader's link is not open.
pub(crate) fn status(link: LinkStatus) -> LeaderStatus {
    LeaderStatus {
        link,
        session: Some(session()),
        relay: None,
        seeks: false,
    }
}

pub(crate) fn relay(by: Leadership, frame: Frame, more: bool) -> Message<Text> {
    relay_of("e1", "v1", by, frame, more)
}

pub(crate) fn relay_of(
    log: &str,
    of: &str,
    by: Leadership,
    frame: Frame,
    more: bool,
) -> Message<Text> {
    Message::Relay {
        by,
        envelope: Box::new(Envelope {
            epoch: epoch(log),
            view: view(of),
            frames: vec![(frame.clone(), raw(&frame))],
            more,
        }),
        to: None,
    }
}

/// A leader relays frames of the first log and view to all, together.
pub(crate) fn relay_of_many(by: Leadership, frames: &[Frame]) -> Message<Text> {
    Message::Relay {
        by,
        envelope: Box::new(Envelope {
            epoch: epoch("e1"),
            view: view("v1"),
            frames: (frames.iter())
                .map(|frame| (frame.clone(), raw(frame)))
                .collect(),
            more: false,
        }),
        to: None,
    }
}

/// Another tab asks for what comes after a position.
pub(crate) fn repair(number: u8, position: u64) -> Message<Text> {
    Message::Repair {
        tab: tab(number),
        cursor: cursor(position),
    }
}

/// A command of another tab that may take so long, in milliseconds.
pub(crate) fn command(number: u8, id: &str, left: u64) -> Message<Text> {
    Message::Command {
        by: by(1, 0),
        tab: tab(number),
        command: Box::new(Command {
            id: id.into(),
            event_type: EventType::new("chat_message").expect("a name"),
            payload: RawJson::new("{}").expect("JSON"),
            deadline: None,
        }),
        left: Millis(left),
    }
}

pub(crate) fn none() -> Vec<&'static str> {
    Vec::new()
}

// Lines.

const TABS: u8 = 10;

/// Shortens the names of tabs: "t0" for the tab under test.
pub(crate) fn short(mut text: String) -> String {
    for number in 0..TABS {
        text = text.replace(&tab(number).text(), &format!("t{number}"));
    }
    text
}

/// The name of a command as the machine writes it.
fn unshort(id: &str) -> String {
    id.replace("t0:", &format!("{}:", tab(0).text()))
}

fn line(output: &Output<Text>, now: u64) -> String {
    short(match output {
        Output::OpenChannel => "channel open".into(),
        Output::CloseChannel => "channel close".into(),
        Output::Post(message) => format!("post {}", message_line(message)),
        Output::RequestLock(request) => format!("lock request {}", request.0),
        Output::StealLock(request) => format!("lock steal {}", request.0),
        Output::ReleaseLock(request) => format!("lock release {}", request.0),
        Output::StoreTerm(term) => format!("term {term}"),
        Output::OpenSocket(socket) => format!("socket open {}", socket.0),
        Output::CloseSocket(socket) => format!("socket close {}", socket.0),
        Output::SendFrame(_, frame) => format!("send {}", frame.encode()),
        Output::GetToken(_, reason) => format!("token {reason:?}").to_lowercase(),
        Output::FetchState {
            number,
            reason,
            epoch,
            head,
        } => format!("fetch {number} {} {epoch} {head}", reason.as_str()),
        Output::ApplyState {
            number,
            reason,
            epoch,
            position,
            shared,
        } => {
            let shared = if shared.is_some() { " shared" } else { "" };
            format!(
                "apply {number} {} {epoch} {position}{shared}",
                reason.as_str()
            )
        }
        Output::Refreshed { reason, epoch, at } => {
            format!("refreshed {} {epoch} {at}", reason.as_str())
        }
        Output::Deliver(events) => {
            let ids: Vec<&str> = events.iter().map(|event| event.0.as_str()).collect();
            format!("deliver {}", ids.join(" "))
        }
        Output::Cursor(cursor) => {
            format!("cursor {} {} {}", cursor.epoch, cursor.view, cursor.last)
        }
        Output::Settled(id, settlement) => match settlement {
            Settlement::Answered(answer, false) => format!("settled {id} {}", answer.0),
            Settlement::Answered(answer, true) => format!("settled {id} {} in doubt", answer.0),
            Settlement::Failed(failure) => format!(
                "settled {id} {} executed {:?}",
                failure.why.as_str(),
                failure.executed
            )
            .replace("No", "no")
            .replace("Unknown", "unknown"),
        },
        Output::Status(status) => format!("status {}", status_line(status, now)),
        Output::Log(log) => format!("log {log:?}"),
    })
}

fn status_line(status: &Status, now: u64) -> String {
    let mut line = format!("{:?} {:?}", status.state, status.role).to_lowercase();
    if let Some(reason) = status.reason {
        line.push_str(&format!(" because {}", reason.as_str()));
    }
    if let Some(Millis(at)) = status.retry_at {
        line.push_str(&format!(" retry in {}", at.saturating_sub(now)));
    }
    line
}

pub(crate) fn message_line(message: &Message<Text>) -> String {
    let leadership = |by: &Leadership| format!("{}/{}", by.term, by.tab.text());
    match message {
        Message::Hello { known, asks } => {
            let known = known
                .as_ref()
                .map_or(String::new(), |known| format!(" {}", leadership(known)));
            format!("hello{known}{}", if *asks { " asks" } else { "" })
        }
        Message::Status { by, status, beacon } => {
            let link = match status.link {
                LinkStatus::Connecting => "connecting".into(),
                LinkStatus::Open => "open".into(),
                LinkStatus::Reconnecting { retry_at, asked } => {
                    let wait = retry_at.map_or(String::new(), |wait| format!(" in {}", wait.0));
                    format!("reconnecting{wait}{}", if asked { " asked" } else { "" })
                }
                LinkStatus::Stopped(reason) => format!("stopped {}", reason.as_str()),
            };
            let relay = status.relay.as_ref().map_or(String::new(), |relay| {
                format!(" {} {} {}", relay.epoch, relay.view, relay.at)
            });
            let seeks = if status.seeks { " seeks" } else { "" };
            let answer = if *beacon { "" } else { " (answer)" };
            format!("status {} {link}{relay}{seeks}{answer}", leadership(by))
        }
        Message::Relay { by, envelope, to } => {
            let frames: Vec<String> = (envelope.frames.iter())
                .map(|(frame, _)| match frame {
                    Frame::Moving(moving) => {
                        let kind = match &moving.kind {
                            Kind::Event(_) => "event",
                            Kind::Synced(_) => "synced",
                            Kind::Ping(_) => "ping",
                        };
                        format!("{kind} {}", moving.position)
                    }
                    Frame::FullRefresh(refresh) => format!("full_refresh {}", refresh.at),
                    other => format!("{other:?}"),
                })
                .collect();
            let more = if envelope.more { " more" } else { "" };
            let to = to.map_or(String::new(), |to| format!(" to {}", to.text()));
            format!("relay {} {}{more}{to}", leadership(by), frames.join(", "))
        }
        Message::Repair { tab, cursor } => format!("repair {} {}", tab.text(), cursor.last),
        Message::Command { tab, command, .. } => format!("command {} {}", tab.text(), command.id),
        Message::Accepted { by, id } => format!("accepted {} {id}", leadership(by)),
        Message::Settled {
            id, answer, doubt, ..
        } => {
            let answer = match answer {
                Ok(answer) => answer.0.clone(),
                Err(why) => why.as_str().into(),
            };
            format!(
                "settled {id} {answer}{}",
                if *doubt { " in doubt" } else { "" }
            )
        }
        Message::Stale { known, led } => {
            format!(
                "stale {}{}",
                leadership(known),
                if *led { " led" } else { "" }
            )
        }
        Message::Abdicate { known } => {
            let known = known.as_ref().map_or_else(|| "any".into(), leadership);
            format!("abdicate {known}")
        }
        Message::Willing { tab, of } => format!("willing {} of {}", tab.text(), leadership(of)),
        Message::HandOver { by, to } => format!("hand over {} to {}", leadership(by), to.text()),
        Message::StateWanted { tab, key, .. } => format!("state wanted {} {key}", tab.text()),
        Message::State { by, to, state } => {
            let to = to.map_or(String::new(), |to| format!(" to {}", to.text()));
            let state = state.as_ref().map_or_else(
                || "none".into(),
                |state| format!("{} {} {}", state.key, state.epoch, state.position),
            );
            format!("state {} {state}{to}", leadership(by))
        }
        Message::Bye { by } => format!("bye {}", leadership(by)),
        Message::Reconnect => "reconnect".into(),
        Message::Logout => "logout".into(),
    }
}
