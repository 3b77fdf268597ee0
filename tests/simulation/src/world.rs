//! A run: pages, channel, network and server under one clock, driven by a queue of events and a seed.

mod backend;
mod calm;
mod channel;
mod clocks;
mod end;
mod faults;
mod lives;
mod locks;
mod network;
mod outputs;
mod pages;
mod people;
mod promises;
mod sessions;
mod silence;
mod visibility;

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    rc::Rc,
};

use tabwire_client::core::{
    Coalescing, Config, Input, Inspection, Leadership, Message, NewCommand, Output, Reason,
    Sharing, SocketId, State, Tab, TabId,
};
use tabwire_protocol::{ClientFrame, CloseCode, Millis, Position, RawJson};

use crate::{
    app::{App, Truth},
    browser::{
        Armed, Backlog, Browser, Life, Login, OwnClock, Page, PageId, Request, Source, Steals,
    },
    coverage::{Coverage, Path},
    log::Stored,
    plan::{Failure, Plan, Promise, Ran},
    random::{Random, Stream, mixed},
    raw::Raw,
    schedule::{self, Fault, Scheduled},
    server::{Act, Connection, Down, NodeId, Server, Token, module_of, user},
    swarm::{Profile, Swarm, Throttle},
    trace::{self, Trace},
};

/// A run has at least so many inputs to machines and frames at the server, most of them under faults.
const EFFECTIVE_STEPS_MIN: u64 = 500;
/// More steps than this are a livelock.
const STEPS_MAX: u64 = 2_000_000;
/// More outputs for one input than this are a livelock.
const OUTPUTS_MAX: usize = 100_000;

/// Something due at a time.
enum Due {
    Start(PageId),
    Timer(PageId, u64),
    Input(PageId, Input<Raw>),
    Message(PageId, Rc<Message<Raw>>),
    /// A page that runs again has more to catch up with.
    CatchUp(PageId),
    /// A page has done what was before it when it began to keep relays back.
    Turn(PageId),
    /// The spell in which a page did not run is over.
    Thaw(PageId, u64),
    /// The machine wakes.
    Wake(usize),
    /// A page is looked at again.
    Show(PageId),
    /// The tokens of a browser name each page's own user again.
    LogIn(usize),
    /// A user asks the pages of a browser that have stopped to connect.
    ReconnectAll(usize, usize),
    /// A connection reaches the server, or is refused.
    Arrive(PageId, SocketId, Connection),
    Up(Connection, ClientFrame),
    Down(Connection, Down),
    /// The server hears that a client closed.
    Hangup(Connection),
    Write(Connection),
    Kick(Connection, CloseCode),
    Ping(Connection),
    /// A node hears how far the log is.
    Tail(NodeId),
    /// A node is as it should be again.
    NodeUp(NodeId),
    Publish,
    Command,
    Fault(Scheduled),
    /// Who shows that events come although they do not?
    Look,
    CalmDown,
    Nudge,
    LastCommands,
}

