//! The model of the server: the real session, policy and dedupe code over the model's log, without sockets or clocks.

use std::collections::BTreeMap;

use tabwire_client::core::{Frame, Kind, Moving, Refresh, Renewed, Welcome};
use tabwire_protocol::{
    Bye, ClientFrame, CloseCode, Command, Device, Hello, Millis, Module, NackCode, ShopId, UserId,
    View,
};
use tabwire_server::{
    command::dedupe::{Admission, Dedupe, Outcome},
    registry::policy::{Concurrency, Decision, Grant, Newcomer, SocketId, decide},
    session::cursor::{self, Output, SessionCursor, Stretch as _, Viewer},
};

use crate::{
    coverage::{Coverage, Path},
    log::{Log, Stored},
    raw::Raw,
    swarm::Swarm,
};

/// Names a connection, for the time of a run.
pub(crate) type Connection = u32;

/// What the server sends to a connection.
#[derive(Clone, Debug)]
pub(crate) enum Down {
    Frame(Frame, Raw),
    Close(u16),
}

/// The server of a run.
pub(crate) struct Server {
    pub(crate) log: Log,
    /// Every view that any session had, for the model to check by.
    pub(crate) viewers: BTreeMap<View, Viewer>,
    pub(crate) up: bool,
    sessions: BTreeMap<Connection, Session>,
    grant: Option<Grant>,
    dedupe: Dedupe,
    concurrency: Concurrency,
    swarm: Swarm,
}

struct Session {
    cursor: SessionCursor,
    expires_at: Millis,
    /// Nothing is written after the token's end.
    expired: bool,
}

/// A token of the model: when it ends, and for which modules it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) expires_at: Millis,
    pub(crate) chat: bool,
}

impl Token {
    pub(crate) fn encode(self) -> String {
        format!("{}:{}", self.expires_at.0, u8::from(self.chat))
    }

    fn decode(text: &str) -> Option<Self> {
        let (expires_at, chat) = text.split_once(':')?;
        Some(Self {
            expires_at: Millis(expires_at.parse().ok()?),
            chat: chat == "1",
        })
    }

    fn modules(self) -> Vec<Module> {
        let all: &[&str] = if self.chat {
            &["orders", "chat"]
        } else {
            &["orders"]
        };
        all.iter().map(|name| module(name)).collect()
    }
}

pub(crate) fn user() -> UserId {
    UserId::new("u_101").expect("a name")
}

pub(crate) fn module(name: &str) -> Module {
    Module::new(name).expect("a name")
}

fn shop() -> ShopId {
    ShopId::new("s_1").expect("a name")
}

impl Server {
    pub(crate) fn new(swarm: &Swarm) -> Self {
        Self {
            log: Log::new(swarm.retention),
            viewers: BTreeMap::new(),
            up: true,
            sessions: BTreeMap::new(),
            grant: None,
            dedupe: Dedupe::new(1_000, 10_000),
            concurrency: if swarm.rejects {
                Concurrency::Reject
            } else {
                Concurrency::Replace
            },
            swarm: swarm.clone(),
        }
    }

