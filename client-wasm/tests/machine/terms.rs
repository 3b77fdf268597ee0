//! Leaderships: a higher one wins, lower ones move nobody, and the holder of the lock is above all.

use tabwire_client::core::{Config, Input, LinkStatus, LockRequest, Message};

use crate::harness::*;

#[test]
fn a_relay_under_a_lower_term_is_ignored_and_counted() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(3, 2), open_status(5));
    assert!(machine.hear_relay(by(1, 1), event(6)).is_silent());
    assert_eq!(machine.inspect().counters.stale, 1);
    assert_eq!(
        machine.hear_relay(by(3, 2), event(6)).app(),
        ["cursor e1 v1 6", "deliver 6"]
    );
}

#[test]
fn of_two_leaders_of_one_term_the_higher_tab_is_followed() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(4, 3), open_status(5));
    assert!(machine.hear_relay(by(4, 2), event(6)).is_silent());
    machine.hear_relay(by(4, 3), event(6));
    machine.hear_relay(by(4, 4), event(7));
    assert_eq!(machine.last(), Some(7));
    assert!(machine.hear_relay(by(4, 3), event(8)).is_silent());
}

#[test]
fn a_tab_that_hears_only_the_relay_of_a_new_leader_asks_how_it_is() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(1, 1), status(LinkStatus::Connecting));
    let did = machine.hear_relay(by(2, 2), event(6));
    assert_eq!(did.posts(), ["post hello 2/t2 asks"]);
    assert_eq!(machine.last(), Some(6));
    assert_eq!(machine.hear_relay(by(2, 2), event(7)).posts(), none());
    assert_eq!(machine.wait(1_000).posts(), ["post hello 2/t2 asks"]);
    machine.hear_answer(by(2, 2), open_status(7));
    assert_eq!(machine.status(), "open follower");
    assert_eq!(machine.wait(2_000).posts(), none());
}

#[test]
fn a_tab_that_hears_the_relay_of_a_leader_which_it_takes_for_unconnected_asks_how_it_is() {
    let mut machine = Machine::following(false, 5);
    machine.wait(2_000);
    assert_eq!(machine.hear_relay(by(1, 1), event(6)).posts(), none());
    machine.hear_status(by(1, 1), status(LinkStatus::Connecting));
    let did = machine.hear_relay(by(1, 1), event(7));
    assert_eq!(did.posts(), ["post hello 1/t1 asks"]);
    let did = machine.hear_relay(by(1, 1), event(8));
    assert_eq!(did.posts(), none(), "once a second");
}

#[test]
fn a_leader_of_a_lower_term_is_told_of_the_higher_one() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(9, 2), open_status(5));
    let did = machine.hear_status(by(4, 3), open_status(5));
    assert_eq!(did.all(), ["post stale 9/t2 led"]);
    assert_eq!(did.of(&["log"]), ["log StaleLeader"]);
    assert_eq!(machine.inspect().leader, Some(by(9, 2)));
}

#[test]
fn who_speaks_under_a_lower_term_is_not_told_that_a_leader_speaks_which_may_be_gone() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(9, 2), open_status(5));
    machine.hear(Message::Bye { by: by(9, 2) });
    let did = machine.hear_status(by(4, 3), open_status(5));
    assert_eq!(did.all(), ["post stale 9/t2"]);

    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(9, 2), open_status(5));
    machine.wait(PING_MS * 5 / 2 + 3_000);
    let did = machine.hear_status(by(4, 3), open_status(5));
    assert_eq!(did.all(), ["post stale 9/t2"], "it was told to leave");
}

#[test]
fn a_leader_that_hears_another_told_of_itself_has_nothing_to_do() {
    for led in [true, false] {
        let mut machine = Machine::open(false, 5);
        let known = by(1, 0);
        assert!(machine.hear(Message::Stale { known, led }).is_silent());
    }
}

#[test]
fn a_leader_that_is_told_of_a_higher_term_takes_one_above_it() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine
            .hear(Message::Stale {
                known: by(9, 2),
                led: false
            })
            .all(),
        ["term 10", "post status 10/t0 open e1 v1 5 (answer)"]
    );
    // Told again by others, it has nothing more to do.
    assert!(
        machine
            .hear(Message::Stale {
                known: by(9, 2),
                led: false
            })
            .is_silent()
    );
    assert_eq!(
        machine.frame(event(6)).posts(),
        ["post relay 10/t0 event 6"]
    );
}

