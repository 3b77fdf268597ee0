//! Calls: one connection for all of them, made when it is needed and given up when it misbehaves.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{ErrorKind, FromRedisValue, RedisError, Script, ServerErrorKind};
use tokio::time::{Instant, timeout};

use super::{LinkError, LinkMetrics, topology::Connection, topology::Topology};

/// After a connection could not be made, calls fail at once for so long.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Commands {
    pub(super) topology: Arc<Topology>,
    timeout: Duration,
    metrics: LinkMetrics,
    // A std lock: held to clone a handle, never across an await.
    open: RwLock<Option<Open>>,
    /// Held while connecting: those who come meanwhile share the outcome.
    connecting: tokio::sync::Mutex<Option<Failed>>,
    made: AtomicU64,
    /// What the last call failed of; none when it did not.
    complaint: Mutex<Option<String>>,
}

/// A connection, and which one it is: a call that failed gives up the one that it used, not the next one.
#[derive(Clone)]
struct Open {
    number: u64,
    connection: Connection,
}

struct Failed {
    at: Instant,
    error: String,
}

impl Commands {
    pub(super) fn new(topology: Arc<Topology>, timeout: Duration, metrics: LinkMetrics) -> Self {
        Self {
            topology,
            timeout,
            metrics,
            open: RwLock::default(),
            connecting: tokio::sync::Mutex::default(),
            made: AtomicU64::new(0),
            complaint: Mutex::default(),
        }
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        what: &'static str,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<T, LinkError> {
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(*key);
        }
        for arg in args {
            call.arg(*arg);
        }
        let mut open = self.connection(what).await?;
        let since = Instant::now();
        let answer = timeout(2 * self.timeout, call.invoke_async(&mut open.connection)).await;
        self.judge(&open, what, since, answer)
    }

    pub(super) async fn command<T: FromRedisValue>(
        &self,
        what: &'static str,
        words: &[&[u8]],
    ) -> Result<T, LinkError> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        let mut open = self.connection(what).await?;
        let since = Instant::now();
        let answer = timeout(2 * self.timeout, command.query_async(&mut open.connection)).await;
        self.judge(&open, what, since, answer)
    }

    async fn connection(&self, what: &'static str) -> Result<Open, LinkError> {
        self.metrics.calls.get_or_create(&[("call", what)]).inc();
        let not_run = |error: String| self.failed(LinkError::NotRun(error));
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let mut connecting = self.connecting.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        if let Some(failed) = &*connecting
            && failed.at.elapsed() < CONNECT_PAUSE
        {
            return Err(not_run(failed.error.clone()));
        }
        let connected = timeout(self.timeout, self.topology.connect(self.timeout, None)).await;
        let error = match connected {
            Ok(Ok(connection)) => {
                self.metrics
                    .connects
                    .get_or_create(&[("for", "calls")])
                    .inc();
                let number = self.made.fetch_add(1, Ordering::Relaxed);
                let open = Open { number, connection };
                *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
                *connecting = None;
                return Ok(open);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it takes too long to connect".to_owned(),
        };
        *connecting = Some(Failed {
            at: Instant::now(),
            error: error.clone(),
        });
        Err(not_run(error))
    }

    fn open(&self) -> Option<Open> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.clone()
    }

    fn judge<T>(
        &self,
        used: &Open,
        what: &'static str,
        since: Instant,
        answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>,
    ) -> Result<T, LinkError> {
        let (error, blame) = match answer {
            Ok(Ok(answer)) => {
                let seconds = self.metrics.seconds.get_or_create(&[("call", what)]);
                seconds.observe(since.elapsed().as_secs_f64());
                let mut complaint = self.complaint_slot();
                if complaint.is_some() {
                    *complaint = None;
                }
                return Ok(answer);
            }
            Ok(Err(error)) => (judged(&error), blames_connection(&error)),
            Err(_) => (LinkError::Unknown("no answer in time".to_owned()), true),
        };
        if blame {
            self.give_up(used.number);
        }
        Err(self.failed(error))
    }

    /// Why calls fail at present, if they do.
    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint_slot().clone()
    }

    fn complaint_slot(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, number: u64) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| open.number == number) {
            *open = None;
        }
    }

    fn failed(&self, error: LinkError) -> LinkError {
        let outcome = match error {
            LinkError::NotRun(_) => "not_run",
            LinkError::Unknown(_) => "unknown",
        };
        self.metrics
            .errors
            .get_or_create(&[("outcome", outcome)])
            .inc();
        *self.complaint_slot() = Some(error.to_string());
        error
    }
}

/// An error that the server itself gave says that it did not do what was asked.
fn judged(error: &RedisError) -> LinkError {
    match error.kind() {
        ErrorKind::Server(_)
        | ErrorKind::Extension
        | ErrorKind::InvalidClientConfig
        | ErrorKind::ClusterConnectionNotFound => LinkError::NotRun(error.to_string()),
        _ => LinkError::Unknown(error.to_string()),
    }
}

/// Whether to connect anew: to a server that has become a replica, too.
fn blames_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown
        ),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}
