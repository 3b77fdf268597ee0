//! One connection of a client, from its hello to its end.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tabwire_protocol::{
    Ack, Bye, ClientFrame, Command, Cursor, CursorRule, Device, Event, EventType, Executed,
    FullRefresh, Hello, Millis, Nack, NackCode, Position, RawJson, RefreshReason, RequestSync,
    Resume, SUBPROTOCOL, ServerFrame, Synced, VERSION, Verdict, Welcome,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::{sleep, sleep_until},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use super::{Commanded, Life, Place};
use crate::{
    history::{Return, Stretch},
    ledger::{Ledger, Published, Who},
    token::token,
};

/// How long the answer to a hello, or to a doubt, may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a request_sync may go unanswered on a connection that works.
const SYNC: Duration = Duration::from_secs(60);
/// How long a command may take, and how long after its answer the next one follows, at most.
const COMMAND: Duration = Duration::from_secs(20);
const COMMANDS_WITHIN_MS: u64 = 2_000;
/// How often a client that is to make up no commands looks whether it may.
const HUSHED: Duration = Duration::from_millis(200);
/// Between two questions of a client that asks again, at most; and how far back it asks, in positions.
const ASKS_WITHIN_MS: u64 = 4_000;
const ASKS_BACK: u64 = 40;
/// How much longer than a ping period a socket may be silent before it is doubted.
const GRACE: Duration = Duration::from_secs(5);

pub(super) type Socket = WebSocketStream<TcpStream>;

/// How a connection ended.
pub(super) enum End {
    /// The client was told to go.
    Ordered,
    /// The server, or the network.
    Lost { code: Option<u16>, bye: Option<Bye> },
    /// The server broke a promise.
    Broken(String),
}

const LOST: End = End::Lost {
    code: None,
    bye: None,
};

pub(super) struct Session<'l> {
    life: &'l mut Life,
    socket: Socket,
    lost: Instant,
    attempted: Instant,
    /// When the welcome came.
    pub(super) welcomed: Option<Instant>,
    ping: Duration,
    rule: Option<CursorRule>,
    /// The welcome announced a refresh that has not come.
    awaits_refresh: bool,
    /// The welcome announced a replay that is not over.
    replays: bool,
    /// The request_sync that is not answered, and since when.
    asked: Option<(u64, Instant)>,
    asks_at: Instant,
    /// A request_sync was refused, and answered with the head: the session itself goes on from before it.
    refused_at: Position,
    asks: u64,
    /// When the next command is due, or is given up.
    commands_at: Instant,
    heard: Instant,
    doubts: bool,
    bye: Option<Bye>,
}

impl<'l> Session<'l> {
    /// A WebSocket at this node, of which the system keeps so many unread bytes.
    pub(super) async fn connect(address: SocketAddr, unread_bytes: Option<u32>) -> Option<Socket> {
        let socket = TcpSocket::new_v4().ok()?;
        if let Some(bytes) = unread_bytes {
            socket.set_recv_buffer_size(bytes).ok()?;
        }
        let stream = socket.connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut request = format!("ws://{address}/ws").into_client_request().ok()?;
        let protocol = SUBPROTOCOL.parse().ok()?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Some(client_async(request, stream).await.ok()?.0)
    }

    pub(super) fn new(
        life: &'l mut Life,
        socket: Socket,
        lost: Instant,
        attempted: Instant,
    ) -> Self {
        Self {
            rule: life.place.rule(),
            life,
            socket,
            lost,
            attempted,
            welcomed: None,
            ping: Duration::ZERO,
            awaits_refresh: false,
            replays: false,
            asked: None,
            asks_at: Instant::now() + Duration::from_millis(ASKS_WITHIN_MS),
            refused_at: Position::ZERO,
            asks: 0,
            commands_at: Instant::now(),
            heard: Instant::now(),
            doubts: false,
            bye: None,
        }
    }

