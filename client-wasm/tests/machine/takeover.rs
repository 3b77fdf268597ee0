//! One tab after the other leads: it goes on where the last one was.

use tabwire_client::core::{Config, Input, LinkStatus, LockRequest, Message, Reason, Sharing, Why};
use tabwire_protocol::{Device, Millis, Resume};

use crate::harness::*;

#[test]
fn a_tab_says_hello_and_queues_for_the_lock_when_it_starts() {
    let mut machine = Machine::new(false);
    assert_eq!(
        machine.handle(Input::Start).all(),
        [
            "channel open",
            "post hello asks",
            "lock request 1",
            "status connecting none"
        ]
    );
    assert!(machine.handle(Input::Start).is_silent(), "once");
}

#[test]
fn a_tab_that_gets_the_lock_takes_a_term_gets_a_token_and_connects() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    assert_eq!(
        machine.handle(Input::LockGranted(LockRequest(1))).all(),
        [
            "term 1",
            "token connect",
            "post status 1/t0 connecting",
            "status connecting leader"
        ]
    );
    assert_eq!(machine.give_token("jwt").all(), ["socket open 1"]);
    assert_eq!(
        machine.open_socket().all(),
        [r#"send {"t":"hello","v":1,"token":"jwt","device":"d_1","features":[]}"#]
    );
    assert_eq!(
        machine.welcome(Resume::Fresh, 5).all(),
        [
            "post status 1/t0 open e1 v1 5",
            "cursor e1 v1 5",
            "status open leader"
        ]
    );
    let counters = machine.inspect().counters;
    assert_eq!((counters.leads, counters.connects), (1, 1));
    assert_eq!(machine.inspect().why, Some(Why::Granted));
}

#[test]
fn a_follower_that_takes_over_goes_on_from_its_cursor_with_the_groups_claim() {
    let mut machine = Machine::following(false, 10);
    machine.hear_relay(by(1, 1), event(11));
    machine.hear_relay(by(1, 1), event(12));
    machine.hear(Message::Bye { by: by(1, 1) });
    assert_eq!(machine.lead().of(&["term"]), ["term 2"]);
    machine.give_token("jwt");
    assert_eq!(
        machine.open_socket().all(),
        [concat!(
            r#"send {"t":"hello","v":1,"token":"jwt","device":"d_1","claim":8,"#,
            r#""epoch":"e1","view":"v1","lastEventId":12,"features":[]}"#
        )]
    );
    // What it has applied already may come again, and is not applied again.
    machine.welcome(Resume::Replay, 13);
    assert!(machine.frame(event(12)).app().is_empty());
    assert!(machine.frame(event(13)).app().is_empty(), "collected");
    assert_eq!(
        machine.frame(synced(13, 13, None)).app(),
        ["cursor e1 v1 13", "deliver 13"]
    );
}

#[test]
fn a_first_connection_and_a_persons_reconnect_have_no_claim() {
    let mut machine = Machine::open(false, 5);
    machine.socket_closed(4409);
    assert_eq!(machine.status(), "stopped leader because replaced");
    machine.handle(Input::Reconnect);
    machine.give_token("jwt");
    assert!(!machine.open_socket().wire()[0].contains("claim"));
}

#[test]
fn a_new_leaders_term_is_above_all_that_it_and_its_browser_heard_of() {
    let mut machine = Machine::with(Config {
        term: 7,
        ..config()
    });
    assert_eq!(machine.lead().of(&["term"]), ["term 8"]);

    let mut machine = Machine::with(Config {
        term: 7,
        ..config()
    });
    machine.handle(Input::Start);
    machine.hear_status(by(9, 1), open_status(5));
    assert_eq!(machine.lead().of(&["term"]), ["term 10"]);
}

#[test]
fn a_grant_that_crossed_with_the_release_does_not_make_a_leader() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    machine.handle(Input::Hide);
    assert!(
        machine
            .handle(Input::LockGranted(LockRequest(1)))
            .is_silent()
    );
    machine.handle(Input::Show);
    assert!(
        machine
            .handle(Input::LockGranted(LockRequest(1)))
            .is_silent()
    );
    assert!(machine.tab.leads().is_none());
    machine.handle(Input::LockGranted(LockRequest(2)));
    assert!(machine.tab.leads().is_some());
}

