//! The model of the server: the real session, policy and dedupe code over the model's log, without sockets or clocks.

mod commands;
mod hello;
mod registry;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use tabwire_client::core::{Frame, Kind, Moving, Refresh, Renewed};
use tabwire_protocol::{
    Bye, ClientFrame, CloseCode, Command, Millis, Module, Position, RequestSync, ShopId, UserId,
    View,
};
use tabwire_server::{
    command::dedupe::Dedupe,
    session::cursor::{self, LogBounds, Output, SessionCursor, Stretch as _, Viewer},
};

use crate::{
    coverage::{Coverage, Path},
    log::{Log, Stored},
    raw::Raw,
    swarm::Swarm,
};

use registry::Registry;
pub(crate) use token::Token;

/// Names a connection, for the time of a run.
pub(crate) type Connection = u32;
pub(crate) type NodeId = usize;

/// How long after its token's end a session is closed, in milliseconds.
const EXPIRY_GRACE_MS: u64 = 2_000;
/// What the back end remembers of commands: none is forgotten in a run for want of room.
const COMMANDS_MAX: usize = 100_000;

/// What the server does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Send(Connection, Down),
    /// The session may have to be closed at this time.
    Look(Connection, Millis),
    /// A node has another close a session: it hears of it a little later.
    Kick(Connection, CloseCode),
}

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
    pub(crate) nodes: Vec<Node>,
    pub(crate) coverage: Coverage,
    pub(crate) registry: Registry,
    sessions: BTreeMap<Connection, Session>,
    dedupe: Dedupe,
    acts: Vec<Act>,
    swarm: Swarm,
}

/// A process of the server.
pub(crate) struct Node {
    pub(crate) up: bool,
    /// It says "try again later" to all.
    pub(crate) busy: bool,
    /// It accepts connections and does not answer.
    pub(crate) mute: bool,
    /// The log as far as this node has heard.
    pub(crate) bounds: LogBounds,
}

struct Session {
    node: NodeId,
    user: UserId,
    cursor: SessionCursor,
    expires_at: Millis,
    /// Nothing is written after the token's end.
    expired: bool,
    heard_at: Millis,
    /// Commands that came after the token's end.
    waiting: Vec<Command>,
}

pub(crate) fn user(index: usize) -> UserId {
    UserId::new(&format!("u_{}", 101 + index)).expect("a name")
}

pub(crate) fn module(name: &str) -> Module {
    Module::new(name).expect("a name")
}

fn shop() -> ShopId {
    ShopId::new("s_1").expect("a name")
}

/// The types as a node's version has them: the second version has moved one and added another.
pub(crate) fn module_of(node: NodeId, event_type: &str) -> Option<Module> {
    match (event_type, node) {
        ("order_created", _) => Some(module("orders")),
        ("chat_message", _) => Some(module("chat")),
        ("note_added", 0) => Some(module("orders")),
        ("note_added", _) => Some(module("chat")),
        ("order_shipped", 1) => Some(module("orders")),
        _ => None,
    }
}

impl Server {
    pub(crate) fn new(swarm: &Swarm) -> Self {
        let log = Log::new(swarm.retention);
        let node = |_| Node {
            up: true,
            busy: false,
            mute: false,
            bounds: log.bounds().clone(),
        };
        Self {
            nodes: (0..swarm.nodes).map(node).collect(),
            viewers: BTreeMap::new(),
            coverage: Coverage::default(),
            registry: Registry::new(swarm.rejects),
            sessions: BTreeMap::new(),
            dedupe: Dedupe::new(COMMANDS_MAX, COMMANDS_MAX),
            acts: Vec::new(),
            swarm: swarm.clone(),
            log,
        }
    }

    /// What is to be done for what was heard.
    pub(crate) fn acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// A process ends, and its connections with it.
    pub(crate) fn stop(&mut self, node: NodeId) {
        self.nodes[node].up = false;
        self.sessions.retain(|_, session| session.node != node);
    }

    /// All that was kept is gone: another log begins.
    pub(crate) fn lose_log(&mut self) {
        self.log.lose();
        self.dedupe = Dedupe::new(COMMANDS_MAX, COMMANDS_MAX);
        self.registry.lose();
    }

    /// A process begins, with the log as it is.
    pub(crate) fn start(&mut self, node: NodeId) {
        self.nodes[node].up = true;
        self.hear_of_log(node);
    }

    /// A node hears how far the log is.
    pub(crate) fn hear_of_log(&mut self, node: NodeId) {
        self.nodes[node].bounds = self.log.bounds().clone();
    }