#[test]
fn a_leader_that_is_greeted_by_a_tab_which_knows_a_higher_term_takes_one_above_it() {
    let mut machine = Machine::open(false, 5);
    let known = Some(by(9, 2));
    assert_eq!(
        machine.hear(Message::Hello { known, asks: false }).all(),
        ["term 10", "post status 10/t0 open e1 v1 5 (answer)"]
    );
    assert_eq!(
        machine.hear(Message::Hello { known, asks: false }).all(),
        ["post status 10/t0 open e1 v1 5 (answer)"]
    );
}

#[test]
fn a_leader_that_hears_a_higher_one_steps_down_and_leads_above_it_when_the_lock_is_its_own() {
    let mut machine = Machine::open(false, 5);
    let did = machine.hear_status(by(7, 2), open_status(5));
    assert_eq!(
        did.all(),
        [
            "post bye 1/t0",
            "socket close 1",
            "lock release 1",
            "status open follower"
        ]
    );
    assert_eq!(machine.wait(499).of(&["lock"]), none());
    assert_eq!(machine.wait(501).of(&["lock"]), ["lock request 2"]);
    assert_eq!(
        machine
            .handle(Input::LockGranted(LockRequest(2)))
            .of(&["term"]),
        ["term 8"]
    );
}

#[test]
fn a_leader_that_is_told_of_a_higher_one_that_speaks_steps_down() {
    let mut machine = Machine::open(false, 5);
    let known = by(9, 2);
    let did = machine.hear(Message::Stale { known, led: true });
    assert_eq!(
        did.all(),
        [
            "post bye 1/t0",
            "socket close 1",
            "lock release 1",
            "status reconnecting none"
        ]
    );
    assert!(machine.hear_relay(by(8, 3), event(6)).is_silent());
    machine.hear_relay(known, event(6));
    assert_eq!(machine.last(), Some(6));
}

#[test]
fn a_leader_of_no_higher_term_does_not_make_a_leader_speak() {
    let mut machine = Machine::with(Config {
        term: 7,
        ..config()
    });
    machine.lead();
    assert_eq!(
        machine.hear_status(by(3, 2), open_status(5)).all(),
        ["post stale 8/t0 led"]
    );
}

#[test]
fn the_goodbye_of_a_leader_that_is_not_followed_any_more_is_ignored() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(2, 2), open_status(5));
    assert!(machine.hear(Message::Bye { by: by(1, 1) }).is_silent());
    assert_eq!(machine.status(), "open follower");
    assert_eq!(
        machine.hear(Message::Bye { by: by(2, 2) }).all(),
        ["status open none"]
    );
}

#[test]
fn a_tab_without_a_leader_asks_each_second_until_one_speaks() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    assert_eq!(machine.wait(999).posts(), Vec::<&str>::new());
    assert_eq!(machine.wait(1).posts(), ["post hello asks"]);
    assert_eq!(machine.wait(1_000).posts(), ["post hello asks"]);
    machine.hear_status(by(1, 1), open_status(5));
    assert_eq!(machine.wait(60_000).posts(), Vec::<&str>::new());
    machine.hear(Message::Bye { by: by(1, 1) });
    assert_eq!(machine.wait(1_000).posts(), ["post hello 1/t1 asks"]);
}

#[test]
fn a_leader_without_a_socket_says_every_five_seconds_that_it_is_there() {
    let mut machine = Machine::leading(false);
    assert_eq!(
        machine.wait(10_000).posts(),
        ["post status 1/t0 connecting", "post status 1/t0 connecting"]
    );
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.wait(20_000).posts(),
        Vec::<&str>::new(),
        "an open socket speaks for it"
    );
}

#[test]
fn a_tab_that_has_left_hears_nothing() {
    let mut machine = Machine::following(false, 5);
    machine.handle(Input::Close);
    assert!(machine.hear_relay(by(1, 1), event(6)).is_silent());
    assert!(machine.hear_status(by(2, 2), open_status(9)).is_silent());
    assert!(
        machine
            .hear(Message::Hello {
                known: None,
                asks: false
            })
            .is_silent()
    );
    assert!(machine.hear(Message::Reconnect).is_silent());
}