    pub(super) async fn run(&mut self) -> End {
        match self.talk().await {
            Ok(never) => match never {},
            Err(End::Ordered) => {
                // Not a goodbye, but what a phone that loses its network does.
                let _ = self.socket.get_mut().set_zero_linger();
                End::Ordered
            }
            Err(end) => end,
        }
    }

    async fn talk(&mut self) -> Result<std::convert::Infallible, End> {
        let device = self.life.habits.device.as_deref();
        let hello = hello(&self.life.who, device, &self.life.place);
        self.send(&ClientFrame::Hello(hello)).await?;
        loop {
            let patience = if self.welcomed.is_none() || self.doubts {
                ANSWER
            } else {
                self.ping + GRACE
            };
            tokio::select! {
                message = self.socket.next() => self.hear(message).await?,
                _ = self.life.orders.changed() => {
                    // Told to come online while it is: nothing to do.
                    if *self.life.orders.borrow_and_update() == super::Order::Offline {
                        return Err(End::Ordered);
                    }
                }
                () = sleep_until((self.heard + patience).into()) => self.doubt().await?,
                () = sleep_until(self.asks_at.into()), if self.life.habits.asks_again => self.ask_again().await?,
                () = sleep_until(self.commands_at.into()), if self.commands() => self.command().await?,
            }
        }
    }

