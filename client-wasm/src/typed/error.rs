//! What goes wrong, by cause.

use std::{fmt, rc::Rc};

use tabwire_protocol::Executed;

/// Whatever the app's own functions fail with: an error type, a text, or a box of either.
pub type BoxError = Box<dyn std::error::Error>;

/// Everything that this API can fail with, by cause.
///
/// What a call fails with is returned; what fails outside of a call goes to
/// [`on_error`](super::Builder::on_error).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TabwireError {
    /// An option of the builder is wrong.
    #[error("Tabwire::builder: {option} {remedy}")]
    Option {
        /// Which.
        option: &'static str,
        /// What it has to be.
        remedy: &'static str,
    },
    /// An event came whose payload is not what the app takes its type for. The handlers of that Rust type do not see it; all
    /// others do, and the cursor moves on.
    #[error("the payload of event {id}, {event_type}, cannot be read: {message}")]
    Payload {
        /// The event's type.
        event_type: String,
        /// The event's id.
        id: u64,
        /// What serde says, with the path of the field that is wrong.
        message: String,
    },
    /// `get_token` failed; it is called again, with back-off.
    #[error("get_token failed, will be called again: {0}")]
    Token(#[source] BoxError),
    /// `fetch_state` failed; it is called again, with back-off.
    #[error("fetch_state failed, will be called again: {0}")]
    FetchState(#[source] BoxError),
    /// A command was not acknowledged.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A command was done, and what the back end answered is not what the app takes it for.
    #[error("the result of {command_type} cannot be read: {message}")]
    Result {
        /// The command's type.
        command_type: &'static str,
        /// What serde says, with the path of the field that is wrong.
        message: String,
    },
}

impl TabwireError {
    /// For a command: whether it may have taken effect.
    pub fn executed(&self) -> Option<Executed> {
        match self {
            Self::Command(error) => Some(error.executed),
            _ => None,
        }
    }
}

/// Why a command was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("send({command_type}): {code}{}", Because(.message))]
pub struct CommandError {
    /// The command's type.
    pub command_type: &'static str,
    /// Why.
    pub code: CommandErrorCode,
    /// [`Executed::No`] is certain; with [`Executed::Unknown`] the server may have done it.
    pub executed: Executed,
    /// More about why, for people.
    pub message: Option<String>,
}

struct Because<'a>(&'a Option<String>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(message) => write!(f, ", {message}"),
            None => Ok(()),
        }
    }
}

/// Why a command was not acknowledged: the server's codes, then those of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandErrorCode {
    /// The session is not entitled to the type's module, or clients may not send the type.
    Forbidden,
    /// The server has no such type.
    UnknownType,
    /// A field is wrong, or the type is not a name.
    Invalid,
    /// The id was used before with another body.
    Conflict,
    /// The deadline was over when the server read it.
    Expired,
    /// The payload is larger than the server takes.
    TooLarge,
    /// Too many commands.
    RateLimited,
    /// The log or the app's back end does not answer.
    Unavailable,
    /// No answer came in time.
    Timeout,
    /// Too many commands are waiting.
    QueueFull,
    /// The tab left, or its group stopped.
    Closed,
    /// The payload has no JSON, or the timeout is out of bounds.
    BadArgument,
    /// Nothing is sent from a server that renders pages.
    NotInBrowser,
    /// A code that this version does not know.
    Other(String),
}

impl CommandErrorCode {
    /// The code as it stands on the wire and in TypeScript.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Forbidden => "forbidden",
            Self::UnknownType => "unknown_type",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::Expired => "expired",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::QueueFull => "queue_full",
            Self::Closed => "closed",
            Self::BadArgument => "bad_argument",
            Self::NotInBrowser => "not_in_browser",
            Self::Other(code) => code,
        }
    }
}

impl From<&str> for CommandErrorCode {
    fn from(code: &str) -> Self {
        match code {
            "forbidden" => Self::Forbidden,
            "unknown_type" => Self::UnknownType,
            "invalid" => Self::Invalid,
            "conflict" => Self::Conflict,
            "expired" => Self::Expired,
            "too_large" => Self::TooLarge,
            "rate_limited" => Self::RateLimited,
            "unavailable" => Self::Unavailable,
            "timeout" => Self::Timeout,
            "queue_full" => Self::QueueFull,
            "closed" => Self::Closed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for CommandErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where what fails outside of a call is said.
#[derive(Clone)]
pub(crate) struct Errors(pub(crate) Rc<dyn Fn(&TabwireError)>);

impl Errors {
    pub(crate) fn report(&self, error: &TabwireError) {
        (self.0)(error);
    }
}

impl fmt::Debug for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Errors")
    }
}

#[cfg(test)]
mod tests {
    use tabwire_protocol::NackCode;

    use super::*;
    use crate::core::FailureReason;

    #[test]
    fn every_code_of_the_server_and_of_the_machine_has_a_variant_of_the_same_name() {
        let codes = [
            NackCode::Forbidden,
            NackCode::UnknownType,
            NackCode::Invalid,
            NackCode::Conflict,
            NackCode::Expired,
            NackCode::TooLarge,
            NackCode::RateLimited,
            NackCode::Unavailable,
        ];
        let on_the_wire = |code| match serde_json::to_value(code) {
            Ok(serde_json::Value::String(name)) => name,
            other => panic!("{other:?}"),
        };
        let reasons = FailureReason::ALL.map(|reason| reason.as_str().to_owned());
        for name in codes.map(on_the_wire).into_iter().chain(reasons) {
            let code = CommandErrorCode::from(name.as_str());
            assert_eq!(code.as_str(), name);
            assert!(!matches!(code, CommandErrorCode::Other(_)), "{name}");
        }
    }

    #[test]
    fn an_error_of_a_command_says_which_why_and_more() {
        let error = TabwireError::from(CommandError {
            command_type: "order_created",
            code: CommandErrorCode::Invalid,
            executed: Executed::No,
            message: Some("payload.total is missing".to_owned()),
        });
        assert_eq!(
            error.to_string(),
            "send(order_created): invalid, payload.total is missing"
        );
        assert_eq!(error.executed(), Some(Executed::No));
    }
}
