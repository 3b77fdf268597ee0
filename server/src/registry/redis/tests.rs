//! The laws of the trait on a real Redis, and any sequence of operations beside the registry in memory.

use super::*;
use crate::{
    redis::testing,
    registry::conformance::{self, NOW, session},
};

/// A registry of its own, whose nodes live.
async fn registry() -> Option<RedisRegistry> {
    let redis = testing::shared()?;
    let keys = Keys::new(&testing::prefix());
    let link = redis.link();
    let lease = keys.lease(&session("u", "d", "s").node);
    let words: [&[u8]; 3] = [b"SET", lease.as_bytes(), b""];
    let set: String = link.command("lease", &words).await.expect("it is there");
    assert_eq!(set, "OK");
    Some(RedisRegistry::new(link, keys, Millis(4_000)))
}

conformance::registry_laws!(match registry().await {
    Some(registry) => registry,
    None => return,
});