    async fn send(&mut self, frame: &ClientFrame) -> Result<(), End> {
        let sent = self.socket.send(Message::text(frame.encode())).await;
        match sent {
            Ok(()) => Ok(()),
            // Why it is closed stands in what is still to be read.
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::Protocol(_)) => Ok(()),
            Err(_) if self.bye.is_some() => Ok(()),
            Err(_) => Err(LOST),
        }
    }

    /// Nothing has been heard for too long.
    async fn doubt(&mut self) -> Result<(), End> {
        if self.welcomed.is_none() || self.doubts {
            return Err(LOST);
        }
        self.doubts = true;
        self.heard = Instant::now();
        self.send(&ClientFrame::Ping).await
    }

    async fn hear(&mut self, message: Option<tungstenite::Result<Message>>) -> Result<(), End> {
        self.heard = Instant::now();
        self.doubts = false;
        match message {
            Some(Ok(Message::Text(text))) => {
                if let Some(pause) = self.life.habits.reads_slowly {
                    sleep(pause).await;
                }
                let frame = ServerFrame::decode(&text);
                let frame = frame.map_err(|error| End::Broken(format!("{error}: {text}")))?;
                self.obey(frame, &text).await
            }
            Some(Ok(Message::Close(frame))) => Err(End::Lost {
                code: frame.map(|frame| frame.code.into()),
                bye: self.bye,
            }),
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err(End::Lost {
                code: None,
                bye: self.bye,
            }),
        }
    }

    async fn obey(&mut self, frame: ServerFrame, text: &str) -> Result<(), End> {
        if self.welcomed.is_none()
            && !matches!(frame, ServerFrame::Welcome(_) | ServerFrame::Bye(_))
        {
            return Err(broken("something comes before the welcome", text));
        }
        match frame {
            ServerFrame::Welcome(welcome) => self.welcome(welcome, text),
            ServerFrame::Event(event) => self.event(&event, text).await,
            ServerFrame::Synced(synced) => self.synced(synced, text).await,
            ServerFrame::Ping { prev, up_to, .. } => {
                self.observe(prev, up_to, text).await?;
                let last_event_id = self.rule.map_or(Position::ZERO, CursorRule::last);
                self.send(&ClientFrame::Pong { last_event_id }).await
            }
            ServerFrame::FullRefresh(refresh) => self.refresh(refresh, text),
            ServerFrame::Bye(bye) => {
                self.bye = Some(bye);
                Ok(())
            }
            ServerFrame::Ack(ack) => self.acked(&ack, text),
            ServerFrame::Nack(nack) => self.nacked(&nack, text),
            ServerFrame::Renewed(_) | ServerFrame::Error(_) => {
                Err(broken("nobody asked for this", text))
            }
        }
    }

    fn welcome(&mut self, welcome: Welcome, text: &str) -> Result<(), End> {
        if self.welcomed.is_some() {
            return Err(broken("a second welcome", text));
        }
        if welcome.user_id.as_str() != self.life.who.user {
            return Err(broken("the welcome is somebody else's", text));
        }
        let cursor = self.life.place.cursor.as_ref();
        match (welcome.resume, cursor) {
            (Resume::Fresh, None) => self.begin(None, &welcome),
            (Resume::Replay, Some(cursor)) => {
                if cursor.epoch != welcome.epoch || cursor.view != welcome.view {
                    return Err(broken("a replay of another log or view", text));
                }
                self.replays = true;
            }
            (Resume::FullRefresh, Some(_)) => self.awaits_refresh = true,
            (Resume::Fresh, Some(_)) => return Err(broken("the cursor was passed over", text)),
            (Resume::Replay | Resume::FullRefresh, None) => {
                return Err(broken("there was no cursor to go on from", text));
            }
        }
        let now = Instant::now();
        let what = format!(
            "welcomed with claim {}, {:?}",
            welcome.claim, welcome.resume
        );
        self.life.journal.note(&what);
        self.welcomed = Some(now);
        self.ping = Duration::from_millis(welcome.ping_ms);
        self.life.place.claim = Some(welcome.claim);
        let mut history = self.life.history();
        history.is_connected = true;
        history.claim = welcome.claim;
        Ok(())
    }

    /// A fresh start.
    fn begin(&mut self, because: Option<RefreshReason>, welcome: &Welcome) {
        let cursor = Cursor {
            epoch: welcome.epoch.clone(),
            view: welcome.view.clone(),
            last: welcome.at,
        };
        self.start_stretch(cursor, because);
    }

    fn start_stretch(&mut self, cursor: Cursor, because: Option<RefreshReason>) {
        self.rule = Some(CursorRule::at(cursor.last));
        let from = cursor.last.get();
        self.life.history().stretches.push(Stretch {
            epoch: cursor.epoch.as_str().to_owned(),
            from,
            last: from,
            delivered: Vec::new(),
            because,
        });
        self.life.place.cursor = Some(cursor);
    }

    async fn event(&mut self, event: &Event, text: &str) -> Result<(), End> {
        if self.awaits_refresh {
            return Err(broken("an event comes before the refresh", text));
        }
        if !self.life.who.modules.contains(&event.module.as_str()) {
            return Err(broken("an event of a module that is not the user's", text));
        }
        if event.scope.shop_id.as_str() != self.life.who.shop {
            return Err(broken("an event of another shop", text));
        }
        match self.observe(event.prev(), event.id, text).await? {
            Verdict::Apply => {}
            Verdict::Gap => return Ok(()),
            // After a request_sync the server may go back.
            Verdict::Duplicate if self.asked.is_some() || event.id <= self.refused_at => {
                return Ok(());
            }
            Verdict::Duplicate => return Err(broken("a duplicate", text)),
        }
        let payload: Option<Value> = serde_json::from_str(event.payload.as_str()).ok();
        let serial = payload.and_then(|payload| payload["n"].as_u64());
        let serial = serial.ok_or_else(|| broken("a payload that nobody published", text))?;
        let mut history = self.life.history();
        history.newest = history.newest.max(Some(serial));
        if let Some(stretch) = history.stretches.last_mut() {
            stretch.delivered.push((event.id.get(), serial));
        }
        Ok(())
    }

    async fn synced(&mut self, synced: Synced, text: &str) -> Result<(), End> {
        let what = format!("synced to {}, ref {:?}", synced.up_to, synced.reference);
        self.life.journal.note(&what);
        if self.awaits_refresh {
            return Err(broken("a refresh was announced", text));
        }
        match synced.reference {
            None if self.replays => self.caught_up(),
            None => return Err(broken("no replay was announced", text)),
            Some(reference) if self.reference() == Some(reference) => self.asked = None,
            Some(_) => return Err(broken("an answer without a question", text)),
        }
        self.observe(synced.prev, synced.up_to, text).await?;
        Ok(())
    }

    fn refresh(&mut self, refresh: FullRefresh, text: &str) -> Result<(), End> {
        if self.awaits_refresh || self.replays {
            self.caught_up();
        }
        self.awaits_refresh = false;
        let what = format!(
            "refreshed at {}: {}, ref {:?}",
            refresh.at,
            refresh.reason.as_str(),
            refresh.reference
        );
        self.life.journal.note(&what);
        if let Some(reference) = refresh.reference {
            if self.reference() != Some(reference) {
                return Err(broken("an answer without a question", text));
            }
            self.asked = None;
            self.refused_at = refresh.at;
        }
        let cursor = Cursor {
            epoch: refresh.epoch,
            view: refresh.view,
            last: refresh.at,
        };
        self.start_stretch(cursor, Some(refresh.reason));
        Ok(())
    }

    /// What was missed is there, or will never be.
    fn caught_up(&mut self) {
        self.replays = false;
        let welcomed = self.welcomed.unwrap_or_else(Instant::now);
        let back = Return {
            away: welcomed - self.lost,
            catch_up: self.attempted.elapsed(),
        };
        self.life.history().returns.push(back);
    }

    /// The cursor rule, for every frame that moves the cursor.
    async fn observe(
        &mut self,
        prev: Position,
        position: Position,
        text: &str,
    ) -> Result<Verdict, End> {
        if self.awaits_refresh {
            // A ping in between says something about a cursor that is about to be replaced.
            return Ok(Verdict::Duplicate);
        }
        let Some(rule) = &mut self.rule else {
            return Err(broken("there is no cursor to move", text));
        };
        let verdict = rule.observe(prev, position);
        let last = rule.last();
        match verdict {
            Verdict::Apply => {
                if let Some(cursor) = &mut self.life.place.cursor {
                    cursor.last = last;
                }
                if let Some(stretch) = self.life.history().stretches.last_mut() {
                    stretch.last = last.get();
                }
            }
            Verdict::Gap => {
                self.life.history().gaps += 1;
                if let (None, Some(cursor)) = (self.asked, self.life.place.cursor.clone()) {
                    self.ask(cursor).await?;
                }
            }
            Verdict::Duplicate => {}
        }
        Ok(verdict)
    }

    fn commands(&self) -> bool {
        self.welcomed.is_some() && self.life.habits.commands.is_some()
    }

    /// Sends the command that has no answer again, or the next.
    async fn command(&mut self) -> Result<(), End> {
        let Some(commands) = self.life.habits.commands.clone() else {
            return Ok(());
        };
        let now = Instant::now();
        if let Some(commanded) = &self.life.place.command
            && commanded.until <= now
        {
            // Past its deadline nobody knows, unless somebody has said so.
            self.life.place.command = None;
            let mut history = self.life.history();
            history.commands[2] += 1;
            history.awaits_answer = false;
        }
        if let Some(commanded) = &self.life.place.command {
            // Once per connection: it is sent again on the next.
            self.commands_at = commanded.until;
            let command = commanded.command.clone();
            return self.send(&ClientFrame::Command(command)).await;
        }
        if commands.hushed.load(Ordering::SeqCst) {
            self.commands_at = now + HUSHED;
            return Ok(());
        }
        self.life.history().awaits_answer = true;
        let serial = commands.ledger.add(Published {
            module: "chat",
            to: None,
            by: commands.by,
            acked: None,
            refused: false,
        });
        self.life.place.commands += 1;
        let deadline = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            + COMMAND;
        let deadline = u64::try_from(deadline.as_millis()).expect("it is the 21st century");
        let command = Command {
            id: format!("{:x}:{}", self.life.run, self.life.place.commands),
            event_type: EventType::new("chat_message").expect("it is a name"),
            payload: RawJson::trusted(format!("{{\"n\":{serial}}}")),
            deadline: Some(Millis(deadline)),
        };
        self.commands_at = now + COMMAND;
        self.life.place.command = Some(Commanded {
            serial,
            command: command.clone(),
            until: now + COMMAND,
        });
        self.send(&ClientFrame::Command(command)).await
    }

    /// The command that is answered, which is then out of the way.
    fn answered(&mut self, id: &str) -> Option<(Ledger, u64)> {
        let ledger = self.life.habits.commands.as_ref()?.ledger.clone();
        let commanded = self
            .life
            .place
            .command
            .take_if(|commanded| commanded.command.id == id)?;
        let pause = Duration::from_millis(self.life.random.below(COMMANDS_WITHIN_MS));
        self.commands_at = Instant::now() + pause;
        self.life.history().awaits_answer = false;
        Some((ledger, commanded.serial))
    }

    fn acked(&mut self, ack: &Ack, text: &str) -> Result<(), End> {
        // Of one that was given up at its deadline, an answer may still come.
        let Some((ledger, serial)) = self.answered(&ack.id) else {
            return Ok(());
        };
        let (Some(epoch), Some(id)) = (&ack.epoch, ack.event_id) else {
            return Err(broken("a command that became no event", text));
        };
        ledger.acked(serial, epoch.as_str().to_owned(), id.get());
        self.life.history().commands[0] += 1;
        Ok(())
    }

    fn nacked(&mut self, nack: &Nack, text: &str) -> Result<(), End> {
        let Some((ledger, serial)) = self.answered(&nack.id) else {
            return Ok(());
        };
        match (nack.code, nack.executed) {
            (NackCode::Unavailable | NackCode::Expired | NackCode::RateLimited, Executed::No) => {
                ledger.refused(serial);
                self.life.history().commands[1] += 1;
                Ok(())
            }
            // By a server's clock that was set, until its next ping says so.
            (NackCode::Invalid, Executed::No) if nack.message.starts_with("deadline") => {
                ledger.refused(serial);
                self.life.history().commands[1] += 1;
                Ok(())
            }
            (NackCode::Unavailable | NackCode::Expired, Executed::Unknown) => {
                self.life.history().commands[2] += 1;
                Ok(())
            }
            _ => Err(broken("a command that is right was refused", text)),
        }
    }

    fn reference(&self) -> Option<u64> {
        self.asked.map(|(reference, _)| reference)
    }

    async fn ask(&mut self, cursor: Cursor) -> Result<(), End> {
        self.asks += 1;
        let reference = self.asks;
        let what = format!("asked {reference} from {}", cursor.last);
        self.life.journal.note(&what);
        self.asked = Some((reference, Instant::now()));
        let request = RequestSync { reference, cursor };
        self.send(&ClientFrame::RequestSync(request)).await
    }

    /// Asks for what it has, from somewhere in this stretch on. Nothing of it may be delivered again: the rule drops it.
    async fn ask_again(&mut self) -> Result<(), End> {
        self.asks_at =
            Instant::now() + Duration::from_millis(self.life.random.below(ASKS_WITHIN_MS));
        match self.asked {
            Some((_, since)) if since.elapsed() > SYNC => {
                return Err(End::Broken("a request_sync was not answered".to_owned()));
            }
            Some(_) => return Ok(()),
            None if self.welcomed.is_none() || self.awaits_refresh || self.replays => return Ok(()),
            None => {}
        }
        let from = self.life.history().now().map_or(0, |stretch| stretch.from);
        let Some(mut cursor) = self.life.place.cursor.clone() else {
            return Ok(());
        };
        let back = cursor
            .last
            .get()
            .saturating_sub(self.life.random.below(ASKS_BACK));
        cursor.last = Position::new(back.max(from)).expect("it is not above one that is");
        self.ask(cursor).await
    }
}

/// What a client says first.
pub(super) fn hello(who: &Who, device: Option<&str>, place: &Place) -> Hello {
    let usual = format!("d.{}", who.user);
    let device = Device::new(device.unwrap_or(&usual));
    Hello {
        v: VERSION,
        token: token(who),
        device: device.expect("users' names are short"),
        claim: place.claim,
        cursor: place.cursor.clone(),
        features: Vec::new(),
    }
}

fn broken(what: &str, frame: &str) -> End {
    End::Broken(format!("{what}: {frame}"))
}
