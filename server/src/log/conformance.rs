//! The laws of [`EventLog`], one function each, for the tests of every backend. Not a stable part of the API.
//!
//! Each law uses a shop of its own, so they may share a log.

use std::{collections::BTreeSet, time::Duration};

use tabwire_protocol::{EventType, Millis, Module, Position, RawJson, ShopId, UserId};
use tokio::time::timeout;

use super::{AppendError, EventLog, Key, NewEvent, Notice, Notices, Page, Recalled, Receipt};
use crate::session::cursor::{LogBounds, Stretch};

/// The time of all laws.
pub const NOW: Millis = Millis(1_730_569_300_000);
/// How long a notice may take.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

/// A test for each law. The argument makes a log that keeps at least 1,000 events for at least a minute.
#[macro_export]
#[doc(hidden)]
macro_rules! __event_log_laws {
    ($log:expr) => {
        $crate::__event_log_laws!(@each $log;
            ids_start_at_one_and_are_dense_per_shop,
            what_was_appended_is_read_in_order,
            a_page_has_at_most_the_limit_and_the_bounds,
            a_position_outside_the_log_reads_an_empty_page,
            events_appended_together_follow_each_other,
            keys_hold_among_events_appended_together,
            a_follower_sees_each_of_those_appended_together,
            the_same_key_and_event_is_appended_once,
            the_same_key_with_another_event_is_refused,
            a_key_belongs_to_its_shop,
            appends_at_the_same_time_are_dense_too,
            the_same_key_at_the_same_time_is_appended_once,
            a_follower_sees_each_append_in_order,
            a_follower_that_falls_behind_is_told_of_a_gap,
            an_event_is_read_as_it_was_appended,
            what_a_key_was_used_for_can_be_recalled,
            what_comes_after_the_time_of_its_key_is_never_appended,
            a_log_that_is_renounced_goes_on_as_another_one,
            a_log_is_renounced_once,
        );
    };
    (@each $log:expr; $($law:ident,)*) => {
        $(
            #[tokio::test]
            async fn $law() {
                $crate::log::conformance::$law(&$log).await;
            }
        )*
    };
}
pub use __event_log_laws as event_log_laws;

/// A shop of this name.
pub fn shop(name: &str) -> ShopId {
    ShopId::new(name).expect("a law names its shop")
}

/// An event with this payload.
pub fn event(payload: &str) -> NewEvent {
    NewEvent {
        event_type: EventType::new("order_created").expect("a name"),
        module: Module::new("orders").expect("a name"),
        users: None,
        payload: RawJson::new(payload).expect("a law's payload is JSON"),
        by: None,
        command_id: None,
    }
}

async fn append(log: &impl EventLog, shop: &ShopId, payload: &str) -> Receipt {
    let appended = log.append(NOW, shop, event(payload), None).await;
    appended.expect("the log is available")
}

async fn append_keyed(
    log: &impl EventLog,
    shop: &ShopId,
    payload: &str,
    key: &str,
) -> Result<Receipt, AppendError> {
    log.append(NOW, shop, event(payload), Some(Key::new(key)))
        .await
}

async fn append_all(
    log: &impl EventLog,
    shop: &ShopId,
    events: &[(&str, Option<&str>)],
) -> Vec<Result<Receipt, AppendError>> {
    let events = events
        .iter()
        .map(|(payload, key)| (event(payload), key.map(Key::new)));
    log.append_all(NOW, shop, events.collect()).await
}

fn positions(outcomes: &[Result<Receipt, AppendError>]) -> Vec<Result<u64, AppendError>> {
    let position = |receipt: &Receipt| receipt.id.get();
    let outcomes = outcomes.iter();
    outcomes
        .map(|outcome| outcome.as_ref().map(position).map_err(Clone::clone))
        .collect()
}

async fn read(log: &impl EventLog, shop: &ShopId, after: u64, limit: usize) -> Page {
    let after = Position::new(after).expect("small");
    let page = log.read(NOW, shop, after, limit).await;
    page.expect("the log is available")
}

fn payloads(page: &Page) -> Vec<&str> {
    let events = page.events.iter();
    events.map(|stored| stored.event.payload.as_str()).collect()
}

/// The first event has the id 1, each further one +1, whatever other shops do.
pub async fn ids_start_at_one_and_are_dense_per_shop(log: &impl EventLog) {
    let (one, other) = (shop("dense_1"), shop("dense_2"));
    for id in 1..=5 {
        assert_eq!(append(log, &one, "{}").await.id.get(), id);
    }
    let receipt = append(log, &other, "{}").await;
    assert_eq!((receipt.id.get(), receipt.repeated), (1, false));
}

