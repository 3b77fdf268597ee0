//! The loop of a session: write what the cursor says, hear what the client says, and wait for more of either.

use std::{collections::VecDeque, future::Future, pin::pin, sync::Arc};

use tabwire_protocol::{
    ClientFrame, CloseCode, Command, DecodeError, NackCode, RefreshReason, Renewed, RequestSync,
    ServerFrame, WireError,
};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, yield_now},
    time::{Instant, sleep_until},
};

use super::{
    End,
    cursor::{Output, Ping, Refresh, SessionCursor, Stretch, Viewer},
    hello::{self, Session},
    socket::{Incoming, Socket},
    sockets::Handle,
    timers::{Timer, Timers},
};
use crate::{
    clock, command,
    frame::Frame,
    hub::Shop,
    limits::Limit,
    log::EventLog,
    node::{Backend, Node},
    orders::closing,
    rate::Bucket,
    registry::{Held, Registry, SessionRecord, Standing},
    tail::{Awaited, Framed, State, Watch},
};

/// How many events are written before the client is listened to again.
const BATCH_EVENTS_MAX: usize = 128;
/// How many bytes of events, but always one event.
const BATCH_BYTES_MAX: usize = 64 << 10;
/// How many clients per second fetch the state after all were told to, at most for [`SPREAD_MS_MAX`].
const FETCHES_PER_SECOND: u64 = 500;
const SPREAD_MS_MAX: u64 = 10_000;

/// Serves a session to its end.
///
/// Not an async function: the future of one keeps what it was given beside what was made of it, in every idle session.
pub(super) fn run<'s, B: Backend>(
    node: &'s Arc<Node<B>>,
    socket: &'s mut Socket,
    handle: &'s Handle,
    session: Session,
) -> impl Future<Output = End> + 's {
    let mut live = Live::new(node, socket, handle, session);
    async move {
        match live.run().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }
}

/// How long clients are to spread their fetches over, when so many are told to refresh for this reason.
pub(super) fn spread_ms(reason: RefreshReason, sessions: usize) -> u64 {
    match reason {
        // What happened to the log happened to everybody.
        RefreshReason::EpochChanged | RefreshReason::Expired | RefreshReason::UnknownPosition => {
            (sessions as u64 * 1_000 / FETCHES_PER_SECOND).min(SPREAD_MS_MAX)
        }
        RefreshReason::TooFar | RefreshReason::ViewChanged => 0,
    }
}

struct Live<'s, B: Backend> {
    node: &'s Arc<Node<B>>,
    socket: &'s mut Socket,
    handle: &'s Handle,
    record: Arc<SessionRecord>,
    claim: u64,
    shop: Arc<Shop>,
    grown: Watch,
    cursor: SessionCursor,
    timers: Timers,
    frames: Bucket,
    bytes: Bucket,
    commands: Commands,
    /// Those who want to know whether the client lives: told by its next frame.
    probes: Vec<oneshot::Sender<()>>,
    /// Whether events may be written: not from the token's end until it is renewed.
    delivers: bool,
    /// Whether it ends as soon as the commands that it has received are answered.
    leaves: bool,
}

enum Never {}

impl<'s, B: Backend> Live<'s, B> {
    fn new(
        node: &'s Arc<Node<B>>,
        socket: &'s mut Socket,
        handle: &'s Handle,
        session: Session,
    ) -> Self {
        let (limits, now) = (&node.config.limits, clock::now());
        let mut timers = Timers::default();
        timers.set(Timer::Ping, Instant::now() + node.config.ping);
        timers.set(Timer::Silence, Instant::now() + 2 * node.config.ping);
        let left = clock::until(now, session.taken_until);
        timers.set(Timer::TokenEnds, Instant::now() + left);
        Self {
            grown: session.grown,
            shop: session.shop,
            cursor: session.cursor,
            record: session.record,
            claim: session.claim,
            timers,
            frames: Bucket::full(limits.frames, now),
            bytes: Bucket::full(limits.bytes, now),
            commands: Commands::default(),
            probes: Vec::new(),
            delivers: true,
            leaves: false,
            node,
            socket,
            handle,
        }
    }

