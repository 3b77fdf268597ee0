//! The app fetches its state: what comes meanwhile is held, and nothing is lost between the state and what follows.

use tabwire_client::core::{Config, Frame, Input, LinkStatus};
use tabwire_protocol::{RefreshReason, Resume};

use crate::harness::*;

/// The most events that are held.
const HELD_EVENTS_MAX: u64 = 5_000;

fn fetched(machine: &mut Machine, number: u32, position: Option<(&str, u64)>) -> Did {
    let position = position.map(|(log, position)| (epoch(log), at(position)));
    machine.handle(Input::StateFetched(number, position, None))
}

#[test]
fn a_fresh_tab_fetches_its_state_holds_what_comes_and_delivers_it_behind_the_state() {
    let mut machine = Machine::greeting(true);
    assert_eq!(
        machine.welcome(Resume::Fresh, 5).all(),
        [
            "post status 1/t0 open e1 v1 5",
            "fetch 1 initial e1 5",
            "status refreshing leader"
        ]
    );
    assert!(machine.frame(event(6)).app().is_empty());
    assert!(machine.frame(event(7)).app().is_empty());
    assert_eq!(
        fetched(&mut machine, 1, Some(("e1", 6))).all(),
        [
            "cursor e1 v1 6",
            "apply 1 initial e1 6",
            "cursor e1 v1 7",
            "deliver 7",
            "status open leader"
        ]
    );
}

#[test]
fn a_state_that_names_no_position_is_at_the_head_it_was_asked_with() {
    let mut machine = Machine::open(true, 5);
    machine.frame(event(6));
    assert_eq!(
        fetched(&mut machine, 1, None).app(),
        [
            "cursor e1 v1 5",
            "apply 1 initial e1 5",
            "cursor e1 v1 6",
            "deliver 6"
        ]
    );
}

#[test]
fn a_state_that_is_ahead_of_what_has_come_is_taken_and_what_follows_is_not_applied_twice() {
    let mut machine = Machine::open(true, 5);
    machine.frame(event(6));
    assert_eq!(
        fetched(&mut machine, 1, Some(("e1", 9))).app(),
        ["cursor e1 v1 9", "apply 1 initial e1 9"]
    );
    for id in 7..=9 {
        assert!(machine.frame(event(id)).app().is_empty(), "{id}");
    }
    assert_eq!(
        machine.frame(event(10)).app(),
        ["cursor e1 v1 10", "deliver 10"]
    );
}