/// Reading goes on right after the position.
pub async fn what_was_appended_is_read_in_order(log: &impl EventLog) {
    let shop = shop("order");
    for payload in ["1", "2", "3"] {
        append(log, &shop, payload).await;
    }
    assert_eq!(payloads(&read(log, &shop, 0, 10).await), ["1", "2", "3"]);
    let page = read(log, &shop, 1, 10).await;
    assert_eq!(payloads(&page), ["2", "3"]);
    assert_eq!(page.events[0].id.get(), 2);
    let second = page.get(Position::new(2).expect("small"));
    assert_eq!(
        second.map(|stored| stored.event.payload.as_str()),
        Some("2")
    );
    assert!(page.get(Position::new(1).expect("small")).is_none());
}

/// The bounds are those of the log, not of the page.
pub async fn a_page_has_at_most_the_limit_and_the_bounds(log: &impl EventLog) {
    let shop = shop("limit");
    let receipt = append(log, &shop, "1").await;
    append(log, &shop, "2").await;
    append(log, &shop, "3").await;
    let page = read(log, &shop, 1, 1).await;
    assert_eq!(payloads(&page), ["2"]);
    let LogBounds { epoch, head, floor } = page.bounds;
    assert_eq!((epoch, head.get(), floor.get()), (receipt.epoch, 3, 0));
    assert!(read(log, &shop, 0, 0).await.events.is_empty());
}

/// Nothing comes after the head, and nothing is made up.
pub async fn a_position_outside_the_log_reads_an_empty_page(log: &impl EventLog) {
    let shop = shop("outside");
    assert_eq!(read(log, &shop, 0, 10).await.bounds.head, Position::ZERO);
    append(log, &shop, "1").await;
    for after in [1, 2, Position::MAX.get()] {
        let page = read(log, &shop, after, 10).await;
        assert!(page.events.is_empty());
        assert_eq!(page.bounds.head.get(), 1);
    }
}

/// Several at once are appended as one by one: in order, without anything between them.
pub async fn events_appended_together_follow_each_other(log: &impl EventLog) {
    let shop = shop("all");
    append(log, &shop, "1").await;
    let outcomes = append_all(log, &shop, &[("2", None), ("3", None), ("4", None)]).await;
    assert_eq!(positions(&outcomes), [Ok(2), Ok(3), Ok(4)]);
    let page = read(log, &shop, 0, 10).await;
    assert_eq!(payloads(&page), ["1", "2", "3", "4"]);
    assert!(append_all(log, &shop, &[]).await.is_empty());

    // More than a call to the backend has.
    let many = vec![("{}", None); 1_000];
    let ids = positions(&append_all(log, &shop, &many).await);
    assert!(ids.into_iter().eq((5..=1_004).map(Ok)));
    let large = format!("\"{}\"", "x".repeat(200_000));
    let outcomes = append_all(
        log,
        &shop,
        &[(&large, None), (&large, None), (&large, None)],
    )
    .await;
    assert_eq!(positions(&outcomes), [Ok(1_005), Ok(1_006), Ok(1_007)]);
}

/// A key means one event, among those that are appended together too; what is refused keeps nothing else from its place.
pub async fn keys_hold_among_events_appended_together(log: &impl EventLog) {
    let shop = shop("all_keys");
    let first = append_keyed(log, &shop, "1", "k1")
        .await
        .expect("available");
    let events = [
        ("2", Some("k2")),
        ("1", Some("k1")),
        ("3", None),
        ("2", Some("k2")),
        ("4", Some("k2")),
        ("5", Some("k5")),
    ];
    let outcomes = append_all(log, &shop, &events).await;
    let reused = Err(AppendError::KeyReused);
    assert_eq!(
        positions(&outcomes),
        [Ok(2), Ok(1), Ok(3), Ok(2), reused, Ok(4)]
    );
    let repeated = outcomes.iter().map(|outcome| {
        let receipt = outcome.as_ref();
        receipt.is_ok_and(|receipt| receipt.repeated)
    });
    assert!(repeated.eq([false, true, false, true, false, false]));
    assert!(
        outcomes
            .iter()
            .flatten()
            .all(|receipt| receipt.epoch == first.epoch)
    );
    assert_eq!(
        payloads(&read(log, &shop, 0, 10).await),
        ["1", "2", "3", "5"]
    );
    let again = append_keyed(log, &shop, "5", "k5")
        .await
        .expect("available");
    assert_eq!((again.id.get(), again.repeated), (4, true));
}

/// A follower is told of each of them.
pub async fn a_follower_sees_each_of_those_appended_together(log: &impl EventLog) {
    let shop = shop("all_follow");
    append(log, &shop, "1").await;
    let mut notices = log.subscribe(NOW, &shop).await.expect("available");
    append_all(log, &shop, &[("2", None), ("3", Some("k")), ("4", None)]).await;
    for id in 2..=4 {
        match timeout(NOTICE_TIMEOUT, notices.next()).await {
            Ok(Some(Notice::Appended(_, stored))) => {
                assert_eq!(stored.id.get(), id);
                assert_eq!(stored.event.payload.as_str(), id.to_string());
            }
            other => panic!("not the append of {id}: {other:?}"),
        }
    }
}

