//! Closes after which nothing comes until a person reconnects, and the one that concerns a single tab.

use tabwire_client::core::{Input, LinkStatus, Message, Reason, Sharing, SocketId};

use crate::harness::*;

#[test]
fn each_terminal_close_stops_the_group_with_its_reason() {
    for (code, reason) in [
        (4400, "malformed"),
        (4403, "kicked"),
        (4409, "replaced"),
        (4410, "rejected"),
        (4413, "too_large"),
        (4426, "unsupported_version"),
    ] {
        for greeting in [true, false] {
            let mut machine = if greeting {
                Machine::greeting(false)
            } else {
                Machine::open(false, 5)
            };
            assert_eq!(
                machine.socket_closed(code).all(),
                [
                    format!("post status 1/t0 stopped {reason}"),
                    format!("status stopped leader because {reason}")
                ],
                "{code}"
            );
            let later = machine.wait(600_000);
            assert!(
                later.of(&["token", "socket", "send", "lock"]).is_empty(),
                "{code}"
            );
            for wake in [Input::Online, Input::Visible(true), Input::Show] {
                assert!(machine.handle(wake).is_silent(), "{code}");
            }
        }
    }
}

#[test]
fn every_other_close_is_retried() {
    for code in [
        1000, 1001, 1005, 1006, 1011, 1012, 1013, 1015, 3000, 4000, 4408, 4429, 4999,
    ] {
        let mut machine = Machine::open(false, 5);
        machine.socket_closed(code);
        let (waited, did) = machine.wait_for("socket");
        assert!(waited <= 1_000, "{code}");
        assert_eq!(did.wire(), ["socket open 2"], "{code}");
    }
}

#[test]
fn a_bye_without_retry_stops_the_group() {
    let mut machine = Machine::open(false, 5);
    machine.bye(1012, false, None);
    machine.socket_closed(1012);
    assert_eq!(machine.status(), "stopped leader because closed");
}

#[test]
fn followers_stop_with_their_leader_and_go_on_with_the_next() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine
            .hear_status(by(1, 1), status(LinkStatus::Stopped(Reason::Replaced)))
            .all(),
        ["status stopped follower because replaced"]
    );
    assert_eq!(
        machine.hear_status(by(2, 2), open_status(5)).all(),
        ["status open follower"]
    );
}

#[test]
fn a_stop_that_is_said_under_an_old_leadership_stops_nobody() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(2, 2), open_status(5));
    let did = machine.hear_status(by(1, 1), status(LinkStatus::Stopped(Reason::Replaced)));
    assert_eq!(did.all(), ["post stale 2/t2 led"]);
    assert_eq!(machine.status(), "open follower");
}

#[test]
fn a_person_who_reconnects_in_a_follower_has_the_leader_do_it() {
    let mut follower = Machine::following(false, 5);
    follower.hear_status(by(1, 1), status(LinkStatus::Stopped(Reason::Replaced)));
    assert_eq!(follower.handle(Input::Reconnect).all(), ["post reconnect"]);

    let mut leader = Machine::open(false, 5);
    leader.socket_closed(4409);
    assert_eq!(
        leader.hear(Message::Reconnect).all(),
        [
            "token connect",
            "post status 1/t0 reconnecting (answer)",
            "status reconnecting leader"
        ]
    );
}

#[test]
fn a_person_who_reconnects_does_not_break_a_connection_that_is_there() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.handle(Input::Reconnect).is_silent());
    let mut machine = Machine::greeting(false);
    assert!(machine.handle(Input::Reconnect).is_silent());
}

#[test]
fn a_socket_that_was_superseded_demotes_its_tab_and_stops_nobody() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.socket_closed(4411).all(),
        [
            "post bye 1/t0",
            "lock release 1",
            "status reconnecting none"
        ]
    );
    // Alone it would wait for 5 s; behind whoever leads now it takes its place sooner.
    assert!(machine.wait(3_000).of(&["lock"]).is_empty());
    assert_eq!(
        machine.hear_status(by(2, 1), open_status(5)).all(),
        ["status open follower"]
    );
    assert_eq!(machine.wait(1_000).of(&["lock"]), ["lock request 2"]);
}

