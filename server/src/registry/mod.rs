//! Who is connected: the one socket of each user, its record, and whose tokens are refused.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use serde::{Deserialize, Serialize};
use tabwire_protocol::{CloseCode, Device, Millis, Module, Position, ShopId, UserId};

#[cfg(feature = "test-util")]
pub mod conformance;
pub mod memory;
pub mod policy;
pub(crate) mod redis;

pub use memory::MemoryRegistry;
pub use policy::{Concurrency, SocketId};

/// The sockets of all users, of all nodes.
///
/// Whatever changes a record is fenced by its socket id: a socket that has lost its place changes nothing.
pub trait Registry: Send + Sync + 'static {
    /// Asks for the user's socket, as [`policy::decide`] says. A grant puts the record in the place of the last one.
    fn claim(
        &self,
        now: Millis,
        request: &ClaimRequest<'_>,
    ) -> impl Future<Output = Result<Claimed, RegistryUnavailable>> + Send;

    /// Says that sockets are there: whether each has its place, in order. Those that have it get their records brought up to date,
    /// and back when the registry has forgotten them, as [`policy::place`] says.
    ///
    /// After a token was renewed, and now and then.
    fn keep(
        &self,
        now: Millis,
        held: &[Held],
    ) -> impl Future<Output = Vec<Result<Standing, RegistryUnavailable>>> + Send;

    /// Takes the record of a socket that has gone. The user's claim stays for [`CLAIM_KEPT`].
    fn release(
        &self,
        now: Millis,
        session: &SessionRecord,
    ) -> impl Future<Output = Result<(), RegistryUnavailable>> + Send;

    /// Refuses the tokens that were issued to a user until now, on one device or on all, and says which socket is to be closed.
    fn deny(
        &self,
        now: Millis,
        user: &UserId,
        device: Option<&Device>,
    ) -> impl Future<Output = Result<Option<SessionRecord>, RegistryUnavailable>> + Send;

    /// The records that match, in order of their users.
    fn find(
        &self,
        now: Millis,
        query: &SessionQuery,
    ) -> impl Future<Output = Result<SessionPage, RegistryUnavailable>> + Send;
}

/// How long the claim of a user without a socket is remembered: longer than a client tries to reconnect by itself.
pub const CLAIM_KEPT: Millis = Millis(24 * 3_600_000);
/// How long a denial is remembered. A token that lives longer than this must be revoked by changing the key.
pub const DENIAL_KEPT: Millis = Millis(30 * 24 * 3_600_000);

/// The record of one socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    /// Which socket.
    pub socket: SocketId,
    /// Whose.
    pub user: UserId,
    /// Of which shop.
    pub shop: ShopId,
    /// What it is entitled to: one set for all who keep the record.
    pub modules: Arc<BTreeSet<Module>>,
    /// On which device.
    pub device: Device,
    /// Since when.
    pub connected_at: Millis,
    /// When its token was issued.
    pub issued_at: Millis,
    /// When its token ends.
    pub expires_at: Millis,
    /// The node that serves it.
    pub node: String,
    /// How far it had come when the record was brought up to date.
    pub position: Position,
}

/// A socket that was granted its user's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its record, as it should be.
    pub session: Arc<SessionRecord>,
    /// The number of its grant.
    pub claim: u64,
}

/// A connection that wants to become the user's socket.
#[derive(Clone, Copy, Debug)]
pub struct ClaimRequest<'a> {
    /// What happens when the user has a socket on another device.
    pub policy: Concurrency,
    /// Its record.
    pub session: &'a SessionRecord,
    /// The grant it had, when it reconnects by itself.
    pub claim: Option<u64>,
    /// A socket that was probed and gave no answer.
    pub dead: Option<&'a SocketId>,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The socket is the user's.
    Granted {
        /// The number of the grant.
        claim: u64,
        /// The socket that had it before, and the code it is to be closed with.
        closes: Option<(SessionRecord, CloseCode)>,
    },
    /// See whether this one lives, then claim again with it as `dead` if it doesn't.
    Probe(SessionRecord),
    /// It is to be closed with this code.
    Refused(CloseCode),
}

/// How a socket stands that was granted its user's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has it.
    Kept,
    /// It is somebody else's by now: the socket is to be closed with this code.
    Lost(CloseCode),
    /// The token was issued before its user was denied.
    Denied,
}

/// Which records to find. What is none matches all.
#[derive(Clone, Debug, Default)]
pub struct SessionQuery {
    /// Of this shop.
    pub shop: Option<ShopId>,
    /// Entitled to this module.
    pub module: Option<Module>,
    /// Of this user.
    pub user: Option<UserId>,
    /// Of users after this one.
    pub after: Option<UserId>,
    /// At most so many.
    pub limit: usize,
}

impl SessionQuery {
    /// Whether a record is one of those asked for, wherever the page begins.
    pub fn matches(&self, session: &SessionRecord) -> bool {
        self.shop.as_ref().is_none_or(|shop| *shop == session.shop)
            && self.user.as_ref().is_none_or(|user| *user == session.user)
            && (self.module.as_ref()).is_none_or(|module| session.modules.contains(module))
    }
}

/// Some of the records that match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPage {
    /// The records.
    pub sessions: Vec<SessionRecord>,
    /// Whether there are more after the last of them.
    pub more: bool,
}

/// The registry can't be read or written now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the registry is not available: {0}")]
pub struct RegistryUnavailable(pub String);
