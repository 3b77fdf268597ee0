//! Clocks that are set back or jump, and a machine's time, which does neither go back nor end.

use tabwire_client::core::{BEACON_MS, Config, Frame, Input, LinkStatus, LockRequest};
use tabwire_protocol::{Millis, Resume};

use crate::harness::*;

/// The server is shown the token there is, which makes it tell the time.
const RENEW: &str = r#"send {"t":"renew","token":"jwt"}"#;

#[test]
fn a_wall_clock_that_is_set_back_delays_no_timer() {
    let mut machine = Machine::leading(false);
    machine.wait(4_000);
    machine.handle(Input::Tick);
    machine.now -= 3_600_000;
    machine.handle(Input::Tick);
    // The leader's next beacon comes 1 s from here, by whichever clock.
    assert_eq!(machine.wait(999).posts(), none());
    assert_eq!(machine.wait(1).posts(), ["post status 1/t0 connecting"]);
}

#[test]
fn the_time_of_a_retry_is_shown_by_the_wall_clock_there_is() {
    let mut machine = Machine::open(false, 5);
    machine.now -= 3_600_000;
    machine.bye(1012, true, Some(8_123));
    machine.socket_closed(1012);
    assert_eq!(machine.status(), "reconnecting leader retry in 8123");
    assert!(machine.wait(8_122).wire().is_empty());
    assert_eq!(machine.wait(1).wire(), ["socket open 2"]);
}

#[test]
fn a_deadline_is_sent_in_the_servers_time_whatever_the_tabs_clock_says() {
    let mut machine = Machine::open(false, 5);
    let did = machine.send("chat_message");
    let deadline = START + AHEAD + 10_000;
    assert!(
        did.wire()[0].ends_with(&format!("\"deadline\":{deadline}}}")),
        "{did:?}"
    );
    // The clock is set back by an hour: the server's time is not, and the server says so.
    machine.now -= 3_600_000;
    assert!(machine.send("chat_message").of(&["send"]).len() < 2);
    let did = machine.frame(ping_at(5, 5, Some(START + AHEAD)));
    assert!(
        did.wire()[1].ends_with(&format!("\"deadline\":{deadline}}}")),
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
fn a_command_that_was_written_is_in_doubt_when_the_clock_hides_how_long_ago_that_was() {
    let mut machine = Machine::open(false, 5);
    machine.send("chat_message");
    machine.hear(command(1, "t1:1", machine.now + 10_000));
    machine.now -= 30_001;
    assert_eq!(
        machine.handle(Input::Tick).of(&["settled"]),
        ["settled t0:1 timeout executed unknown"]
    );
    // The other tab's may have been done and be forgotten: it is not written again, and its answer is still passed on.
    machine.socket_closed(1006);
    machine.wait(1_000);
    machine.open_socket();
    let did = machine.welcome(Resume::Replay, 5);
    assert_eq!(did.wire(), none());
    assert_eq!(
        machine.answer("t1:1", "ack").posts(),
        ["post settled t1:1 ack"]
    );
    // A little is no doubt: the server knows a command for a minute after its deadline.
    let mut machine = Machine::open(false, 5);
    machine.send("chat_message");
    machine.now -= 30_000;
    assert_eq!(machine.handle(Input::Tick).of(&["settled"]), none());
}

#[test]
fn a_wait_that_another_leader_was_asked_for_does_not_grow_when_the_clock_is_set_back() {
    let mut machine = Machine::following(false, 5);
    let link = LinkStatus::Reconnecting {
        retry_at: Some(Millis(machine.now + 3_000)),
        asked: true,
    };
    machine.hear_status(by(1, 1), status(link));
    machine.now -= 3_600_000;
    machine.handle(Input::LockGranted(LockRequest(1)));
    assert_eq!(machine.status(), "reconnecting leader retry in 3000");
    assert_eq!(machine.wait(3_000).of(&["token"]), ["token connect"]);
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
