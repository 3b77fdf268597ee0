//! What the server is told: flags and environment, read and checked once.

mod limits;
mod redis;
mod webhook;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Parser, ValueEnum, builder::FalseyValueParser};
use tabwire_protocol::Millis;

use crate::{
    auth::{Key, PublicAlgorithm, Signer, Verifier, jwks_file::JwksFile},
    clock,
    command::webhook::WebhookConfig,
    log::memory::Retention,
    random,
    registry::Concurrency,
    types::EventTypes,
};

pub use self::{
    limits::{LimitFlags, Limits},
    redis::RedisConfig,
};
pub use crate::http::client::Cidr;

/// Realtime events with replay, and one WebSocket per user.
///
/// Each flag can also be given in the environment: `--publish-key` as `TABWIRE_PUBLISH_KEY`, and so on.
#[derive(Clone, Debug, Parser)]
#[command(name = "tabwire-server", version)]
pub struct Flags {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "TABWIRE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// A key that back ends publish with; several may be in use. In the environment, separated by commas.
    #[arg(
        long,
        env = "TABWIRE_PUBLISH_KEY",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub publish_key: Vec<String>,

    /// A file with publish keys, one per line.
    #[arg(long, env = "TABWIRE_PUBLISH_KEY_FILE")]
    pub publish_key_file: Option<PathBuf>,

    /// The secret of tokens signed with HS256.
    #[arg(long, env = "TABWIRE_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// A file with that secret; a line break at its end does not count.
    #[arg(long, env = "TABWIRE_JWT_SECRET_FILE")]
    pub jwt_secret_file: Option<PathBuf>,

    /// A file with the public key (PEM) of tokens signed with --jwt-alg.
    #[arg(long, env = "TABWIRE_JWT_PUBLIC_KEY", requires = "jwt_alg")]
    pub jwt_public_key: Option<PathBuf>,

    /// The algorithm of --jwt-public-key.
    #[arg(long, env = "TABWIRE_JWT_ALG", requires = "jwt_public_key")]
    pub jwt_alg: Option<PublicAlgorithm>,

    /// A JWKS file with keys of tokens, found by their kid. It is read anew when it changes, and on SIGHUP.
    #[arg(long, env = "TABWIRE_JWKS")]
    pub jwks: Option<PathBuf>,

    /// How often the file of --jwks is looked at.
    #[arg(long, env = "TABWIRE_JWKS_INTERVAL", default_value = "5s", value_parser = duration)]
    pub jwks_interval: Duration,

    /// The `iss` that tokens must have.
    #[arg(long, env = "TABWIRE_JWT_ISSUER")]
    pub jwt_issuer: Option<String>,

    /// The `aud` that tokens must have.
    #[arg(long, env = "TABWIRE_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,

    /// How long after its end a token is still taken, for clocks that differ.
    #[arg(long, env = "TABWIRE_JWT_LEEWAY", default_value = "0s", value_parser = duration)]
    pub jwt_leeway: Duration,

    /// The event types: {"order_created": "orders", "chat_message": {"module": "chat", "from": "client"}}.
    #[arg(long, env = "TABWIRE_EVENTS_CONFIG")]
    pub events_config: Option<PathBuf>,

    /// Keeps events and sessions in Redis, for several nodes: redis://host:port/db, redis-sentinel://host:port,…/name or
    /// redis-cluster://host:port,…; user:password@ goes before the host. Redis 7 or newer, or Valkey.
    #[arg(long, env = "TABWIRE_REDIS", hide_env_values = true)]
    pub redis: Option<String>,

    /// A file with that address.
    #[arg(long, env = "TABWIRE_REDIS_FILE", conflicts_with = "redis")]
    pub redis_file: Option<PathBuf>,

    /// What the names of all keys in Redis begin with. Nodes that belong together have the same.
    #[arg(long, env = "TABWIRE_PREFIX", default_value = "ws:")]
    pub prefix: String,

    /// How long Redis may take to answer.
    #[arg(long, env = "TABWIRE_REDIS_TIMEOUT", default_value = "2s", value_parser = duration)]
    pub redis_timeout: Duration,

    /// How long the log may be unreadable before sessions are sent away, to come back when it is there again.
    #[arg(long, env = "TABWIRE_LOG_PATIENCE", default_value = "10s", value_parser = duration)]
    pub log_patience: Duration,

