//! What a tab missed comes from the leader's ring, or from the server.

use tabwire_client::core::{Frame, RELAY_FRAMES_MAX};
use tabwire_protocol::{RefreshReason, Resume};

use crate::harness::*;

/// A leader that has applied the events up to a position, from 0.
fn with_events(up_to: u64) -> Machine {
    let mut machine = Machine::open(false, 0);
    for id in 1..=up_to {
        machine.frame(event(id));
    }
    machine
}

#[test]
fn a_leader_repairs_from_its_ring_what_is_in_it() {
    let mut machine = with_events(4);
    assert_eq!(
        machine.hear(repair(1, 2)).all(),
        ["post relay 1/t0 event 3, event 4 to t1"]
    );
    let counters = machine.inspect().counters;
    assert_eq!((counters.ring_repairs, counters.server_repairs), (1, 0));
}

#[test]
fn a_long_repair_is_several_messages_of_a_hundred_frames() {
    let mut machine = with_events(205);
    let did = machine.hear(repair(1, 0));
    let posts = did.posts();
    let [first, second, third] = &posts[..] else {
        panic!("{posts:?}");
    };
    for (post, last, more) in [(first, 100, true), (second, 200, true), (third, 205, false)] {
        let more = if more { " more" } else { "" };
        assert!(
            post.ends_with(&format!("event {last}{more} to t1")),
            "{post}"
        );
    }
    assert_eq!(first.matches("event").count(), RELAY_FRAMES_MAX);
}

#[test]
fn a_ring_holds_1000_frames_and_the_server_is_asked_for_what_came_before() {
    let mut machine = with_events(1_001);
    let posts = machine.hear(repair(1, 1)).posts().join(", ");
    assert_eq!(posts.matches("event").count(), 1_000);
    assert_eq!(
        machine.hear(repair(1, 0)).all(),
        [r#"send {"t":"request_sync","ref":1,"epoch":"e1","view":"v1","lastEventId":0}"#]
    );
}

#[test]
fn a_tab_that_is_ahead_of_the_ring_is_repaired_by_the_server() {
    let mut machine = with_events(4);
    assert_eq!(
        machine.hear(repair(1, 4)).all(),
        [r#"send {"t":"request_sync","ref":1,"epoch":"e1","view":"v1","lastEventId":4}"#]
    );
}

#[test]
fn a_leader_that_finds_a_gap_itself_asks_the_server_from_its_cursor() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.frame(event(7)).all(),
        [
            "post relay 1/t0 event 7",
            r#"send {"t":"request_sync","ref":1,"epoch":"e1","view":"v1","lastEventId":5}"#
        ]
    );
    machine.frame(event(6));
    machine.frame(event(7));
    assert_eq!(
        machine.frame(synced(7, 7, Some(1))).app(),
        ["cursor e1 v1 7", "deliver 6 7"]
    );
}

#[test]
fn requests_that_come_while_one_is_under_way_are_merged_from_the_lowest_position() {
    let mut machine = Machine::open(false, 50);
    let asks = |reference: u64, last: u64| {
        format!(
            r#"send {{"t":"request_sync","ref":{reference},"epoch":"e1","view":"v1","lastEventId":{last}}}"#
        )
    };
    assert_eq!(machine.hear(repair(1, 40)).all(), [asks(1, 40)]);
    assert!(machine.hear(repair(2, 30)).is_silent());
    assert!(machine.hear(repair(3, 20)).is_silent());
    assert!(machine.hear(repair(4, 45)).is_silent());
    // An end of another replay is not the answer.
    assert_eq!(
        machine.frame(synced(41, 50, None)).wire(),
        Vec::<&str>::new()
    );
    assert_eq!(machine.frame(synced(41, 50, Some(1))).wire(), [asks(2, 20)]);
    assert!(machine.frame(synced(21, 50, Some(2))).wire().is_empty());
    assert_eq!(machine.inspect().counters.server_repairs, 2);
}

#[test]
fn frames_are_collected_until_the_answer_to_a_request_has_come() {
    let mut machine = Machine::open(false, 50);
    machine.hear(repair(1, 40));
    let did = machine.frame(event(51));
    assert_eq!(did.posts(), ["post relay 1/t0 event 51 more"]);
    machine.frame(synced(41, 51, None));
    let did = machine.frame(event(52));
    assert_eq!(did.posts(), ["post relay 1/t0 event 52 more"]);
    machine.frame(synced(52, 52, Some(1)));
    let did = machine.frame(event(53));
    assert_eq!(did.posts(), ["post relay 1/t0 event 53"]);

    machine.hear(repair(1, 40));
    machine.frame(full_refresh(RefreshReason::Expired, "e1", 60, None));
    let did = machine.frame(event(61));
    assert_eq!(did.posts(), ["post relay 1/t0 event 61 more"]);
    machine.frame(synced(61, 61, Some(2)));

    machine.hear(repair(1, 40));
    machine.frame(full_refresh(RefreshReason::Expired, "e1", 61, Some(3)));
    let did = machine.frame(event(62));
    assert_eq!(did.posts(), ["post relay 1/t0 event 62"]);
}