#[test]
fn a_tab_that_is_superseded_again_and_again_waits_twice_as_long_each_time_and_a_minute_at_most() {
    let mut machine = Machine::open(false, 5);
    for wait in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000] {
        machine.socket_closed(4411);
        assert!(machine.wait(wait - 1).of(&["lock"]).is_empty(), "{wait}");
        assert_eq!(machine.wait(1).of(&["lock"]).len(), 1, "{wait}");
        machine.lead();
        machine.open_socket();
        machine.welcome(tabwire_protocol::Resume::Replay, 5);
    }
    // Ten healthy seconds later it is forgiven.
    machine.wait(10_000);
    machine.socket_closed(4411);
    assert_eq!(machine.wait(5_000).of(&["lock"]).len(), 1);
}

#[test]
fn a_demoted_tab_that_becomes_visible_queues_at_once() {
    let mut machine = Machine::open(false, 5);
    machine.socket_closed(4411);
    assert_eq!(
        machine.handle(Input::Visible(true)).of(&["lock"]),
        ["lock request 2"]
    );
}

#[test]
fn a_tab_alone_that_was_superseded_reconnects_when_it_becomes_visible() {
    let mut machine = Machine::with(tabwire_client::core::Config {
        sharing: Sharing::Nothing,
        ..config()
    });
    machine.handle(Input::Start);
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(tabwire_protocol::Resume::Fresh, 5);
    machine.socket_closed(4411);
    assert!(machine.wait(600_000).of(&["token", "socket"]).is_empty());
    assert_eq!(
        machine.handle(Input::Visible(true)).wire(),
        ["socket open 2"]
    );
}

#[test]
fn a_logout_in_one_tab_reaches_all() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.handle(Input::Logout).all(),
        [
            "post logout",
            "post bye 1/t0",
            "socket close 1",
            "lock release 1",
            "channel close",
            "status stopped none because logged_out"
        ]
    );
    assert_eq!(machine.last(), None, "it forgets where it was");

    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.hear(Message::Logout).all(),
        [
            "lock release 1",
            "channel close",
            "status stopped none because logged_out"
        ]
    );
    assert_eq!(machine.last(), None);
}

#[test]
fn a_logout_in_a_tab_alone_is_told_to_nobody() {
    let mut machine = Machine::with(tabwire_client::core::Config {
        sharing: Sharing::Nothing,
        ..config()
    });
    machine.handle(Input::Start);
    assert_eq!(
        machine.handle(Input::Logout).all(),
        ["status stopped none because logged_out"]
    );
}

#[test]
fn after_a_logout_a_person_may_log_in_again_and_starts_afresh() {
    let mut machine = Machine::open(false, 5);
    machine.frame(event(6));
    machine.handle(Input::Logout);
    assert_eq!(
        machine.handle(Input::Reconnect).of(&["channel", "lock"]),
        ["channel open", "lock request 2"]
    );
    assert_eq!(machine.lead().of(&["token"]), ["token connect"]);
    machine.give_token("jwt2");
    assert_eq!(
        machine.open_socket().wire(),
        [r#"send {"t":"hello","v":1,"token":"jwt2","device":"d_1","features":[]}"#]
    );
}

#[test]
fn a_state_that_was_asked_for_before_a_logout_is_not_taken_for_the_next_sessions() {
    let mut machine = Machine::open(true, 5);
    machine.handle(Input::Logout);
    machine.handle(Input::Reconnect);
    machine.lead();
    machine.give_token("jwt2");
    machine.open_socket();
    let did = machine.welcome(tabwire_protocol::Resume::Fresh, 5);
    assert_eq!(did.app(), ["fetch 2 initial e1 5"]);
    let did = machine.handle(Input::StateFetched(1, None, None));
    assert!(did.is_silent(), "{did:?}");
}

#[test]
fn a_tab_that_was_closed_comes_back_when_a_person_reconnects() {
    let mut machine = Machine::open(false, 5);
    machine.frame(event(6));
    machine.handle(Input::Close);
    assert!(
        machine
            .handle(Input::SocketClosed(SocketId(1), 1000))
            .is_silent()
    );
    machine.handle(Input::Reconnect);
    machine.lead();
    machine.give_token("jwt");
    assert!(machine.open_socket().wire()[0].contains(r#""lastEventId":6"#));
}