/// A publisher may try again without a second event.
pub async fn the_same_key_and_event_is_appended_once(log: &impl EventLog) {
    let shop = shop("key");
    let first = append_keyed(log, &shop, "1", "k").await.expect("available");
    append(log, &shop, "2").await;
    let again = append_keyed(log, &shop, "1", "k").await.expect("available");
    assert_eq!((first.id, first.repeated), (again.id, false));
    assert_eq!((again.epoch, again.repeated), (first.epoch, true));
    assert_eq!(payloads(&read(log, &shop, 0, 10).await), ["1", "2"]);
}

/// A key that means two events is a mistake of the publisher.
pub async fn the_same_key_with_another_event_is_refused(log: &impl EventLog) {
    let shop = shop("key_reused");
    let first = append_keyed(log, &shop, "1", "k").await;
    assert!(first.is_ok());
    let other = append_keyed(log, &shop, "2", "k").await;
    assert_eq!(other, Err(AppendError::KeyReused));
    let mut addressed = event("1");
    addressed.users = Some(BTreeSet::from([UserId::new("u_1").expect("a name")]));
    let other = log.append(NOW, &shop, addressed, Some(Key::new("k"))).await;
    assert_eq!(other, Err(AppendError::KeyReused));
    assert_eq!(payloads(&read(log, &shop, 0, 10).await), ["1"]);
}

/// Two shops may use the same key.
pub async fn a_key_belongs_to_its_shop(log: &impl EventLog) {
    for name in ["key_of_1", "key_of_2"] {
        let receipt = append_keyed(log, &shop(name), name.len().to_string().as_str(), "k").await;
        assert!(!receipt.expect("available").repeated);
    }
}

/// No position is given twice or left out.
pub async fn appends_at_the_same_time_are_dense_too(log: &impl EventLog) {
    let shop = shop("together");
    let appends = (0..100).map(|n: u32| {
        let (log, shop) = (&log, &shop);
        async move { append(*log, shop, &n.to_string()).await.id.get() }
    });
    let mut ids = futures_util::future::join_all(appends).await;
    ids.sort_unstable();
    assert!(ids.into_iter().eq(1..=100));
    assert_eq!(read(log, &shop, 0, 1_000).await.events.len(), 100);
}

/// Of two that try at once, one appends and both get its receipt.
pub async fn the_same_key_at_the_same_time_is_appended_once(log: &impl EventLog) {
    let shop = shop("key_together");
    let appends = (0..10).map(|_| append_keyed(log, &shop, "1", "k"));
    let receipts = futures_util::future::join_all(appends).await;
    let receipts: Vec<_> = receipts
        .into_iter()
        .map(|receipt| receipt.expect("available"))
        .collect();
    assert!(receipts.iter().all(|receipt| receipt.id.get() == 1));
    let appended = receipts.iter().filter(|receipt| !receipt.repeated);
    assert_eq!(appended.count(), 1);
}

/// From the subscription on nothing is left out, and repeats are no appends.
pub async fn a_follower_sees_each_append_in_order(log: &impl EventLog) {
    let shop = shop("follow");
    append(log, &shop, "1").await;
    let mut notices = log.subscribe(NOW, &shop).await.expect("available");
    for payload in ["2", "3"] {
        append(log, &shop, payload).await;
    }
    for _ in 0..2 {
        let keyed = append_keyed(log, &shop, "4", "k").await;
        assert!(keyed.is_ok());
    }
    append(log, &shop, "5").await;
    let epoch = read(log, &shop, 0, 0).await.bounds.epoch;
    for id in 2..=5 {
        match timeout(NOTICE_TIMEOUT, notices.next()).await {
            Ok(Some(Notice::Appended(of, stored))) => {
                assert_eq!((of, stored.id.get()), (epoch.clone(), id));
                assert_eq!(stored.event.payload.as_str(), id.to_string());
            }
            other => panic!("not the append of {id}: {other:?}"),
        }
    }
}

/// However many appends a follower slept through: after what it sees comes the rest, or a gap.
pub async fn a_follower_that_falls_behind_is_told_of_a_gap(log: &impl EventLog) {
    let shop = shop("behind");
    let mut notices = log.subscribe(NOW, &shop).await.expect("available");
    for _ in 0..3_000 {
        append(log, &shop, "{}").await;
    }
    let mut expected = 1;
    loop {
        match timeout(NOTICE_TIMEOUT, notices.next()).await {
            Ok(Some(Notice::Appended(_, stored))) => {
                assert_eq!(stored.id.get(), expected);
                if expected == 3_000 {
                    break;
                }
                expected += 1;
            }
            Ok(Some(Notice::Gap)) => break,
            other => panic!("neither an append nor a gap: {other:?}"),
        }
    }
}

