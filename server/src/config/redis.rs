//! `--redis` and what belongs to it.

use std::time::Duration;

use super::{ConfigError, Flags, read, wrong};
use crate::redis::Topology;

/// Where Redis is, and how it is used.
#[derive(Clone)]
pub struct RedisConfig {
    /// Its address, checked.
    pub(crate) url: String,
    /// What the names of all keys begin with.
    pub prefix: String,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl std::fmt::Debug for RedisConfig {
    /// Without the address, which has a password in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Checks the flags about Redis.
pub(super) fn redis(flags: &Flags) -> Result<Option<RedisConfig>, ConfigError> {
    let (flag, url) = match (&flags.redis, &flags.redis_file) {
        (Some(url), _) => ("redis", url.clone()),
        (None, Some(path)) => {
            let file = read("redis-file", path)?;
            ("redis-file", file.trim().to_owned())
        }
        (None, None) => return Ok(None),
    };
    if flags.demo {
        let why = "the demo keeps its state in one process: leave --demo or --redis out";
        return Err(wrong(flag, why));
    }
    Topology::parse(&url).map_err(|error| wrong(flag, error))?;
    // Braces say which part of a key decides about its place in a cluster.
    let is_prefix = |c: char| c.is_ascii_graphic() && c != '{' && c != '}';
    if flags.prefix.len() > 64 || !flags.prefix.chars().all(is_prefix) {
        let why = "up to 64 visible ASCII characters, none of them a brace";
        return Err(wrong("prefix", why));
    }
    Ok(Some(RedisConfig {
        url,
        prefix: flags.prefix.clone(),
        timeout: flags.redis_timeout,
    }))
}
