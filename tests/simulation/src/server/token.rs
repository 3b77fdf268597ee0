//! The model of a token.

use tabwire_protocol::{Millis, Module, UserId};

use super::module;

/// For whom a token is, when it was given and when it ends, and for which modules.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) user: UserId,
    pub(crate) issued_at: Millis,
    pub(crate) expires_at: Millis,
    pub(crate) chat: bool,
}

impl Token {
    pub(crate) fn encode(&self) -> String {
        let Self {
            user,
            issued_at,
            expires_at,
            chat,
        } = self;
        format!("{user} {} {} {chat}", issued_at.0, expires_at.0)
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(' ').collect();
        let [user, issued_at, expires_at, chat] = parts[..] else {
            return None;
        };
        Some(Self {
            user: UserId::new(user).ok()?,
            issued_at: Millis(issued_at.parse().ok()?),
            expires_at: Millis(expires_at.parse().ok()?),
            chat: chat.parse().ok()?,
        })
    }

    pub(super) fn modules(&self) -> Vec<Module> {
        let all: &[&str] = if self.chat {
            &["orders", "chat"]
        } else {
            &["orders"]
        };
        all.iter().map(|name| module(name)).collect()
    }
}
