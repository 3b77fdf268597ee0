//! The laws of the trait on a real Redis, what only this log can go through, and any sequence of operations beside the log in memory.

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection::vec, option, prelude::*};
use tokio::{runtime::Runtime, time::timeout};

use super::*;
use crate::{
    log::{
        MemoryLog,
        conformance::{self, NOW, event, shop},
    },
    redis::{
        LinkMetrics,
        testing::{self, TestRedis},
    },
};

fn retention(events: usize, age: u64) -> Retention {
    Retention {
        age: Millis(age),
        events,
        shops: 100,
    }
}

fn log_in(redis: &TestRedis) -> RedisLog {
    RedisLog::new(redis.link(), testing::prefix(), retention(10_000, 600_000))
}

conformance::event_log_laws!(match testing::shared() {
    Some(redis) => log_in(redis),
    None => return,
});

async fn append(log: &RedisLog, payload: &str) -> Receipt {
    let appended = log.append(NOW, &shop("s"), event(payload), None).await;
    appended.expect("it is available")
}

async fn read(log: &RedisLog, after: u64) -> Page {
    let after = Position::new(after).expect("small");
    let page = log.read(NOW, &shop("s"), after, 1_000).await;
    page.expect("it is available")
}

fn bounds(page: &Page) -> (u64, u64) {
    (page.bounds.floor.get(), page.bounds.head.get())
}

/// Does to a key of the shop what no server of ours would.
fn tamper(redis: &TestRedis, log: &RedisLog, command: &str, what: &str, rest: &[&str]) {
    let key = log.calls.key(&shop("s"), what);
    redis.command(&[&[command, key.as_str()], rest].concat());
}

#[tokio::test]
async fn appends_at_the_same_time_share_calls() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let metrics = LinkMetrics::default();
    let link = redis.link_counting(metrics.clone());
    let log = RedisLog::new(link, testing::prefix(), retention(10_000, 600_000));
    append(&log, "0").await;
    let appends = (1..=500).map(|n: u32| {
        let log = &log;
        async move { append(log, &n.to_string()).await.id.get() }
    });
    let ids = futures_util::future::join_all(appends).await;
    // In the order in which they came.
    assert!(ids.into_iter().eq(2..=501));
    let calls = metrics.calls.get_or_create(&[("call", "append")]).get();
    assert!(
        calls <= 1 + 1 + 500_u64.div_ceil(CALL_EVENTS_MAX as u64),
        "{calls}"
    );
}

#[tokio::test]
async fn a_log_of_another_run_of_redis_is_another_log_above_the_old_one() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = log_in(redis);
    let first = append(&log, "1").await;
    append(&log, "2").await;
    // As after a restart with its data, or when a replica has taken over.
    tamper(redis, &log, "HSET", "meta", &["run", "another"]);
    let third = append(&log, "3").await;
    assert_ne!(third.epoch, first.epoch);
    assert_eq!(third.id.get(), 3);
    let page = read(&log, 0).await;
    assert_eq!((bounds(&page), page.events.len()), ((2, 3), 0));
    // Whoever only reads begins it as well.
    tamper(redis, &log, "HSET", "meta", &["run", "another"]);
    let page = read(&log, 0).await;
    assert_ne!(page.bounds.epoch, third.epoch);
    assert_eq!(bounds(&page), (3, 3));
}

#[tokio::test]
async fn a_log_that_was_lost_goes_on_above_what_this_node_has_seen() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = log_in(redis);
    assert_eq!(bounds(&read(&log, 0).await), (0, 0));
    let mut notices = log.subscribe(NOW, &shop("s")).await.expect("available");
    for payload in ["1", "2", "3"] {
        append(&log, payload).await;
        let told = timeout(Duration::from_secs(5), notices.next()).await;
        assert!(matches!(told, Ok(Some(Notice::Appended(..)))));
    }
    for what in ["meta", "log"] {
        tamper(redis, &log, "DEL", what, &[]);
    }
    assert_eq!(bounds(&read(&log, 0).await), (3, 3));
    assert_eq!(append(&log, "4").await.id.get(), 4);
}

