//! What all connections of a server share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tabwire_protocol::ShopId;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock,
    command::{
        Commands,
        records::{OneNode, Records, RedisRecords},
        webhook::Webhook,
    },
    config::Config,
    http::addresses::Addresses,
    hub::Hub,
    keep::Keeper,
    limits::Limit,
    log::{AppendError, EventLog, Key, MemoryLog, NewEvent, Receipt, redis::RedisLog},
    metrics::Metrics,
    peers::Peers,
    random,
    redis::Link,
    registry::{
        MemoryRegistry, Registry,
        redis::{Keys, RedisRegistry},
    },
    session::sockets::Sockets,
    tail::{Following, Room},
};

/// How many sessions at a time read the log by themselves.
const FAR_READS_MAX: usize = 16;

/// Where events and sessions are kept.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Keeps the events.
    type Log: EventLog;
    /// Keeps the sessions.
    type Registry: Registry;
    /// Keeps what became of commands that the app runs.
    type Records: Records;
    /// Whether other nodes may keep theirs in the same place.
    const SEVERAL_NODES: bool;
}

/// Everything in this process.
#[derive(Debug)]
pub(crate) struct Memory;

impl Backend for Memory {
    type Log = MemoryLog;
    type Registry = MemoryRegistry;
    type Records = OneNode;
    const SEVERAL_NODES: bool = false;
}

/// In Redis, for one node or several.
#[derive(Debug)]
pub(crate) struct Redis;

impl Backend for Redis {
    type Log = RedisLog;
    type Registry = RedisRegistry;
    type Records = RedisRecords;
    const SEVERAL_NODES: bool = true;
}

/// A running server, as its connections see it.
#[derive(Debug)]
pub(crate) struct Node<B: Backend> {
    /// Names this process among others.
    pub(crate) id: String,
    /// What it was told.
    pub(crate) config: Config,
    /// The events.
    pub(crate) log: Arc<B::Log>,
    /// The users' sockets, wherever they are.
    pub(crate) registry: B::Registry,
    /// What became of commands that the app runs.
    pub(crate) records: B::Records,
    /// The app's back end, if it runs commands.
    pub(crate) webhook: Option<Webhook>,
    /// The other nodes, where there may be some.
    pub(crate) peers: Option<Peers>,
    /// What is still to be put right in the registry.
    pub(crate) keeper: Keeper,
    /// The shops that have sessions here.
    pub(crate) hub: Hub<B::Log>,
    /// The sockets that are here.
    pub(crate) sockets: Sockets,
    /// What each address has open, and how fast it connects.
    pub(crate) addresses: Addresses,
    /// Reads of the log for sessions that are too far behind for the tail: so many at a time.
    pub(crate) far_reads: Semaphore,
    /// The commands of late.
    pub(crate) commands: Commands,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Everything that a drain waits for.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when no more connections are accepted.
    pub(crate) closed: CancellationToken,
    draining: AtomicBool,
}

impl<B: Backend> Node<B> {
    /// A server with nobody connected.
    pub(crate) fn new(
        config: Config,
        log: B::Log,
        registry: B::Registry,
        records: B::Records,
        metrics: Arc<Metrics>,
    ) -> Self {
        let log = Arc::new(log);
        let how = Following {
            coalesce: config.coalesce,
            age: config.retention.age,
            compare: B::SEVERAL_NODES.then_some(config.ping),
            patience: config.log_patience,
            page_events: config.limits.page_events,
        };
        let room = Room::new(
            config.limits.tail_bytes,
            config.limits.tails_bytes,
            metrics.tail_bytes.clone(),
        )
        .counting(
            metrics.of_limit(Limit::TailBytes),
            metrics.of_limit(Limit::TailsBytes),
        );
        Self {
            id: random::hex::<8>(),
            hub: Hub::new(
                Arc::clone(&log),
                how,
                config.limits.shops,
                metrics.shops.clone(),
                metrics.tails.clone(),
                room,
            ),
            log,
            registry,
            records,
            webhook: config.webhook.clone().map(Webhook::new),
            peers: None,
            keeper: Keeper::default(),
            sockets: Sockets::new(config.max_connections, metrics.connections.clone()),
            addresses: Addresses::new(
                config.limits.connects,
                config.limits.address_connections,
                config.max_connections,
            ),
            far_reads: Semaphore::new(FAR_READS_MAX),
            commands: Commands::new(config.limits.user_commands, config.limits.commands),
            metrics,
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
            draining: AtomicBool::new(false),
            config,
        }
    }

    /// Makes it one of several nodes.
    pub(crate) fn among(mut self, link: Link, keys: Keys) -> Self {
        let lease = self.config.limits.lease;
        self.peers = Some(Peers::new(link, keys, &self.id, lease));
        self
    }

    /// Appends an event, and counts it.
    ///
    /// # Errors
    /// When it was not appended.
    pub(crate) async fn append(
        &self,
        shop: &ShopId,
        event: NewEvent,
        key: Option<Key<'_>>,
    ) -> Result<Receipt, AppendError> {
        let receipt = self.log.append(clock::now(), shop, event, key).await?;
        if !receipt.repeated {
            self.metrics.events_appended.inc();
        }
        Ok(receipt)
    }

    /// Appends events to the log of a shop, one after the other. After one that the log did not take there are no further outcomes.
    pub(crate) async fn append_all(
        &self,
        shop: &ShopId,
        events: Vec<(NewEvent, Option<Key<'_>>)>,
    ) -> Vec<Result<Receipt, AppendError>> {
        let outcomes = self.log.append_all(clock::now(), shop, events).await;
        let receipts = outcomes.iter().flatten();
        let appended = receipts.filter(|receipt| !receipt.repeated).count();
        self.metrics.events_appended.inc_by(appended as u64);
        outcomes
    }

    /// Counts something that a limit refused, and tells whoever looks for it whose it was.
    pub(crate) fn limited(&self, limit: Limit, whose: impl std::fmt::Display) {
        self.metrics.limited(limit);
        tracing::debug!(limit = limit.name(), %whose, "over a limit");
    }

    /// Says that the server is about to end.
    pub(crate) fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why nobody should be sent here at present, if somebody should not.
    pub(crate) fn complaint(&self) -> Option<String> {
        if self.is_draining() {
            return Some("the server is about to end".to_owned());
        }
        self.log.complaint()
    }

    /// Whether the server is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