    async fn run(&mut self) -> Result<Never, End> {
        // One for all timers, which is set anew only when another is the next: the runtime's own table is not cheap.
        let mut due = pin!(sleep_until(far()));
        loop {
            let more = self.delivers && self.write_next().await?;
            if self.delivers {
                self.commands.start(self.node, &self.record);
            }
            if self.leaves && self.commands.are_answered() {
                return Err(End::Gone);
            }
            let next = self.timers.next().unwrap_or_else(far);
            if due.deadline() != next {
                due.as_mut().reset(next);
            }
            tokio::select! {
                biased;
                () = self.handle.rung() => self.obey().await?,
                incoming = self.socket.read(), if !self.leaves => self.hear(incoming).await?,
                () = due.as_mut() => self.fire().await?,
                answer = self.commands.answer() => self.send(answer).await?,
                () = self.grown.changed(), if !more => {}
                // Not at once, but after others have had their turn and the system was asked what has come: a long replay
                // shall neither hold up its thread nor be deaf to its client.
                () = yield_now(), if more => {}
            }
        }
    }

    /// Writes the next of what the cursor says. False: everything at hand has been written.
    async fn write_next(&mut self) -> Result<bool, End> {
        if self.grown.looks() == State::Lost {
            return Err(lost());
        }
        // Behind the tail, pages of the log go before it.
        let gathered = {
            let shop = Arc::clone(&self.shop);
            let ring = shop.tail().ring();
            let bounds = ring.bounds();
            let behind =
                bounds.epoch == *self.cursor.epoch() && self.cursor.position() < bounds.floor;
            (!behind).then(|| self.gather(&*ring))
        };
        let more = match gathered {
            Some(more) => more,
            // A box: what the log needs while it is asked would otherwise be part of every idle session.
            None => Box::pin(self.gather_from_log()).await?,
        };
        if self.socket.has_outgoing() {
            self.flush().await?;
        }
        self.handle.set_position(self.cursor.position());
        // The end of a replay is told when the log is that far, whatever is in it.
        self.grown.awaits(match self.cursor.is_replaying() {
            true => Awaited::Any,
            false => Awaited::Own,
        });
        Ok(more)
    }

    /// Takes what is to be written next out of a stretch of the log. False: that was all of it.
    fn gather<S: Stretch<Event: Framed>>(&mut self, stretch: &S) -> bool {
        let mut bytes = 0;
        for _ in 0..BATCH_EVENTS_MAX {
            let frame = match self.cursor.next(stretch) {
                None => return false,
                Some(Output::Event { prev, event, .. }) => event.frame(prev),
                Some(Output::Synced(synced)) => Frame::text(&ServerFrame::Synced(synced).encode()),
                Some(Output::FullRefresh(refresh)) => {
                    let refresh = ServerFrame::FullRefresh(self.refreshed(refresh));
                    Frame::text(&refresh.encode())
                }
            };
            bytes += frame.wire().len();
            self.socket.push(frame);
            if bytes >= BATCH_BYTES_MAX {
                break;
            }
        }
        true
    }

    /// The same out of the log itself, for a session that is behind the tail.
    async fn gather_from_log(&mut self) -> Result<bool, End> {
        let (shop, after) = (&self.record.shop, self.cursor.position());
        let events = self.node.config.limits.page_events.min(BATCH_EVENTS_MAX);
        let page = {
            let permit = self.node.far_reads.acquire().await;
            let _permit = permit.expect("nobody closes the semaphore");
            self.node
                .log
                .read(clock::now(), shop, after, events)
                .await?
        };
        if page.bounds.epoch != *self.cursor.epoch() {
            // The session goes over to the new log when the tail has.
            self.shop.tail().doubt();
            return Ok(false);
        }
        self.gather(&page);
        if self.cursor.position() == after && !self.socket.has_outgoing() {
            // The log says it goes on from here, and does not.
            return Err(lost());
        }
        Ok(true)
    }

    fn refreshed(&self, refresh: Refresh) -> tabwire_protocol::FullRefresh {
        self.node.metrics.refreshed(refresh.reason.as_str());
        let spread = spread_ms(refresh.reason, self.shop.tail().watchers());
        refresh.frame(spread)
    }

    /// Does what others ordered.
    async fn obey(&mut self) -> Result<(), End> {
        if let Some(closing) = self.handle.closing() {
            let waits = closing.code == CloseCode::Restart && self.delivers;
            if !waits || self.commands.are_answered() {
                return Err(End::Gone);
            }
            // The node ends soon after the drain's time, whatever is left then.
            self.leaves = true;
            let leaves_at = Instant::now() + self.node.config.drain.mul_f64(0.75);
            self.timers.set(Timer::Leaves, leaves_at);
        }
        let probes = self.handle.take_probes();
        if probes.is_empty() {
            return Ok(());
        }
        self.probes.extend(probes);
        self.ping().await
    }

