//! A page that is frozen, goes into the back-forward cache, and comes back.

use tabwire_client::core::{Input, LockRequest};
use tabwire_protocol::Resume;

use crate::harness::*;

#[test]
fn a_leader_that_is_hidden_says_bye_closes_lets_go_and_keeps_no_channel() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.handle(Input::Hide).all(),
        [
            "post bye 1/t0",
            "socket close 1",
            "lock release 1",
            "channel close",
            "status idle none"
        ]
    );
    assert!(machine.handle(Input::Hide).is_silent(), "once");
    assert!(machine.wait(600_000).is_silent());
}

#[test]
fn a_page_that_comes_back_joins_anew_and_goes_on_from_its_cursor() {
    let mut machine = Machine::open(false, 5);
    machine.frame(event(6));
    machine.handle(Input::Hide);
    machine.now += 60_000;
    assert_eq!(
        machine.handle(Input::Show).of(&["channel", "post", "lock"]),
        ["channel open", "post hello 1/t0 asks", "lock request 2"]
    );
    assert_eq!(
        machine
            .handle(Input::LockGranted(LockRequest(2)))
            .of(&["term"]),
        ["term 2"]
    );
    let hello = machine.open_socket();
    assert!(hello.wire()[0].contains(r#""lastEventId":6"#), "{hello:?}");
    machine.welcome(Resume::Replay, 7);
    machine.frame(event(7));
    assert_eq!(
        machine.frame(synced(7, 7, None)).app(),
        ["cursor e1 v1 7", "deliver 7"]
    );
}

#[test]
fn a_page_that_comes_back_while_another_leads_asks_for_what_it_missed() {
    let mut machine = Machine::open(false, 5);
    machine.handle(Input::Hide);
    machine.handle(Input::Show);
    assert_eq!(
        machine.hear_status(by(2, 1), open_status(9)).all(),
        ["post repair t0 5", "status open follower"]
    );
}

#[test]
fn a_page_that_is_away_hears_nothing_and_starts_nothing() {
    let mut machine = Machine::following(false, 5);
    machine.handle(Input::Hide);
    assert!(machine.hear_relay(by(1, 1), event(6)).is_silent());
    for input in [Input::Online, Input::Visible(true), Input::Reconnect] {
        assert!(machine.handle(input).is_silent());
    }
}

#[test]
fn a_page_that_was_never_hidden_is_not_joined_twice_by_the_show_after_its_load() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.handle(Input::Show).is_silent());
    let mut machine = Machine::new(false);
    assert!(
        machine
            .handle(Input::Show)
            .of(&["lock", "channel"])
            .is_empty()
    );
}

#[test]
fn a_tab_that_has_left_does_not_come_back_with_the_page() {
    let mut machine = Machine::open(false, 5);
    machine.handle(Input::Close);
    assert!(machine.handle(Input::Hide).is_silent());
    assert!(machine.handle(Input::Show).is_silent());
    assert_eq!(machine.status(), "stopped none because closed");
}

#[test]
fn a_logout_reaches_a_page_that_is_away_when_it_comes_back() {
    let mut machine = Machine::following(false, 5);
    machine.handle(Input::Hide);
    assert_eq!(
        machine.handle(Input::Logout).posts(),
        none(),
        "its channel is closed"
    );
    assert!(machine.handle(Input::Show).is_silent());
    assert_eq!(machine.status(), "stopped none because logged_out");
}

#[test]
fn commands_outlast_a_page_that_is_away_for_a_while() {
    let mut machine = Machine::following(false, 5);
    machine.send("chat_message");
    machine.handle(Input::Hide);
    machine.wait(3_000);
    machine.handle(Input::Show);
    assert_eq!(
        machine.hear_status(by(2, 2), open_status(5)).posts(),
        ["post command t0 t0:1"]
    );
}
