//! Tokens: asked of the app, refused by the server, renewed in time by the server's clock.

use tabwire_client::core::{Frame, Input, Renewed};
use tabwire_protocol::{Millis, Resume};

use crate::harness::*;

fn renewed(machine: &Machine, life: u64) -> Frame {
    Frame::Renewed(Renewed {
        now: Millis(machine.now + AHEAD),
        expires_at: Millis(machine.now + AHEAD + life),
        modules: modules(&["orders"]),
        view: view("v2"),
    })
}

#[test]
fn an_app_that_fails_to_give_a_token_is_asked_again_after_a_wait() {
    let mut machine = Machine::leading(false);
    assert!(
        machine
            .handle(Input::TokenFailed(1))
            .of(&["token"])
            .is_empty()
    );
    let (waited, did) = machine.wait_for("token");
    assert!(waited <= 1_000);
    assert_eq!(did.of(&["token"]), ["token connect"]);
    machine.handle(Input::TokenFailed(2));
    assert!(machine.wait_for("token").0 <= 2_000);
}

#[test]
fn an_app_that_does_not_answer_has_30_s() {
    let mut machine = Machine::leading(false);
    assert!(machine.wait(29_999).of(&["log"]).is_empty());
    assert_eq!(machine.wait(1).of(&["log"]), ["log TokenFailed"]);
    machine.wait_for("token");
    assert!(
        machine
            .handle(Input::Token(1, Some("late".into())))
            .is_silent(),
        "the first request is void"
    );
    assert_eq!(machine.give_token("jwt").wire(), ["socket open 1"]);
}

#[test]
fn a_tab_whose_app_has_no_token_leaves_and_lets_another_try() {
    let mut machine = Machine::leading(false);
    assert_eq!(
        machine.handle(Input::Token(1, None)).all(),
        [
            "post bye 1/t0",
            "lock release 1",
            "channel close",
            "status stopped none because logged_out"
        ]
    );
    assert_eq!(machine.tab.next_timeout(), None);
}