    /// Where commands of types with `"via": "webhook"` are posted, for the app to run them.
    #[arg(long, env = "TABWIRE_COMMAND_WEBHOOK")]
    pub command_webhook: Option<String>,

    /// What these calls are signed with.
    #[arg(long, env = "TABWIRE_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<String>,

    /// A file with that secret; a line break at its end does not count.
    #[arg(long, env = "TABWIRE_WEBHOOK_SECRET_FILE")]
    pub webhook_secret_file: Option<PathBuf>,

    /// How long the app may take to answer a call.
    #[arg(long, env = "TABWIRE_WEBHOOK_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub webhook_timeout: Duration,

    /// How often a command is posted to the app, under the same id, while it does not say what came of it.
    #[arg(long, env = "TABWIRE_WEBHOOK_TRIES", default_value_t = 5)]
    pub webhook_tries: u32,

    /// How many calls of the app are under way at a time.
    #[arg(long, env = "TABWIRE_WEBHOOK_CONCURRENCY", default_value_t = 64)]
    pub webhook_concurrency: usize,

    /// What happens when a user connects from a second device.
    #[arg(long, env = "TABWIRE_CONCURRENCY", default_value = "replace")]
    pub concurrency: ConcurrencyFlag,

    /// How long events are kept for replays.
    #[arg(long, env = "TABWIRE_RETENTION", default_value = "10m", value_parser = duration)]
    pub retention: Duration,

    /// How many events of a shop are kept.
    #[arg(long, env = "TABWIRE_RETENTION_EVENTS", default_value_t = 10_000)]
    pub retention_events: usize,

    /// How many events of its view a session may have replayed; beyond, it is told to refresh.
    #[arg(long, env = "TABWIRE_MAX_REPLAY", default_value_t = 5_000)]
    pub max_replay: u64,

    /// How often sessions are pinged. Two periods of silence close a socket.
    #[arg(long, env = "TABWIRE_PING", default_value = "25s", value_parser = duration)]
    pub ping: Duration,

    /// How long a socket may take to say hello.
    #[arg(long, env = "TABWIRE_HELLO_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub hello_timeout: Duration,

    /// How long a socket may take no bytes while there are some for it.
    #[arg(long, env = "TABWIRE_WRITE_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub write_timeout: Duration,

    /// Events that follow each other this fast are written together; 0 writes each at once.
    #[arg(long, env = "TABWIRE_COALESCE", default_value = "2ms", value_parser = duration)]
    pub coalesce: Duration,

    /// How many WebSockets may be open.
    #[arg(long, env = "TABWIRE_MAX_CONNECTIONS", default_value_t = 100_000)]
    pub max_connections: usize,

    /// The largest frame a client may send.
    #[arg(long, env = "TABWIRE_MAX_FRAME", default_value = "64KiB", value_parser = size)]
    pub max_frame: usize,

    /// An origin whose pages may connect, such as `https://app.example.com`. None: the server's own and localhost.
    #[arg(long, env = "TABWIRE_ALLOWED_ORIGIN", value_delimiter = ',')]
    pub allowed_origin: Vec<String>,

    /// A proxy, or a block of them (10.0.0.0/8), whose X-Forwarded-For says who connects. None: nobody's.
    #[arg(long, env = "TABWIRE_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxy: Vec<Cidr>,

    /// The path that all routes are under.
    #[arg(long, env = "TABWIRE_BASE_PATH", default_value = "/")]
    pub base_path: String,

    /// After SIGTERM: over how long clients come back elsewhere, and how long the server waits for what is running.
    #[arg(long, env = "TABWIRE_DRAIN", default_value = "10s", value_parser = duration)]
    pub drain: Duration,

    /// After SIGTERM: how long the server is unready before it closes sockets, for load balancers to see.
    #[arg(long, env = "TABWIRE_DRAIN_DELAY", default_value = "0s", value_parser = duration)]
    pub drain_delay: Duration,

    /// Where /metrics is served instead of at --listen.
    #[arg(long, env = "TABWIRE_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,

    /// Serves a demo on loopback: logins for everybody, an order book, keys made up when none are given.
    #[arg(long, env = "TABWIRE_DEMO", value_parser = FalseyValueParser::new())]
    pub demo: bool,

