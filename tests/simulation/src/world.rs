//! A run: pages, channel, network and server under one clock, driven by a queue of events and a seed.

mod faults;
mod network;
mod people;
mod verdict;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use tabwire_client::core::{
    Config, Frame, Input, LockRequest, Message, NewCommand, Output, Reason, Sharing, SocketId,
    State, Tab, TabId, TokenReason,
};
use tabwire_protocol::{Bye, ClientFrame, CloseCode, Millis, Position, RawJson};
use tabwire_server::session::cursor::Stretch as _;

use faults::FAULTS;

use crate::{
    app::App,
    browser::{Browser, Life, Page, PageId},
    coverage::{Coverage, Path},
    log::Stored,
    random::Random,
    raw::Raw,
    server::{Connection, Down, Server, Token, device, module, user},
    swarm::Swarm,
};

/// After the last fault everything must be well again within this time, in milliseconds: the longest back-off and a few
/// round trips to spare.
const CONVERGES_MS: u64 = 120_000;
/// The last commands are sent so long before the end of a run, in milliseconds.
const LAST_COMMANDS_MS: u64 = 30_000;
/// A run has at least as many steps, most of them under faults.
const STEPS_MIN: u64 = 500;
/// More steps than this are a livelock.
const STEPS_MAX: u64 = 2_000_000;
/// How much of the trace is kept.
const TRACE_LINES: usize = 20_000;

/// Something due at a time.
enum Due {
    Timer(PageId),
    Input(PageId, Input<Raw>),
    Message(PageId, Message<Raw>),
    Thaw(PageId),
    /// A connection reaches the server, or is refused.
    Arrive(PageId, SocketId, Connection),
    Up(Connection, ClientFrame),
    Down(Connection, Down),
    /// The server hears that a client closed.
    Hangup(Connection),
    Write(Connection),
    Ping(Connection),
    ServerUp,
    Publish,
    Command,
    Fault,
    Nudge,
    LastCommands,
}

/// A connection, as the network has it.
struct Wire {
    page: PageId,
    socket: SocketId,
    /// Nothing passes any more, and nobody is told.
    half_open: bool,
    /// When the last frame of each direction arrives: frames do not overtake each other.
    up_at: Millis,
    down_at: Millis,
}

/// A run.
pub(crate) struct World {
    now: Millis,
    random: Random,
    swarm: Swarm,
    queue: BinaryHeap<Reverse<(Millis, u64)>>,
    dues: BTreeMap<u64, Due>,
    sequence: u64,
    browsers: Vec<Browser>,
    pages: Vec<Page>,
    /// When the last message of each pair of pages arrives.
    channel_at: BTreeMap<(PageId, PageId), Millis>,
    wires: BTreeMap<Connection, Wire>,
    connections: Connection,
    server: Server,
    chat: bool,
    faults_left: u64,
    /// When the run ends: set when the faults are over.
    ends: Option<Millis>,
    /// Commands that were sent when all was well again.
    last_commands: Vec<String>,
    steps: u64,
    pub(crate) coverage: Coverage,
    trace: Option<Vec<String>>,
    failure: Option<String>,
}

/// How a run went.
pub(crate) struct Ran {
    pub(crate) steps: u64,
    pub(crate) simulated: Millis,
    pub(crate) applied: u64,
    pub(crate) coverage: Coverage,
    pub(crate) failure: Option<String>,
    pub(crate) trace: Vec<String>,
    pub(crate) swarm: Swarm,
}

/// Runs a seed.
pub(crate) fn run(seed: u64, traced: bool) -> Ran {
    let mut random = Random::new(seed);
    let swarm = Swarm::draw(&mut random, FAULTS.len());
    let mut world = World {
        now: Millis(1_730_569_300_000),
        server: Server::new(&swarm),
        queue: BinaryHeap::new(),
        dues: BTreeMap::new(),
        sequence: 0,
        browsers: (0..swarm.browsers).map(|_| Browser::default()).collect(),
        pages: Vec::new(),
        channel_at: BTreeMap::new(),
        wires: BTreeMap::new(),
        connections: 0,
        chat: true,
        faults_left: swarm.faults,
        ends: None,
        last_commands: Vec::new(),
        steps: 0,
        coverage: Coverage::default(),
        trace: traced.then(Vec::new),
        failure: None,
        random,
        swarm,
    };
    let began = world.now;
    world.begin();
    world.drive();
    Ran {
        steps: world.steps,
        simulated: world.now.since(began),
        applied: world.pages.iter().map(|page| page.app.applied).sum(),
        coverage: world.coverage,
        failure: world.failure,
        trace: world.trace.unwrap_or_default(),
        swarm: world.swarm,
    }
}

