//! Whether the promise was kept: every event of a client's view exactly once and in order, or an explicit refresh.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    history::{History, Stretch},
    ledger::{Logs, Published, Who},
};

/// What the check of all histories found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Broken promises.
    pub broken: Vec<String>,
    /// The most acked events of its view that a client was never given, because it was told to refresh instead.
    pub refreshed_over: usize,
    /// How many logs there were.
    pub epochs: usize,
}

/// Compares what clients were given with what was published.
///
/// `head` is where the log ends. `went_back` says that the test has put a log back to what it had been: such a log may tell different
/// things to different clients before it ends. Never otherwise, and never the log that has not ended.
pub fn judge(
    events: &[Published],
    clients: &[(Who, History)],
    head: (&str, u64),
    went_back: bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    let logs = logs(events, clients, &mut verdict.broken);
    for (epoch, log) in &logs {
        let may_fork = went_back && epoch != head.0;
        for (id, serials) in log.iter().filter(|(_, serials)| serials.len() > 1) {
            if !may_fork {
                let what = format!("{id} of {epoch} is each of {serials:?}");
                verdict.broken.push(what);
            }
        }
    }
    verdict.epochs = logs.len();
    in_order_of_publishing(events, head.0, &mut verdict.broken);
    refused_and_there(events, &logs, &mut verdict.broken);
    let (epoch, head) = head;
    for (serial, event) in events.iter().enumerate() {
        if let Some((of, id)) = &event.acked
            && of == epoch
            && *id > head
        {
            let what = format!("event {serial} was acked as {id} of {epoch}, which ends at {head}");
            verdict.broken.push(what);
        }
    }
    for (who, history) in clients {
        for stretch in &history.stretches {
            let log = logs.get(&stretch.epoch);
            compare(events, who, stretch, log, &mut verdict.broken);
        }
        if history.gaps > 0 {
            let what = format!("{}: {} gaps on whole connections", who.user, history.gaps);
            verdict.broken.push(what);
        }
        let missed = refreshed_over(events, who, history);
        verdict.refreshed_over = verdict.refreshed_over.max(missed);
    }
    verdict
}

/// What stands where, by all accounts. Two places of one event in a log break the promise.
fn logs(events: &[Published], clients: &[(Who, History)], broken: &mut Vec<String>) -> Logs {
    let mut logs = Logs::new();
    let mut places: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let acked = events.iter().enumerate().filter_map(|(serial, event)| {
        let (epoch, id) = event.acked.as_ref()?;
        Some((epoch.as_str(), *id, serial as u64))
    });
    let stretches = clients.iter().flat_map(|(_, history)| &history.stretches);
    let delivered = stretches.flat_map(|stretch| {
        let events = stretch.delivered.iter();
        events.map(|(id, serial)| (stretch.epoch.as_str(), *id, *serial))
    });
    for (of, id, serial) in delivered.chain(acked) {
        if serial >= events.len() as u64 {
            broken.push(format!("{id} of {of} is {serial}, which nobody published"));
            continue;
        }
        let log = logs.entry(of.to_owned()).or_default();
        log.entry(id).or_default().insert(serial);
        let other = *places.entry((of, serial)).or_insert(id);
        if other != id {
            broken.push(format!(
                "{serial} stands in {of} twice, at {other} and {id}"
            ));
        }
    }
    logs
}

/// What the server said is not and will not be is not.
fn refused_and_there(events: &[Published], logs: &Logs, broken: &mut Vec<String>) {
    for (epoch, log) in logs {
        for (id, serial) in log
            .iter()
            .flat_map(|(id, all)| all.iter().map(move |one| (id, one)))
        {
            if events[*serial as usize].refused {
                let what = format!("{serial} was refused for good, and stands in {epoch} at {id}");
                broken.push(what);
            }
        }
    }
}