    /// A directory of files to serve.
    #[arg(long = "static", env = "TABWIRE_STATIC")]
    pub static_dir: Option<PathBuf>,

    /// The flags of limits.
    #[command(flatten)]
    pub limits: LimitFlags,

    /// How log lines are written.
    #[arg(long, env = "TABWIRE_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The values of `--concurrency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConcurrencyFlag {
    /// The newer device gets the socket.
    Replace,
    /// The older device keeps it for as long as it lives.
    Reject,
}

/// The values of `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What the server runs with: [`Flags`] that were found right.
#[derive(Clone, Debug)]
pub struct Config {
    /// The keys that back ends publish with.
    pub publish_keys: Vec<String>,
    /// Checks the users' tokens.
    pub verifier: Verifier,
    /// How often the file with changing keys is looked at.
    pub jwks_interval: Duration,
    /// The event types.
    pub types: EventTypes,
    /// The Redis that events and sessions are kept in; none: in memory.
    pub redis: Option<RedisConfig>,
    /// How long the log may be unreadable before sessions are sent away.
    pub log_patience: Duration,
    /// Where commands are posted that the app runs; none: it runs none.
    pub webhook: Option<WebhookConfig>,
    /// What happens when a user connects from a second device.
    pub concurrency: Concurrency,
    /// How much of each log is kept.
    pub retention: Retention,
    /// How many events of its view a session may have replayed.
    pub max_replay: u64,
    /// How often sessions are pinged.
    pub ping: Duration,
    /// How long a socket may take to say hello.
    pub hello_timeout: Duration,
    /// How long a socket may take no bytes while there are some for it.
    pub write_timeout: Duration,
    /// How long events are gathered that follow each other fast.
    pub coalesce: Duration,
    /// How many WebSockets may be open.
    pub max_connections: usize,
    /// The largest frame a client may send, in bytes.
    pub max_frame: usize,
    /// The origins whose pages may connect; none: the server's own and localhost.
    pub allowed_origins: Vec<String>,
    /// The proxies whose word about whom they speak for is taken.
    pub trusted_proxies: Vec<Cidr>,
    /// The segments of the path that all routes are under.
    pub base_path: Vec<String>,
    /// Over how long clients come back after a drain.
    pub drain: Duration,
    /// How long the server is unready before it drains.
    pub drain_delay: Duration,
    /// Whether /metrics is served elsewhere.
    pub admin: bool,
    /// Signs the tokens of the demo; none: no demo.
    pub demo: Option<Signer>,
    /// A directory of files to serve.
    pub static_dir: Option<PathBuf>,
    /// How much there may be of what.
    pub limits: Limits,
}

/// How many shops may have a log in memory.
const SHOPS_MAX: usize = 100_000;
/// The smallest `--max-frame`: a hello with its token must fit.
const FRAME_BYTES_MIN: usize = 10 << 10;
/// The largest `--max-frame`.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nobody could publish.
    #[error(
        "--publish-key is missing: give one, or its file as TABWIRE_PUBLISH_KEY_FILE, or try --demo"
    )]
    NoPublishKey,
    /// Nobody could connect.
    #[error(
        "--jwt-secret, --jwt-public-key or --jwks is missing: give one, or the secret's file as TABWIRE_JWT_SECRET_FILE, or try --demo"
    )]
    NoJwtKey,
    /// The demo lets everybody in.
    #[error("--demo lets everybody log in, so it listens on loopback only: --listen {0} is not")]
    DemoNotLocal(SocketAddr),
    /// A flag has a value that doesn't work.
    #[error("--{flag}: {wrong}")]
    Flag {
        /// Which.
        flag: &'static str,
        /// What is wrong.
        wrong: String,
    },
    /// A file that a flag names can't be read.
    #[error("--{flag} {}: {error}", path.display())]
    File {
        /// Which flag.
        flag: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
}