impl World {
    fn begin(&mut self) {
        for browser in 0..self.swarm.browsers {
            for _ in 0..self.swarm.tabs {
                self.open_page(browser, None);
            }
        }
        self.after(1, Due::Publish);
        self.after(1, Due::Command);
        let first = self.swarm.fault_every;
        self.after(first, Due::Fault);
    }

    fn drive(&mut self) {
        while let Some(Reverse((at, sequence))) = self.queue.pop() {
            if self.ends.is_some_and(|ends| at > ends) {
                break;
            }
            self.now = at;
            self.steps += 1;
            let due = self
                .dues
                .remove(&sequence)
                .expect("each event is queued once");
            self.happen(due);
            if self.failure.is_none() && self.steps > STEPS_MAX {
                self.fail("the run does not come to an end: a livelock".into());
            }
            if self.failure.is_some() {
                return;
            }
            if self.ends.is_none() && self.faults_left == 0 && self.steps >= STEPS_MIN {
                self.calm_down();
            }
        }
        self.check_converged();
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Timer(page) => {
                if self.pages[page].timer == Some(self.now) {
                    self.pages[page].timer = None;
                    self.feed(page, Input::Tick);
                }
            }
            Due::Input(page, input) => self.feed(page, input),
            Due::Message(page, message) => {
                if self.pages[page]
                    .listens
                    .is_some_and(|since| since <= self.now)
                {
                    self.feed(page, Input::Message(message));
                }
            }
            Due::Thaw(page) => self.thaw(page),
            Due::Arrive(page, socket, connection) => self.arrive(page, socket, connection),
            Due::Up(connection, frame) => self.up(connection, frame),
            Due::Down(connection, down) => self.down(connection, down),
            Due::Hangup(connection) => self.server.gone(connection),
            Due::Write(connection) => self.write(connection),
            Due::Ping(connection) => {
                if self.server.connections().contains(&connection) {
                    let sent = self.server.ping(connection);
                    self.send_down(sent);
                    self.after(self.swarm.ping, Due::Ping(connection));
                }
            }
            Due::ServerUp => self.server.up = true,
            Due::Publish => self.publish(),
            Due::Command => self.command(),
            Due::Fault => self.fault(),
            Due::Nudge => self.nudge(),
            Due::LastCommands => self.last_commands(),
        }
    }

    fn calm(&self) -> bool {
        self.ends.is_some()
    }

    // Pages.

    fn open_page(&mut self, browser: usize, restored: Option<App>) {
        let mut name = [0; 12];
        for byte in &mut name {
            *byte = (self.random.next() & 255) as u8;
        }
        let app = restored.unwrap_or_else(|| App::new(self.swarm.fetches_state));
        let config = Config {
            user: user(),
            tab: TabId::from_random(name),
            device: device(browser),
            cursor: app.cursor().cloned(),
            fetches_state: self.swarm.fetches_state,
            sharing: Sharing::Locks,
            state_key: None,
            hands_over: false,
            term: self.browsers[browser].term,
            seed: self.random.next(),
        };
        let page = Page {
            browser,
            tab: Tab::new(config),
            app,
            listens: None,
            socket: None,
            life: Life::Runs,
            backlog: Default::default(),
            timer: None,
            led: 0,
        };
        self.pages.push(page);
        let page = self.pages.len() - 1;
        self.note(|| format!("page {page} opens in browser {browser}"));
        let wait = self.random.range(0, 300);
        self.after(wait, Due::Input(page, Input::Start));
    }

    fn living(&self, life: &[Life]) -> Vec<PageId> {
        (0..self.pages.len())
            .filter(|page| life.contains(&self.pages[*page].life))
            .collect()
    }

    /// Something happens to a page: now if it runs, else when it does.
    fn feed(&mut self, page: PageId, input: Input<Raw>) {
        match self.pages[page].life {
            Life::Gone => {}
            Life::Runs => self.handle(page, input),
            Life::Frozen | Life::Busy => {
                if !matches!(input, Input::Tick) {
                    self.pages[page].backlog.push_back(input);
                }
            }
        }
    }

    fn handle(&mut self, page: PageId, input: Input<Raw>) {
        if self.trace.is_some() && !matches!(input, Input::Tick) {
            let line = format!("page {page} <- {input:?}");
            self.note(|| line);
        }
        let stale = self
            .is_stale(page, &input)
            .then(|| self.pages[page].tab.cursor());
        self.pages[page].tab.handle(self.now, input);
        if stale.is_some_and(|before| before != self.pages[page].tab.cursor()) {
            return self.fail(format!(
                "page {page}: a lower leadership than it knows moved its cursor"
            ));
        }
        self.drain(page);
    }

    /// Whether an input is the word of a leadership lower than one that the page has heard of.
    fn is_stale(&self, page: PageId, input: &Input<Raw>) -> bool {
        let known = self.pages[page].tab.inspect(self.now).known;
        match input {
            Input::Message(Message::Relay { by, .. } | Message::Status { by, .. }) => {
                known > Some(*by)
            }
            _ => false,
        }
    }

    fn drain(&mut self, page: PageId) {
        while let Some(output) = self.pages[page].tab.poll() {
            if self.trace.is_some() && !matches!(output, Output::Log(_)) {
                let line = format!("page {page} -> {output:?}");
                self.note(|| line);
            }
            let taken = self.pages[page]
                .app
                .take(&self.server.log, &self.server.viewers, &output);
            if let Err(broken) = taken {
                return self.fail(format!("page {page}: {broken}"));
            }
            self.carry_out(page, output);
        }
        let checked = self.pages[page]
            .app
            .check(&self.server.log, &self.server.viewers);
        if let Err(broken) = checked {
            return self.fail(format!("page {page}: {broken}"));
        }
        self.check_leaders();
        let timer = self.pages[page]
            .tab
            .next_timeout()
            .map(|at| at.max(self.now));
        if timer != self.pages[page].timer {
            self.pages[page].timer = timer;
            if let Some(at) = timer {
                self.at(at, Due::Timer(page));
            }
        }
    }

    fn carry_out(&mut self, page: PageId, output: Output<Raw>) {
        let browser = self.pages[page].browser;
        match output {
            Output::OpenChannel => {
                // A channel that was just made may miss what others post meanwhile.
                let deaf = if self.random.percent(30) {
                    self.random.range(1, 10)
                } else {
                    0
                };
                self.pages[page].listens = Some(self.now.plus(Millis(deaf)));
            }
            Output::CloseChannel => self.pages[page].listens = None,
            Output::Post(message) => self.post(page, &message),
            Output::RequestLock(request) => {
                let granted = self.browsers[browser].lock.request((page, request));
                self.grant(granted);
            }
            Output::ReleaseLock(request) => {
                let granted = self.browsers[browser].lock.release((page, request));
                self.grant(granted);
            }
            Output::StoreTerm(term) => self.browsers[browser].term = term,
            Output::StealLock(_) => {}
            Output::OpenSocket(socket) => {
                self.connections += 1;
                let connection = self.connections;
                self.pages[page].socket = Some((socket, connection));
                let wait = self.latency() + self.latency();
                self.after(wait, Due::Arrive(page, socket, connection));
            }
            Output::SendFrame(socket, frame) => {
                if let Some((of, connection)) = self.pages[page].socket
                    && of == socket
                {
                    self.send_up(connection, frame);
                }
            }
            Output::CloseSocket(socket) => {
                if let Some((of, connection)) = self.pages[page].socket
                    && of == socket
                {
                    self.pages[page].socket = None;
                    self.hang_up(connection);
                }
            }
            Output::GetToken(number, reason) => self.give_token(page, number, reason),
            Output::FetchState { number, head, .. } => self.give_state(page, number, head),
            Output::Log(line) => self.count(page, line),
            Output::ApplyState { .. }
            | Output::Refreshed { .. }
            | Output::Deliver(_)
            | Output::Cursor(_) => {}
            Output::Settled(_, settlement) => {
                self.coverage.hit(if settlement.is_answered() {
                    Path::CommandAcked
                } else {
                    Path::CommandTimedOut
                });
            }
            Output::Status(status) => {
                if status.reason == Some(Reason::LoggedOut) {
                    self.pages[page].app.forget();
                }
            }
        }
    }

    fn count(&mut self, page: PageId, line: tabwire_client::core::Log) {
        use tabwire_client::core::Log;
        match line {
            Log::Leading => {
                self.pages[page].led += 1;
                let others = self
                    .pages
                    .iter()
                    .filter(|other| other.browser == self.pages[page].browser);
                if others.map(|other| other.led).sum::<u64>() > 1 {
                    self.coverage.hit(Path::Takeover);
                }
            }
            Log::Gap => self.coverage.hit(Path::GapSeen),
            Log::RepairedFromRing => self.coverage.hit(Path::RingRepair),
            Log::RepairFromServer => self.coverage.hit(Path::ServerRepair),
            Log::StaleLeader => self.coverage.hit(Path::StaleLeaderIgnored),
            Log::Reterm => self.coverage.hit(Path::TermRaised),
            _ => {}
        }
    }

    fn post(&mut self, from: PageId, message: &Message<Raw>) {
        let browser = self.pages[from].browser;
        for to in self.living(&[Life::Runs, Life::Busy]) {
            let Some(listens) = self.pages[to]
                .listens
                .filter(|_| to != from && self.pages[to].browser == browser)
            else {
                continue;
            };
            if listens > self.now {
                continue;
            }
            let latency = self.random.range(0, self.swarm.channel_latency_max);
            let last = self
                .channel_at
                .get(&(from, to))
                .copied()
                .unwrap_or_default();
            let arrives = self.now.plus(Millis(latency)).max(last);
            self.channel_at.insert((from, to), arrives);
            self.at(arrives, Due::Message(to, message.clone()));
        }
    }

    fn grant(&mut self, granted: Option<(PageId, LockRequest)>) {
        if let Some((page, request)) = granted {
            // Locks and the channel are not ordered against each other.
            let latency = self.random.range(0, 15);
            self.after(latency, Due::Input(page, Input::LockGranted(request)));
        }
    }

    fn give_token(&mut self, page: PageId, number: u32, _: TokenReason) {
        let wait = self.random.range(1, 300);
        let input = match self.random.range(0, 99) {
            _ if self.calm() => {
                Input::Token(number, Some(self.token(self.swarm.token_life.max(20_000))))
            }
            0..5 => Input::TokenFailed(number),
            // Expired already.
            5..8 => Input::Token(number, Some(self.token(0))),
            _ => Input::Token(number, Some(self.token(self.swarm.token_life))),
        };
        self.after(wait, Due::Input(page, input));
    }

    fn token(&self, life: u64) -> String {
        Token {
            expires_at: self.now.plus(Millis(life)),
            chat: self.chat,
        }
        .encode()
    }

    /// The app's back end: reads the position first and its database after, which may be a replica that lags.
    fn give_state(&mut self, page: PageId, number: u32, asked: Position) {
        let wait = self.random.range(1, 800);
        let fails = !self.server.up || (!self.calm() && self.random.percent(self.swarm.app_fails));
        if fails {
            self.coverage.hit(Path::StateFetchFailed);
            return self.after(wait, Due::Input(page, Input::StateFailed(number)));
        }
        let bounds = self.server.log.bounds();
        let (epoch, head) = (bounds.epoch.clone(), bounds.head);
        let lag = if !self.calm() && self.random.percent(self.swarm.state_lags) {
            self.random.range(0, 40)
        } else {
            0
        };
        let position = Position::new(head.get().saturating_sub(lag)).expect("below the head");
        if lag > 0 {
            self.coverage.hit(Path::StateBehindRefresh);
        }
        self.pages[page]
            .app
            .states
            .insert(number, (epoch.clone(), position));
        // An app that does not know its position has at least what was known when it was asked.
        let says_where = position < asked || self.random.percent(80);
        let position = says_where.then_some((epoch, position));
        self.after(
            wait,
            Due::Input(page, Input::StateFetched(number, position, None)),
        );
    }

    // The queue and the trace.

    fn at(&mut self, at: Millis, due: Due) {
        self.sequence += 1;
        self.dues.insert(self.sequence, due);
        self.queue.push(Reverse((at, self.sequence)));
    }

    fn after(&mut self, ms: u64, due: Due) {
        self.at(self.now.plus(Millis(ms)), due);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            if trace.len() >= TRACE_LINES * 2 {
                trace.drain(..TRACE_LINES);
            }
            trace.push(format!("{:>9} {}", now.0 % 1_000_000_000, shorten(&line())));
        }
    }

    fn fail(&mut self, broken: String) {
        self.failure.get_or_insert(broken);
    }
}

/// The shapes of Debug that say nothing to a reader of a trace.
fn shorten(line: &str) -> String {
    let mut line = line.to_owned();
    for noise in [
        "Leadership ",
        "Envelope ",
        "Cursor ",
        "Moving",
        "Position",
        "Module",
        "Epoch",
        "View",
        "Millis",
        "Box",
        "\"",
    ] {
        line = line.replace(noise, "");
    }
    line
}