/// What one loop published later stands later, in the log that has not ended.
fn in_order_of_publishing(events: &[Published], epoch: &str, broken: &mut Vec<String>) {
    let mut newest: BTreeMap<usize, u64> = BTreeMap::new();
    for (serial, event) in events.iter().enumerate() {
        let Some((of, id)) = &event.acked else {
            continue;
        };
        if of != epoch {
            continue;
        }
        let before = newest.insert(event.by, *id);
        if before.is_some_and(|before| before >= *id) {
            let what =
                format!("{serial} was published after {before:?} of {epoch} and stands at {id}");
            broken.push(what);
        }
    }
}

/// Between its ends, a stretch has exactly what the view has of the log.
fn compare(
    events: &[Published],
    who: &Who,
    stretch: &Stretch,
    log: Option<&BTreeMap<u64, BTreeSet<u64>>>,
    broken: &mut Vec<String>,
) {
    let range = stretch.from + 1..=stretch.last.max(stretch.from + 1);
    let log = log.map(|log| log.range(range)).into_iter().flatten();
    let given: BTreeMap<u64, u64> = stretch.delivered.iter().copied().collect();
    let expected = log
        .filter(|(id, _)| **id <= stretch.last)
        .filter_map(|(id, serials)| {
            // Where there are several, the one that was given will do; else the first.
            let given = given.get(id).filter(|serial| serials.contains(serial));
            let serial = given.or_else(|| serials.first())?;
            // Of several, this client's may have been one that is not for him.
            let hidden = |serial: &u64| !events[*serial as usize].is_for(who);
            let is_hidden = hidden(serial) || (given.is_none() && serials.iter().any(hidden));
            (!is_hidden).then_some((*id, *serial))
        });
    let expected: Vec<(u64, u64)> = expected.collect();
    if expected == stretch.delivered {
        return;
    }
    let missing: Vec<_> = expected
        .iter()
        .filter(|at| !stretch.delivered.contains(at))
        .take(5)
        .collect();
    let surplus: Vec<_> = stretch
        .delivered
        .iter()
        .filter(|at| !expected.contains(at))
        .take(5)
        .collect();
    broken.push(format!(
        "{} in {} from {} to {}: missing (id, serial) {missing:?}, not his {surplus:?}",
        who.user, stretch.epoch, stretch.from, stretch.last
    ));
}