#[test]
fn a_leader_whose_lock_was_taken_closes_its_socket_and_queues_again() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.handle(Input::LockLost(LockRequest(1))).all(),
        [
            "socket close 1",
            "post hello 1/t0 asks",
            "lock request 2",
            "status open none"
        ]
    );
    assert!(
        machine.frame(event(6)).is_silent(),
        "the old socket is not heard"
    );
    assert_eq!(
        machine.hear_status(by(2, 1), open_status(5)).all(),
        ["status open follower"]
    );
}

#[test]
fn a_browser_that_refuses_to_lock_has_its_tabs_elect() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    assert!(
        machine
            .handle(Input::LockRefused(LockRequest(1)))
            .is_silent()
    );
    let did = machine.wait(1_000);
    assert_eq!(did.of(&["term", "token"]), ["term 1", "token connect"]);
    assert_eq!(machine.status(), "connecting leader");
}

#[test]
fn a_tab_of_a_browser_that_cannot_share_leads_at_once_and_says_nothing_to_others() {
    let mut machine = Machine::with(Config {
        sharing: Sharing::Nothing,
        ..config()
    });
    assert_eq!(
        machine.handle(Input::Start).all(),
        ["term 1", "token connect", "status connecting solo"]
    );
    assert_eq!(machine.inspect().why, Some(Why::Alone));
}

#[test]
fn a_tab_that_takes_over_a_group_that_has_stopped_stays_stopped() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    machine.hear_status(by(1, 1), status(LinkStatus::Stopped(Reason::Replaced)));
    machine.hear(Message::Bye { by: by(1, 1) });
    let did = machine.lead();
    assert_eq!(did.of(&["token", "socket"]), Vec::<&str>::new());
    assert_eq!(machine.status(), "stopped leader because replaced");
    assert_eq!(
        machine.handle(Input::Reconnect).of(&["token"]),
        ["token connect"]
    );
}

#[test]
fn a_wait_that_the_server_asked_the_last_leader_for_is_waited_out_by_the_next() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    let retry_at = Some(Millis(8_123));
    machine.hear_status(
        by(1, 1),
        status(LinkStatus::Reconnecting {
            retry_at,
            asked: true,
        }),
    );
    machine.hear(Message::Bye { by: by(1, 1) });
    machine.lead();
    assert_eq!(machine.status(), "reconnecting leader retry in 8123");
    assert!(machine.handle(Input::Online).of(&["token"]).is_empty());
    assert_eq!(machine.wait(8_122).of(&["token"]), Vec::<&str>::new());
    assert_eq!(machine.wait(1).of(&["token"]), ["token connect"]);
}

#[test]
fn a_wait_that_the_last_leader_chose_itself_is_not_waited_out() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    let retry_at = Some(Millis(20_000));
    machine.hear_status(
        by(1, 1),
        status(LinkStatus::Reconnecting {
            retry_at,
            asked: false,
        }),
    );
    machine.hear(Message::Bye { by: by(1, 1) });
    assert_eq!(machine.lead().of(&["token"]), ["token connect"]);
}

#[test]
fn a_leader_that_closes_says_bye_closes_its_socket_and_lets_go_of_the_lock() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.handle(Input::Close).all(),
        [
            "post bye 1/t0",
            "socket close 1",
            "lock release 1",
            "channel close",
            "status stopped none because closed"
        ]
    );
    assert_eq!(machine.tab.next_timeout(), None);
}

#[test]
fn a_follower_that_closes_leaves_the_queue_and_the_others_go_on() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.handle(Input::Close).all(),
        [
            "lock release 1",
            "channel close",
            "status stopped none because closed"
        ]
    );
}

#[test]
fn a_tab_connects_as_the_device_that_its_group_is_to_the_server() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    let mut status = open_status(5);
    if let Some(session) = &mut status.session {
        session.device = Device::new("d_of_the_group").expect("a name");
    }
    machine.hear_status(by(1, 1), status);
    machine.hear(Message::Bye { by: by(1, 1) });
    machine.handle(Input::LockGranted(LockRequest(1)));
    machine.give_token("jwt");
    let did = machine.open_socket();
    assert!(
        did.wire()[0].contains(r#""device":"d_of_the_group""#),
        "storage was cleared while the others were open: {did:?}"
    );
}
