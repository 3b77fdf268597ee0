//! What an operator wants to know, as Prometheus text.

use std::sync::Mutex;

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{limits::Limit, redis::LinkMetrics, tail::TailMetrics};

/// All metrics. The registry is a value: several servers in one process don't mix theirs.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    /// WebSockets that are open.
    pub(crate) connections: Gauge,
    /// Sessions: open WebSockets that have been welcomed.
    pub(crate) sessions: Gauge,
    /// Shops with sessions.
    pub(crate) shops: Gauge,
    /// Bytes of events that the tails of all shops have.
    pub(crate) tail_bytes: Gauge,
    /// Events appended.
    pub(crate) events_appended: Counter,
    /// Frames sent.
    pub(crate) frames_sent: Counter,
    /// Bytes of frames sent, before the WebSocket's own.
    pub(crate) bytes_sent: Counter,
    /// Flushes: how many writes the frames took.
    pub(crate) writes: Counter,
    /// Frames received.
    pub(crate) frames_received: Counter,
    /// What the tails do.
    pub(crate) tails: TailMetrics,
    /// What is asked of Redis.
    pub(crate) redis: LinkMetrics,
    resumes: Counted,
    refreshes: Counted,
    closes: Counted,
    commands: Counted,
    webhook_calls: Counted,
    requests: Counted,
    jwks_keys: Gauge,
    jwks_loads: Counted,
    limited: Counted,
}

/// Counts by one label.
type Counted = Family<[(&'static str, String); 1], Counter>;

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            connections: Gauge::default(),
            sessions: Gauge::default(),
            shops: Gauge::default(),
            tail_bytes: Gauge::default(),
            events_appended: Counter::default(),
            frames_sent: Counter::default(),
            bytes_sent: Counter::default(),
            writes: Counter::default(),
            frames_received: Counter::default(),
            tails: TailMetrics::default(),
            redis: LinkMetrics::default(),
            resumes: Counted::default(),
            refreshes: Counted::default(),
            closes: Counted::default(),
            commands: Counted::default(),
            webhook_calls: Counted::default(),
            requests: Counted::default(),
            jwks_keys: Gauge::default(),
            jwks_loads: Counted::default(),
            limited: Counted::default(),
        };
        let mut registry = Registry::with_prefix("tabwire");
        registry.register(
            "connections",
            "WebSockets that are open",
            metrics.connections.clone(),
        );
        registry.register(
            "sessions",
            "WebSockets that have been welcomed",
            metrics.sessions.clone(),
        );
        registry.register("shops", "Shops with sessions", metrics.shops.clone());
        registry.register(
            "tail_bytes",
            "Bytes of events in the tails of all shops",
            metrics.tail_bytes.clone(),
        );
        // The encoder puts `_total` behind the names of counters.
        registry.register(
            "events_appended",
            "Events appended",
            metrics.events_appended.clone(),
        );
        registry.register("frames_sent", "Frames sent", metrics.frames_sent.clone());
        registry.register(
            "bytes_sent",
            "Bytes of frames sent",
            metrics.bytes_sent.clone(),
        );
        registry.register("writes", "Flushes of frames", metrics.writes.clone());
        registry.register(
            "frames_received",
            "Frames received",
            metrics.frames_received.clone(),
        );
        registry.register(
            "tail_comparisons",
            "Comparisons of a tail with its log, by why",
            metrics.tails.repairs.clone(),
        );
        registry.register(
            "tail_repaired_events",
            "Events that a comparison found and no notice had told of",
            metrics.tails.repaired_events.clone(),
        );
        registry.register(
            "log_contradictions",
            "Logs that contradicted themselves and were begun anew",
            metrics.tails.contradictions.clone(),
        );
        registry.register(
            "tails_lost",
            "Tails given up because the log could not be read",
            metrics.tails.lost.clone(),
        );
        registry.register(
            "redis_calls",
            "Calls of Redis by what they do",
            metrics.redis.calls.clone(),
        );
        registry.register(
            "redis_errors",
            "Calls of Redis that failed, by whether they can have taken effect",
            metrics.redis.errors.clone(),
        );
        registry.register(
            "redis_connects",
            "Connections made to Redis, by what for",
            metrics.redis.connects.clone(),
        );
        registry.register(
            "redis_deaf_subscriptions",
            "Subscriptions that gave no sign of life and were made anew",
            metrics.redis.deaf.clone(),
        );
        registry.register(
            "resumes",
            "Sessions by how they began",
            metrics.resumes.clone(),
        );
        registry.register(
            "full_refreshes",
            "Full refreshes by reason",
            metrics.refreshes.clone(),
        );
        registry.register(
            "closes",
            "WebSockets closed by the server, by code",
            metrics.closes.clone(),
        );
        registry.register(
            "webhook_calls",
            "Calls of the app by what came of them",
            metrics.webhook_calls.clone(),
        );
        registry.register("commands", "Commands by outcome", metrics.commands.clone());
        registry.register(
            "http_requests",
            "HTTP requests by status",
            metrics.requests.clone(),
        );
        registry.register(
            "jwks_keys",
            "Keys in use of the file of --jwks",
            metrics.jwks_keys.clone(),
        );
        registry.register(
            "jwks_loads",
            "Changes of the file of --jwks by outcome",
            metrics.jwks_loads.clone(),
        );
        registry.register(
            "limited",
            "What a limit has refused, by the limit",
            metrics.limited.clone(),
        );
        // From the start, so that what has never been is told from what has just begun.
        for limit in Limit::ALL {
            let label = [("limit", limit.name().to_owned())];
            drop(metrics.limited.get_or_create(&label));
        }
        *metrics.registry.lock().expect("it is new") = registry;
        metrics
    }
}

