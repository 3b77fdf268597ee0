//! Limits: each has a name, a default, an answer for what goes beyond, and a count of how often that was.

use std::time::Duration;

use super::{ConfigError, size, wrong};
use crate::rate::Rate;

/// The flags of limits. What a limit's answer is, and the metric that counts it, is in docs/METRICS.md.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitFlags {
    /// How many WebSockets one address may have open. The addresses of an IPv6 network (/64) count as one.
    #[arg(
        long,
        env = "TABWIRE_MAX_CONNECTIONS_PER_ADDRESS",
        default_value_t = 50_000
    )]
    pub max_connections_per_address: usize,

    /// How many WebSockets may be open that have not said hello.
    #[arg(long, env = "TABWIRE_MAX_PENDING", default_value_t = 10_000)]
    pub max_pending: usize,

    /// How many WebSockets an address may open per second, in the long run.
    #[arg(long, env = "TABWIRE_CONNECTS_PER_SECOND", default_value_t = 1_000)]
    pub connects_per_second: u64,

    /// How many WebSockets an address may open at once, after a rest.
    #[arg(long, env = "TABWIRE_CONNECTS_BURST", default_value_t = 10_000)]
    pub connects_burst: u64,

    /// How many frames a session may send per second, in the long run.
    #[arg(long, env = "TABWIRE_FRAMES_PER_SECOND", default_value_t = 100)]
    pub frames_per_second: u64,

    /// How many frames a session may send at once, after a rest. A client that comes back sends up to 256 commands.
    #[arg(long, env = "TABWIRE_FRAMES_BURST", default_value_t = 400)]
    pub frames_burst: u64,

    /// How many bytes of frames a session may send per second, in the long run.
    #[arg(long, env = "TABWIRE_BYTES_PER_SECOND", default_value = "1MiB", value_parser = size)]
    pub bytes_per_second: usize,

    /// How many bytes of frames a session may send at once, after a rest.
    #[arg(long, env = "TABWIRE_BYTES_BURST", default_value = "32MiB", value_parser = size)]
    pub bytes_burst: usize,

    /// How many events may be published per second with one key, in the long run.
    #[arg(long, env = "TABWIRE_PUBLISH_RATE", default_value_t = 10_000)]
    pub publish_rate: u64,

    /// How many events may be published at once with one key, after a rest. No array may have more.
    #[arg(long, env = "TABWIRE_PUBLISH_BURST", default_value_t = 20_000)]
    pub publish_burst: u64,

    /// How many shops may have sessions here.
    #[arg(long, env = "TABWIRE_MAX_SHOPS", default_value_t = 50_000)]
    pub max_shops: usize,

    /// How much of the end of a shop's log is kept in memory for its sessions.
    #[arg(long, env = "TABWIRE_TAIL_BYTES", default_value = "8MiB", value_parser = size)]
    pub tail_bytes: usize,

    /// How much of the ends of all shops' logs together is kept in memory.
    #[arg(long, env = "TABWIRE_TAILS_BYTES", default_value = "512MiB", value_parser = size)]
    pub tails_bytes: usize,

    /// How many events are read from the log at a time.
    #[arg(long, env = "TABWIRE_PAGE_EVENTS", default_value_t = 512)]
    pub page_events: usize,
}

/// How much there may be of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Frames of one session.
    pub frames: Rate,
    /// Bytes of one session's frames.
    pub bytes: Rate,
    /// WebSockets that one address opens.
    pub connects: Rate,
    /// WebSockets that one address has open.
    pub address_connections: usize,
    /// WebSockets that have not said hello.
    pub pending: usize,
    /// Events published with one key.
    pub publish: Rate,
    /// Shops with sessions.
    pub shops: usize,
    /// One shop's tail, in bytes.
    pub tail_bytes: usize,
    /// All shops' tails, in bytes.
    pub tails_bytes: usize,
    /// Events read from the log at a time.
    pub page_events: usize,
    /// Connections that speak HTTP; those that have become WebSockets have `--max-connections`.
    pub http_connections: usize,
    /// The body of a request, in bytes.
    pub body_bytes: usize,
    /// The payload of one event, in bytes.
    pub payload_bytes: usize,
    /// How long a request may take to send its body.
    pub body_timeout: Duration,
    /// How long a connection may take to send the head of a request, and how long it is kept when it sends none.
    pub header_timeout: Duration,
    /// Requests whose bodies are being read or published at a time.
    pub publishing: usize,
    /// Commands of one session that wait for those before.
    pub session_commands: usize,
    /// Commands of one user that are remembered.
    pub user_commands: usize,
    /// Commands that are remembered.
    pub commands: usize,
    /// How long a socket that is closed has to answer.
    pub close_timeout: Duration,
    /// How long a socket has to show that it lives, when another device wants its place.
    pub probe_timeout: Duration,
    /// How long after its token's end a socket may renew it.
    pub expiry_grace: Duration,
    /// How long a node counts as alive after it was heard of last. It shows itself three times as often.
    pub lease: Duration,
}