    /// The node that a new connection comes to, if one is up.
    pub(crate) fn node_for(&self, choice: u64) -> Option<NodeId> {
        let up: Vec<NodeId> = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].up)
            .collect();
        let index = (choice % up.len().max(1) as u64) as usize;
        up.get(index).copied()
    }

    pub(crate) fn connections(&self, node: Option<NodeId>) -> Vec<Connection> {
        self.sessions
            .iter()
            .filter(|(_, session)| node.is_none_or(|node| node == session.node))
            .map(|(connection, _)| *connection)
            .collect()
    }

    /// How many connections a user has.
    pub(crate) fn sessions_of(&self, user: &UserId) -> usize {
        let sessions = self.sessions.values();
        sessions.filter(|session| session.user == *user).count()
    }

    pub(crate) fn has(&self, connection: Connection) -> bool {
        self.sessions.contains_key(&connection)
    }

    /// The connection is gone, as the server sees it.
    pub(crate) fn gone(&mut self, connection: Connection) {
        if let Some(session) = self.sessions.remove(&connection) {
            self.registry.release(&session.user, connection);
        }
    }

    /// A frame from a client.
    pub(crate) fn receive(
        &mut self,
        now: Millis,
        (node, connection): (NodeId, Connection),
        frame: ClientFrame,
        lives: impl Fn(Connection) -> bool,
    ) {
        if self.nodes[node].busy {
            return self.close(connection, CloseCode::TryLater);
        }
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.heard_at = now;
        }
        match frame {
            ClientFrame::Hello(hello) => self.hello(now, node, connection, hello, lives),
            ClientFrame::RequestSync(request) => self.request_sync(connection, &request),
            ClientFrame::Command(command) => self.command(now, connection, command),
            ClientFrame::Renew { token } => self.renew(now, connection, &token),
            ClientFrame::Ping => self.ping(now, connection),
            ClientFrame::Pong { .. } => {}
        }
    }

    /// What a node reads the log by for a position: what it has heard, or the log itself for what it has not heard of.
    fn bounds_for(&mut self, node: NodeId, last: Option<Position>) -> LogBounds {
        let heard = &self.nodes[node].bounds;
        match last {
            Some(last) if !(heard.floor..=heard.head).contains(&last) => self.log.bounds().clone(),
            _ => {
                if heard.head < self.log.bounds().head {
                    self.coverage.hit(Path::NodeLagged);
                }
                heard.clone()
            }
        }
    }

    fn request_sync(&mut self, connection: Connection, request: &RequestSync) {
        let Some(node) = self.sessions.get(&connection).map(|session| session.node) else {
            return;
        };
        let bounds = self.bounds_for(node, Some(request.cursor.last));
        let session = self.sessions.get_mut(&connection).expect("just found");
        let asked = session.cursor.request_sync(
            &request.cursor,
            request.reference,
            &self.log.seen(&bounds),
            self.swarm.max_replay,
        );
        match asked {
            Ok(None) => {}
            Ok(Some(refresh)) => {
                self.coverage.hit(Path::RepairRefused);
                self.coverage.refreshed(refresh.reason);
                self.send(connection, refresh_frame(refresh));
            }
            Err(_) => self.close(connection, CloseCode::Malformed),
        }
    }

    fn viewer(&mut self, token: &Token) -> Viewer {
        let viewer = Viewer::new(
            &shop(),
            token.user.clone(),
            BTreeSet::from_iter(token.modules()),
        );
        self.viewers.insert(viewer.view().clone(), viewer.clone());
        viewer
    }

    fn renew(&mut self, now: Millis, connection: Connection, token: &str) {
        let Some(session) = self.sessions.get(&connection) else {
            return;
        };
        let token = Token::decode(token).filter(|token| {
            token.expires_at > now && token.user == session.user && !self.registry.denies(token)
        });
        let Some(token) = token else {
            return self.close(connection, CloseCode::Unauthorized);
        };
        // Whoever has the user's socket by now closes this one; it is not told another reason.
        if !self.registry.holds(&token.user, connection) {
            return;
        }
        let viewer = self.viewer(&token);
        let session = self.sessions.get_mut(&connection).expect("just found");
        self.coverage.hit(Path::Renewed);
        session.expires_at = token.expires_at;
        session.expired = false;
        let refresh = session
            .cursor
            .renewed(viewer.clone(), &self.nodes[session.node].bounds);
        let waiting = std::mem::take(&mut session.waiting);
        let renewed = Renewed {
            now,
            expires_at: token.expires_at,
            modules: token.modules(),
            view: viewer.view().clone(),
        };
        self.send(connection, Down::Frame(Frame::Renewed(renewed), Raw::Other));
        if let Some(refresh) = refresh {
            self.coverage.refreshed(refresh.reason);
            self.send(connection, refresh_frame(refresh));
        }
        self.ends_with_token(connection, token.expires_at);
        for command in waiting {
            self.command(now, connection, command);
        }
    }

    fn ends_with_token(&mut self, connection: Connection, expires_at: Millis) {
        let end = expires_at.plus(Millis(EXPIRY_GRACE_MS + 1));
        self.acts.push(Act::Look(connection, end));
    }

    pub(crate) fn ping(&mut self, now: Millis, connection: Connection) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let cursor::Ping { prev, up_to } = session.cursor.ping();
        let moving = Moving {
            prev,
            position: up_to,
            kind: Kind::Ping(Some(now)),
        };
        self.send(connection, Down::Frame(Frame::Moving(moving), Raw::Other));
    }

    /// Closes a session that was silent for two ping periods.
    pub(crate) fn hear_silence(&mut self, now: Millis, connection: Connection) {
        if let Some(session) = self.sessions.get(&connection)
            && now.since(session.heard_at) >= Millis(2 * self.swarm.ping)
        {
            self.coverage.hit(Path::ClientSilent);
            self.close(connection, CloseCode::Timeout);
        }
    }

    /// Writes what a session has not written yet, a page at a time. True when there is more.
    pub(crate) fn write(&mut self, now: Millis, connection: Connection) -> bool {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return false;
        };
        session.expired |= session.expires_at <= now;
        if session.expired {
            if now.since(session.expires_at) > Millis(EXPIRY_GRACE_MS) {
                self.coverage.hit(Path::Expired);
                self.close(connection, CloseCode::Unauthorized);
            }
            return false;
        }
        let seen = self.log.seen(&self.nodes[session.node].bounds);
        for _ in 0..self.swarm.page {
            let down = match session.cursor.next(&seen) {
                None => return false,
                Some(Output::Event { id, prev, event }) => {
                    let moving = Moving {
                        prev,
                        position: id,
                        kind: Kind::Event(event.module.clone()),
                    };
                    let raw = Raw::Event {
                        epoch: seen.bounds().epoch.clone(),
                        id,
                        view: session.cursor.viewer().view().clone(),
                        user: session.user.clone(),
                    };
                    Down::Frame(Frame::Moving(moving), raw)
                }
                Some(Output::Synced(synced)) => {
                    let moving = Moving {
                        prev: synced.prev,
                        position: synced.up_to,
                        kind: Kind::Synced(synced.reference),
                    };
                    Down::Frame(Frame::Moving(moving), Raw::Other)
                }
                Some(Output::FullRefresh(refresh)) => {
                    self.coverage.refreshed(refresh.reason);
                    refresh_frame(refresh)
                }
            };
            self.acts.push(Act::Send(connection, down));
        }
        true
    }

    /// Says why, and closes.
    pub(crate) fn close(&mut self, connection: Connection, code: CloseCode) {
        let path = match code {
            CloseCode::Superseded => Some(Path::Superseded),
            CloseCode::Replaced => Some(Path::Replaced),
            CloseCode::Unauthorized => Some(Path::Unauthorized),
            CloseCode::TryLater => Some(Path::TriedLater),
            _ => None,
        };
        self.coverage.add_if(path);
        self.close_after(connection, code, None);
    }

    /// Says why and for how long to stay away, and closes.
    pub(crate) fn close_after(
        &mut self,
        connection: Connection,
        code: CloseCode,
        after_ms: Option<u64>,
    ) {
        self.gone(connection);
        let bye = Bye {
            code: code.code(),
            retry: true,
            after_ms,
        };
        self.send(connection, Down::Frame(Frame::Bye(bye), Raw::Other));
        self.send(connection, Down::Close(bye.code));
    }

    /// The operator closes a user's session, and refuses the tokens given until now.
    pub(crate) fn revoke(&mut self, now: Millis, user: &UserId) {
        if let Some(connection) = self.registry.deny(now, user) {
            self.close_after(connection, CloseCode::Kicked, None);
        }
    }

    pub(crate) fn append(&mut self, event: Stored) {
        self.log.append(event);
    }

    fn send(&mut self, connection: Connection, down: Down) {
        self.acts.push(Act::Send(connection, down));
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
