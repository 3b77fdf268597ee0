//! The log of each shop: events with ids that are +1 per event.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use tabwire_protocol::{
    Epoch, Event, EventType, Millis, Module, Position, RawJson, Scope, ServerFrame, ShopId, UserId,
};

use crate::{
    frame::Frame,
    session::cursor::{LogBounds, Routed, Stretch},
};

#[cfg(feature = "test-util")]
pub mod conformance;
pub mod memory;
pub(crate) mod redis;

pub use memory::MemoryLog;

/// The logs of all shops.
///
/// The time is an argument, so that a log in memory needs no clock; a backend with a clock of its own may ignore it.
pub trait EventLog: Send + Sync + 'static {
    /// What [`Self::subscribe`] gives.
    type Notices: Notices;

    /// Appends an event. The same key and event within [`KEY_KEPT`] is the same append: it gets the same receipt.
    fn append(
        &self,
        now: Millis,
        shop: &ShopId,
        event: NewEvent,
        key: Option<Key<'_>>,
    ) -> impl Future<Output = Result<Receipt, AppendError>> + Send;

    /// Appends events one after the other, as [`Self::append`] does with each.
    ///
    /// After one that the log did not take the rest is not tried, since it would come to be in another order: there are fewer outcomes
    /// than events then.
    fn append_all(
        &self,
        now: Millis,
        shop: &ShopId,
        events: Vec<(NewEvent, Option<Key<'_>>)>,
    ) -> impl Future<Output = Vec<Result<Receipt, AppendError>>> + Send {
        async move {
            let mut outcomes = Vec::with_capacity(events.len());
            for (event, key) in events {
                let outcome = self.append(now, shop, event, key).await;
                let is_last = outcome.as_ref().is_err_and(AppendError::is_of_the_log);
                outcomes.push(outcome);
                if is_last {
                    break;
                }
            }
            outcomes
        }
    }

    /// Reads at most `limit` events after a position, and the bounds at that moment. A page that doesn't start right after the
    /// position would be a page with a hole: when the position is before the floor or after the head, it is empty.
    fn read(
        &self,
        now: Millis,
        shop: &ShopId,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Page, LogUnavailable>> + Send;

    /// What became of an append with a key.
    fn recall(
        &self,
        now: Millis,
        shop: &ShopId,
        key: Key<'_>,
    ) -> impl Future<Output = Result<Recalled, LogUnavailable>> + Send;

    /// Ends a log that contradicts what was read from it before: something of it was lost or put back. What is appended from now
    /// on is another log, above every position that was seen. Nothing happens when the log is another one already.
    fn renounce(
        &self,
        shop: &ShopId,
        epoch: &Epoch,
    ) -> impl Future<Output = Result<(), LogUnavailable>> + Send;

    /// What is missing for this log to be of use, if anything is.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Follows a shop from now on: each append, or a gap where notices were lost.
    fn subscribe(
        &self,
        now: Millis,
        shop: &ShopId,
    ) -> impl Future<Output = Result<Self::Notices, LogUnavailable>> + Send;
}

/// What has happened in a shop, in order.
pub trait Notices: Send + 'static {
    /// The next notice. None when there will be no more: the follower subscribes anew.
    ///
    /// Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Option<Notice>> + Send;
}

/// What a follower of a shop is told.
#[derive(Clone, Debug)]
pub enum Notice {
    /// An event was appended to the log of this epoch.
    Appended(Epoch, Arc<Stored>),
    /// Notices were lost: read the log.
    Gap,
}

/// How long an idempotency key is known: the 5 minutes that publishers are promised, and the time after the furthest deadline of a
/// command for which its record is kept.
pub const KEY_KEPT: Millis = Millis(6 * 60_000);

/// Names an append, so that it is made once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'k> {
    /// The name.
    pub name: &'k str,
    /// After this time it is not made any more, by the clock of the log: not even by a call that was under way for long.
    pub until: Option<Millis>,
}

impl<'k> Key<'k> {
    /// A key without a time.
    pub const fn new(name: &'k str) -> Self {
        Self { name, until: None }
    }
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// It was made.
    Appended(Receipt),
    /// It was not made, and will not be: its time is over.
    Never,
    /// It was not made as yet.
    NotYet,
}

/// An event to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub event_type: EventType,
    /// The module, resolved now and for good.
    pub module: Module,
    /// The users it is addressed to; none: everybody with the module.
    pub users: Option<BTreeSet<UserId>>,
    /// The app's data.
    pub payload: RawJson,
    /// The user whose command made it.
    pub by: Option<UserId>,
    /// The command that made it.
    pub command_id: Option<String>,
}

/// An event of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its position.
    pub id: Position,
    /// Whose log.
    pub shop: ShopId,
    /// When it was appended.
    pub timestamp: Millis,
    /// What was appended.
    pub event: NewEvent,
}

impl Stored {
    /// The event as a frame that follows the cursor-moving frame of position `prev`.
    pub fn frame(&self, prev: Position) -> Frame {
        let NewEvent {
            event_type,
            module,
            users: _,
            payload,
            by,
            command_id,
        } = self.event.clone();
        let frame = ServerFrame::Event(Event {
            id: self.id,
            prev: Some(prev),
            event_type,
            module,
            scope: Scope {
                shop_id: self.shop.clone(),
            },
            payload,
            timestamp: self.timestamp,
            by,
            command_id,
        });
        Frame::text(&frame.encode())
    }

    /// Roughly what the event occupies in memory.
    pub fn bytes(&self) -> usize {
        let users = self.event.users.as_ref().map_or(0, BTreeSet::len);
        size_of::<Self>() + self.event.payload.as_str().len() + users * size_of::<UserId>()
    }
}

impl Routed for Stored {
    fn module(&self) -> &Module {
        &self.event.module
    }

    fn is_for(&self, user: &UserId) -> bool {
        let users = self.event.users.as_ref();
        users.is_none_or(|users| users.contains(user))
    }
}

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// In which log.
    pub epoch: Epoch,
    /// At which position.
    pub id: Position,
    /// Whether it stood there already: the key was known.
    pub repeated: bool,
}

/// Events that follow each other, and the bounds of the log when they were read.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where the log begins and ends.
    pub bounds: LogBounds,
    /// The position before the first event.
    pub after: Position,
    /// The events.
    pub events: Vec<Arc<Stored>>,
}

impl Stretch for Page {
    type Event = Stored;

    fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    fn get(&self, position: Position) -> Option<&Stored> {
        let index = position.get().checked_sub(self.after.get() + 1)?;
        let event = self.events.get(usize::try_from(index).ok()?)?;
        Some(event)
    }
}

/// Why an event was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The key was used for another event.
    #[error("the idempotency key was used for another event a few minutes ago")]
    KeyReused,
    /// The time of its key is over.
    #[error("it came too late to be appended")]
    Late,
    /// The log can't take it.
    #[error(transparent)]
    Unavailable(#[from] LogUnavailable),
    /// No answer came: it may stand in the log, or come to stand there. The same key tells.
    #[error(
        "the log gave no answer, so it may have been appended: try again with the same idempotency key ({0})"
    )]
    Unknown(String),
}

impl AppendError {
    /// Whether it is the log that fails, and not this event that is refused.
    pub const fn is_of_the_log(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Unknown(_) => true,
            Self::KeyReused | Self::Late => false,
        }
    }
}

/// The log can't be read or written now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is not available: {0}")]
pub struct LogUnavailable(pub String);