impl Config {
    /// Checks the flags, and reads the files they name.
    ///
    /// # Errors
    /// When the server can't run with them; the error names the flag, and what to do.
    pub fn new(flags: Flags) -> Result<Self, ConfigError> {
        if flags.demo && !flags.listen.ip().is_loopback() {
            return Err(ConfigError::DemoNotLocal(flags.listen));
        }
        let publish_keys = publish_keys(&flags)?;
        let secret = jwt_secret(&flags)?;
        let verifier = verifier(&flags, secret.as_deref())?;
        let types = match &flags.events_config {
            None if flags.demo => EventTypes::demo(),
            None => EventTypes::default(),
            Some(path) => EventTypes::parse(&read("events-config", path)?)
                .map_err(|error| file_error("events-config", path, &error))?,
        };
        let webhook = webhook::webhook(&flags, &types)?;
        for (flag, value) in [
            ("retention", flags.retention),
            ("jwks-interval", flags.jwks_interval),
            ("ping", flags.ping),
            ("hello-timeout", flags.hello_timeout),
            ("write-timeout", flags.write_timeout),
            ("redis-timeout", flags.redis_timeout),
            ("log-patience", flags.log_patience),
        ] {
            if value.is_zero() {
                return Err(wrong(flag, "it must be longer than 0"));
            }
        }
        for (flag, value) in [
            ("retention-events", flags.retention_events),
            ("max-connections", flags.max_connections),
        ] {
            if value == 0 {
                return Err(wrong(flag, "it must be at least 1"));
            }
        }
        if !(FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&flags.max_frame) {
            return Err(wrong("max-frame", "it must be from 10KiB to 1MiB"));
        }
        if let Some(dir) = flags.static_dir.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(file_error("static", dir, &"it is not a directory"));
        }
        Ok(Self {
            publish_keys,
            verifier,
            jwks_interval: flags.jwks_interval,
            types,
            redis: redis::redis(&flags)?,
            webhook,
            log_patience: flags.log_patience,
            concurrency: match flags.concurrency {
                ConcurrencyFlag::Replace => Concurrency::Replace,
                ConcurrencyFlag::Reject => Concurrency::Reject,
            },
            retention: Retention {
                age: Millis(clock::millis(flags.retention)),
                events: flags.retention_events,
                shops: SHOPS_MAX,
            },
            max_replay: flags.max_replay,
            ping: flags.ping,
            hello_timeout: flags.hello_timeout,
            write_timeout: flags.write_timeout,
            coalesce: flags.coalesce,
            max_connections: flags.max_connections,
            max_frame: flags.max_frame,
            allowed_origins: origins(&flags.allowed_origin)?,
            trusted_proxies: flags.trusted_proxy.clone(),
            base_path: base_path(&flags.base_path)?,
            drain: flags.drain,
            drain_delay: flags.drain_delay,
            admin: flags.admin_listen.is_some(),
            demo: flags
                .demo
                .then(|| Signer::secret(secret.unwrap_or_default().as_bytes())),
            static_dir: flags.static_dir,
            limits: Limits::new(&flags.limits, flags.max_frame)?,
        })
    }
}

fn publish_keys(flags: &Flags) -> Result<Vec<String>, ConfigError> {
    let mut keys = flags.publish_key.clone();
    if let Some(path) = &flags.publish_key_file {
        let file = read("publish-key-file", path)?;
        keys.extend(file.lines().map(|line| line.trim().to_owned()));
    }
    keys.retain(|key| !key.is_empty());
    if keys.is_empty() && flags.demo {
        keys.push(random::hex::<16>());
    }
    if keys.is_empty() {
        return Err(ConfigError::NoPublishKey);
    }
    Ok(keys)
}

/// The secret of HS256; the demo always has one, to sign with.
fn jwt_secret(flags: &Flags) -> Result<Option<String>, ConfigError> {
    let secret = match (&flags.jwt_secret, &flags.jwt_secret_file) {
        (Some(secret), _) => Some(secret.clone()),
        (None, Some(path)) => {
            let file = read("jwt-secret-file", path)?;
            Some(file.trim_end_matches(['\r', '\n']).to_owned())
        }
        (None, None) => flags.demo.then(random::hex::<32>),
    };
    if secret.as_ref().is_some_and(String::is_empty) {
        return Err(wrong("jwt-secret", "it is empty"));
    }
    Ok(secret)
}