#[tokio::test]
async fn a_log_with_a_hole_goes_on_as_another_one() {
    let Some(redis) = testing::shared() else {
        return;
    };
    for (hole, after) in [("2", 0), ("2", 1), ("3", 2)] {
        let log = log_in(redis);
        let first = append(&log, "1").await;
        append(&log, "2").await;
        append(&log, "3").await;
        let at = read(&log, 0).await.events[hole.parse::<usize>().expect("a number") - 1].timestamp;
        tamper(redis, &log, "XDEL", "log", &[&format!("{hole}-{}", at.0)]);
        let page = read(&log, after).await;
        assert_ne!(
            page.bounds.epoch, first.epoch,
            "without {hole}, after {after}"
        );
        assert_eq!((bounds(&page), page.events.len()), ((3, 3), 0));
    }
}

#[tokio::test]
async fn a_meta_behind_its_log_goes_on_as_another_log() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = log_in(redis);
    let first = append(&log, "1").await;
    append(&log, "2").await;
    append(&log, "3").await;
    tamper(redis, &log, "HSET", "meta", &["head", "1"]);
    let next = append(&log, "22").await;
    assert_ne!(next.epoch, first.epoch);
    assert_eq!(next.id.get(), 4);
}

#[tokio::test]
async fn what_is_no_log_is_replaced_by_one() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = log_in(redis);
    let first = append(&log, "1").await;
    tamper(redis, &log, "SET", "log", &["something else"]);
    let read = log.read(NOW, &shop("s"), Position::ZERO, 10).await;
    assert!(read.is_err());
    let next = append(&log, "2").await;
    assert_ne!(next.epoch, first.epoch);
}

#[tokio::test]
async fn so_many_events_are_kept_and_no_more() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = RedisLog::new(redis.link(), testing::prefix(), retention(3, 600_000));
    for payload in ["1", "2", "3", "4", "5"] {
        append(&log, payload).await;
    }
    let page = read(&log, 2).await;
    assert_eq!((bounds(&page), page.events.len()), ((2, 5), 3));
    assert!(read(&log, 1).await.events.is_empty());
}

#[tokio::test]
async fn what_is_older_than_the_retention_goes_and_the_head_stays() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = RedisLog::new(redis.link(), testing::prefix(), retention(100, 50));
    let first = append(&log, "1").await;
    append(&log, "2").await;
    let gone = async {
        // The age is Redis's affair, so it is Redis that is asked until it has passed.
        while read(&log, 0).await.bounds.floor.get() != 2 {}
    };
    let waited = timeout(Duration::from_secs(10), gone).await;
    assert!(waited.is_ok());
    let page = read(&log, 2).await;
    assert_eq!(
        (page.bounds.epoch.clone(), bounds(&page)),
        (first.epoch, (2, 2))
    );
    assert_eq!(append(&log, "3").await.id.get(), 3);
}

#[tokio::test]
async fn a_page_ends_after_so_many_bytes() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let log = log_in(redis);
    let large = format!("\"{}\"", "x".repeat(PAGE_BYTES_MAX / 20));
    for _ in 0..100 {
        append(&log, &large).await;
    }
    let mut at = 0;
    let mut pages = 0;
    while at < 100 {
        let page = read(&log, at).await;
        assert_eq!(page.bounds.head.get(), 100);
        assert!(
            (1..=40).contains(&page.events.len()),
            "{}",
            page.events.len()
        );
        at = page.events.last().expect("not empty").id.get();
        pages += 1;
    }
    assert!(pages >= 3);
}

#[tokio::test]
async fn a_redis_without_memory_takes_nothing_and_loses_nothing() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let log = log_in(&redis);
    let first = append(&log, "1").await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for key in [None, Some("k")] {
        let refused = log
            .append(NOW, &shop("s"), event("2"), key.map(Key::new))
            .await;
        let Err(AppendError::Unavailable(error)) = refused else {
            panic!("it has no memory left: {refused:?}");
        };
        assert!(error.to_string().contains("memory"), "{error}");
    }
    let page = read(&log, 0).await;
    assert_eq!(
        (page.bounds.epoch.clone(), bounds(&page)),
        (first.epoch, (0, 1))
    );
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let next = log
        .append(NOW, &shop("s"), event("2"), Some(Key::new("k")))
        .await;
    let next = next.expect("there is memory again");
    assert_eq!((next.id.get(), next.repeated), (2, false));
}