#[test]
fn a_tab_that_asks_again_while_it_waits_is_asked_for_once_from_where_it_is_now() {
    let mut machine = Machine::open(false, 50);
    machine.hear(repair(1, 40));
    machine.hear(repair(2, 10));
    machine.hear(repair(2, 15));
    let did = machine.frame(synced(41, 50, Some(1)));
    assert!(did.wire()[0].contains(r#""lastEventId":15"#), "{did:?}");
}

#[test]
fn at_most_64_requests_wait() {
    let mut machine = Machine::open(false, 500);
    machine.hear(repair(1, 400));
    for number in 10..74 {
        machine.hear(repair(number, u64::from(400 - u16::from(number))));
    }
    // The 65th is further behind than all others, and is not taken.
    machine.hear(repair(200, 1));
    let did = machine.frame(synced(401, 500, Some(1)));
    assert!(did.wire()[0].contains(r#""lastEventId":327"#), "{did:?}");
}

#[test]
fn a_refusal_reaches_the_tabs_that_asked_from_there_and_others_are_asked_for_again() {
    let mut machine = Machine::open(false, 50);
    machine.hear(repair(1, 40));
    machine.hear(repair(2, 10));
    machine.hear(repair(3, 20));
    machine.hear(repair(4, 10));
    machine.frame(synced(41, 50, Some(1)));
    let did = machine.frame(full_refresh(RefreshReason::Expired, "e1", 50, Some(2)));
    assert_eq!(
        did.all(),
        [
            r#"send {"t":"request_sync","ref":3,"epoch":"e1","view":"v1","lastEventId":20}"#,
            "post relay 1/t0 full_refresh 50 more to t2",
            "post relay 1/t0 full_refresh 50 more to t4"
        ]
    );
    assert_eq!(machine.last(), Some(50), "the leader lacks nothing");
    // A refusal of a request that nobody made is nobody's.
    assert!(
        machine
            .frame(full_refresh(RefreshReason::Expired, "e1", 50, Some(9)))
            .is_silent()
    );
}

#[test]
fn a_refresh_of_the_whole_session_goes_to_all_and_leaves_the_request_to_its_answer() {
    let mut machine = Machine::open(false, 50);
    machine.hear(repair(1, 40));
    let did = machine.frame(full_refresh(RefreshReason::EpochChanged, "e2", 90, None));
    assert_eq!(did.posts(), ["post relay 1/t0 full_refresh 90 more"]);
    assert_eq!(
        did.app(),
        ["refreshed epoch_changed e2 90", "cursor e2 v1 90"]
    );
    // Of the old log nothing more is asked for.
    assert!(machine.hear(repair(2, 30)).is_silent());
    assert!(machine.frame(synced(90, 90, Some(1))).wire().is_empty());
    assert_eq!(
        machine.frame(event(91)).app(),
        ["cursor e2 v1 91", "deliver 91"]
    );
}

#[test]
fn what_waits_to_be_asked_of_the_old_log_is_not_asked_of_the_new_one() {
    let mut machine = Machine::open(false, 50);
    machine.hear(repair(1, 40));
    machine.hear(repair(2, 30));
    machine.frame(full_refresh(RefreshReason::EpochChanged, "e2", 20, None));
    assert!(machine.frame(synced(20, 20, Some(1))).wire().is_empty());
}

#[test]
fn a_request_for_another_log_or_view_is_not_served() {
    let mut machine = with_events(4);
    for (log, of) in [("e2", "v1"), ("e1", "v2")] {
        let message = tabwire_client::core::Message::Repair {
            tab: tab(1),
            cursor: tabwire_protocol::Cursor {
                epoch: epoch(log),
                view: view(of),
                last: at(2),
            },
        };
        assert!(machine.hear(message).is_silent());
    }
}

#[test]
fn a_ring_of_what_was_is_not_taken_for_the_log_or_view_of_a_new_session() {
    for (log, of) in [("e2", "v1"), ("e1", "v2")] {
        let mut machine = with_events(4);
        machine.socket_closed(1006);
        machine.wait_for("socket");
        machine.open_socket();
        let mut welcome = welcome(machine.now, Resume::Fresh, 4);
        welcome.epoch = epoch(log);
        welcome.view = view(of);
        machine.frame(Frame::Welcome(Box::new(welcome)));
        let message = tabwire_client::core::Message::Repair {
            tab: tab(1),
            cursor: tabwire_protocol::Cursor {
                epoch: epoch(log),
                view: view(of),
                last: at(2),
            },
        };
        assert_eq!(
            machine.hear(message).all(),
            [format!(
                r#"send {{"t":"request_sync","ref":1,"epoch":"{log}","view":"{of}","lastEventId":2}}"#
            )]
        );
        assert!(machine.hear(repair(1, 2)).is_silent(), "nor the other way");
    }
}

#[test]
fn a_follower_does_not_serve_repairs() {
    let mut machine = Machine::following(false, 5);
    machine.hear_relay(by(1, 1), event(6));
    assert!(machine.hear(repair(2, 5)).is_silent());
}

#[test]
fn a_request_that_the_socket_took_with_it_is_made_again_by_the_one_who_lacks_something() {
    let mut machine = Machine::open(false, 5);
    machine.frame(event(7));
    machine.socket_closed(1006);
    machine.wait_for("socket");
    let did = machine.open_socket();
    assert!(did.wire()[0].contains(r#""lastEventId":5"#), "{did:?}");
    machine.welcome(Resume::Replay, 7);
    machine.frame(event(6));
    machine.frame(event(7));
    assert_eq!(
        machine.frame(synced(7, 7, None)).app(),
        ["cursor e1 v1 7", "deliver 6 7"]
    );
    assert!(machine.wait(4_000).wire().is_empty(), "nothing is missing");
}

#[test]
fn what_is_missing_is_asked_of_the_next_leader() {
    let mut machine = Machine::following(false, 5);
    machine.hear_relay(by(1, 1), event(7));
    machine.hear(tabwire_client::core::Message::Bye { by: by(1, 1) });
    assert!(
        machine
            .wait(2_900)
            .of(&["post"])
            .iter()
            .all(|post| post.starts_with("post hello")),
        "nobody is there to be asked"
    );
    assert_eq!(
        machine.hear_status(by(2, 2), open_status(7)).posts(),
        ["post repair t0 5"]
    );
}
