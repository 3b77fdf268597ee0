//! What a tab reads of a server's frame. The rest of it (types, payloads, results) goes to the app as it came.

use tabwire_protocol::{
    Bye, Epoch, Millis, Module, Position, RefreshReason, Resume, ShopId, UserId, View,
};

/// A frame from the server, as far as the machine acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Answers the hello.
    Welcome(Box<Welcome>),
    /// A frame that the cursor rule judges.
    Moving(Moving),
    /// What was missed cannot be sent.
    FullRefresh(Box<Refresh>),
    /// A command was done or not: its id. What came of it is the app's to read.
    Outcome {
        /// Which command.
        id: String,
    },
    /// The newer token is in force.
    Renewed(Renewed),
    /// The last frame before the server closes.
    Bye(Bye),
    /// Something was ignored.
    Error,
}

/// An `event`, `synced` or `ping`: it ends at a position, and nothing of the view lies between `prev` and that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The position of the cursor-moving frame written before.
    pub prev: Position,
    /// `id` or `upTo`.
    pub position: Position,
    /// Which of the three.
    pub kind: Kind,
}

/// What a frame that moves the cursor is besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event of this module.
    Event(Module),
    /// The end of a replay, with the `ref` of the request that it answers.
    Synced(Option<u64>),
    /// A heartbeat, and what time the server has.
    Ping(Option<Millis>),
}

/// Answers the hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Whose socket.
    pub user: UserId,
    /// Of which shop.
    pub shop: ShopId,
    /// What the session is entitled to.
    pub modules: Vec<Module>,
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// What comes next.
    pub resume: Resume,
    /// Where live frames start.
    pub at: Position,
    /// The number of this grant.
    pub claim: u64,
    /// The server's clock.
    pub now: Millis,
    /// When the token ends, by the server's clock.
    pub expires_at: Millis,
    /// How often the server pings.
    pub ping_ms: u64,
    /// The largest frame that the server takes.
    pub max_frame: u64,
}

/// Fetch the state, then go on from `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Why.
    pub reason: RefreshReason,
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// Where live frames start.
    pub at: Position,
    /// The `ref` of the request that this answers.
    pub reference: Option<u64>,
    /// Wait a random part of this before fetching.
    pub spread_ms: u64,
}

/// The newer token is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The server's clock.
    pub now: Millis,
    /// When the token ends, by the server's clock.
    pub expires_at: Millis,
    /// What the session is entitled to.
    pub modules: Vec<Module>,
    /// What the session may see.
    pub view: View,
}

/// A frame as it came, for the app and for other tabs: the browser's string and what it parsed from it.
///
/// The machine passes it on and keeps it in the ring; it never looks inside.
pub trait Raw: Clone {
    /// About how many bytes it holds on to.
    fn size(&self) -> usize;
}