struct Event {
    at: Millis,
    sequence: u64,
    due: Due,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest: it leaves the heap first.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// A connection, as the network has it.
struct Wire {
    page: PageId,
    socket: SocketId,
    node: NodeId,
    /// Nothing passes any more, and nobody is told.
    half_open: bool,
    /// When the last frame of each direction arrives: frames do not overtake each other.
    up_at: Millis,
    down_at: Millis,
    random: Random,
}

/// A run.
struct World {
    now: Millis,
    seed: u64,
    swarm: Swarm,
    queue: BinaryHeap<Event>,
    sequence: u64,
    browsers: Vec<Browser>,
    pages: Vec<Page>,
    wires: BTreeMap<Connection, Wire>,
    connections: Connection,
    server: Server,
    publisher: Random,
    people: Random,
    chance: Random,
    /// The app's back end entitles users to the module "chat".
    chat: bool,
    /// When the run ends: set when the faults are over.
    ends: Option<Millis>,
    /// All leaderships there were: each names one reign of one page.
    reigns: BTreeSet<Leadership>,
    /// Which page took each command to the server last.
    taken_by: BTreeMap<String, PageId>,
    /// Commands that were sent when all was well again.
    last_commands: Vec<String>,
    steps: u64,
    effective: u64,
    coverage: Coverage,
    trace: Option<Trace>,
    failure: Option<Failure>,
}

/// Runs a seed.
pub(crate) fn run(plan: &Plan, traced: bool) -> Ran {
    let swarm = Swarm::draw(plan.seed, &plan.without);
    let began = Millis(1_730_569_300_000);
    let schedule: Vec<Scheduled> = schedule::draw(plan.seed, began, &swarm)
        .into_iter()
        .filter(|scheduled| plan.keeps(scheduled.index))
        .collect();
    let stream = |stream| Random::of(plan.seed, stream);
    let mut world = World {
        now: began,
        seed: plan.seed,
        server: Server::new(&swarm),
        queue: BinaryHeap::new(),
        sequence: 0,
        browsers: (swarm.browsers.iter())
            .map(|profile| Browser::new(*profile, swarm.users))
            .collect(),
        pages: Vec::new(),
        wires: BTreeMap::new(),
        connections: 0,
        publisher: stream(Stream::Publisher),
        people: stream(Stream::People),
        chance: stream(Stream::Server),
        chat: true,
        ends: None,
        reigns: BTreeSet::new(),
        taken_by: BTreeMap::new(),
        last_commands: Vec::new(),
        steps: 0,
        effective: 0,
        coverage: Coverage::default(),
        trace: traced.then(|| Trace::new(began)),
        failure: None,
        swarm,
    };
    world.begin(plan, &schedule);
    world.drive();
    world.coverage.merge(&world.server.coverage);
    Ran {
        effective: world.effective,
        simulated: world.now.since(began),
        applied: world.pages.iter().map(|page| page.app.applied).sum(),
        coverage: world.coverage,
        failure: world.failure,
        trace: world.trace.map_or_else(Vec::new, Trace::lines),
        tabs: world.swarm.browsers.len() * world.swarm.users * world.swarm.tabs,
        faults: schedule,
        swarm: world.swarm,
    }
}

impl World {
    fn begin(&mut self, plan: &Plan, schedule: &[Scheduled]) {
        let mut slot = 0;
        for browser in 0..self.browsers.len() {
            for user in 0..self.swarm.users {
                for _ in 0..self.swarm.tabs {
                    if plan.opens(slot) {
                        self.open_new(browser, user, slot as u64);
                    }
                    slot += 1;
                }
            }
        }
        self.coverage
            .add_if((self.swarm.users > 1).then_some(Path::SecondUser));
        self.after(1, Due::Publish);
        self.after(1, Due::Command);
        self.after(1, Due::Look);
        for scheduled in schedule {
            self.at(scheduled.at, Due::Fault(*scheduled));
        }
        // Where the last fault was taken out, the calm comes when it would have come.
        let end = self.swarm.fault_every * (self.swarm.faults + 2);
        let last = schedule.last().map_or(end, |last| {
            last.at.since(self.now).0 + self.swarm.fault_every
        });
        self.after(last, Due::CalmDown);
    }

    fn drive(&mut self) {
        while let Some(event) = self.queue.pop() {
            if self.ends.is_some_and(|ends| event.at > ends) {
                break;
            }
            self.now = event.at;
            self.steps += 1;
            self.happen(event.due);
            if self.steps > STEPS_MAX {
                self.fail(Promise::End, "there are ever more steps".into());
            }
            if self.failure.is_some() {
                return;
            }
        }
        self.check_end();
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Start(page) => self.start(page),
            Due::Timer(page, number) => self.timer(page, number),
            Due::Input(page, input) => self.feed(page, input),
            Due::Message(page, message) => self.hear(page, &message),
            Due::CatchUp(page) => self.catch_up(page),
            Due::Turn(page) => self.turn(page),
            Due::Thaw(page, spell) => self.thaw_after(page, spell),
            Due::Wake(browser) => self.wake(browser),
            Due::Show(page) => self.uncover(page),
            Due::LogIn(browser) => self.log_in(browser),
            Due::ReconnectAll(browser, user) => self.reconnect_all(browser, user),
            Due::Arrive(page, socket, connection) => self.arrive(page, socket, connection),
            Due::Up(connection, frame) => self.up(connection, frame),
            Due::Down(connection, down) => self.down(connection, down),
            Due::Hangup(connection) => self.server.gone(connection),
            Due::Write(connection) => self.write(connection),
            Due::Kick(connection, code) => {
                if self.server.has(connection) {
                    self.server.close(connection, code);
                    self.obey_server();
                }
            }
            Due::Ping(connection) => self.ping(connection),
            Due::Tail(node) => self.tail(node),
            Due::NodeUp(node) => self.node_up(node),
            Due::Publish => self.publish(),
            Due::Command => self.command(),
            Due::Fault(scheduled) => self.fault(scheduled),
            Due::Look => self.look(),
            Due::CalmDown => self.calm_down(),
            Due::Nudge => self.nudge(),
            Due::LastCommands => self.send_last_commands(),
        }
    }

    fn calm(&self) -> bool {
        self.ends.is_some()
    }

    fn truth(&self) -> Truth<'_> {
        Truth {
            log: &self.server.log,
            viewers: &self.server.viewers,
        }
    }

    // The queue and the trace.

    fn at(&mut self, at: Millis, due: Due) {
        self.sequence += 1;
        self.queue.push(Event {
            at: at.max(self.now),
            sequence: self.sequence,
            due,
        });
    }

    fn after(&mut self, ms: u64, due: Due) {
        self.at(self.now.plus(Millis(ms)), due);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.add(self.now, &line());
        }
    }

    fn fail(&mut self, promise: Promise, broken: String) {
        self.failure.get_or_insert(Failure { promise, broken });
    }
}