    /// The process ends, and what it knew is gone; the log survives when it is kept elsewhere.
    pub(crate) fn stop(&mut self, loses_log: bool) {
        self.up = false;
        self.sessions.clear();
        self.grant = None;
        if loses_log {
            self.log.lose();
            self.dedupe = Dedupe::new(1_000, 10_000);
        }
    }

    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.sessions.keys().copied().collect()
    }

    /// The connection is gone, as the server sees it.
    pub(crate) fn gone(&mut self, connection: Connection) {
        self.sessions.remove(&connection);
        if let Some(grant) = &mut self.grant
            && grant.socket == Some(socket_id(connection))
        {
            grant.socket = None;
        }
    }

    /// A frame from a client, and what is sent for it to which connection.
    pub(crate) fn receive(
        &mut self,
        now: Millis,
        connection: Connection,
        frame: ClientFrame,
        lives: impl Fn(Connection) -> bool,
        coverage: &mut Coverage,
    ) -> Vec<(Connection, Down)> {
        match frame {
            ClientFrame::Hello(hello) => self.hello(now, connection, hello, lives, coverage),
            ClientFrame::RequestSync(request) => {
                let Some(session) = self.sessions.get_mut(&connection) else {
                    return Vec::new();
                };
                let max_replay = self.swarm.max_replay;
                match session.cursor.request_sync(
                    &request.cursor,
                    request.reference,
                    &self.log,
                    max_replay,
                ) {
                    Ok(None) => Vec::new(),
                    Ok(Some(refresh)) => {
                        coverage.hit(Path::RepairRefused);
                        vec![(connection, refresh_frame(refresh))]
                    }
                    Err(_) => self.close(connection, CloseCode::Malformed),
                }
            }
            ClientFrame::Command(command) => self.command(now, connection, command, coverage),
            ClientFrame::Renew { token } => self.renew(now, connection, &token, coverage),
            ClientFrame::Ping => self.ping(connection),
            ClientFrame::Pong { .. } => Vec::new(),
        }
    }

    fn hello(
        &mut self,
        now: Millis,
        connection: Connection,
        hello: Hello,
        lives: impl Fn(Connection) -> bool,
        coverage: &mut Coverage,
    ) -> Vec<(Connection, Down)> {
        let token = Token::decode(&hello.token).filter(|token| token.expires_at > now);
        let Some(token) = token else {
            coverage.hit(Path::Unauthorized);
            return self.close(connection, CloseCode::Unauthorized);
        };
        let newcomer = Newcomer {
            device: hello.device.clone(),
            claim: hello.claim,
        };
        let mut decision = decide(self.concurrency, self.grant.as_ref(), &newcomer, None);
        if let Decision::Probe(socket) = &decision {
            let dead = (!lives(connection_of(socket))).then_some(socket);
            decision = match dead {
                Some(dead) => decide(self.concurrency, self.grant.as_ref(), &newcomer, Some(dead)),
                None => Decision::Refuse(CloseCode::Rejected),
            };
        }
        let (claim, closes) = match decision {
            Decision::Grant { claim, closes } => (claim, closes),
            Decision::Refuse(code) => {
                coverage.hit(Path::Refused);
                return self.close(connection, code);
            }
            Decision::Probe(_) => unreachable!("a dead socket is not probed again"),
        };
        let mut sent = Vec::new();
        if let Some((socket, code)) = closes {
            coverage.hit(if code == CloseCode::Superseded {
                Path::Superseded
            } else {
                Path::Replaced
            });
            sent.extend(self.close(connection_of(&socket), code));
        }
        self.grant = Some(Grant {
            device: hello.device,
            claim,
            socket: Some(socket_id(connection)),
        });
        let viewer = self.viewer(token);
        let opened = SessionCursor::open(
            hello.cursor.as_ref(),
            viewer.clone(),
            &self.log,
            self.swarm.max_replay,
        );
        coverage.resumed(
            opened.resume,
            opened.refresh.as_ref().map(|refresh| refresh.reason),
        );
        let welcome = Welcome {
            user: user(),
            shop: shop(),
            modules: token.modules(),
            epoch: self.log.bounds().epoch.clone(),
            view: viewer.view().clone(),
            resume: opened.resume,
            at: opened.at,
            claim,
            now,
            expires_at: token.expires_at,
            ping_ms: self.swarm.ping,
            max_frame: 65_536,
        };
        sent.push((
            connection,
            Down::Frame(Frame::Welcome(Box::new(welcome)), Raw::Other),
        ));
        sent.extend(
            opened
                .refresh
                .map(|refresh| (connection, refresh_frame(refresh))),
        );
        let session = Session {
            cursor: opened.cursor,
            expires_at: token.expires_at,
            expired: false,
        };
        self.sessions.insert(connection, session);
        sent
    }

    fn viewer(&mut self, token: Token) -> Viewer {
        let viewer = Viewer::new(&shop(), user(), token.modules());
        self.viewers.insert(viewer.view().clone(), viewer.clone());
        viewer
    }

    fn renew(
        &mut self,
        now: Millis,
        connection: Connection,
        token: &str,
        coverage: &mut Coverage,
    ) -> Vec<(Connection, Down)> {
        let Some(token) = Token::decode(token).filter(|token| token.expires_at > now) else {
            return self.close(connection, CloseCode::Unauthorized);
        };
        let viewer = self.viewer(token);
        let Some(session) = self.sessions.get_mut(&connection) else {
            return Vec::new();
        };
        coverage.hit(Path::Renewed);
        session.expires_at = token.expires_at;
        session.expired = false;
        let renewed = Renewed {
            now,
            expires_at: token.expires_at,
            modules: token.modules(),
            view: viewer.view().clone(),
        };
        let mut sent = vec![(connection, Down::Frame(Frame::Renewed(renewed), Raw::Other))];
        if let Some(refresh) = session.cursor.renewed(viewer, self.log.bounds()) {
            coverage.refreshed(refresh.reason);
            sent.push((connection, refresh_frame(refresh)));
        }
        sent
    }

    fn command(
        &mut self,
        now: Millis,
        connection: Connection,
        command: Command,
        coverage: &mut Coverage,
    ) -> Vec<(Connection, Down)> {
        if !self.sessions.contains_key(&connection) {
            return Vec::new();
        }
        let outcome = match self.dedupe.admit(now, &user(), &command) {
            Admission::Answer(outcome) => {
                if matches!(outcome, Outcome::Done { .. }) {
                    coverage.hit(Path::CommandDeduped);
                }
                outcome
            }
            Admission::Running => unreachable!("the model runs a command at once"),
            Admission::Run => {
                let outcome = if command.event_type.as_str() == "order_created" {
                    let event = Stored {
                        module: module("orders"),
                        only_for: None,
                        command: Some(command.id.clone()),
                    };
                    let id = self.log.append(event);
                    Outcome::Done {
                        event: Some((self.log.bounds().epoch.clone(), id)),
                        result: None,
                    }
                } else {
                    Outcome::refused(NackCode::UnknownType, "type: there is none of this name")
                };
                self.dedupe.settle(&user(), &command.id, outcome.clone());
                outcome
            }
        };
        let raw = match outcome {
            Outcome::Done {
                event: Some((epoch, id)),
                ..
            } => Raw::Ack { epoch, id },
            Outcome::Done { event: None, .. } => Raw::Other,
            Outcome::Failed { executed, .. } => Raw::Nack { executed },
        };
        vec![(
            connection,
            Down::Frame(Frame::Outcome { id: command.id }, raw),
        )]
    }

    pub(crate) fn ping(&mut self, connection: Connection) -> Vec<(Connection, Down)> {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return Vec::new();
        };
        let cursor::Ping { prev, up_to } = session.cursor.ping();
        let moving = Moving {
            prev,
            position: up_to,
            kind: Kind::Ping(None),
        };
        vec![(connection, Down::Frame(Frame::Moving(moving), Raw::Other))]
    }

    /// Writes what a session has not written yet, a page at a time. True when there is more.
    pub(crate) fn write(
        &mut self,
        now: Millis,
        connection: Connection,
        coverage: &mut Coverage,
    ) -> (Vec<(Connection, Down)>, bool) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return (Vec::new(), false);
        };
        session.expired |= session.expires_at <= now;
        let mut sent = Vec::new();
        if session.expired {
            if now.since(session.expires_at) > Millis(2_000) {
                coverage.hit(Path::Expired);
                sent = self.close(connection, CloseCode::Unauthorized);
            }
            return (sent, false);
        }
        for _ in 0..self.swarm.page {
            let (frame, raw) = match session.cursor.next(&self.log) {
                None => return (sent, false),
                Some(Output::Event { id, prev, event }) => {
                    let moving = Moving {
                        prev,
                        position: id,
                        kind: Kind::Event(event.module.clone()),
                    };
                    (
                        Frame::Moving(moving),
                        Raw::Event {
                            epoch: self.log.bounds().epoch.clone(),
                            id,
                        },
                    )
                }
                Some(Output::Synced(synced)) => {
                    let kind = Kind::Synced(synced.reference);
                    (
                        Frame::Moving(Moving {
                            prev: synced.prev,
                            position: synced.up_to,
                            kind,
                        }),
                        Raw::Other,
                    )
                }
                Some(Output::FullRefresh(refresh)) => {
                    coverage.refreshed(refresh.reason);
                    sent.push((connection, refresh_frame(refresh)));
                    continue;
                }
            };
            sent.push((connection, Down::Frame(frame, raw)));
        }
        (sent, true)
    }

    pub(crate) fn close(
        &mut self,
        connection: Connection,
        code: CloseCode,
    ) -> Vec<(Connection, Down)> {
        self.gone(connection);
        let bye = Bye {
            code: code.code(),
            retry: true,
            after_ms: None,
        };
        vec![
            (connection, Down::Frame(Frame::Bye(bye), Raw::Other)),
            (connection, Down::Close(code.code())),
        ]
    }
}

fn refresh_frame(refresh: cursor::Refresh) -> Down {
    let refresh = Refresh {
        reason: refresh.reason,
        epoch: refresh.epoch,
        view: refresh.view,
        at: refresh.at,
        reference: refresh.reference,
        spread_ms: 500,
    };
    Down::Frame(Frame::FullRefresh(Box::new(refresh)), Raw::Other)
}

fn socket_id(connection: Connection) -> SocketId {
    SocketId::new(&connection.to_string())
}

fn connection_of(socket: &SocketId) -> Connection {
    socket.as_str().parse().expect("made by socket_id")
}

pub(crate) fn device(browser: usize) -> Device {
    Device::new(&format!("d_{browser}")).expect("a name")
}