#[test]
fn a_state_older_than_the_place_that_events_are_held_from_is_brought_up_from_its_own_position() {
    let mut machine = Machine::open(true, 5);
    machine.frame(event(6));
    let did = fetched(&mut machine, 1, Some(("e1", 3)));
    assert_eq!(did.app(), ["cursor e1 v1 3", "apply 1 initial e1 3"]);
    assert_eq!(
        did.wire(),
        [r#"send {"t":"request_sync","ref":1,"epoch":"e1","view":"v1","lastEventId":3}"#]
    );
    for id in 4..=6 {
        machine.frame(event(id));
    }
    assert_eq!(
        machine.frame(synced(6, 6, Some(1))).app(),
        ["cursor e1 v1 6", "deliver 4 5 6"]
    );
}

#[test]
fn a_state_older_than_the_log_is_fetched_again_after_a_wait() {
    let mut machine = Machine::open(true, 5);
    fetched(&mut machine, 1, Some(("e1", 3)));
    machine.frame(full_refresh(RefreshReason::Expired, "e1", 5, Some(1)));
    let (waited, did) = machine.wait_for("fetch");
    assert_eq!(did.app(), ["fetch 2 expired e1 5"]);
    assert!((250..=1_000).contains(&waited), "{waited}");
}

#[test]
fn as_many_events_as_are_held_at_most_are_held() {
    let mut machine = Machine::open(true, 0);
    for id in 1..=HELD_EVENTS_MAX {
        machine.frame(event(id));
    }
    let did = fetched(&mut machine, 1, None);
    assert_eq!(did.app()[3].split(' ').count() as u64, 1 + HELD_EVENTS_MAX);
    assert!(did.wire().is_empty());
}

#[test]
fn one_event_more_drops_all_and_asks_for_them_after_the_fetch() {
    let mut machine = Machine::open(true, 0);
    for id in 1..=HELD_EVENTS_MAX + 1 {
        machine.frame(event(id));
    }
    let did = fetched(&mut machine, 1, None);
    assert_eq!(did.app(), ["cursor e1 v1 0", "apply 1 initial e1 0"]);
    assert_eq!(
        did.wire(),
        [r#"send {"t":"request_sync","ref":1,"epoch":"e1","view":"v1","lastEventId":0}"#]
    );
    machine.frame(event(1));
    assert_eq!(machine.last(), Some(1));
}

#[test]
fn a_state_that_has_all_that_was_dropped_asks_for_nothing() {
    let mut machine = Machine::open(true, 0);
    for id in 1..=HELD_EVENTS_MAX + 1 {
        machine.frame(event(id));
    }
    let did = fetched(&mut machine, 1, Some(("e1", HELD_EVENTS_MAX + 1)));
    assert_eq!(
        did.all(),
        [
            "cursor e1 v1 5001",
            "apply 1 initial e1 5001",
            "status open leader"
        ]
    );
}

#[test]
fn what_was_dropped_and_has_expired_meanwhile_is_fetched_at_once() {
    let mut machine = Machine::open(true, 0);
    for id in 1..=HELD_EVENTS_MAX + 1 {
        machine.frame(event(id));
    }
    fetched(&mut machine, 1, None);
    let did = machine.frame(full_refresh(RefreshReason::Expired, "e1", 5_001, Some(1)));
    assert_eq!(
        did.all(),
        ["fetch 2 expired e1 5001", "status refreshing leader"]
    );
}

#[test]
fn a_state_of_where_the_tab_is_leaves_it_what_others_may_lack() {
    let mut machine = Machine::open(true, 5);
    machine.frame(event(6));
    fetched(&mut machine, 1, Some(("e1", 6)));
    assert_eq!(
        machine.hear(repair(1, 5)).posts(),
        ["post relay 1/t0 event 6 to t1"]
    );
}

#[test]
fn a_state_that_has_what_was_missing_ends_the_repair() {
    for (position, still_lacks) in [(7, vec!["post repair t0 7"]), (8, none()), (9, none())] {
        let mut machine = Machine::following(true, 5);
        let did = machine.hear_relay(by(1, 1), event(8));
        assert_eq!(did.posts(), ["post repair t0 5"]);
        fetched(&mut machine, 1, Some(("e1", position)));
        assert_eq!(machine.wait(2_000).posts(), still_lacks, "{position}");
    }
}

#[test]
fn a_fetch_that_fails_is_tried_again_with_growing_waits_and_shown_after_the_fifth() {
    let mut machine = Machine::open(true, 5);
    let mut waits = Vec::new();
    for number in 1..=8 {
        let did = machine.handle(Input::StateFailed(number));
        assert_eq!(did.of(&["log"]), ["log StateFailed"]);
        let shown = number >= 5;
        assert_eq!(
            machine.status(),
            format!(
                "refreshing leader{}",
                if shown { " because state_failed" } else { "" }
            )
        );
        let begin = machine.now;
        // The socket lives all the while.
        while machine.wait(100).of(&["fetch"]).is_empty() && machine.now < begin + 60_000 {
            machine.frame(ping(5, 5));
        }
        waits.push(machine.now - begin);
    }
    for (index, wait) in waits.iter().enumerate() {
        let max = (1_000_u64 << index).min(30_000);
        assert!((max / 2..=max + 100).contains(wait), "{index}: {wait}");
    }
    assert_eq!(
        fetched(&mut machine, 9, None).of(&["apply", "status"]),
        ["apply 9 initial e1 5", "status open leader"]
    );
}

#[test]
fn a_state_of_another_log_is_fetched_again() {
    let mut machine = Machine::open(true, 5);
    assert!(fetched(&mut machine, 1, Some(("e0", 900))).is_silent());
    let (_, did) = machine.wait_for("fetch");
    assert_eq!(did.app(), ["fetch 2 initial e1 5"]);
}

#[test]
fn the_result_of_a_fetch_that_a_newer_one_has_replaced_is_dropped() {
    let mut machine = Machine::open(true, 5);
    assert_eq!(
        machine
            .frame(full_refresh(RefreshReason::EpochChanged, "e2", 40, None))
            .app(),
        ["fetch 2 epoch_changed e2 40"]
    );
    assert!(fetched(&mut machine, 1, None).is_silent());
    assert!(machine.handle(Input::StateFailed(1)).is_silent());
    assert_eq!(
        fetched(&mut machine, 2, None).app(),
        ["cursor e2 v1 40", "apply 2 epoch_changed e2 40"]
    );
    assert!(fetched(&mut machine, 2, None).is_silent(), "once");
}

#[test]
fn the_app_is_shown_no_cursor_before_its_state_is_there() {
    let mut machine = Machine::open(true, 5);
    let mut did = machine.frame(event(6)).of(&["cursor"]).len();
    did += machine.frame(ping(6, 8)).of(&["cursor"]).len();
    assert_eq!(did, 0);
    assert_eq!(
        machine.last(),
        Some(8),
        "a reconnect goes on from there all the same"
    );
}

#[test]
fn a_fetch_is_spread_over_the_time_that_the_server_says() {
    let mut machine = Machine::open(true, 5);
    fetched(&mut machine, 1, None);
    let mut refresh = refresh(RefreshReason::EpochChanged, "e2", 40, None);
    refresh.spread_ms = 2_000;
    let did = machine.frame(Frame::FullRefresh(Box::new(refresh)));
    assert!(did.app().is_empty());
    assert_eq!(did.of(&["status"]), ["status refreshing leader"]);
    let (waited, _) = machine.wait_for("fetch");
    assert!((1..=2_000).contains(&waited), "{waited}");
}

#[test]
fn the_same_refresh_told_twice_fetches_once() {
    let mut machine = Machine::open(true, 5);
    fetched(&mut machine, 1, None);
    let refresh = || full_refresh(RefreshReason::Expired, "e1", 40, None);
    assert_eq!(machine.frame(refresh()).app(), ["fetch 2 expired e1 40"]);
    assert!(machine.frame(refresh()).app().is_empty());

    // Even where having more is what is wrong.
    let refresh = || full_refresh(RefreshReason::UnknownPosition, "e1", 3, None);
    assert_eq!(
        machine.frame(refresh()).app(),
        ["fetch 3 unknown_position e1 3"]
    );
    assert!(machine.frame(refresh()).app().is_empty());
}

#[test]
fn a_tab_that_has_everything_is_not_refreshed_for_another_that_has_not() {
    let mut machine = Machine::following(false, 50);
    assert!(
        machine
            .hear_relay(
                by(1, 1),
                full_refresh(RefreshReason::Expired, "e1", 50, None)
            )
            .is_silent()
    );
    // A cursor ahead of the log is the one case in which having more is what is wrong.
    let ahead = full_refresh(RefreshReason::UnknownPosition, "e1", 40, None);
    assert_eq!(
        machine.hear_relay(by(1, 1), ahead).app(),
        ["refreshed unknown_position e1 40", "cursor e1 v1 40"]
    );
}

#[test]
fn an_app_that_fetches_no_state_is_told_what_it_missed_and_goes_on() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine
            .frame(full_refresh(RefreshReason::TooFar, "e1", 900, None))
            .app(),
        ["refreshed too_far e1 900", "cursor e1 v1 900"]
    );
    assert_eq!(
        machine.frame(event(901)).app(),
        ["cursor e1 v1 901", "deliver 901"]
    );
}