#[test]
fn a_token_is_used_for_the_next_connection_until_it_ends() {
    let mut machine = Machine::open(false, 5);
    machine.socket_closed(1006);
    let (_, did) = machine.wait_for("socket");
    assert!(did.of(&["token"]).is_empty());
    assert!(machine.open_socket().wire()[0].contains(r#""token":"jwt""#));

    // With 5 s of it left another is asked for.
    for (left, does) in [(5_001, "socket open 2"), (5_000, "token connect")] {
        let mut machine = Machine::open(false, 5);
        machine.socket_closed(1006);
        let did = machine.sleep(TOKEN_LIFE - left);
        assert_eq!(did.of(&["token", "socket"]), [does]);
    }
}

#[test]
fn a_token_that_the_server_refuses_is_asked_for_anew_and_three_in_a_row_stop_the_group() {
    let mut machine = Machine::greeting(false);
    for _ in 0..2 {
        machine.socket_closed(4401);
        let (_, did) = machine.wait_for("token");
        assert_eq!(did.of(&["token"]), ["token unauthorized"]);
        machine.give_token("jwt");
        machine.open_socket();
    }
    let did = machine.socket_closed(4401);
    assert_eq!(
        did.of(&["status"]),
        ["status stopped leader because unauthorized"]
    );
    assert_eq!(did.posts(), ["post status 1/t0 stopped unauthorized"]);
    assert!(machine.wait(600_000).of(&["token", "socket"]).is_empty());
    assert_eq!(
        machine.handle(Input::Reconnect).of(&["token"]),
        ["token connect"]
    );
}

#[test]
fn a_welcome_makes_refused_tokens_forgotten() {
    let mut machine = Machine::greeting(false);
    for _ in 0..4 {
        for _ in 0..2 {
            machine.socket_closed(4401);
            machine.wait_for("token");
            machine.give_token("jwt");
            machine.open_socket();
        }
        machine.welcome(Resume::Replay, 5);
    }
    assert_eq!(machine.status(), "open leader");
}

#[test]
fn a_token_is_renewed_a_minute_before_its_end_by_the_servers_clock() {
    // The tab's clock is an hour behind the server's.
    let mut machine = Machine::open(false, 5);
    for _ in 0..(TOKEN_LIFE - 60_000) / 10_000 - 1 {
        assert_eq!(machine.wait(10_000).of(&["token"]), none());
        machine.frame(ping(5, 5));
    }
    assert_eq!(machine.wait(9_999).of(&["token"]), none());
    assert_eq!(machine.wait(1).of(&["token"]), ["token renew"]);
    assert_eq!(
        machine.give_token("newer").wire(),
        [r#"send {"t":"renew","token":"newer"}"#]
    );
}

#[test]
fn a_token_that_was_to_be_renewed_while_the_machine_slept_is_renewed_when_it_wakes() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.wait(10_000).of(&["token"]).is_empty());
    assert_eq!(
        machine.sleep(TOKEN_LIFE - 30_000).of(&["token"]),
        ["token renew"]
    );
}

#[test]
fn a_token_of_a_short_life_is_renewed_when_a_fifth_of_it_is_left() {
    let mut machine = Machine::greeting(false);
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.expires_at = Millis(welcome.now.0 + 20_000);
    machine.frame(Frame::Welcome(Box::new(welcome)));
    assert!(machine.wait(15_999).of(&["token"]).is_empty());
    assert_eq!(machine.wait(1).of(&["token"]), ["token renew"]);
}

#[test]
fn a_token_that_has_ended_already_is_not_renewed_more_often_than_once_a_second() {
    let mut machine = Machine::greeting(false);
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.expires_at = Millis(0);
    machine.frame(Frame::Welcome(Box::new(welcome)));
    assert!(machine.wait(999).of(&["token"]).is_empty());
    assert_eq!(machine.wait(1).of(&["token"]), ["token renew"]);
}

#[test]
fn a_renewal_that_the_server_does_not_answer_is_made_again_after_5_s() {
    let mut machine = Machine::greeting(false);
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.expires_at = Millis(welcome.now.0 + 100_000);
    machine.frame(Frame::Welcome(Box::new(welcome)));
    machine.wait(20_000);
    machine.frame(ping(5, 5));
    machine.wait(20_000);
    machine.frame(ping(5, 5));
    machine.wait(20_000);
    machine.frame(ping(5, 5));
    assert_eq!(machine.wait(20_000).of(&["token"]), ["token renew"]);
    machine.give_token("newer");
    assert_eq!(machine.wait(5_000).of(&["token"]), ["token renew"]);
    machine.give_token("newest");
    machine.frame(renewed(&machine, 100_000));
    assert!(machine.wait(20_000).of(&["token"]).is_empty());
}

#[test]
fn an_app_that_fails_to_renew_is_asked_again_after_5_s_and_the_connection_goes_on() {
    let mut machine = Machine::greeting(false);
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.expires_at = Millis(welcome.now.0 + 20_000);
    machine.frame(Frame::Welcome(Box::new(welcome)));
    machine.wait(16_000);
    machine.handle(Input::TokenFailed(2));
    assert!(machine.wait(4_999).of(&["token"]).is_empty());
    assert_eq!(machine.wait(1).of(&["token"]), ["token renew"]);
    assert_eq!(machine.status(), "open leader");
}

#[test]
fn a_renewed_token_tells_the_group_of_its_modules() {
    let mut machine = Machine::open(false, 5);
    let frame = renewed(&machine, TOKEN_LIFE);
    let did = machine.frame(frame);
    assert_eq!(did.posts(), ["post status 1/t0 open e1 v1 5"]);
    assert_eq!(machine.tab.status().modules, modules(&["orders"]));
}

#[test]
fn a_renewed_token_is_the_one_of_the_next_connection() {
    let mut machine = Machine::greeting(false);
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.expires_at = Millis(welcome.now.0 + 20_000);
    machine.frame(Frame::Welcome(Box::new(welcome)));
    machine.wait(16_000);
    machine.give_token("newer");
    let frame = renewed(&machine, TOKEN_LIFE);
    machine.frame(frame);
    machine.socket_closed(1006);
    machine.wait_for("socket");
    assert!(machine.open_socket().wire()[0].contains(r#""token":"newer""#));
}
