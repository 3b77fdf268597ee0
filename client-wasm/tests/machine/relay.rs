//! Frames on their way from the leader's socket to the apps of all tabs: once, in order, or not in silence.

use tabwire_client::core::{Config, Envelope, Input, Message, Sharing};
use tabwire_protocol::Resume;

use crate::harness::*;

#[test]
fn a_frame_of_the_socket_is_passed_on_and_applied() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.frame(event(6)).all(),
        ["post relay 1/t0 event 6", "cursor e1 v1 6", "deliver 6"]
    );
    assert_eq!(
        machine.frame(ping(6, 9)).all(),
        [
            "post relay 1/t0 ping 9",
            "cursor e1 v1 9",
            r#"send {"t":"pong","lastEventId":9}"#
        ]
    );
}

#[test]
fn a_tab_alone_applies_what_its_socket_brings_and_tells_nobody() {
    let mut machine = Machine::with(Config {
        sharing: Sharing::Nothing,
        ..config()
    });
    machine.handle(Input::Start);
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(Resume::Fresh, 5);
    assert_eq!(
        machine.frame(event(6)).all(),
        ["cursor e1 v1 6", "deliver 6"]
    );
}

#[test]
fn a_follower_applies_what_is_relayed_and_says_nothing() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.hear_relay(by(1, 1), event_after(5, 8)).all(),
        ["cursor e1 v1 8", "deliver 8"]
    );
    assert_eq!(
        machine.hear_relay(by(1, 1), ping(8, 12)).all(),
        ["cursor e1 v1 12"]
    );
}

#[test]
fn a_follower_without_a_cursor_starts_where_the_relay_is() {
    let machine = Machine::following(false, 5);
    assert_eq!(machine.last(), Some(5));
    // The leader's status may be lost: then the first frame says where.
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    assert_eq!(
        machine.hear_relay(by(1, 1), event_after(5, 8)).app(),
        ["cursor e1 v1 5", "cursor e1 v1 8", "deliver 8"]
    );
}

#[test]
fn a_duplicate_is_dropped_and_counted() {
    let mut machine = Machine::following(false, 5);
    machine.hear_relay(by(1, 1), event(6));
    assert!(machine.hear_relay(by(1, 1), event(6)).is_silent());
    assert!(machine.hear_relay(by(1, 1), ping(3, 5)).is_silent());
    assert_eq!(machine.inspect().counters.duplicates, 2);
    assert_eq!(machine.inspect().counters.delivered, 1);
}

#[test]
fn a_gap_is_not_applied_and_asks_the_leader_for_a_repair_every_two_seconds() {
    let mut machine = Machine::following(false, 5);
    let did = machine.hear_relay(by(1, 1), event(7));
    assert_eq!(did.all(), ["post repair t0 5"]);
    assert_eq!(did.of(&["log"]), ["log Gap"]);
    assert_eq!(machine.last(), Some(5));
    // More of the same gap asks for no more.
    assert!(machine.hear_relay(by(1, 1), event(8)).is_silent());
    assert_eq!(machine.inspect().counters.gaps, 2);

    assert!(machine.wait(1_999).is_silent());
    assert_eq!(machine.wait(1).all(), ["post repair t0 5"]);
    machine.hear_relay(by(1, 1), event(6));
    machine.hear_relay(by(1, 1), event(7));
    assert_eq!(
        machine.wait(2_000).all(),
        ["post repair t0 7"],
        "8 is still missing"
    );
    assert_eq!(
        machine.hear_relay(by(1, 1), event(8)).app(),
        ["cursor e1 v1 8", "deliver 8"]
    );
    assert!(machine.wait(60_000).is_silent());
}

#[test]
fn a_heartbeat_does_not_move_the_cursor_past_an_event_that_was_lost() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.hear_relay(by(1, 1), ping(6, 9)).all(),
        ["post repair t0 5"]
    );
    assert_eq!(machine.last(), Some(5));
}

#[test]
fn a_follower_that_hears_that_the_relay_is_ahead_asks_for_what_it_missed() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.hear_status(by(1, 1), open_status(8)).all(),
        ["post repair t0 5"]
    );
    let mut machine = Machine::following(false, 5);
    assert!(machine.hear_status(by(1, 1), open_status(5)).is_silent());
    assert!(machine.hear_status(by(1, 1), open_status(3)).is_silent());
}

#[test]
fn a_tab_that_has_a_cursor_of_another_log_refreshes() {
    let mut machine = Machine::following(false, 5);
    let relay = relay_of("e2", "v1", by(1, 1), event_after(40, 42), false);
    assert_eq!(
        machine.hear(relay).app(),
        [
            "refreshed epoch_changed e2 40",
            "cursor e2 v1 40",
            "cursor e2 v1 42",
            "deliver 42"
        ]
    );
    assert_eq!(machine.inspect().counters.refreshes, 1);
}

#[test]
fn a_tab_that_has_a_cursor_of_another_view_refreshes() {
    let mut machine = Machine::following(true, 5);
    machine.handle(Input::StateFetched(1, None, None));
    let relay = relay_of("e1", "v2", by(1, 1), ping(40, 42), false);
    assert_eq!(machine.hear(relay).app(), ["fetch 2 view_changed e1 42"]);
    assert_eq!(machine.status(), "refreshing follower");
}