/// How many acked events of its view, in logs it has seen, a client was not given.
fn refreshed_over(events: &[Published], who: &Who, history: &History) -> usize {
    let mut seen: BTreeMap<&str, (u64, Vec<u64>)> = BTreeMap::new();
    for stretch in &history.stretches {
        let (from, ids) = seen
            .entry(&stretch.epoch)
            .or_insert((stretch.from, Vec::new()));
        *from = stretch.from.min(*from);
        ids.extend(stretch.delivered.iter().map(|(id, _)| *id));
    }
    for (_, ids) in seen.values_mut() {
        ids.sort_unstable();
    }
    let missed = events.iter().filter(|event| {
        let Some((epoch, id)) = &event.acked else {
            return false;
        };
        let Some((from, ids)) = seen.get(epoch.as_str()) else {
            return false;
        };
        event.is_for(who) && id > from && ids.binary_search(id).is_err()
    });
    missed.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(count: u64) -> Vec<Published> {
        let event = |serial| Published {
            module: if serial % 2 == 0 { "orders" } else { "chat" },
            to: None,
            by: 0,
            acked: Some(("e".to_owned(), serial + 1)),
            refused: false,
        };
        (0..count).map(event).collect()
    }

    fn who() -> Who {
        Who {
            user: "u".to_owned(),
            shop: "s".to_owned(),
            modules: vec!["orders", "chat"],
        }
    }

    fn given(delivered: &[(u64, u64)], last: u64) -> Vec<(Who, History)> {
        let stretch = Stretch {
            epoch: "e".to_owned(),
            from: 0,
            last,
            delivered: delivered.to_vec(),
            because: None,
        };
        let history = History {
            stretches: vec![stretch],
            ..History::default()
        };
        vec![(who(), history)]
    }

    #[test]
    fn all_events_of_the_view_in_order_are_what_was_promised() {
        let verdict = judge(
            &published(3),
            &given(&[(1, 0), (2, 1), (3, 2)], 3),
            ("e", 3),
            false,
        );
        assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
    }

    #[test]
    fn a_silent_gap_breaks_the_promise() {
        let verdict = judge(&published(3), &given(&[(1, 0), (3, 2)], 3), ("e", 3), false);
        assert!(
            verdict.broken[0].contains("missing (id, serial) [(2, 1)]"),
            "{:?}",
            verdict.broken
        );
    }

    #[test]
    fn an_event_that_was_acked_and_is_gone_breaks_the_promise() {
        let verdict = judge(&published(3), &given(&[(1, 0), (2, 1)], 2), ("e", 2), false);
        assert!(
            verdict.broken[0].contains("was acked as 3"),
            "{:?}",
            verdict.broken
        );
    }

    #[test]
    fn one_place_with_two_events_breaks_the_promise() {
        let mut events = published(3);
        events[2].acked = Some(("e".to_owned(), 2));
        let verdict = judge(&events, &given(&[(1, 0), (2, 1)], 2), ("e", 2), false);
        assert!(
            verdict.broken[0].contains("2 of e is each of {1, 2}"),
            "{:?}",
            verdict.broken
        );
    }

    #[test]
    fn what_was_refused_for_good_and_is_there_breaks_the_promise() {
        let mut events = published(2);
        (events[1].acked, events[1].refused) = (None, true);
        let verdict = judge(&events, &given(&[(1, 0), (2, 1)], 2), ("e", 2), false);
        assert!(
            verdict.broken[0].contains("1 was refused for good"),
            "{:?}",
            verdict.broken
        );
    }

    #[test]
    fn in_a_log_that_was_put_back_and_has_ended_an_ack_may_contradict_what_was_delivered() {
        let mut events = published(3);
        events[2].acked = Some(("e".to_owned(), 2));
        let mut clients = given(&[(1, 0), (2, 1)], 2);
        clients[0].1.stretches.push(Stretch {
            epoch: "f".to_owned(),
            from: 4,
            last: 4,
            delivered: Vec::new(),
            because: Some(tabwire_protocol::RefreshReason::EpochChanged),
        });
        let verdict = judge(&events, &clients, ("f", 4), true);
        assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
    }

    #[test]
    fn what_two_clients_were_given_of_one_log_never_contradicts_unless_it_was_put_back() {
        let mut clients = given(&[(1, 0), (2, 1)], 2);
        clients.extend(given(&[(1, 0), (2, 2)], 2));
        let mut events = published(3);
        events[2].acked = None;
        let strict = judge(&events, &clients, ("f", 4), false);
        assert!(
            strict.broken[0].contains("2 of e is each of {1, 2}"),
            "{:?}",
            strict.broken
        );
        let lenient = judge(&events, &clients, ("f", 4), true);
        assert!(lenient.broken.is_empty(), "{:?}", lenient.broken);
        let alive = judge(&events, &clients, ("e", 2), true);
        assert!(!alive.broken.is_empty());
    }

    #[test]
    fn an_event_that_stands_in_the_log_twice_breaks_the_promise() {
        let verdict = judge(
            &published(2),
            &given(&[(1, 0), (2, 1), (3, 1)], 3),
            ("e", 3),
            false,
        );
        assert!(
            verdict.broken[0].contains("twice, at 2 and 3"),
            "{:?}",
            verdict.broken
        );
    }

    #[test]
    fn what_a_refresh_passed_over_is_counted_and_breaks_nothing() {
        let mut clients = given(&[(1, 0)], 1);
        clients[0].1.stretches.push(Stretch {
            epoch: "e".to_owned(),
            from: 2,
            last: 3,
            delivered: vec![(3, 2)],
            because: Some(tabwire_protocol::RefreshReason::Expired),
        });
        let verdict = judge(&published(3), &clients, ("e", 3), false);
        assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
        assert_eq!(verdict.refreshed_over, 1);
    }
}