#[tokio::test]
async fn a_follower_whose_connection_was_killed_is_told_of_a_gap_and_hears_again() {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let log = log_in(&redis);
    assert_eq!(bounds(&read(&log, 0).await), (0, 0));
    let mut notices = log.subscribe(NOW, &shop("s")).await.expect("available");
    for payload in ["1", "2", "3"] {
        redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let told = timeout(Duration::from_secs(10), notices.next()).await;
        assert!(matches!(told, Ok(Some(Notice::Gap))), "{told:?}");
        // Told when it is followed again, so this one is heard.
        let receipt = append(&log, payload).await;
        let told = timeout(Duration::from_secs(10), notices.next()).await;
        let Ok(Some(Notice::Appended(_, stored))) = told else {
            panic!("not the append: {told:?}");
        };
        assert_eq!(stored.id, receipt.id);
    }
}

/// What somebody may do to a log. Times pass for both alike: not at all.
#[derive(Clone, Debug)]
enum Operation {
    Append {
        shop: u8,
        payload: u8,
        key: Option<u8>,
    },
    Read {
        shop: u8,
        after: u64,
        limit: usize,
    },
    Recall {
        shop: u8,
        key: u8,
    },
    Renounce {
        shop: u8,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || option::of(0..4_u8);
    prop_oneof![
        6 => (0..3_u8, 0..3_u8, key()).prop_map(|(shop, payload, key)| Operation::Append { shop, payload, key }),
        4 => (0..3_u8, 0..12_u64, 0..6_usize).prop_map(|(shop, after, limit)| Operation::Read { shop, after, limit }),
        2 => (0..3_u8, 0..4_u8).prop_map(|(shop, key)| Operation::Recall { shop, key }),
        1 => (0..3_u8).prop_map(|shop| Operation::Renounce { shop }),
    ]
}

/// Does an operation, and says what came of it with the epochs by the order in which they came up.
async fn act(
    log: &impl EventLog,
    epochs: &mut BTreeMap<String, usize>,
    operation: &Operation,
) -> String {
    let name = |shop: u8| self::shop(&format!("s{shop}"));
    let mut number = |epoch: &Epoch| {
        let next = epochs.len();
        *epochs.entry(epoch.as_str().to_owned()).or_insert(next)
    };
    match *operation {
        Operation::Append { shop, payload, key } => {
            let key = key.map(|key| format!("k{key}"));
            let event = event(&payload.to_string());
            match log
                .append(NOW, &name(shop), event, key.as_deref().map(Key::new))
                .await
            {
                Ok(receipt) => format!(
                    "{} {} {}",
                    number(&receipt.epoch),
                    receipt.id,
                    receipt.repeated
                ),
                Err(error) => error.to_string(),
            }
        }
        Operation::Read { shop, after, limit } => {
            let after = Position::new(after).expect("small");
            let page = log
                .read(NOW, &name(shop), after, limit)
                .await
                .expect("available");
            let events: Vec<_> = page
                .events
                .iter()
                .map(|stored| (stored.id.get(), stored.event.clone()))
                .collect();
            format!(
                "{} {:?} {events:?}",
                number(&page.bounds.epoch),
                bounds(&page)
            )
        }
        Operation::Recall { shop, key } => {
            let name = format!("k{key}");
            let recalled = log
                .recall(NOW, &self::shop(&format!("s{shop}")), Key::new(&name))
                .await;
            let recalled = match recalled.expect("available") {
                Recalled::Appended(receipt) => Some((number(&receipt.epoch), receipt.id)),
                Recalled::Never | Recalled::NotYet => None,
            };
            format!("{recalled:?}")
        }
        Operation::Renounce { shop } => {
            let page = log
                .read(NOW, &name(shop), Position::ZERO, 0)
                .await
                .expect("available");
            log.renounce(&name(shop), &page.bounds.epoch)
                .await
                .expect("available");
            format!("{}", number(&page.bounds.epoch))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, in whatever order: both logs say the same.
    #[test]
    fn it_says_what_the_log_in_memory_says(operations in vec(operation(), 1..60)) {
        let Some(redis) = testing::shared() else { return Ok(()) };
        let runtime = Runtime::new().expect("there are threads");
        runtime.block_on(async {
            // Small, so that events are dropped too.
            let keep = retention(8, 600_000);
            let (memory, redis) = (MemoryLog::new(keep), RedisLog::new(redis.link(), testing::prefix(), keep));
            let (mut here, mut there) = (BTreeMap::new(), BTreeMap::new());
            for (step, operation) in operations.iter().enumerate() {
                let said = act(&redis, &mut there, operation).await;
                let expected = act(&memory, &mut here, operation).await;
                prop_assert_eq!(said, expected, "step {}: {:?}", step, operation);
            }
            Ok(())
        })?;
    }
}