fn verifier(flags: &Flags, secret: Option<&str>) -> Result<Verifier, ConfigError> {
    let mut keys: Vec<_> = secret
        .map(|secret| Key::secret(secret.as_bytes()))
        .into_iter()
        .collect();
    if let (Some(path), Some(algorithm)) = (&flags.jwt_public_key, flags.jwt_alg) {
        let pem = read("jwt-public-key", path)?;
        let key = Key::public(pem.as_bytes(), algorithm);
        keys.push(key.map_err(|error| file_error("jwt-public-key", path, &error))?);
    }
    let jwks = flags.jwks.as_ref().map(|path| {
        let file = JwksFile::open(path.clone());
        file.map_err(|error| file_error("jwks", path, &error))
    });
    let jwks = jwks.transpose()?.map(Arc::new);
    if keys.is_empty() && jwks.is_none() {
        return Err(ConfigError::NoJwtKey);
    }
    Ok(Verifier {
        keys,
        jwks,
        issuer: flags.jwt_issuer.clone(),
        audience: flags.jwt_audience.clone(),
        leeway: Millis(clock::millis(flags.jwt_leeway)),
    })
}

/// Origins as browsers write them: a scheme and a host, in small letters, without a slash at the end.
fn origins(origins: &[String]) -> Result<Vec<String>, ConfigError> {
    let origins = origins.iter().map(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '*'])) {
            let example = "it must be like https://app.example.com";
            return Err(wrong("allowed-origin", format!("{origin}: {example}")));
        }
        Ok(origin.to_ascii_lowercase())
    });
    origins.collect()
}

fn base_path(path: &str) -> Result<Vec<String>, ConfigError> {
    // What a browser would write in another way than it is written here would never be found.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(c);
    let is_path = path.starts_with('/') && path.chars().all(is_plain);
    if !is_path || path.split('/').any(|segment| matches!(segment, "." | "..")) {
        let message =
            format!("{path}: it must begin with / and be a plain path, such as /realtime");
        return Err(wrong("base-path", message));
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    Ok(segments.map(str::to_owned).collect())
}

fn wrong(flag: &'static str, wrong: impl Into<String>) -> ConfigError {
    ConfigError::Flag {
        flag,
        wrong: wrong.into(),
    }
}

fn file_error(flag: &'static str, path: &Path, error: &impl ToString) -> ConfigError {
    ConfigError::File {
        flag,
        path: path.to_owned(),
        error: error.to_string(),
    }
}

fn read(flag: &'static str, path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| file_error(flag, path, &error))
}

/// A duration like `10m`, `25s`, `2ms` or `0`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = number_and_unit(text);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if number == "0" => 0,
        _ => return Err("a duration is a number with ms, s, m, h or d, such as 25s".into()),
    };
    let number = number.parse::<u64>().map_err(|error| error.to_string())?;
    let millis = number
        .checked_mul(unit_ms)
        .filter(|ms| *ms <= DURATION_MS_MAX);
    let millis = millis.ok_or("a duration is at most 365d")?;
    Ok(Duration::from_millis(millis))
}

/// The longest duration: timers and sums of times stay far from where they would overflow.
const DURATION_MS_MAX: u64 = 365 * 86_400_000;

