//! The words for what results call by keys. A key that is not here is an error: the page would show it as it is.

use anyhow::{Context as _, Result};

/// What is measured, as `cargo xtask bench` names it.
pub const BENCHES: &[&str] = &[
    "fanout",
    "offered",
    "saturation",
    "idle",
    "connect",
    "publish",
    "shops",
    "modules",
    "avalanche",
    "slow",
    "sessions-curve",
    "shops-curve",
    "retention-curve",
    "nodes-curve",
    "size",
    "first-event",
    "tab-cpu",
    "takeover",
    "relay",
];

/// Those of them that are about tabs of a browser, where some keys are somebody else.
const IN_TABS: &[&str] = &["first-event", "tab-cpu", "takeover", "relay"];

/// A figure of a result.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// As results have it.
    pub key: &'static str,
    /// In headings.
    pub title: &'static str,
    /// Behind a number; a share is written in percent.
    pub unit: &'static str,
    /// What is better, where one is.
    pub better: Better,
}

/// Which end of a scale one wants to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// A cost.
    Less,
    /// An achievement.
    More,
    /// Neither: it explains another figure.
    Neither,
}

impl Figure {
    /// What `x` is written as a number of.
    pub fn shown(&self, value: f64) -> f64 {
        if self.unit == "%" {
            100.0 * value
        } else {
            value
        }
    }

    /// The heading with its unit.
    pub fn heading(&self) -> String {
        match self.unit {
            "" => self.title.into(),
            unit => format!("{}, {unit}", self.title),
        }
    }
}

const FIGURES: &[Figure] = &{
    use Better::{Less, More, Neither};
    const fn figure(
        key: &'static str,
        title: &'static str,
        unit: &'static str,
        better: Better,
    ) -> Figure {
        Figure {
            key,
            title,
            unit,
            better,
        }
    }
    [
        figure("cpu_us_per_delivery", "CPU per delivery", "µs", Less),
        figure("p50_ms", "half within", "ms", Less),
        figure("p99_ms", "99 % within", "ms", Less),
        figure("p999_ms", "99.9 % within", "ms", Less),
        figure("bytes_per_event", "bytes per event", "", Less),
        figure("user_share", "in user space", "%", Neither),
        figure("events_per_write", "events per write", "", Neither),
        figure("deliveries_per_s", "deliveries per second", "", More),
        figure("cpu_share", "of a core", "%", Neither),
        figure("kib_per_session", "memory per session", "KiB", Less),
        figure("mib_with_5000", "memory with 5,000 sessions", "MiB", Less),
        figure("per_s", "per second", "", More),
        figure("cpu_us_per_login", "CPU per login", "µs", Less),
        figure("cpu_us_per_event", "CPU per event", "µs", Less),
        figure("seconds", "until all are at the head", "s", Less),
        figure("cpu_s", "CPU", "s", Less),
        figure("redis_reads", "reads of Redis", "", Less),
        figure(
            "kib_per_slow",
            "memory per session that does not read",
            "KiB",
            Less,
        ),
        figure("kib_per_slow_early", "at first", "KiB", Less),
        figure("closed_slow", "connections closed", "", Neither),
        figure("cpu_us_per_publish", "CPU per event published", "µs", Less),
        figure("replay_ms", "a replay of 200", "ms", Less),
        figure("kib_per_event", "memory per event kept", "KiB", Less),
        figure("redis_us_per_event", "Redis's CPU per event", "µs", Less),
        figure("mib", "memory", "MiB", Less),
        figure("minified_kb", "minified", "KB", Neither),
        figure("gzip_kb", "gzip", "KB", Less),
        figure("brotli_kb", "brotli", "KB", Less),
        figure("ms", "time", "ms", Less),
        figure(
            "leader_us_per_event",
            "the leader's CPU per event",
            "µs",
            Less,
        ),
        figure(
            "follower_us_per_event",
            "a follower's CPU per event",
            "µs",
            Less,
        ),
        figure(
            "browser_us_per_event",
            "the whole browser's CPU per event",
            "µs",
            Less,
        ),
        figure("socket_ms", "until it has a socket", "ms", Less),
        figure("event_ms", "until an event has come", "ms", Less),
        figure("us_per_event", "time per event", "µs", Less),
    ]
};

/// Somebody who was measured.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// As results have it.
    pub key: &'static str,
    /// In tables.
    pub title: &'static str,
    /// What it is to the others.
    pub kind: Kind,
}

/// What somebody is measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tabwire
    Ours,
    /// Somebody who does something comparable.
    Peer,
    /// Somebody who does less, below which nobody gets.
    Floor,
}

/// All ratios are to this one.
pub const REFERENCE: &str = "tabwire";

/// In the order in which they stand in tables.
const SUBJECTS: &[Subject] = &{
    use Kind::{Floor, Ours, Peer};
    const fn subject(key: &'static str, title: &'static str, kind: Kind) -> Subject {
        Subject { key, title, kind }
    }
    [
        subject("tabwire", "tabwire", Ours),
        subject("tabwire-redis", "tabwire, Redis", Ours),
        subject("tabwire-slim", "tabwire/slim", Ours),
        subject("nchan", "nchan", Peer),
        subject("nchan-redis", "nchan, Redis", Peer),
        subject("socket-io", "Socket.IO", Peer),
        subject("socket-io-redis", "Socket.IO, Redis", Peer),
        subject("uwebsockets", "uWebSockets", Peer),
        subject("socket.io-client", "socket.io-client", Peer),
        subject(
            "socket.io-client-websocket",
            "socket.io-client, WebSocket only",
            Peer,
        ),
        subject("centrifuge", "centrifuge", Peer),
        subject("anycable", "@anycable/web", Peer),
        subject("partysocket", "partysocket", Peer),
        subject("bare", "bare warp + tungstenite", Floor),
        subject("kernel", "kernel: write(2)", Floor),
        subject("redis-benchmark", "redis-benchmark", Floor),
        subject("websocket", "a WebSocket", Floor),
        subject("broadcastchannel", "a BroadcastChannel", Floor),
    ]
};

/// What these keys are in a tab.
const OTHERS_IN_TABS: &[Subject] = &[
    Subject {
        key: "bare",
        title: "by hand: lock, channel, socket",
        kind: Kind::Floor,
    },
    Subject {
        key: "partysocket",
        title: "partysocket + broadcast-channel",
        kind: Kind::Peer,
    },
];

/// The bench of this name.
pub fn bench(name: &str) -> Result<&'static str> {
    let known = BENCHES.iter().find(|known| **known == name);
    known
        .copied()
        .with_context(|| format!("names.rs knows no bench {name}"))
}

/// The figure of this key.
pub fn figure(key: &str) -> Result<&'static Figure> {
    let known = FIGURES.iter().find(|known| known.key == key);
    known.with_context(|| format!("names.rs knows no figure {key}"))
}

/// The subject of this key in a bench.
pub fn subject(bench: &str, key: &str) -> Result<&'static Subject> {
    let others = if IN_TABS.contains(&bench) {
        OTHERS_IN_TABS
    } else {
        &[]
    };
    let known = others.iter().chain(SUBJECTS).find(|known| known.key == key);
    known.with_context(|| format!("names.rs knows no subject {key}"))
}

/// Where a subject stands among the others.
pub fn rank(key: &str) -> usize {
    let known = SUBJECTS.iter().position(|known| known.key == key);
    known.unwrap_or(SUBJECTS.len())
}
