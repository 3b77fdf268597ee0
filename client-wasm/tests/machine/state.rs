//! Tabs that give the same key share the state that one of them fetched.

use tabwire_client::core::{Config, Input, LinkStatus, Message, SharedState};
use tabwire_protocol::{RawJson, RefreshReason, Resume};

use crate::harness::*;

const STATE: &str = r#"{"orders":[]}"#;

fn keyed() -> Config {
    Config {
        fetches_state: true,
        state_key: Some("board".into()),
        ..config()
    }
}

/// A leader at a position, whose app has given its state as of there.
fn leader(position: u64) -> Machine {
    let mut machine = Machine::with(keyed());
    machine.lead();
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(Resume::Fresh, position);
    machine.handle(Input::StateFetched(1, None, Some(json())));
    machine
}

/// A new follower of tab 1, whose relay is at a position.
fn follower(position: u64) -> (Machine, Did) {
    let mut machine = Machine::with(keyed());
    machine.handle(Input::Start);
    let did = machine.hear_status(by(1, 1), open_status(position));
    (machine, did)
}

fn json() -> RawJson {
    RawJson::new(STATE).expect("JSON")
}

fn wanted(key: &str) -> Message<Text> {
    Message::StateWanted {
        tab: tab(1),
        key: key.into(),
        epoch: epoch("e1"),
        view: view("v1"),
    }
}

fn given(key: &str, log: &str, position: u64) -> Message<Text> {
    Message::State {
        by: by(1, 1),
        to: Some(tab(0)),
        state: Some(Box::new(SharedState {
            key: key.into(),
            epoch: epoch(log),
            view: view("v1"),
            position: at(position),
            json: json(),
        })),
    }
}

#[test]
fn a_new_tab_takes_the_leaders_state_and_what_came_after_it() {
    let (mut machine, did) = follower(7);
    assert_eq!(did.of(&["post", "fetch"]), ["post state wanted t0 board"]);
    let did = machine.hear(given("board", "e1", 5));
    assert_eq!(did.app(), ["cursor e1 v1 5", "apply 0 initial e1 5 shared"]);
    assert_eq!(did.posts(), ["post repair t0 5"]);
    machine.hear_relay(by(1, 1), event(6));
    machine.hear_relay(by(1, 1), event(7));
    assert_eq!(machine.last(), Some(7));
    assert_eq!(machine.status(), "open follower");
    assert_eq!(machine.inspect().counters.states_shared, 1);
    assert_eq!(machine.wait(10_000).of(&["fetch"]), none());
}

#[test]
fn a_tab_whose_leader_has_none_or_says_nothing_fetches_its_own() {
    let (mut machine, _) = follower(7);
    let none_given = Message::State {
        by: by(1, 1),
        to: Some(tab(0)),
        state: None,
    };
    assert_eq!(machine.hear(none_given).app(), ["fetch 1 initial e1 7"]);
    let (mut machine, _) = follower(7);
    assert_eq!(machine.wait(1_999).app(), none());
    assert_eq!(machine.wait(1).app(), ["fetch 1 initial e1 7"]);
    assert!(
        machine.hear(given("board", "e1", 5)).is_silent(),
        "the app is fetching by now"
    );
}

#[test]
fn a_state_of_another_key_or_log_is_not_taken() {
    let (mut machine, _) = follower(7);
    assert!(machine.hear(given("chat", "e1", 5)).is_silent());
    assert!(machine.hear(given("board", "e2", 5)).is_silent());
    let mut stale = given("board", "e1", 5);
    if let Message::State { by, .. } = &mut stale {
        by.term = 0;
    }
    assert!(machine.hear(stale).is_silent());
    assert_eq!(machine.hear(given("board", "e1", 7)).app().len(), 2);
}

#[test]
fn a_tab_without_a_connected_leader_or_without_a_key_fetches_at_once() {
    let (mut machine, _) = follower(7);
    machine.hear_status(by(1, 1), status(LinkStatus::Connecting));
    assert_eq!(machine.wait(2_000).app(), ["fetch 1 initial e1 7"]);
    let mut machine = Machine::new(true);
    machine.handle(Input::Start);
    let did = machine.hear_status(by(1, 1), open_status(7));
    assert_eq!(did.of(&["post", "fetch"]), ["fetch 1 initial e1 7"]);
}

#[test]
fn a_leader_gives_its_last_state_while_it_has_all_that_came_after() {
    let mut machine = leader(5);
    machine.frame(event(6));
    assert_eq!(
        machine.hear(wanted("board")).posts(),
        ["post state 1/t0 board e1 5 to t1"]
    );
    assert_eq!(
        machine.hear(wanted("chat")).posts(),
        ["post state 1/t0 none to t1"]
    );
    for id in 7..2_000 {
        machine.frame(event(id));
    }
    assert_eq!(
        machine.hear(wanted("board")).posts(),
        ["post state 1/t0 none to t1"]
    );
}

#[test]
fn a_leader_that_fetches_gives_all_that_wait_what_it_gets() {
    let mut machine = Machine::with(keyed());
    machine.lead();
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(Resume::Fresh, 5);
    assert_eq!(machine.hear(wanted("board")).posts(), none());
    let did = machine.handle(Input::StateFetched(1, None, Some(json())));
    assert_eq!(did.posts(), ["post state 1/t0 board e1 5"]);
    let did = machine.frame(full_refresh(RefreshReason::EpochChanged, "e2", 9, None));
    assert_eq!(did.app(), ["fetch 2 epoch_changed e2 9"]);
    machine.handle(Input::StateFetched(2, None, Some(json())));
    assert_eq!(
        machine.hear(wanted("board")).posts(),
        ["post state 1/t0 none to t1"],
        "the old log's is not the new one's"
    );
}

#[test]
fn a_leader_that_shares_nothing_says_so() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.hear(wanted("board")).posts(),
        ["post state 1/t0 none to t1"]
    );
}

#[test]
fn a_state_that_is_no_json_is_not_shared() {
    let mut machine = Machine::with(keyed());
    machine.lead();
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(Resume::Fresh, 5);
    machine.hear(wanted("board"));
    assert_eq!(
        machine.handle(Input::StateFetched(1, None, None)).posts(),
        none()
    );
    assert_eq!(
        machine.hear(wanted("board")).posts(),
        ["post state 1/t0 none to t1"]
    );
}