#[test]
fn a_replay_that_was_collected_is_delivered_before_the_refresh() {
    let mut machine = Machine::following(true, 5);
    fetched(&mut machine, 1, None);
    machine.hear(relay(by(1, 1), event(6), true));
    assert_eq!(
        machine
            .hear_relay(
                by(1, 1),
                full_refresh(RefreshReason::Expired, "e1", 40, None)
            )
            .app(),
        ["cursor e1 v1 6", "deliver 6", "fetch 2 expired e1 40"]
    );
}

#[test]
fn a_welcome_that_announces_a_refresh_relays_nothing_until_it_has_come() {
    let mut machine = Machine::with(Config {
        cursor: Some(cursor(5)),
        fetches_state: true,
        ..config()
    });
    machine.lead();
    machine.give_token("jwt");
    machine.open_socket();
    let mut welcome = welcome(machine.now, Resume::FullRefresh, 40);
    welcome.epoch = epoch("e2");
    let did = machine.frame(Frame::Welcome(Box::new(welcome)));
    assert_eq!(did.posts(), ["post status 1/t0 open"], "no position yet");
    let did = machine.frame(full_refresh(RefreshReason::EpochChanged, "e2", 40, None));
    assert_eq!(did.app(), ["fetch 1 epoch_changed e2 40"]);
    assert_eq!(
        did.posts(),
        [
            "post relay 1/t0 full_refresh 40",
            "post status 1/t0 open e2 v1 40"
        ]
    );
}

#[test]
fn a_state_that_comes_while_the_connection_is_lost_is_applied() {
    let mut machine = Machine::open(true, 5);
    machine.frame(event(6));
    machine.socket_closed(1006);
    assert_eq!(
        fetched(&mut machine, 1, None).app(),
        [
            "cursor e1 v1 5",
            "apply 1 initial e1 5",
            "cursor e1 v1 6",
            "deliver 6"
        ]
    );
}

#[test]
fn a_follower_fetches_its_own_state() {
    let mut machine = Machine::following(true, 5);
    assert_eq!(machine.status(), "refreshing follower");
    machine.hear_relay(by(1, 1), event(6));
    assert_eq!(
        fetched(&mut machine, 1, None).app(),
        [
            "cursor e1 v1 5",
            "apply 1 initial e1 5",
            "cursor e1 v1 6",
            "deliver 6"
        ]
    );
    // The group's link decides what is shown, once it is lost.
    let lost = LinkStatus::Reconnecting {
        retry_at: None,
        asked: false,
    };
    machine.hear_status(by(1, 1), status(lost));
    assert_eq!(machine.status(), "reconnecting follower");
}
