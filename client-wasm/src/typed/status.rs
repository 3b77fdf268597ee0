//! How the client is.

use crate::core::{Reason, Role, State};

/// How the client is. Compare two of them to see whether anything has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether events come.
    pub state: State,
    /// What this tab does in its group.
    pub role: Role,
    /// Why it stopped, or what is wrong.
    pub reason: Option<Reason>,
    /// When the next attempt to connect comes, in milliseconds since the Unix epoch, by the page's clock.
    pub retry_at: Option<u64>,
    /// Whose session.
    pub user_id: Option<String>,
    /// Of which shop.
    pub shop_id: Option<String>,
    /// What the session is entitled to.
    pub modules: Vec<String>,
}

impl Status {
    /// On a server that renders pages, and until the first word of the machine.
    pub(crate) const IDLE: Self = Self {
        state: State::Idle,
        role: Role::None,
        reason: None,
        retry_at: None,
        user_id: None,
        shop_id: None,
        modules: Vec::new(),
    };
}
