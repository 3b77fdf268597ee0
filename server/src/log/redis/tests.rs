//! The laws of the trait on a real Redis, and what only this log can go through.

use super::*;
use crate::{
    log::conformance,
    redis::testing::{self, TestRedis},
};

fn retention(events: usize) -> Retention {
    Retention {
        age: Millis(600_000),
        events,
        shops: 1,
    }
}

fn log_in(redis: &TestRedis) -> RedisLog {
    RedisLog::new(redis.link(), testing::prefix(), retention(10_000))
}

conformance::event_log_laws!(match testing::shared() {
    Some(redis) => log_in(redis),
    None => return,
});
