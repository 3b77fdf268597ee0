//! Close codes: why a socket ended, and what the client does about it.

/// Why a socket was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1000: closed by the client.
    Normal,
    /// 1012: the server restarts.
    Restart,
    /// 1013: the server is busy or its log cannot be read.
    TryLater,
    /// 4400: a frame was malformed or came out of order.
    Malformed,
    /// 4401: the token is missing, invalid, expired, revoked or for another user.
    Unauthorized,
    /// 4403: closed by the operator.
    Kicked,
    /// 4408: no hello in time, or silent for two ping periods.
    Timeout,
    /// 4409: replaced by another device of the user.
    Replaced,
    /// 4410: another device of the user is connected and the policy is to reject.
    Rejected,
    /// 4411: a newer connection of the same device took over.
    Superseded,
    /// 4413: a frame was larger than the server takes.
    TooLarge,
    /// 4426: the version of the wire format is not supported.
    Version,
    /// 4429: too many frames.
    TooMany,
    /// Any other code.
    Other(u16),
}

/// What a client does after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It stops in all tabs until somebody calls `reconnect()`.
    Stop,
    /// It connects again, after the wait the server asked for or its own backoff.
    Retry,
    /// It asks the app for a token, then connects again; it stops after three refusals in a row.
    NewToken,
    /// The tab that held the socket stops leading; nothing is said to the others.
    Demote,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Restart => 1012,
            Self::TryLater => 1013,
            Self::Malformed => 4400,
            Self::Unauthorized => 4401,
            Self::Kicked => 4403,
            Self::Timeout => 4408,
            Self::Replaced => 4409,
            Self::Rejected => 4410,
            Self::Superseded => 4411,
            Self::TooLarge => 4413,
            Self::Version => 4426,
            Self::TooMany => 4429,
            Self::Other(code) => code,
        }
    }

    /// The close code with this number.
    pub const fn from_code(code: u16) -> Self {
        match code {
            1000 => Self::Normal,
            1012 => Self::Restart,
            1013 => Self::TryLater,
            4400 => Self::Malformed,
            4401 => Self::Unauthorized,
            4403 => Self::Kicked,
            4408 => Self::Timeout,
            4409 => Self::Replaced,
            4410 => Self::Rejected,
            4411 => Self::Superseded,
            4413 => Self::TooLarge,
            4426 => Self::Version,
            4429 => Self::TooMany,
            other => Self::Other(other),
        }
    }

    /// What a client does after this close.
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::Normal
            | Self::Malformed
            | Self::Kicked
            | Self::Replaced
            | Self::Rejected
            | Self::TooLarge
            | Self::Version => Reaction::Stop,
            Self::Restart | Self::TryLater | Self::Timeout | Self::TooMany | Self::Other(_) => {
                Reaction::Retry
            }
            Self::Unauthorized => Reaction::NewToken,
            Self::Superseded => Reaction::Demote,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_the_way_there_and_back() {
        for code in 0..=u16::MAX {
            assert_eq!(CloseCode::from_code(code).code(), code);
        }
    }
}