/// The largest rate and burst: thousandths of them are counted, and sums stay far from where they would overflow.
const RATE_MAX: u64 = 1_000_000_000_000;
/// The smallest `--tail-bytes`: some events of the largest size must fit.
const TAIL_BYTES_MIN: usize = 1 << 20;
/// The most `--page-events`: a page is held in memory for each session that reads one.
const PAGE_EVENTS_MAX: usize = 10_000;

impl Limits {
    /// Checks the flags. Those limits that have none get what they always are.
    pub(super) fn new(flags: &LimitFlags, max_frame: usize) -> Result<Self, ConfigError> {
        for (flag, value) in [
            (
                "max-connections-per-address",
                flags.max_connections_per_address,
            ),
            ("max-pending", flags.max_pending),
            ("max-shops", flags.max_shops),
        ] {
            if value == 0 {
                return Err(wrong(flag, "it must be at least 1"));
            }
        }
        let bytes = |bytes: usize| bytes as u64;
        for (flag, value) in [
            ("connects-per-second", flags.connects_per_second),
            ("connects-burst", flags.connects_burst),
            ("frames-per-second", flags.frames_per_second),
            ("frames-burst", flags.frames_burst),
            ("bytes-per-second", bytes(flags.bytes_per_second)),
            ("bytes-burst", bytes(flags.bytes_burst)),
            ("publish-rate", flags.publish_rate),
            ("publish-burst", flags.publish_burst),
        ] {
            if !(1..=RATE_MAX).contains(&value) {
                return Err(wrong(flag, format!("it must be from 1 to {RATE_MAX}")));
            }
        }
        if flags.bytes_burst < max_frame {
            let message = format!("a frame of --max-frame, {max_frame} bytes, must fit");
            return Err(wrong("bytes-burst", message));
        }
        if flags.tail_bytes < TAIL_BYTES_MIN {
            return Err(wrong("tail-bytes", "it must be at least 1MiB"));
        }
        if flags.tails_bytes < flags.tail_bytes {
            return Err(wrong("tails-bytes", "it must be at least --tail-bytes"));
        }
        if !(1..=PAGE_EVENTS_MAX).contains(&flags.page_events) {
            let message = format!("it must be from 1 to {PAGE_EVENTS_MAX}");
            return Err(wrong("page-events", message));
        }
        Ok(Self {
            frames: Rate {
                burst: flags.frames_burst,
                per_second: flags.frames_per_second,
            },
            bytes: Rate {
                burst: bytes(flags.bytes_burst),
                per_second: bytes(flags.bytes_per_second),
            },
            connects: Rate {
                burst: flags.connects_burst,
                per_second: flags.connects_per_second,
            },
            address_connections: flags.max_connections_per_address,
            pending: flags.max_pending,
            publish: Rate {
                burst: flags.publish_burst,
                per_second: flags.publish_rate,
            },
            shops: flags.max_shops,
            tail_bytes: flags.tail_bytes,
            tails_bytes: flags.tails_bytes,
            page_events: flags.page_events,
            http_connections: 10_000,
            body_bytes: 4 << 20,
            payload_bytes: 256 << 10,
            body_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            publishing: 64,
            session_commands: 64,
            user_commands: 4_096,
            commands: 262_144,
            close_timeout: Duration::from_secs(2),
            probe_timeout: Duration::from_secs(3),
            expiry_grace: Duration::from_secs(4),
            lease: Duration::from_secs(15),
        })
    }
}
