//! A leader whose page is hidden lets a visible tab lead, where the browser may suspend hidden pages without a word: the new
//! leader connects before the old one stops.

use tabwire_client::core::{
    Config, Input, LeaderStatus, LinkStatus, LockRequest, Message, Sharing, Why,
};
use tabwire_protocol::{Millis, Resume};

use crate::harness::*;

fn seeking(position: u64) -> LeaderStatus {
    LeaderStatus {
        seeks: true,
        ..open_status(position)
    }
}

/// A leader with an open socket, in a browser that may suspend it.
fn leader() -> Machine {
    let mut machine = Machine::with(Config {
        hands_over: true,
        ..config()
    });
    machine.lead();
    machine.give_token("jwt");
    machine.open_socket();
    machine.welcome(Resume::Fresh, 5);
    machine
}

fn willing(number: u8) -> Message<Text> {
    Message::Willing {
        tab: tab(number),
        of: by(1, 0),
    }
}

fn invitation() -> Message<Text> {
    Message::HandOver {
        by: by(1, 1),
        to: tab(0),
    }
}

/// A follower of tab 1 that was invited and has said hello on a socket of its own.
fn invited() -> Machine {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(1, 1), seeking(5));
    machine.hear(invitation());
    machine.give_token("jwt");
    machine.open_socket();
    machine
}

#[test]
fn a_hidden_leader_seeks_and_invites_the_first_visible_tab_that_is_willing() {
    let mut machine = leader();
    assert!(machine.hear(willing(1)).is_silent(), "it is visible itself");
    assert_eq!(
        machine.handle(Input::Visible(false)).posts(),
        ["post status 1/t0 open e1 v1 5 seeks"]
    );
    assert_eq!(
        machine.hear(willing(1)).posts(),
        ["post hand over 1/t0 to t1"]
    );
    assert!(machine.hear(willing(2)).is_silent(), "one is enough");
    assert_eq!(
        machine.frame(event(6)).posts(),
        ["post relay 1/t0 event 6"],
        "it goes on"
    );
}

#[test]
fn a_leader_of_a_browser_that_says_when_it_freezes_a_page_stays() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.handle(Input::Visible(false)).is_silent());
    assert!(machine.hear(willing(1)).is_silent());
}

#[test]
fn a_visible_follower_is_willing_and_a_hidden_one_is_not() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.hear_status(by(1, 1), seeking(5)).posts(),
        ["post willing t0 of 1/t1"]
    );
    machine.handle(Input::Visible(false));
    assert_eq!(machine.hear_status(by(1, 1), seeking(5)).posts(), none());
    assert!(
        machine.hear(invitation()).is_silent(),
        "it is hidden by now"
    );
}

#[test]
fn a_tab_lets_another_go_that_was_invited() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(1, 1), seeking(5));
    let to = tab(2);
    let invitation = Message::HandOver { by: by(1, 1), to };
    assert!(machine.hear(invitation).is_silent());
}

#[test]
fn the_invited_tab_connects_first_then_takes_the_lock_and_then_leads() {
    let mut machine = Machine::following(false, 5);
    machine.hear_status(by(1, 1), seeking(5));
    assert_eq!(machine.hear(invitation()).all(), ["token connect"]);
    machine.give_token("jwt");
    machine.open_socket();
    assert_eq!(machine.status(), "open follower");
    assert_eq!(
        machine.hear_relay(by(1, 1), event(6)).app(),
        ["cursor e1 v1 6", "deliver 6"],
        "the old leader goes on"
    );
    assert_eq!(
        machine.welcome(Resume::Replay, 7).all(),
        ["lock release 1", "lock steal 2"]
    );
    // Nobody would take these from a tab that does not lead yet.
    assert!(machine.frame(event(6)).is_silent());
    assert!(machine.frame(event(7)).is_silent());
    assert_eq!(
        machine.handle(Input::LockGranted(LockRequest(2))).all(),
        [
            "term 2",
            "post status 2/t0 open e1 v1 6",
            "post relay 2/t0 event 6 more",
            "post relay 2/t0 event 7 more",
            "status open leader"
        ]
    );
    assert_eq!(
        machine.frame(synced(7, 7, None)).app(),
        ["cursor e1 v1 7", "deliver 7"]
    );
    assert_eq!(machine.inspect().why, Some(Why::HandedOver));
    assert_eq!(machine.inspect().counters.take_overs, 1);
}

#[test]
fn an_invited_tab_waits_out_what_the_server_asked_for_and_no_longer() {
    for (left, does) in [(1, none()), (0, vec!["token connect"])] {
        let mut machine = Machine::following(false, 5);
        let link = LinkStatus::Reconnecting {
            retry_at: Some(Millis(left)),
            asked: true,
        };
        machine.hear_status(by(1, 1), LeaderStatus { link, ..seeking(5) });
        assert_eq!(machine.hear(invitation()).of(&["token"]), does);
    }
}

