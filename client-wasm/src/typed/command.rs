//! Commands, and what comes of them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tabwire_protocol::Executed;
use wasm_bindgen::JsValue;

use super::{
    codec,
    error::{CommandError, CommandErrorCode, TabwireError},
};

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// The server keeps a command's record no longer.
const TIMEOUT_MS_MAX: u128 = 300_000;

/// A Rust type that is the payload of one type of command.
///
/// ```
/// use serde::Serialize;
/// use tabwire_client::typed::CommandType;
///
/// #[derive(Serialize)]
/// struct ChatMessage<'a> {
///     text: &'a str,
/// }
///
/// impl CommandType for ChatMessage<'_> {
///     const TYPE: &'static str = "chat_message";
/// }
/// ```
pub trait CommandType: Serialize {
    /// The command's type on the wire.
    const TYPE: &'static str;
}

/// How a command is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendOptions {
    /// How long the command may take, from 1 ms to 5 minutes. 10 s if nothing else is said.
    pub timeout: Duration,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT_DEFAULT,
        }
    }
}

impl SendOptions {
    /// The command may take so long.
    pub const fn within(timeout: Duration) -> Self {
        Self { timeout }
    }

    pub(crate) fn timeout_ms(self) -> Option<u64> {
        let ms = self.timeout.as_millis();
        (1..=TIMEOUT_MS_MAX).contains(&ms).then_some(ms as u64)
    }
}

/// A command was done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ack {
    /// The event it became.
    pub event_id: Option<u64>,
    /// The epoch that the id belongs to.
    pub epoch: Option<String>,
    pub(crate) result: JsValue,
    pub(crate) command_type: &'static str,
}

impl Ack {
    /// What the app's back end answered, if it did.
    ///
    /// # Errors
    /// [`TabwireError::Result`] when it is no `T`.
    pub fn result<T: DeserializeOwned>(&self) -> Result<Option<T>, TabwireError> {
        if self.result.is_undefined() {
            return Ok(None);
        }
        codec::read(self.result.clone())
            .map(Some)
            .map_err(|message| TabwireError::Result {
                command_type: self.command_type,
                message,
            })
    }
}

type Outcome = Result<Ack, TabwireError>;

/// A command that is on its way. It was sent when this was made; dropping it does not call it back.
#[must_use = "what comes of a command is only known to who awaits it"]
pub struct Sending {
    pending: Rc<Pending>,
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("command_type", &self.pending.command_type)
            .field("id", &self.pending.id)
            .finish_non_exhaustive()
    }
}

impl Sending {
    /// The command's id: the `command_id` of the event that it becomes. None when it was refused before it was sent.
    pub fn id(&self) -> Option<&str> {
        self.pending.id.as_deref()
    }
}

impl Future for Sending {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        match self.pending.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                self.pending.waker.set(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

struct Pending {
    id: Option<String>,
    command_type: &'static str,
    outcome: Cell<Option<Outcome>>,
    waker: Cell<Option<Waker>>,
}

impl Pending {
    fn settle(&self, outcome: Outcome) {
        self.outcome.set(Some(outcome));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// What the server or the machine said of a command.
pub(crate) enum Answer {
    Done {
        event_id: Option<u64>,
        epoch: Option<String>,
        result: JsValue,
    },
    Failed {
        code: CommandErrorCode,
        executed: Executed,
        message: Option<String>,
    },
}

impl Answer {
    pub(crate) fn not_sent(code: CommandErrorCode, message: Option<String>) -> Self {
        Self::Failed {
            code,
            executed: Executed::No,
            message,
        }
    }

    fn outcome(self, command_type: &'static str) -> Outcome {
        match self {
            Self::Done {
                event_id,
                epoch,
                result,
            } => Ok(Ack {
                event_id,
                epoch,
                result,
                command_type,
            }),
            Self::Failed {
                code,
                executed,
                message,
            } => Err(CommandError {
                command_type,
                code,
                executed,
                message,
            }
            .into()),
        }
    }
}

/// The commands that wait for an answer, by id. The machine bounds them.
#[derive(Default)]
pub(crate) struct Commands {
    waiting: RefCell<BTreeMap<String, Rc<Pending>>>,
}

impl Commands {
    /// A command that the machine knows by this id.
    pub(crate) fn wait(&self, command_type: &'static str, id: String) -> Sending {
        let sending = Self::sending(command_type, Some(id.clone()), None);
        let pending = Rc::clone(&sending.pending);
        self.waiting.borrow_mut().insert(id, pending);
        sending
    }

    /// A command that was answered before it was sent.
    pub(crate) fn answered(command_type: &'static str, answer: Answer) -> Sending {
        Self::sending(command_type, None, Some(answer.outcome(command_type)))
    }

    pub(crate) fn settled(&self, id: &str, answer: Answer) {
        let pending = self.waiting.borrow_mut().remove(id);
        if let Some(pending) = pending {
            pending.settle(answer.outcome(pending.command_type));
        }
    }

    /// Nothing will be answered any more.
    pub(crate) fn end(&self) {
        for pending in self.waiting.take().into_values() {
            let answer = Answer::Failed {
                code: CommandErrorCode::Closed,
                executed: Executed::Unknown,
                message: Some("the client was dropped".to_owned()),
            };
            pending.settle(answer.outcome(pending.command_type));
        }
    }

    fn sending(
        command_type: &'static str,
        id: Option<String>,
        outcome: Option<Outcome>,
    ) -> Sending {
        Sending {
            pending: Rc::new(Pending {
                id,
                command_type,
                outcome: Cell::new(outcome),
                waker: Cell::new(None),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_from_a_millisecond_to_five_minutes() {
        let within = |ms| SendOptions::within(Duration::from_millis(ms)).timeout_ms();
        assert_eq!(within(0), None);
        assert_eq!(within(1), Some(1));
        assert_eq!(within(300_000), Some(300_000));
        assert_eq!(within(300_001), None);
        assert_eq!(SendOptions::default().timeout_ms(), Some(10_000));
    }
}
