//! What a tab tells the app about itself.

use tabwire_protocol::{CloseCode, Millis, Module, ShopId, UserId};

/// What the app may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether events come.
    pub state: State,
    /// What this tab does in its group.
    pub role: Role,
    /// Why it stopped, or what is wrong.
    pub reason: Option<Reason>,
    /// When the next attempt comes, by the page's time.
    pub retry_at: Option<Millis>,
    /// Whose session.
    pub user: Option<UserId>,
    /// Of which shop.
    pub shop: Option<ShopId>,
    /// What the session is entitled to.
    pub modules: Vec<Module>,
}

/// Whether events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not started, or away.
    Idle,
    /// On the way to the first connection.
    Connecting,
    /// Events come.
    Open,
    /// The connection was lost and will be made again.
    Reconnecting,
    /// Events come and are held until the app's state is there.
    Refreshing,
    /// Nothing comes until somebody calls `reconnect()`.
    Stopped,
}

/// What a tab does in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It owns the socket.
    Leader,
    /// It gets its events from the leader.
    Follower,
    /// It owns a socket for itself, since this browser lacks what sharing needs.
    Solo,
    /// Neither.
    None,
}

/// Why a tab stopped, or what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another device of the user has the connection now.
    Replaced,
    /// Another device of the user has the connection and keeps it.
    Rejected,
    /// The server refused three tokens in a row.
    Unauthorized,
    /// The app has no token: nobody is logged in.
    LoggedOut,
    /// The token belongs to another user than the one this client was made for.
    IdentityChanged,
    /// `close()` was called.
    Closed,
    /// The operator closed the session.
    Kicked,
    /// The server could not read what this client sent.
    Malformed,
    /// A frame was too large for the server.
    TooLarge,
    /// The server does not speak this version.
    UnsupportedVersion,
    /// The app's state could not be fetched for the fifth time; it will be tried again.
    StateFailed,
}

impl Reason {
    /// The reason for a stop with this close code. Tokens that are refused stop by their number.
    pub(crate) fn of(code: CloseCode) -> Self {
        match code {
            CloseCode::Replaced => Self::Replaced,
            CloseCode::Rejected => Self::Rejected,
            CloseCode::Kicked => Self::Kicked,
            CloseCode::Malformed => Self::Malformed,
            CloseCode::TooLarge => Self::TooLarge,
            CloseCode::Version => Self::UnsupportedVersion,
            _ => Self::Closed,
        }
    }

    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Replaced,
        Self::Rejected,
        Self::Unauthorized,
        Self::LoggedOut,
        Self::IdentityChanged,
        Self::Closed,
        Self::Kicked,
        Self::Malformed,
        Self::TooLarge,
        Self::UnsupportedVersion,
        Self::StateFailed,
    ];

    /// The reason as the app and other tabs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Rejected => "rejected",
            Self::Unauthorized => "unauthorized",
            Self::LoggedOut => "logged_out",
            Self::IdentityChanged => "identity_changed",
            Self::Closed => "closed",
            Self::Kicked => "kicked",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::UnsupportedVersion => "unsupported_version",
            Self::StateFailed => "state_failed",
        }
    }
}

/// How a leader's link is, as all tabs of the group show it. Each tab has its own clock: what they say to each other is how long
/// something takes from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// On the way to the first connection.
    Connecting,
    /// The server has welcomed the session.
    Open,
    /// The connection was lost.
    Reconnecting {
        /// When the next attempt comes; none while one is under way.
        retry_at: Option<Millis>,
        /// The server asked for this wait: nothing shortens it.
        asked: bool,
    },
    /// Nothing comes until somebody calls `reconnect()`.
    Stopped(Reason),
}

impl LinkStatus {
    /// The same with its time translated.
    pub(crate) fn by_clock(self, translate: impl FnOnce(Millis) -> Millis) -> Self {
        match self {
            Self::Reconnecting { retry_at, asked } => Self::Reconnecting {
                retry_at: retry_at.map(translate),
                asked,
            },
            other => other,
        }
    }
}
