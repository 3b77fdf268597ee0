//! Time that jumps, and the server's, in which deadlines are told.

use tabwire_client::core::{BEACON_MS, Config, Frame, Input};
use tabwire_protocol::{Millis, Resume};

use crate::harness::*;

#[test]
fn a_deadline_is_sent_in_the_servers_time() {
    let mut machine = Machine::open(false, 5);
    let did = machine.send("chat_message");
    let deadline = START + AHEAD + 10_000;
    assert!(
        did.wire()[0].ends_with(&format!("\"deadline\":{deadline}}}")),
        "{did:?}"
    );
}

#[test]
fn after_a_jump_of_the_clock_commands_wait_until_the_server_tells_the_time() {
    let mut machine = Machine::open(false, 5);
    machine.now += 11 * 60_000;
    let did = machine.handle(Input::Tick);
    assert_eq!(did.wire(), [r#"send {"t":"ping"}"#]);
    assert_eq!(machine.send("chat_message").wire(), none());
    let did = machine.frame(ping_at(5, 5, Some(START + AHEAD + 70)));
    let deadline = START + AHEAD + 70 + 10_000;
    assert!(
        did.wire()[1].ends_with(&format!("\"deadline\":{deadline}}}")),
        "{did:?}"
    );
}

#[test]
fn two_seconds_too_late_hide_nothing_and_a_millisecond_more_does() {
    let ping = r#"send {"t":"ping"}"#;
    for (late, asks, logs) in [
        (2_000, none(), none()),
        (2_001, vec![ping], vec!["log Woke"]),
    ] {
        // The timer that is due first is the beacon's.
        let mut machine = Machine::open(false, 5);
        let did = machine.sleep(BEACON_MS + late);
        assert_eq!((did.wire(), did.of(&["log"])), (asks, logs));
    }
}

#[test]
fn a_server_that_does_not_say_what_time_it_is_holds_nothing_up() {
    let mut machine = Machine::open(false, 5);
    machine.sleep(60_000);
    assert_eq!(machine.send("chat_message").wire(), none());
    assert_eq!(machine.frame(ping(5, 5)).of(&["send"]).len(), 2);
}

#[test]
fn every_ping_tells_the_time_for_the_deadlines_that_follow() {
    let mut machine = Machine::open(false, 5);
    machine.frame(ping_at(5, 5, Some(START + 70)));
    let did = machine.send("chat_message");
    let deadline = START + 70 + 10_000;
    assert!(
        did.wire()[0].ends_with(&format!("\"deadline\":{deadline}}}")),
        "{did:?}"
    );
}

#[test]
fn a_time_that_goes_back_is_taken_for_no_time() {
    let mut machine = Machine::leading(false);
    machine.wait(4_000);
    machine.handle(Input::Tick);
    let now = machine.now;
    machine.now -= 3_600_000;
    assert!(machine.handle(Input::Tick).is_silent());
    machine.now = now + 1_000;
    assert_eq!(
        machine.handle(Input::Tick).posts(),
        ["post status 1/t0 connecting"]
    );
}

#[test]
fn a_followers_clock_at_the_end_of_time_hands_a_command_over_once() {
    let mut machine = Machine::following(false, 5);
    machine.now = u64::MAX;
    let did = machine.send_for("chat_message", "{}", u64::MAX);
    assert!(did.posts().contains(&"post command t0 t0:1"), "{did:?}");
    assert!(did.posts().len() < 4, "{did:?}");
}

#[test]
fn a_clock_at_the_ends_of_time_breaks_nothing() {
    for wall in [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 0, u64::MAX] {
        let mut machine = Machine::open(true, 5);
        machine.now = wall;
        machine.handle(Input::Tick);
        machine.frame(event(6));
        machine.send_for("chat_message", "{}", u64::MAX);
        machine.bye(1012, true, Some(u64::MAX));
        machine.socket_closed(1012);
        let _ = machine.tab.next_timeout();
    }
    let mut machine = Machine::with(Config {
        term: u64::MAX - 1,
        ..config()
    });
    machine.now = u64::MAX;
    machine.lead();
    machine.give_token("jwt");
    let mut welcome = welcome(0, Resume::Fresh, 5);
    welcome.ping_ms = u64::MAX;
    welcome.now = Millis(u64::MAX);
    welcome.expires_at = Millis(u64::MAX);
    machine.frame(Frame::Welcome(Box::new(welcome)));
    machine.handle(Input::Tick);
}
