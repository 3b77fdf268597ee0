//! Many clients of one server, each a task of this thread, and a tally of what they were given.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, bail, ensure};
use tokio::{sync::Semaphore, task::JoinHandle, time::sleep};

use crate::{
    peer::{Dialect, Heard, Running},
    ws::WebSocket,
};

/// How many connect at a time.
const CONNECTING: usize = 64;
/// How long it may take until all are in.
const ALL_IN: Duration = Duration::from_secs(120);
/// How long the last deliveries may take, on a server that could not hold the rate.
const ALL_DELIVERED: Duration = Duration::from_secs(60);
/// How often what is waited for is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Latencies of one client in so many are kept when there are very many deliveries.
const MEASURED_CLIENTS: usize = 64;

/// What all clients were given.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) ready: Cell<usize>,
    pub(crate) lost: Cell<usize>,
    /// How often a server said that a client has all it missed.
    pub(crate) synced: Cell<usize>,
    /// When it last did.
    pub(crate) synced_at: Cell<Option<Instant>>,
    pub(crate) delivered: Cell<u64>,
    pub(crate) bytes: Cell<u64>,
    /// Microseconds from publishing to delivery.
    pub(crate) latencies: RefCell<Vec<u32>>,
}

impl Tally {
    /// Forgets what was counted so far, but not who is there.
    pub(crate) fn reset(&self) {
        self.delivered.set(0);
        self.bytes.set(0);
        self.latencies.borrow_mut().clear();
    }
}

/// The clients, until dropped.
pub(crate) struct Crowd {
    pub(crate) tally: Rc<Tally>,
    tasks: Vec<JoinHandle<()>>,
    first: usize,
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Crowd {
    pub(crate) fn new() -> Self {
        Self::numbered(0)
    }

    /// One whose first client has this number: another person than those with lower ones.
    pub(crate) fn numbered(first: usize) -> Self {
        Self {
            tally: Rc::default(),
            tasks: Vec::new(),
            first,
        }
    }

    /// So many clients more, all of them in; the seconds that took.
    pub(crate) async fn grow(&mut self, running: &Running, count: usize) -> Result<f64> {
        let begun = Instant::now();
        self.spawn(running, count, CONNECTING);
        while self.tally.ready.get() < self.tasks.len() {
            ensure!(
                begun.elapsed() < ALL_IN,
                "{} of {} clients are in",
                self.tally.ready.get(),
                self.tasks.len()
            );
            self.all_there()?;
            sleep(LOOK).await;
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    /// So many clients more, of which so many connect at a time.
    pub(crate) fn spawn(&mut self, running: &Running, count: usize, at_a_time: usize) {
        let gate = Rc::new(Semaphore::new(at_a_time));
        let first = self.first + self.tasks.len();
        let every = (count / MEASURED_CLIENTS).max(1);
        for number in first..first + count {
            let client = Client {
                number,
                address: running.address(number),
                dialect: Rc::clone(&running.dialect),
                tally: Rc::clone(&self.tally),
                gate: Rc::clone(&gate),
                measures: number.is_multiple_of(every),
            };
            self.tasks.push(tokio::task::spawn_local(client.live()));
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Fails when somebody has gone: what is measured then is something else.
    pub(crate) fn all_there(&self) -> Result<()> {
        match self.tally.lost.get() {
            0 => Ok(()),
            lost => bail!("{lost} of {} clients were lost", self.tasks.len()),
        }
    }

    /// Waits until so many events have been delivered, all clients together.
    pub(crate) async fn delivered(&self, count: u64) -> Result<()> {
        let begun = Instant::now();
        while self.tally.delivered.get() < count {
            ensure!(
                begun.elapsed() < ALL_DELIVERED,
                "{} of {count} deliveries within {ALL_DELIVERED:?}",
                self.tally.delivered.get()
            );
            self.all_there()?;
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until all who came back have so many events together and, where the server says so, have been told that this is all. Fails
    /// when there is one too many.
    pub(crate) async fn caught_up(&self, running: &Running, events: usize) -> Result<()> {
        self.delivered(events as u64).await?;
        let begun = Instant::now();
        while running.dialect.says_synced() && self.tally.synced.get() < self.tasks.len() {
            ensure!(
                begun.elapsed() < ALL_DELIVERED,
                "{} of {} clients were told that they have all",
                self.tally.synced.get(),
                self.tasks.len()
            );
            self.all_there()?;
            sleep(LOOK).await;
        }
        let delivered = self.tally.delivered.get();
        ensure!(
            delivered == events as u64,
            "{delivered} deliveries of {events}"
        );
        Ok(())
    }
}

struct Client {
    number: usize,
    address: SocketAddr,
    dialect: Rc<dyn Dialect>,
    tally: Rc<Tally>,
    gate: Rc<Semaphore>,
    measures: bool,
}

impl Client {
    async fn live(self) {
        let number = self.number;
        let tally = Rc::clone(&self.tally);
        if let Err(error) = self.listen().await
            && tally.lost.get() == 0
        {
            eprintln!("client {number}: {error:#}");
        }
        tally.lost.set(tally.lost.get() + 1);
    }

    async fn listen(self) -> Result<()> {
        let turn = self.gate.acquire().await?;
        let (path, protocol) = (self.dialect.path(self.number), self.dialect.subprotocol());
        let mut socket = WebSocket::open(self.address, &path, protocol, None).await?;
        if let Some(opening) = self.dialect.opening(self.number) {
            socket.send(&opening).await?;
        }
        let mut turn = Some(turn);
        let tally = &self.tally;
        let ready = |turn: &mut Option<_>| {
            if turn.take().is_some() {
                tally.ready.set(tally.ready.get() + 1);
            }
        };
        if self.dialect.is_ready_at_once() {
            ready(&mut turn);
        }
        loop {
            let mut answer = None;
            let mut wrong = None;
            let mut now = None;
            let mut events = 0;
            let brought = socket
                .read(|text| match self.dialect.hears(self.number, text) {
                    Heard::Event => {
                        events += 1;
                        if self.measures
                            && let Some(at) = published_at(text)
                        {
                            let now = *now.get_or_insert_with(now_micros);
                            let late = now.saturating_sub(at);
                            tally
                                .latencies
                                .borrow_mut()
                                .push(u32::try_from(late).unwrap_or(u32::MAX));
                        }
                    }
                    Heard::Ready => ready(&mut turn),
                    Heard::Synced => {
                        tally.synced.set(tally.synced.get() + 1);
                        tally.synced_at.set(Some(Instant::now()));
                    }
                    Heard::Answer(text) => answer = Some(text),
                    Heard::Wrong(what) => wrong = Some(what),
                    Heard::Nothing => {}
                })
                .await?;
            tally.bytes.set(tally.bytes.get() + brought.bytes as u64);
            tally.delivered.set(tally.delivered.get() + events);
            if let Some(what) = wrong {
                bail!("{what}");
            }
            if let Some(text) = answer {
                socket.send(&text).await?;
            }
            if brought.closed {
                bail!("the server closed the connection");
            }
        }
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_micros() as u64)
}

/// A payload of so many bytes that says since when it is under way.
pub(crate) fn payload(bytes: usize, at: u64) -> String {
    let head = format!("{{\"at\":{at},\"pad\":\"");
    let pad = bytes.saturating_sub(head.len() + 2);
    format!("{head}{}\"}}", "x".repeat(pad))
}

fn published_at(text: &[u8]) -> Option<u64> {
    let from = memchr::memmem::find(text, b"\"at\":")? + 5;
    let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, byte| 10 * number + u64::from(byte - b'0')))
}