impl Metrics {
    /// Counts a session by how it began.
    pub(crate) fn resumed(&self, resume: &str) {
        count(&self.resumes, "resume", resume);
    }

    /// Counts a full refresh by its reason.
    pub(crate) fn refreshed(&self, reason: &str) {
        count(&self.refreshes, "reason", reason);
    }

    /// Counts a close by its code.
    pub(crate) fn closed(&self, code: u16) {
        count(&self.closes, "code", &code.to_string());
    }

    /// Counts a command by its outcome.
    pub(crate) fn commanded(&self, outcome: &str) {
        count(&self.commands, "outcome", outcome);
    }

    /// Counts a call of the app by what came of it.
    pub(crate) fn called_webhook(&self, outcome: &str) {
        count(&self.webhook_calls, "outcome", outcome);
    }

    /// Counts a request by its status.
    pub(crate) fn requested(&self, status: u16) {
        count(&self.requests, "status", &status.to_string());
    }

    /// Says how many keys of the file of `--jwks` are in use.
    pub(crate) fn jwks_in_use(&self, keys: usize) {
        self.jwks_keys.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Counts a change of the file of `--jwks` by its outcome.
    pub(crate) fn jwks_loaded(&self, outcome: &str) {
        count(&self.jwks_loads, "outcome", outcome);
    }

    /// Counts something that a limit refused.
    pub(crate) fn limited(&self, limit: Limit) {
        count(&self.limited, "limit", limit.name());
    }

    /// What counts a limit, for who does not know all metrics.
    pub(crate) fn of_limit(&self, limit: Limit) -> Counter {
        let label = [("limit", limit.name().to_owned())];
        self.limited.get_or_create_owned(&label)
    }

    /// All metrics as text.
    pub(crate) fn text(&self) -> String {
        let registry = self.registry.lock();
        let registry = registry.unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes all that is written");
        text
    }
}

fn count(counted: &Counted, label: &'static str, value: &str) {
    counted.get_or_create(&[(label, value.to_owned())]).inc();
}