/// Every field survives the log.
pub async fn an_event_is_read_as_it_was_appended(log: &impl EventLog) {
    let shop = shop("fields");
    let appended = NewEvent {
        users: Some(BTreeSet::from([UserId::new("u_1").expect("a name")])),
        by: Some(UserId::new("u_2").expect("a name")),
        command_id: Some("Vb3k:1".into()),
        ..event(r#"{"text": "¡hola! \u0041", "n": 1.50}"#)
    };
    let receipt = log.append(NOW, &shop, appended.clone(), None).await;
    assert!(receipt.is_ok());
    let page = read(log, &shop, 0, 1).await;
    let stored = &page.events[0];
    assert_eq!((&stored.event, &stored.shop), (&appended, &shop));
}

/// Whoever comes too late can find out what became of it.
pub async fn what_a_key_was_used_for_can_be_recalled(log: &impl EventLog) {
    let shop = shop("recall");
    let key = Key::new("k");
    assert_eq!(log.recall(NOW, &shop, key).await, Ok(Recalled::NotYet));
    let appended = append_keyed(log, &shop, "1", "k").await.expect("available");
    let recalled = log.recall(NOW, &shop, key).await;
    let repeated = Receipt {
        repeated: true,
        ..appended
    };
    assert_eq!(recalled, Ok(Recalled::Appended(repeated)));
}

/// Whoever is told that it was never appended is told the truth, whatever is still under way. (The time of a log may be its own: one
/// that is long over is over for all.)
pub async fn what_comes_after_the_time_of_its_key_is_never_appended(log: &impl EventLog) {
    let shop = shop("late");
    let late = Key {
        name: "late",
        until: Some(Millis(1)),
    };
    let refused = log.append(NOW, &shop, event("1"), Some(late)).await;
    assert_eq!(refused, Err(AppendError::Late));
    assert_eq!(log.recall(NOW, &shop, late).await, Ok(Recalled::Never));
    let early = Key {
        name: "early",
        until: Some(Millis(9_000_000_000_000)),
    };
    assert_eq!(log.recall(NOW, &shop, early).await, Ok(Recalled::NotYet));
    let appended = log.append(NOW, &shop, event("1"), Some(early)).await;
    let appended = appended.expect("it is in time");
    // What was appended stays so, also for who asks too late.
    let late = Key {
        name: "early",
        until: Some(Millis(1)),
    };
    let again = log.append(NOW, &shop, event("1"), Some(late)).await;
    assert_eq!(again.map(|again| again.id), Ok(appended.id));
    assert_eq!(payloads(&read(log, &shop, 0, 10).await), ["1"]);
}

/// Under another name and above all its positions; followers are made to look, and a key keeps what it was used for.
pub async fn a_log_that_is_renounced_goes_on_as_another_one(log: &impl EventLog) {
    let shop = shop("renounce");
    let first = append_keyed(log, &shop, "1", "k").await.expect("available");
    append(log, &shop, "2").await;
    let mut notices = log.subscribe(NOW, &shop).await.expect("available");
    assert_eq!(log.renounce(&shop, &first.epoch).await, Ok(()));
    let told = timeout(NOTICE_TIMEOUT, notices.next()).await;
    assert!(matches!(told, Ok(Some(Notice::Gap))), "{told:?}");
    let page = read(log, &shop, 0, 10).await;
    assert!(page.events.is_empty());
    assert_ne!(page.bounds.epoch, first.epoch);
    assert_eq!((page.bounds.floor.get(), page.bounds.head.get()), (2, 2));
    let again = append_keyed(log, &shop, "1", "k").await.expect("available");
    assert_eq!(
        (again.epoch, again.id, again.repeated),
        (first.epoch, first.id, true)
    );
    let next = append(log, &shop, "3").await;
    assert_eq!((next.epoch, next.id.get()), (page.bounds.epoch, 3));
}

/// Two who find the same contradiction end one log, not two.
pub async fn a_log_is_renounced_once(log: &impl EventLog) {
    let shop = shop("renounce_once");
    let first = append(log, &shop, "1").await;
    for _ in 0..2 {
        assert_eq!(log.renounce(&shop, &first.epoch).await, Ok(()));
    }
    let second = read(log, &shop, 0, 0).await.bounds.epoch;
    assert_eq!(log.renounce(&shop, &first.epoch).await, Ok(()));
    assert_eq!(read(log, &shop, 0, 0).await.bounds.epoch, second);
}