#[test]
fn a_tab_that_was_given_a_cursor_of_another_log_refreshes_when_it_hears_of_the_relay() {
    let mut machine = Machine::with(Config {
        cursor: Some(tabwire_protocol::Cursor {
            epoch: epoch("e0"),
            ..cursor(5)
        }),
        fetches_state: true,
        ..config()
    });
    machine.handle(Input::Start);
    assert_eq!(
        machine.hear_status(by(1, 1), open_status(9)).app(),
        ["fetch 1 epoch_changed e1 9"]
    );
}

#[test]
fn a_tab_that_was_given_a_cursor_goes_on_from_it_and_fetches_nothing() {
    let mut machine = Machine::with(Config {
        cursor: Some(cursor(5)),
        fetches_state: true,
        ..config()
    });
    machine.handle(Input::Start);
    let did = machine.hear_status(by(1, 1), open_status(9));
    assert_eq!(did.app(), Vec::<&str>::new());
    assert_eq!(did.posts(), ["post repair t0 5"]);
}

#[test]
fn an_event_of_a_module_that_is_not_the_sessions_is_counted_and_not_delivered() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.frame(event_of("transactions", 5, 6)).app(),
        ["cursor e1 v1 6"]
    );
    assert_eq!(machine.inspect().counters.foreign, 1);
    assert_eq!(
        machine.frame(event_of("chat", 6, 7)).app(),
        ["cursor e1 v1 7", "deliver 7"]
    );
}

#[test]
fn what_is_for_another_tab_alone_is_not_applied() {
    let mut machine = Machine::following(false, 5);
    let to = |number| {
        let Message::Relay { by, envelope, .. } = relay(by(1, 1), event(6), false) else {
            unreachable!("it makes a relay");
        };
        Message::Relay {
            by,
            envelope: Box::new(Envelope { ..*envelope }),
            to: Some(tab(number)),
        }
    };
    assert!(machine.hear(to(3)).is_silent());
    assert_eq!(machine.last(), Some(5));
    machine.hear(to(0));
    assert_eq!(machine.last(), Some(6));
}

#[test]
fn the_events_of_a_replay_are_delivered_together() {
    let mut machine = Machine::following(false, 5);
    for id in 6..=9 {
        assert!(machine.hear(relay(by(1, 1), event(id), true)).is_silent());
    }
    assert_eq!(
        machine
            .hear(relay(by(1, 1), synced(9, 11, None), false))
            .app(),
        ["cursor e1 v1 11", "deliver 6 7 8 9"]
    );
}

#[test]
fn events_that_travelled_together_are_delivered_together() {
    let mut machine = Machine::following(false, 5);
    let frames = [event(6), event(7), ping(7, 9), event_after(9, 10)];
    assert_eq!(
        machine.hear(relay_of_many(by(1, 1), &frames)).app(),
        ["cursor e1 v1 10", "deliver 6 7 10"]
    );
}

#[test]
fn of_frames_that_travelled_together_duplicates_are_dropped_and_a_gap_is_seen() {
    let mut machine = Machine::following(false, 5);
    let frames = [event(5), event(6), event(8)];
    let did = machine.hear(relay_of_many(by(1, 1), &frames));
    assert_eq!(did.app(), ["cursor e1 v1 6", "deliver 6"]);
    assert_eq!(did.posts(), ["post repair t0 6"]);
    let counters = machine.inspect().counters;
    assert_eq!((counters.duplicates, counters.gaps), (1, 1));
}

#[test]
fn a_replay_that_stops_in_the_middle_is_delivered_after_100_ms() {
    let mut machine = Machine::following(false, 5);
    machine.hear(relay(by(1, 1), event(6), true));
    machine.wait(60);
    machine.hear(relay(by(1, 1), event(7), true));
    assert!(machine.wait(39).is_silent());
    assert_eq!(machine.wait(1).app(), ["cursor e1 v1 7", "deliver 6 7"]);
}

#[test]
fn a_long_replay_is_delivered_in_parts_of_500() {
    let mut machine = Machine::following(false, 0);
    for id in 1..500 {
        assert!(machine.hear(relay(by(1, 1), event(id), true)).is_silent());
    }
    let did = machine.hear(relay(by(1, 1), event(500), true));
    assert_eq!(did.app()[0], "cursor e1 v1 500");
    assert_eq!(did.app()[1].split(' ').count(), 501);
    assert!(machine.hear(relay(by(1, 1), event(501), true)).is_silent());
}

#[test]
fn what_a_replay_has_brought_is_delivered_when_the_leader_goes() {
    let mut machine = Machine::following(false, 5);
    machine.hear(relay(by(1, 1), event(6), true));
    assert_eq!(
        machine.hear(Message::Bye { by: by(1, 1) }).app(),
        ["cursor e1 v1 6", "deliver 6"]
    );
}

#[test]
fn noise_on_the_socket_moves_nothing_and_stops_nothing() {
    let mut machine = Machine::open(false, 5);
    assert!(
        machine
            .handle(Input::SocketNoise(tabwire_client::core::SocketId(1)))
            .is_silent()
    );
    assert_eq!(
        machine.frame(event(6)).app(),
        ["cursor e1 v1 6", "deliver 6"]
    );
}