    async fn hear(&mut self, incoming: Incoming) -> Result<(), End> {
        if matches!(incoming, Incoming::Gone) {
            return Err(End::Gone);
        }
        let silent_until = Instant::now() + 2 * self.node.config.ping;
        self.timers.set(Timer::Silence, silent_until);
        for probe in self.probes.drain(..) {
            // Who asked may have stopped waiting.
            let _ = probe.send(());
        }
        let (limits, now) = (&self.node.config.limits, clock::now());
        if !self.frames.take(limits.frames, now) {
            self.node.limited(Limit::FramesPerSecond, &self.record.user);
            return Err(End::close(CloseCode::TooMany, "too many frames"));
        }
        if let Incoming::Text(text) = &incoming
            && let Err(_) = self.bytes.take_many(limits.bytes, now, text.len() as u64)
        {
            self.node.limited(Limit::BytesPerSecond, &self.record.user);
            return Err(End::close(CloseCode::TooMany, "too many bytes"));
        }
        match incoming {
            // A box: what an answer needs while it is made would otherwise be part of every idle session.
            Incoming::Text(text) => Box::pin(self.obey_client(&text)).await,
            Incoming::Violation(closing) => Err(End::Close(closing)),
            Incoming::Alive | Incoming::Gone => Ok(()),
        }
    }

    async fn obey_client(&mut self, text: &str) -> Result<(), End> {
        match ClientFrame::decode(text) {
            Ok(ClientFrame::RequestSync(request)) => self.sync(&request).await,
            Ok(ClientFrame::Command(command)) => self.command(command).await,
            Ok(ClientFrame::Renew { token }) => self.renew(&token).await,
            Ok(ClientFrame::Ping) => self.ping().await,
            Ok(ClientFrame::Pong { .. }) => Ok(()),
            Ok(ClientFrame::Hello(_)) => Err(malformed("a second hello")),
            Err(DecodeError::Unknown(_)) => {
                self.send(ServerFrame::Error(WireError {
                    code: "unknown_frame".to_owned(),
                    message: "this server knows no such frame".to_owned(),
                }))
                .await
            }
            Err(DecodeError::Malformed(what)) => Err(malformed(what)),
        }
    }

    async fn sync(&mut self, request: &RequestSync) -> Result<(), End> {
        let RequestSync { reference, cursor } = request;
        let (shop, last) = (Arc::clone(&self.shop), Some(cursor.last));
        let max_replay = self.node.config.max_replay;
        let missing = hello::missing(self.node, &shop, &self.record.shop, last).await?;
        let refused = match &missing {
            None => {
                let ring = shop.tail().ring();
                self.cursor
                    .request_sync(cursor, *reference, &*ring, max_replay)
            }
            Some(page) => self
                .cursor
                .request_sync(cursor, *reference, page, max_replay),
        };
        let refused = refused.map_err(|_| malformed("request_sync: one has no answer yet"))?;
        match refused {
            None => Ok(()),
            Some(refresh) => {
                let frame = ServerFrame::FullRefresh(self.refreshed(refresh));
                self.send(frame).await
            }
        }
    }

    async fn command(&mut self, command: Command) -> Result<(), End> {
        if self.commands.waiting.len() >= self.node.config.limits.session_commands {
            self.node.limited(Limit::SessionCommands, &self.record.user);
            let message = "too many commands are waiting";
            let nack = command::refusal(command.id, NackCode::RateLimited, message);
            return self.send(nack).await;
        }
        self.commands.waiting.push_back(command);
        Ok(())
    }

    async fn renew(&mut self, token: &str) -> Result<(), End> {
        let now = clock::now();
        let identity = self.node.config.verifier.verify(now, token);
        let identity = identity.map_err(|error| unauthorized(error.to_string()))?;
        if identity.user != self.record.user || identity.shop != self.record.shop {
            return Err(unauthorized("the token is for another user or shop"));
        }
        let grown = self.shop.tail().watch(&identity.modules, &identity.user);
        let record = SessionRecord {
            modules: Arc::clone(grown.modules()),
            issued_at: identity.issued_at,
            expires_at: identity.expires_at,
            position: self.cursor.position(),
            ..SessionRecord::clone(&self.record)
        };
        self.record = Arc::new(record);
        let held = Held {
            session: Arc::clone(&self.record),
            claim: self.claim,
        };
        // Before it is kept: who looks meanwhile shall not put the old one back.
        self.handle.hold(Some(held.clone()));
        for standing in self.node.registry.keep(now, &[held]).await {
            match standing? {
                Standing::Kept => {}
                Standing::Lost(code) => return Err(End::Close(closing(code))),
                Standing::Denied => return Err(unauthorized("the token was revoked")),
            }
        }
        self.delivers = true;
        self.timers.stop(Timer::GraceEnds);
        let left = clock::until(now, identity.taken_until);
        self.timers.set(Timer::TokenEnds, Instant::now() + left);

        self.grown = grown;
        let (shop, user) = (&self.record.shop, self.record.user.clone());
        let viewer = Viewer::new(shop, user, Arc::clone(&self.record.modules));
        let refresh = {
            let ring = self.shop.tail().ring();
            self.cursor.renewed(viewer, ring.bounds())
        };
        let renewed = ServerFrame::Renewed(Renewed {
            now,
            expires_at: self.record.expires_at,
            modules: self.record.modules.iter().cloned().collect(),
            types: self.node.config.types.of_modules(&*self.record.modules),
            view: self.cursor.viewer().view().clone(),
        });
        self.socket.push(Frame::text(&renewed.encode()));
        if let Some(refresh) = refresh {
            let frame = ServerFrame::FullRefresh(self.refreshed(refresh));
            self.socket.push(Frame::text(&frame.encode()));
        }
        self.flush().await
    }

