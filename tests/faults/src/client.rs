//! A client that believes nothing: it applies the cursor rule to every frame, and reports the first that breaks a promise.
//!
//! It does what the browser client does (resumes with cursor and claim, answers pings, doubts a silent socket, backs off), with one
//! user and no tabs.

mod session;
mod stuck;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::{Duration, Instant},
};

use tabwire_protocol::{CloseCode, Command, Cursor, CursorRule, Reaction};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use self::session::{End, Session};
pub use self::stuck::Stuck;
use crate::{
    backoff::Backoff,
    failures::Failures,
    history::History,
    ledger::{Ledger, Who},
    random::Random,
};

/// What an attempt to connect may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// What the system keeps for a client that does not keep up: little, or it would hold what the server is tested with.
const UNREAD_BYTES: u32 = 16 << 10;

/// A client and what became of it. Dropping it ends it.
#[derive(Debug)]
pub struct Client {
    /// Who it is.
    pub who: Who,
    history: Arc<Mutex<History>>,
    order: watch::Sender<Order>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Online,
    Offline,
}

/// How a client is.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    /// How long it takes to look at a frame.
    pub reads_slowly: Option<Duration>,
    /// Whether it asks again, every few seconds, for some of what it has been given: as for a tab that lost it.
    pub asks_again: bool,
    /// Another device than the user's usual one.
    pub device: Option<String>,
    /// Whether it sends commands: one after the other, each again on the next connection until it is answered.
    pub commands: Option<Commands>,
}

/// How a client sends commands.
#[derive(Clone, Debug)]
pub struct Commands {
    /// Where it writes them down.
    pub ledger: Ledger,
    /// Its number among those who make events.
    pub by: usize,
    /// Whether it makes up no new ones.
    pub hushed: Arc<AtomicBool>,
}

impl Client {
    /// A client that goes round `addresses` as a load balancer would have it, beginning with the `nth`.
    pub fn start(
        who: Who,
        addresses: Vec<SocketAddr>,
        nth: usize,
        habits: Habits,
        failures: Failures,
    ) -> Self {
        let history = Arc::new(Mutex::new(History::default()));
        let (order, orders) = watch::channel(Order::Online);
        let life = Life {
            who: who.clone(),
            addresses,
            turn: nth,
            habits,
            history: Arc::clone(&history),
            failures,
            orders,
            place: Place::default(),
            backoff: Backoff::default(),
            run: Random::fresh().number(),
            random: Random::fresh(),
            journal: Journal::new(),
        };
        Self {
            who,
            history,
            order,
            task: tokio::spawn(life.live()),
        }
    }

    /// What became of it so far.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its connection breaks, and it makes no other.
    pub fn go_offline(&self) {
        self.order.send_replace(Order::Offline);
    }

    /// It connects again.
    pub fn go_online(&self) {
        self.order.send_replace(Order::Online);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the client is in the log, which outlives its connections.
#[derive(Debug, Default)]
struct Place {
    cursor: Option<Cursor>,
    claim: Option<u64>,
    /// The command that is not answered.
    command: Option<Commanded>,
    commands: u64,
}

/// A command of this client.
#[derive(Clone, Debug)]
struct Commanded {
    serial: u64,
    command: Command,
    until: Instant,
}

impl Place {
    fn rule(&self) -> Option<CursorRule> {
        self.cursor
            .as_ref()
            .map(|cursor| CursorRule::at(cursor.last))
    }
}

struct Life {
    who: Who,
    addresses: Vec<SocketAddr>,
    turn: usize,
    habits: Habits,
    history: Arc<Mutex<History>>,
    failures: Failures,
    orders: watch::Receiver<Order>,
    place: Place,
    backoff: Backoff,
    /// Makes the ids of its commands its own, of whatever else the user has.
    run: u64,
    random: Random,
    journal: Journal,
}

/// What the client did of late, for whoever wants to know how it came to a failure.
#[derive(Debug)]
struct Journal {
    start: Instant,
    entries: VecDeque<String>,
}

/// How much of it is kept.
const ENTRIES_MAX: usize = 12;

impl Journal {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            entries: VecDeque::new(),
        }
    }

    fn note(&mut self, what: &str) {
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        let seconds = self.start.elapsed().as_secs_f64();
        self.entries.push_back(format!("{seconds:.3} s {what}"));
    }
}

impl Life {
    async fn live(mut self) {
        let mut lost = Instant::now();
        loop {
            let order = *self.orders.borrow_and_update();
            if order == Order::Offline {
                if self.orders.changed().await.is_err() {
                    return;
                }
                lost = Instant::now();
                continue;
            }
            let address = self.addresses[self.turn % self.addresses.len()];
            self.turn += 1;
            let attempted = Instant::now();
            let unread = self.habits.reads_slowly.map(|_| UNREAD_BYTES);
            let connecting = timeout(CONNECTING, Session::connect(address, unread));
            let connected = tokio::select! {
                connected = connecting => connected.ok().flatten(),
                _ = self.orders.changed() => continue,
            };
            self.journal.note(&match connected {
                Some(_) => format!("connected to {address}"),
                None => format!("not connected to {address}"),
            });
            let Some(socket) = connected else {
                self.history().failed_attempts += 1;
                self.rest(None, None).await;
                continue;
            };
            let mut session = Session::new(&mut self, socket, lost, attempted);
            let end = session.run().await;
            let welcomed = session.welcomed;
            drop(session);
            self.history().is_connected = false;
            lost = Instant::now();
            match end {
                End::Ordered => self.journal.note("told to go"),
                End::Broken(what) => return self.fail(&what),
                End::Lost { code, bye } => {
                    let code = bye.map_or(code, |bye| Some(bye.code)).unwrap_or(1006);
                    *self.history().closes.entry(code).or_default() += 1;
                    self.journal.note(&format!("closed with {code}"));
                    match CloseCode::from_code(code).reaction() {
                        Reaction::Retry | Reaction::NewToken => {
                            let asked = bye.and_then(|bye| bye.after_ms);
                            self.rest(welcomed, asked.map(Duration::from_millis)).await;
                        }
                        Reaction::Stop | Reaction::Demote => {
                            return self.fail(&format!("it was closed with {code}"));
                        }
                    }
                }
            }
        }
    }

    /// Waits before the next attempt, unless something else is ordered.
    async fn rest(&mut self, lived_since: Option<Instant>, asked: Option<Duration>) {
        let wait = self.backoff.after(lived_since, asked, &mut self.random);
        tokio::select! {
            () = sleep(wait) => {}
            _ = self.orders.changed() => self.orders.mark_changed(),
        }
    }

    fn fail(&self, what: &str) {
        let now = self.history().now().map(|stretch| {
            let newest = stretch.delivered.last().map(|(id, _)| *id);
            format!(
                "epoch {}, cursor {}, newest {newest:?}",
                stretch.epoch, stretch.last
            )
        });
        let place = now.unwrap_or_else(|| "no cursor".to_owned());
        let journal: Vec<&str> = self.journal.entries.iter().map(String::as_str).collect();
        self.failures.add(format!(
            "{}: {what} ({place}; {})",
            self.who.user,
            journal.join(", ")
        ));
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