/// A size like `64KiB`, `1MiB` or `65536`.
fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = number_and_unit(text);
    let unit_bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => {
            return Err(
                "a size is a number of bytes, or one with KiB or MiB, such as 64KiB".into(),
            );
        }
    };
    let number = number.parse::<usize>().map_err(|error| error.to_string())?;
    number
        .checked_mul(unit_bytes)
        .ok_or_else(|| "too large".into())
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<Config, String> {
        let flags = Flags::try_parse_from(["tabwire-server"].iter().chain(flags))
            .map_err(|error| error.to_string())?;
        Config::new(flags).map_err(|error| error.to_string())
    }

    const KEYS: [&str; 4] = ["--publish-key", "k", "--jwt-secret", "s"];

    fn with_keys(flags: &[&str]) -> Result<Config, String> {
        config(&[&KEYS, flags].concat())
    }

    #[test]
    fn durations_and_sizes_have_units() {
        for (text, ms) in [
            ("10m", 600_000),
            ("25s", 25_000),
            ("2ms", 2),
            ("0s", 0),
            ("0", 0),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)));
        }
        for text in [
            "",
            "s",
            "5",
            "1.5s",
            "-1s",
            "5 s",
            "5w",
            "366d",
            "99999999999999999999s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        for (text, bytes) in [
            ("64KiB", 65_536),
            ("1MiB", 1_048_576),
            ("10", 10),
            ("10B", 10),
        ] {
            assert_eq!(size(text), Ok(bytes));
        }
        for text in ["", "KiB", "1KB", "-1", "99999999999999999MiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn without_keys_it_does_not_start_but_as_a_demo() {
        let error = config(&[]).expect_err("no keys");
        assert!(error.starts_with("--publish-key is missing"), "{error}");
        let error = config(&["--publish-key", "k"]).expect_err("no secret");
        assert!(
            error.starts_with("--jwt-secret, --jwt-public-key or --jwks is missing"),
            "{error}"
        );
        assert!(with_keys(&[]).is_ok());

        let (one, other) = (config(&["--demo"]), config(&["--demo"]));
        let keys = |config: Result<Config, String>| config.expect("a demo").publish_keys;
        assert_ne!(keys(one), keys(other));
    }

    #[test]
    fn a_demo_is_for_this_machine_only() {
        let error =
            config(&["--demo", "--listen", "0.0.0.0:0"]).expect_err("everybody could log in");
        assert!(error.contains("--listen 0.0.0.0:0"), "{error}");
        assert!(config(&["--demo", "--listen", "[::1]:0"]).is_ok());
    }

    #[test]
    fn values_that_do_not_work_are_refused_by_the_name_of_their_flag() {
        for (flag, value) in [
            ("--ping", "0s"),
            ("--hello-timeout", "0"),
            ("--write-timeout", "0s"),
            ("--retention", "0s"),
            ("--retention-events", "0"),
            ("--max-connections", "0"),
            ("--max-frame", "1KiB"),
            ("--max-frame", "2MiB"),
            ("--max-connections-per-address", "0"),
            ("--max-pending", "0"),
            ("--connects-per-second", "0"),
            ("--connects-burst", "0"),
            ("--frames-per-second", "0"),
            ("--frames-burst", "0"),
            ("--bytes-per-second", "0"),
            ("--bytes-burst", "0"),
            ("--bytes-burst", "65535"),
            ("--publish-rate", "0"),
            ("--publish-rate", "1000000000001"),
            ("--publish-burst", "0"),
            ("--max-shops", "0"),
            ("--tail-bytes", "1MB"),
            ("--tail-bytes", "1023KiB"),
            ("--tails-bytes", "7MiB"),
            ("--page-events", "0"),
            ("--page-events", "10001"),
            ("--allowed-origin", "app.example.com"),
            ("--allowed-origin", "https://app.example.com/"),
            ("--allowed-origin", "https://*.example.com"),
            ("--base-path", "realtime"),
            ("--base-path", "/a b"),
            ("--base-path", "/a%20b"),
            ("--base-path", "/ü"),
            ("--base-path", "/a/../b"),
            ("--trusted-proxy", "10.0.0.1/8"),
            ("--trusted-proxy", "proxy.example.com"),
            ("--static", "/nowhere/at/all"),
            ("--events-config", "/nowhere/at/all"),
            ("--jwt-secret-file", "/nowhere/at/all"),
            ("--jwks", "/nowhere/at/all"),
            ("--jwks-interval", "0s"),
            ("--concurrency", "both"),
            ("--listen", "here"),
        ] {
            let flags: &[&str] = if flag == "--jwt-secret-file" {
                &["--publish-key", "k"]
            } else {
                &KEYS
            };
            let error = config(&[flags, &[flag, value]].concat()).expect_err(flag);
            assert!(error.contains(flag), "{flag}: {error}");
        }
        let error =
            config(&["--publish-key", "k", "--jwt-secret", ""]).expect_err("no secret at all");
        assert!(error.contains("--jwt-secret"), "{error}");
    }

    #[test]
    fn routes_can_be_under_a_path() {
        let base_path = |path| with_keys(&["--base-path", path]).expect("a path").base_path;
        assert!(base_path("/").is_empty());
        assert_eq!(base_path("/realtime/v1/"), ["realtime", "v1"]);
    }

    #[test]
    fn the_command_line_is_described_without_contradiction() {
        use clap::CommandFactory;
        Flags::command().debug_assert();
    }
}