#[test]
fn the_old_leader_keeps_the_lock_when_its_socket_is_superseded_until_it_is_taken() {
    let mut machine = leader();
    machine.handle(Input::Visible(false));
    machine.hear(willing(1));
    let did = machine.socket_closed(4411);
    assert_eq!(
        did.of(&["lock", "post"]),
        none(),
        "another would get it: {did:?}"
    );
    assert_eq!(machine.status(), "reconnecting leader");
    let did = machine.handle(Input::LockLost(LockRequest(1)));
    assert_eq!(did.of(&["lock"]), ["lock request 2"]);
    machine.hear_status(by(2, 1), open_status(5));
    assert_eq!(machine.status(), "open follower");
}

#[test]
fn an_old_leader_whose_heir_does_not_come_stays_or_lets_others_lead() {
    let mut machine = leader();
    machine.handle(Input::Visible(false));
    machine.hear(willing(1));
    assert_eq!(machine.wait(5_000).of(&["lock"]), none());
    assert_eq!(machine.status(), "open leader");
    assert_eq!(
        machine.hear(willing(2)).posts(),
        ["post hand over 1/t0 to t2"]
    );
    machine.socket_closed(4411);
    assert_eq!(machine.wait(5_000).of(&["lock"]), ["lock release 1"]);
}

#[test]
fn an_invited_tab_keeps_1000_frames_until_it_leads_and_gives_up_at_one_more() {
    let mut machine = invited();
    machine.welcome(Resume::Replay, 5);
    for id in 6..=1_005 {
        assert!(machine.frame(event(id)).is_silent(), "{id}");
    }
    assert_eq!(machine.frame(event(1_006)).all(), ["socket close 1"]);
}

#[test]
fn an_invited_tab_that_cannot_connect_gives_up_and_follows_on() {
    for code in [1006, 4401, 4409, 4410, 4411] {
        let mut machine = invited();
        assert!(machine.socket_closed(code).is_silent(), "{code}");
        assert_eq!(machine.status(), "open follower");
        assert_eq!(
            machine.hear_relay(by(1, 1), event(6)).app(),
            ["cursor e1 v1 6", "deliver 6"]
        );
        assert_eq!(machine.wait(30_000).wire(), none(), "{code}");
    }
    let mut machine = invited();
    assert_eq!(machine.wait(5_000).wire(), ["socket close 1"]);
    assert!(machine.welcome(Resume::Replay, 5).is_silent());
}

#[test]
fn an_invited_tab_gives_up_when_somebody_else_leads_or_it_goes() {
    let mut machine = invited();
    assert_eq!(
        machine.hear_status(by(2, 3), open_status(5)).wire(),
        ["socket close 1"]
    );
    let mut machine = invited();
    assert_eq!(machine.handle(Input::Close).wire(), ["socket close 1"]);
    let mut machine = invited();
    let mut stranger = welcome(machine.now, Resume::Replay, 5);
    stranger.user = tabwire_protocol::UserId::new("u_202").expect("a name");
    let did = machine.frame(tabwire_client::core::Frame::Welcome(Box::new(stranger)));
    assert_eq!(
        did.all(),
        ["socket close 1"],
        "this tab is not whom the token names"
    );
}

#[test]
fn a_tab_that_is_granted_the_lock_on_its_way_goes_on_with_its_socket() {
    let mut machine = invited();
    machine.hear(Message::Bye { by: by(1, 1) });
    let did = machine.handle(Input::LockGranted(LockRequest(1)));
    assert_eq!(did.of(&["socket", "token"]), none());
    machine.welcome(Resume::Replay, 5);
    assert_eq!(machine.status(), "open leader");
    assert_eq!(
        machine.frame(event(6)).posts(),
        ["post relay 2/t0 event 6 more"]
    );
}

#[test]
fn without_locks_the_invited_tab_leads_when_it_is_welcomed_and_the_old_leader_follows() {
    let mut heir = Machine::with(Config {
        sharing: Sharing::Election,
        ..config()
    });
    heir.handle(Input::Start);
    heir.hear_status(by(1, 1), seeking(5));
    heir.hear(invitation());
    heir.give_token("jwt");
    heir.open_socket();
    let did = heir.welcome(Resume::Fresh, 5);
    assert_eq!(did.of(&["term", "lock"]), ["term 2"]);
    assert_eq!(heir.status(), "open leader");
}

#[test]
fn an_invited_tab_that_has_just_taken_the_lock_does_not_take_it_again_when_it_is_welcomed() {
    let mut machine = invited();
    machine.hear_relay(by(1, 1), ping(5, 5));
    machine.handle(Input::Visible(true));
    machine.wait(3_000);
    let (_, did) = machine.wait_for("lock");
    assert_eq!(did.of(&["lock"]), ["lock release 1", "lock steal 2"]);
    assert_eq!(machine.welcome(Resume::Replay, 5).of(&["lock"]), none());
    machine.handle(Input::LockGranted(LockRequest(2)));
    assert_eq!(machine.status(), "open leader");
}

#[test]
fn an_invited_tab_goes_on_whatever_a_zombie_says() {
    let mut machine = invited();
    machine.hear_status(by(0, 9), open_status(5));
    machine.welcome(Resume::Replay, 5);
    machine.handle(Input::LockGranted(LockRequest(2)));
    assert_eq!(machine.status(), "open leader");
}
