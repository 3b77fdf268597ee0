//! Tabs of a browser without Web Locks elect a leader over the channel.

use tabwire_client::core::{Config, Input, LinkStatus, Message, Sharing, Why};

use crate::harness::*;

fn tab_without_locks() -> Machine {
    let mut machine = Machine::with(Config {
        sharing: Sharing::Election,
        ..config()
    });
    machine.handle(Input::Start);
    machine
}

fn following() -> Machine {
    let mut machine = tab_without_locks();
    machine.hear_status(by(1, 1), open_status(5));
    machine
}

#[test]
fn a_tab_that_hears_no_leader_elects_itself_within_a_second_and_asks_for_no_lock() {
    let mut machine = tab_without_locks();
    let (after, did) = machine.wait_for("term");
    assert!((200..=600).contains(&after), "{after}");
    assert_eq!(did.of(&["lock"]), none());
    assert_eq!(machine.status(), "connecting leader");
    assert_eq!(machine.inspect().why, Some(Why::Elected));
}

#[test]
fn tabs_that_hear_no_leader_do_not_all_stand_at_once() {
    let mut waits = Vec::new();
    for seed in 0..100 {
        let mut machine = Machine::with(Config {
            sharing: Sharing::Election,
            seed,
            ..config()
        });
        machine.handle(Input::Start);
        waits.push(machine.wait_for("term").0);
    }
    waits.sort_unstable();
    assert!(waits[0] >= 200 && waits[99] <= 600, "{waits:?}");
    assert!(waits[9] < 300 && waits[90] > 500, "{waits:?}");
}

#[test]
fn a_tab_that_hears_a_leader_follows_it_and_waits_for_a_beacon() {
    let mut machine = tab_without_locks();
    machine.hear_answer(by(1, 1), open_status(5));
    assert_eq!(machine.status(), "open follower");
    assert_eq!(machine.wait(1_400).posts(), none());
    for _ in 0..100 {
        machine.hear_status(by(1, 1), open_status(5));
        assert_eq!(machine.wait(1_000).posts(), none());
    }
}

#[test]
fn a_leader_says_each_second_that_it_is_there_though_its_socket_is_open() {
    let mut machine = tab_without_locks();
    machine.wait_for("term");
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(tabwire_protocol::Resume::Fresh, 5);
    assert_eq!(
        machine.wait(3_000).posts(),
        ["post status 1/t0 open e1 v1 5"; 3]
    );
}

#[test]
fn a_leader_that_is_silent_is_asked_and_replaced_within_three_seconds() {
    let mut machine = following();
    let (asked, did) = machine.wait_for("post");
    assert_eq!((asked, did.posts()[0]), (1_500, "post hello 1/t1 asks"));
    let (after, _) = machine.wait_for("term");
    assert!((500..=1_000).contains(&after), "{after}");
    assert_eq!(machine.tab.leads(), Some(by(2, 0)));
}

#[test]
fn a_leader_that_says_goodbye_is_replaced_sooner() {
    let mut machine = following();
    machine.hear(Message::Bye { by: by(1, 1) });
    let (after, _) = machine.wait_for("term");
    assert!((200..=600).contains(&after), "{after}");
}

#[test]
fn an_answer_of_a_page_that_may_be_frozen_keeps_no_leader() {
    let mut machine = following();
    machine.wait(1_500);
    machine.hear_answer(by(1, 1), open_status(5));
    machine.wait_for("term");
    assert!(machine.tab.leads().is_some());
}

#[test]
fn a_leader_demotes_itself_on_anything_higher_and_stays_above_anything_lower() {
    let mut machine = tab_without_locks();
    machine.wait_for("term");
    machine.hear_status(by(0, 9), open_status(5));
    assert!(machine.tab.leads().is_some());
    machine.hear_status(by(1, 1), status(LinkStatus::Connecting));
    let higher = by(1, 1) > by(1, 0);
    assert_eq!(machine.tab.leads().is_none(), higher);
    machine.hear_status(by(4, 3), open_status(5));
    assert_eq!(machine.status(), "open follower");
    assert_eq!(machine.wait(1_400).of(&["term"]), none());
}

#[test]
fn a_tab_whose_socket_was_superseded_waits_before_it_stands_again() {
    let mut machine = tab_without_locks();
    machine.wait_for("term");
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(tabwire_protocol::Resume::Fresh, 5);
    machine.socket_closed(4411);
    machine.handle(Input::Visible(false));
    assert_eq!(
        machine.handle(Input::Online).posts(),
        ["post hello 1/t0 asks"],
        "a network does not make it its turn"
    );
    assert_eq!(machine.wait(4_999).of(&["term"]), none());
    assert_eq!(machine.wait(1_000).of(&["term"]), ["term 2"]);
}
