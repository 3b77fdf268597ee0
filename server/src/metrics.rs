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
    jwks_stale: Gauge,
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
            jwks_stale: Gauge::default(),
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
            "redis_call_seconds",
            "How long calls of Redis took that were answered, by what they do",
            metrics.redis.seconds.clone(),
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
            "jwks_stale",
            "1 while the file of --jwks is wrong and older keys are in use",
            metrics.jwks_stale.clone(),
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

    /// Counts a change of that file: what it has now is in use, or not.
    pub(crate) fn jwks_loaded(&self, keys: Option<usize>) {
        let outcome = match keys {
            Some(keys) => {
                self.jwks_in_use(keys);
                "loaded"
            }
            None => "failed",
        };
        self.jwks_stale.set(i64::from(keys.is_none()));
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Metrics that all have a value: a family without one is not in the text.
    fn touched() -> Metrics {
        let metrics = Metrics::default();
        metrics.resumed("fresh");
        metrics.refreshed("expired");
        metrics.closed(4400);
        metrics.commanded("ack");
        metrics.requested(200);
        metrics.jwks_loaded(Some(1));
        metrics.called_webhook("done");
        metrics.tails.repairs.get_or_create(&[("why", "gap")]).inc();
        metrics.redis.calls.get_or_create(&[("call", "read")]).inc();
        let seconds = &metrics.redis.seconds;
        seconds.get_or_create(&[("call", "read")]).observe(0.001);
        metrics
            .redis
            .errors
            .get_or_create(&[("outcome", "unknown")])
            .inc();
        metrics
            .redis
            .connects
            .get_or_create(&[("for", "calls")])
            .inc();
        metrics
    }

    /// Type and label of each name, as the text has them.
    fn in_text(text: &str) -> BTreeMap<String, (String, String)> {
        let mut types = BTreeMap::new();
        let mut found = BTreeMap::new();
        for line in text.lines() {
            if let Some(described) = line.strip_prefix("# TYPE ") {
                let (name, kind) = described.split_once(' ').expect("a name and a type");
                let name = match kind {
                    "counter" => format!("{name}_total"),
                    _ => name.to_owned(),
                };
                types.insert(name, kind.to_owned());
            } else if !line.starts_with('#') {
                let end = line.find(['{', ' ']).expect("a name and a value");
                let (name, rest) = line.split_at(end);
                // The parts of a histogram are one metric.
                let parts = ["_bucket", "_sum", "_count"];
                let whole = parts.iter().find_map(|part| name.strip_suffix(part));
                let name = whole
                    .filter(|name| types.contains_key(*name))
                    .unwrap_or(name);
                let labels = rest.strip_prefix('{').unwrap_or("");
                let labels = labels.split('}').next().unwrap_or("").split(',');
                let label = labels
                    .filter(|label| !label.starts_with("le="))
                    .find_map(|label| label.split_once('='));
                let label = label.map_or("", |(label, _)| label);
                let kind = types.get(name).expect("the type comes first");
                found.insert(name.to_owned(), (kind.clone(), label.to_owned()));
            }
        }
        found
    }

    const DOCUMENT: &str = include_str!("../../docs/METRICS.md");

    /// The cells of the rows that begin so.
    fn rows(begin: &str) -> impl Iterator<Item = Vec<&'static str>> {
        let rows = DOCUMENT.lines().filter(move |line| line.starts_with(begin));
        rows.map(|row| {
            let cells = row.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().trim_matches('`')).collect()
        })
    }

    #[test]
    fn every_metric_is_documented_and_no_other() {
        let documented: BTreeMap<_, _> = rows("| `tabwire_")
            .map(|cells| {
                let [name, kind, label, meaning, _] = cells[..] else {
                    panic!("{cells:?}");
                };
                assert!(!meaning.is_empty(), "{name}");
                (name.to_owned(), (kind.to_owned(), label.to_owned()))
            })
            .collect();
        assert_eq!(in_text(&touched().text()), documented);
        // One that is registered and not touched by this test would be missed.
        let source = include_str!("metrics.rs").lines();
        let registered = source.filter(|line| line.trim_start().starts_with("registry.register("));
        assert_eq!(registered.count(), documented.len());
    }

    #[test]
    fn every_limit_is_documented_and_no_other() {
        let documented: BTreeSet<_> = rows("| `")
            .filter(|cells| cells.len() == 3)
            .map(|cells| cells[0])
            .collect();
        let limits: BTreeSet<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        assert_eq!(documented, limits);
        assert_eq!(limits.len(), Limit::ALL.len());
    }
    #[test]
    fn the_defaults_of_limits_are_documented_as_they_are() {
        use clap::CommandFactory;
        let command = crate::config::Flags::command();
        let mut compared = 0;
        for cells in rows("| `").filter(|cells| cells.len() == 3) {
            let flag = command
                .get_arguments()
                .find(|flag| flag.get_long() == Some(cells[0]));
            let Some(default) = flag.and_then(|flag| flag.get_default_values().first()) else {
                continue;
            };
            let default = default.to_str().expect("text");
            // `10,000 events per …` begins with 10000, and `64 KiB` is 64KiB.
            let documented = cells[1].replace([',', ' '], "");
            let rest = documented.strip_prefix(default);
            let is_same = rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
            assert!(is_same, "{}: {default} is not {}", cells[0], cells[1]);
            compared += 1;
        }
        assert!(compared > 10, "{compared}");
    }
}
