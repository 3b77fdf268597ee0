//! The model of the registry: the last grant of each user, and whose tokens are refused. All nodes share it.

use std::collections::BTreeMap;

use tabwire_protocol::{CloseCode, Millis, UserId};
use tabwire_server::registry::policy::{Concurrency, Decision, Grant, Newcomer, SocketId, decide};

use super::{Connection, Token};

/// The grants and denials.
pub(crate) struct Registry {
    policy: Concurrency,
    grants: BTreeMap<UserId, Grant>,
    denials: BTreeMap<UserId, Millis>,
    /// When a user's connections last got into each other's way.
    fought_at: BTreeMap<UserId, Millis>,
}

/// What came of a claim.
pub(super) enum Claimed {
    Granted {
        claim: u64,
        closes: Option<(Connection, CloseCode)>,
    },
    Refused(CloseCode),
}

impl Registry {
    pub(super) fn new(rejects: bool) -> Self {
        Self {
            policy: if rejects {
                Concurrency::Reject
            } else {
                Concurrency::Replace
            },
            grants: BTreeMap::new(),
            denials: BTreeMap::new(),
            fought_at: BTreeMap::new(),
        }
    }

    pub(super) fn lose(&mut self) {
        self.grants.clear();
        self.denials.clear();
    }

    /// Asks for the user's socket. A socket that has it is probed where the policy says so.
    pub(super) fn claim(
        &mut self,
        now: Millis,
        user: &UserId,
        newcomer: &Newcomer,
        connection: Connection,
        lives: impl Fn(Connection) -> bool,
    ) -> Claimed {
        let last = self.grants.get(user);
        let mut decision = decide(self.policy, last, newcomer, None);
        if let Decision::Probe(socket) = &decision {
            decision = if lives(connection_of(socket)) {
                Decision::Refuse(CloseCode::Rejected)
            } else {
                decide(self.policy, last, newcomer, Some(socket))
            };
        }
        let (claim, closes) = match decision {
            Decision::Grant { claim, closes } => (claim, closes),
            Decision::Refuse(code) => {
                self.fought_at.insert(user.clone(), now);
                return Claimed::Refused(code);
            }
            Decision::Probe(_) => unreachable!("a dead socket is not probed again"),
        };
        let grant = Grant {
            device: newcomer.device.clone(),
            claim,
            at: now,
            socket: Some(SocketId::new(&connection.to_string())),
        };
        self.grants.insert(user.clone(), grant);
        let closes = closes.map(|(socket, code)| (connection_of(&socket), code));
        if closes.is_some() {
            self.fought_at.insert(user.clone(), now);
        }
        Claimed::Granted { claim, closes }
    }

    /// When a user's connections last got into each other's way.
    pub(crate) fn fought_at(&self, user: &UserId) -> Option<Millis> {
        self.fought_at.get(user).copied()
    }

    pub(super) fn holds(&self, user: &UserId, connection: Connection) -> bool {
        self.holder(user) == Some(connection)
    }

    fn holder(&self, user: &UserId) -> Option<Connection> {
        let socket = self.grants.get(user)?.socket.as_ref()?;
        Some(connection_of(socket))
    }

    pub(super) fn release(&mut self, user: &UserId, connection: Connection) {
        if self.holds(user, connection)
            && let Some(grant) = self.grants.get_mut(user)
        {
            grant.socket = None;
        }
    }

    /// Refuses the tokens given to a user until now; the connection that is to be closed.
    pub(super) fn deny(&mut self, now: Millis, user: &UserId) -> Option<Connection> {
        self.denials.insert(user.clone(), now);
        self.holder(user)
    }

    pub(super) fn denies(&self, token: &Token) -> bool {
        (self.denials.get(&token.user)).is_some_and(|denied_at| token.issued_at <= *denied_at)
    }
}

fn connection_of(socket: &SocketId) -> Connection {
    socket.as_str().parse().expect("made from a connection")
}
