//! What has become of commands that the app runs, for all nodes to know: who runs one, and what came of it.
//!
//! A node that serves alone knows it from [`super::dedupe`]. Several need a place that they share, since a client may send the same
//! command to another node while the first still waits for the app.

mod redis;

use std::future::Future;

use tabwire_protocol::{Command, Millis};

pub(crate) use self::redis::RedisRecords;
use super::dedupe::Outcome;
use crate::registry::SessionRecord;

/// The records of all nodes.
pub(crate) trait Records: Send + Sync + 'static {
    /// Begins a command, or goes on with it, for `lease` from now: after that another node may take it for given up.
    fn begin(
        &self,
        session: &SessionRecord,
        command: &Command,
        lease: Millis,
        kept: Millis,
    ) -> impl Future<Output = Result<Begun, RecordsUnavailable>> + Send;

    /// Says what came of a command, for as long as it is kept.
    fn settle(
        &self,
        session: &SessionRecord,
        command: &Command,
        outcome: &Outcome,
        kept: Millis,
    ) -> impl Future<Output = Result<(), RecordsUnavailable>> + Send;

    /// What is known of a command without beginning it.
    fn recall(
        &self,
        session: &SessionRecord,
        command: &Command,
    ) -> impl Future<Output = Result<Option<Begun>, RecordsUnavailable>> + Send;
}

/// What is known of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Begun {
    /// It is this node's to run.
    Mine,
    /// Another node runs it.
    Elsewhere,
    /// This came of it.
    Settled(Outcome),
    /// Its id was used with another body.
    Conflict,
}

/// The records can't be read or written now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the records of commands are not available: {0}")]
pub(crate) struct RecordsUnavailable(pub(crate) String);

/// The records of a node that serves alone: it needs none beside its own memory.
#[derive(Debug)]
pub(crate) struct OneNode;

impl Records for OneNode {
    async fn begin(
        &self,
        _: &SessionRecord,
        _: &Command,
        _: Millis,
        _: Millis,
    ) -> Result<Begun, RecordsUnavailable> {
        Ok(Begun::Mine)
    }

    async fn settle(
        &self,
        _: &SessionRecord,
        _: &Command,
        _: &Outcome,
        _: Millis,
    ) -> Result<(), RecordsUnavailable> {
        Ok(())
    }

    async fn recall(
        &self,
        _: &SessionRecord,
        _: &Command,
    ) -> Result<Option<Begun>, RecordsUnavailable> {
        Ok(None)
    }
}