    async fn ping(&mut self) -> Result<(), End> {
        // The position stands still while nothing of the log is for this session.
        if self.delivers {
            // A box: pings are rare.
            Box::pin(self.write_next()).await?;
        }
        let next = Instant::now() + self.node.config.ping;
        self.timers.set(Timer::Ping, next);
        let Ping { prev, up_to } = self.cursor.ping();
        let now = Some(clock::now());
        self.send(ServerFrame::Ping { prev, up_to, now }).await
    }

    async fn fire(&mut self) -> Result<(), End> {
        let now = Instant::now();
        while let Some((timer, late)) = self.timers.fired(now) {
            match timer {
                Timer::Ping => {
                    // A machine that slept, or a node that stood still: it was the node that did not ask and did not listen.
                    if late >= self.node.config.ping / 2 {
                        let silent_until = now + 2 * self.node.config.ping;
                        self.timers.set(Timer::Silence, silent_until);
                    }
                    self.ping().await?;
                }
                Timer::Silence => {
                    return Err(End::close(CloseCode::Timeout, "silent for too long"));
                }
                Timer::TokenEnds => {
                    self.delivers = false;
                    let grace = self.node.config.limits.expiry_grace;
                    self.timers.set(Timer::GraceEnds, now + grace);
                }
                Timer::Leaves => return Err(End::Gone),
                Timer::GraceEnds => return Err(unauthorized("the token has expired")),
            }
        }
        Ok(())
    }

    /// Takes the frame by value, and not in an async function: it is not to be kept until it is written.
    fn send(&mut self, frame: ServerFrame) -> impl Future<Output = Result<(), End>> {
        self.socket.push(Frame::text(&frame.encode()));
        self.flush()
    }

    async fn flush(&mut self) -> Result<(), End> {
        self.socket.flush(self.handle).await.map_err(|_| End::Gone)
    }
}

/// The commands of a session: one runs, the others wait for it.
#[derive(Default)]
struct Commands {
    waiting: VecDeque<Command>,
    running: Option<JoinHandle<ServerFrame>>,
}

impl Commands {
    fn start<B: Backend>(&mut self, node: &Arc<Node<B>>, record: &Arc<SessionRecord>) {
        if self.running.is_none()
            && let Some(command) = self.waiting.pop_front()
        {
            // A task of its own, which a drain waits for: a command that has begun is not given up when its session ends.
            let run = command::run(Arc::clone(node), Arc::clone(record), command);
            self.running = Some(node.tasks.spawn(run));
        }
    }

    /// Whether none runs and none waits.
    fn are_answered(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// The answer to the command that runs. Pending when none does.
    fn answer(&mut self) -> impl Future<Output = ServerFrame> {
        std::future::poll_fn(|cx| {
            let Some(running) = &mut self.running else {
                return std::task::Poll::Pending;
            };
            std::pin::Pin::new(running).poll(cx).map(|answer| {
                self.running = None;
                answer.expect("a command does not panic, and nobody aborts it")
            })
        })
    }
}

fn malformed(what: impl Into<String>) -> End {
    End::close(CloseCode::Malformed, what)
}

fn unauthorized(why: impl Into<String>) -> End {
    End::close(CloseCode::Unauthorized, why)
}

fn lost() -> End {
    End::later("the log can't be read")
}

/// Later than any timer. (Not the end of time: adding to that overflows.)
fn far() -> Instant {
    Instant::now() + std::time::Duration::from_secs(86_400)
}
