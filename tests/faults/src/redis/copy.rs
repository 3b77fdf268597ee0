//! A log as it was, to be put back: what a failover to a replica that lags behind does, or a person with a backup.

use super::Redis;
use crate::resp::Reply;

/// Longer than any test.
const KEPT_MS: &str = "3600000";

/// What Redis keeps of a shop's log.
#[derive(Debug)]
pub struct LogCopy {
    keys: [String; 2],
    values: [Vec<u8>; 2],
}

impl LogCopy {
    /// The log as it is now.
    ///
    /// # Panics
    /// When there is none.
    pub async fn take(redis: &Redis, shop: &str) -> Self {
        let keys = ["log", "meta"].map(|what| format!("ws:{{{shop}}}:{what}"));
        // Both in one script: of the same moment.
        let script = b"return {redis.call('DUMP', KEYS[1]), redis.call('DUMP', KEYS[2])}";
        let [log, meta] = [keys[0].as_bytes(), keys[1].as_bytes()];
        let answer = redis.call(&[b"EVAL", script, b"2", log, meta]).await;
        let Reply::Many(values) = &answer else {
            panic!("{answer:?}");
        };
        let [Reply::Bytes(log), Reply::Bytes(meta)] = values.as_slice() else {
            panic!("there is no log of {shop}: {answer:?}");
        };
        Self {
            keys,
            values: [log.clone(), meta.clone()],
        }
    }

    /// Puts it in the place of what there is, and says from which last event to which the log went back, if it did.
    ///
    /// # Panics
    /// When Redis does not take it.
    pub async fn put_back(&self, redis: &Redis) -> Option<(String, String)> {
        // The same log has not always the same dump: Redis compresses as it happens to. The last event has a time in its id.
        let script = b"local function last()
                local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
                return newest and newest[1] or 'none'
            end
            local before = last()
            redis.call('RESTORE', KEYS[1], ARGV[1], ARGV[2], 'REPLACE')
            redis.call('RESTORE', KEYS[2], ARGV[1], ARGV[3], 'REPLACE')
            return {before, last()}";
        let [log, meta] = [self.keys[0].as_bytes(), self.keys[1].as_bytes()];
        let [log_value, meta_value] = &self.values;
        let kept = KEPT_MS.as_bytes();
        let answer = redis
            .call(&[
                b"EVAL", script, b"2", log, meta, kept, log_value, meta_value,
            ])
            .await;
        let Reply::Many(ends) = &answer else {
            panic!("{answer:?}");
        };
        let [before, after] = ends.as_slice() else {
            panic!("{answer:?}");
        };
        (before != after).then(|| (before.text(), after.text()))
    }
}
