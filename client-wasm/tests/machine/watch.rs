//! A leader that hangs: what shows that it runs, and what its followers do when nothing does.

use tabwire_client::core::{Input, LinkStatus, LockRequest, Message, Why};

use crate::harness::*;

/// 2.5 periods of the server's ping.
const PATIENCE: u64 = PING_MS * 5 / 2;

fn asks(machine: &Machine) -> Message<Text> {
    Message::Hello {
        known: machine.inspect().known,
        asks: true,
    }
}

/// A follower of tab 1 that has asked it, told it to leave, and has not taken the lock yet.
fn told(visible: bool) -> Machine {
    let mut machine = Machine::following(false, 5);
    machine.handle(Input::Visible(visible));
    machine.hear_relay(by(1, 1), ping(5, 5));
    machine.wait(PATIENCE + 3_000);
    machine
}

#[test]
fn a_leader_that_is_silent_for_two_and_a_half_periods_is_asked_then_told_to_leave_then_robbed() {
    let mut machine = Machine::following(false, 5);
    machine.handle(Input::Visible(false));
    assert_eq!(machine.wait(PATIENCE - 1).posts(), none());
    assert_eq!(machine.wait(1).posts(), ["post hello 1/t1 asks"]);
    assert_eq!(machine.status(), "open follower");
    assert_eq!(machine.wait(2_999).posts(), none());
    let did = machine.wait(1);
    assert_eq!(did.posts(), ["post abdicate 1/t1"]);
    assert_eq!(
        machine.status(),
        "reconnecting follower",
        "nothing is known to come"
    );
    assert_eq!(
        machine.wait(699).of(&["lock"]),
        none(),
        "it has time to leave"
    );
    assert_eq!(
        machine.wait(1_001).of(&["lock"]),
        ["lock release 1", "lock steal 2"]
    );
    machine.handle(Input::LockGranted(LockRequest(2)));
    assert_eq!(machine.tab.leads(), Some(by(2, 0)));
    assert_eq!(machine.inspect().counters.steals, 1);
    assert_eq!(machine.inspect().why, Some(Why::Stole));
}

#[test]
fn a_visible_tab_goes_first() {
    let did = told(true).wait(700);
    assert_eq!(did.of(&["lock"]), ["lock release 1", "lock steal 2"]);
    let did = told(false).wait(700);
    assert_eq!(did.of(&["lock"]), none());
}

#[test]
fn a_leader_that_leaves_when_it_is_told_to_is_not_robbed() {
    let mut machine = told(true);
    machine.handle(Input::LockGranted(LockRequest(1)));
    assert!(machine.tab.leads().is_some());
    assert_eq!(machine.wait(10_000).of(&["lock"]), none());

    let mut machine = told(true);
    machine.hear_status(by(2, 2), open_status(5));
    assert_eq!(
        machine.wait(10_000).of(&["lock"]),
        none(),
        "another leads by now"
    );
}

#[test]
fn what_comes_out_of_the_leaders_socket_or_of_its_timers_shows_that_it_runs() {
    let mut machine = Machine::following(false, 5);
    for _ in 0..4 {
        machine.wait(PATIENCE - 1);
        machine.hear_relay(by(1, 1), ping(5, 5));
    }
    machine.hear_status(by(1, 1), status(LinkStatus::Connecting));
    for _ in 0..4 {
        machine.wait(12_400);
        assert!(
            machine
                .hear_status(by(1, 1), status(LinkStatus::Connecting))
                .is_silent()
        );
    }
    assert_eq!(machine.inspect().beacon_age_ms, Some(0));
    // A leader without a connection says so each 5 s.
    assert_eq!(machine.wait(12_499).posts(), none());
    assert_eq!(machine.wait(1).posts(), ["post hello 1/t1 asks"]);
}

#[test]
fn a_leader_that_has_only_answered_has_three_seconds_to_show_that_it_runs() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    machine.wait(10);
    machine.hear_answer(by(1, 1), open_status(5));
    assert_eq!(machine.wait(2_989).posts(), none());
    assert_eq!(machine.wait(1).posts(), ["post abdicate 1/t1"]);
}

#[test]
fn an_answer_to_a_message_shows_nothing() {
    let mut machine = Machine::following(false, 5);
    machine.wait(PATIENCE);
    machine.hear_answer(by(1, 1), open_status(5));
    let Message::Relay {
        by: of, envelope, ..
    } = relay(by(1, 1), event(6), false)
    else {
        unreachable!("a relay");
    };
    machine.hear(Message::Relay {
        by: of,
        envelope,
        to: Some(tab(0)),
    });
    assert_eq!(
        machine.last(),
        Some(6),
        "a repair from the ring is welcome all the same"
    );
    assert_eq!(machine.wait(3_000).posts(), ["post abdicate 1/t1"]);
}

#[test]
fn a_tab_that_becomes_visible_or_comes_back_asks_at_once() {
    let mut machine = Machine::following(false, 5);
    machine.handle(Input::Visible(false));
    assert_eq!(
        machine.handle(Input::Visible(true)).posts(),
        ["post hello 1/t1 asks"]
    );
    assert!(
        machine.handle(Input::Visible(true)).is_silent(),
        "it has asked"
    );
    machine.hear_relay(by(1, 1), ping(5, 5));
    assert_eq!(
        machine.handle(Input::Online).posts(),
        ["post hello 1/t1 asks"]
    );
    machine.hear_relay(by(1, 1), ping(5, 5));
    assert_eq!(
        machine.handle(Input::Show).posts(),
        ["post hello 1/t1 asks"]
    );
    let did = machine.wait(3_700);
    assert_eq!(did.of(&["lock"]), ["lock release 1", "lock steal 2"]);
}

#[test]
fn a_tab_that_slept_gives_the_leader_one_more_chance() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(machine.sleep(3_600_000).posts(), ["post hello 1/t1 asks"]);
    // Asked, it slept again: the time was not the leader's.
    assert_eq!(machine.sleep(3_600_000).posts(), ["post hello 1/t1 asks"]);
    // A page whose timers are always late asks no third time.
    assert_eq!(machine.sleep(60_000).posts(), ["post abdicate 1/t1"]);
    assert_eq!(
        machine.sleep(60_000).of(&["lock"]),
        ["lock release 1", "lock steal 2"]
    );
}

#[test]
fn two_seconds_too_late_are_no_excuse_and_a_millisecond_more_is() {
    for (late, says) in [
        (2_000, "post abdicate 1/t1"),
        (2_001, "post hello 1/t1 asks"),
    ] {
        let mut machine = Machine::following(false, 5);
        machine.wait(PATIENCE);
        assert_eq!(machine.sleep(3_000 + late).posts(), [says]);
    }
}

#[test]
fn a_frozen_page_that_still_hears_others_tells_nobody_to_leave() {
    let mut machine = Machine::following(false, 5);
    for _ in 0..100 {
        machine.now += 10_000;
        let did = machine.hear(Message::Reconnect);
        assert!(did.is_silent(), "{did:?}");
    }
}

#[test]
fn a_robber_waits_before_it_tells_again_and_twice_as_long_while_it_hears_nobody() {
    let mut machine = Machine::following(false, 5);
    machine.wait(PATIENCE);
    let mut stolen_at = Vec::new();
    for request in [2, 4, 6] {
        let (_, did) = machine.wait_for("lock");
        assert!(did.of(&["lock"])[1].starts_with("lock steal"), "{did:?}");
        stolen_at.push(machine.now);
        machine.handle(Input::LockGranted(LockRequest(request)));
        machine.handle(Input::LockLost(LockRequest(request)));
    }
    let waits: Vec<u64> = stolen_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((9_500..13_000).contains(&waits[0]), "{waits:?}");
    assert!((19_500..23_000).contains(&waits[1]), "{waits:?}");
    assert_eq!(machine.status(), "reconnecting none");
}

#[test]
fn a_robber_that_was_robbed_before_its_grant_came_queues_again() {
    let mut machine = told(true);
    machine.wait_for("lock");
    assert_eq!(
        machine
            .handle(Input::LockLost(LockRequest(2)))
            .of(&["lock"]),
        none()
    );
    assert_eq!(machine.wait(1_000).of(&["lock"]), ["lock request 3"]);
    assert!(
        machine
            .handle(Input::LockGranted(LockRequest(2)))
            .is_silent(),
        "it was over before"
    );
    assert!(machine.tab.leads().is_none());
}

// The leader's side.

#[test]
fn a_leader_with_an_open_socket_shows_that_it_runs_by_the_servers_answer() {
    let mut machine = Machine::open(false, 5);
    let did = machine.hear(asks(&machine));
    assert_eq!(did.posts(), ["post status 1/t0 open e1 v1 5 (answer)"]);
    assert_eq!(did.wire(), [r#"send {"t":"ping"}"#]);
    assert_eq!(
        machine.hear(asks(&machine)).wire(),
        none(),
        "one question is enough"
    );
    assert_eq!(
        machine.frame(ping(5, 5)).posts(),
        ["post relay 1/t0 ping 5"]
    );
}

#[test]
fn a_leader_without_a_socket_shows_that_it_runs_by_a_timer() {
    let mut machine = Machine::leading(false);
    machine.wait(1_000);
    let did = machine.hear(asks(&machine));
    assert_eq!(did.posts(), ["post status 1/t0 connecting (answer)"]);
    assert_eq!(
        machine.hear(asks(&machine)).posts(),
        ["post status 1/t0 connecting (answer)"],
        "a frozen page would say as much"
    );
    assert_eq!(
        machine.handle(Input::Tick).posts(),
        ["post status 1/t0 connecting"]
    );
}

#[test]
fn a_leader_that_is_told_to_leave_leaves_and_queues_again_when_it_runs() {
    let mut machine = Machine::open(false, 5);
    let did = machine.hear(Message::Abdicate {
        known: Some(by(1, 0)),
    });
    assert_eq!(
        did.all(),
        [
            "post bye 1/t0",
            "socket close 1",
            "lock release 1",
            "status reconnecting none"
        ]
    );
    assert_eq!(machine.inspect().counters.abdications, 1);
    machine.now += 60_000;
    let did = machine.hear_relay(by(2, 2), ping(5, 5));
    assert_eq!(
        did.of(&["lock"]),
        none(),
        "a frozen page would hear as much"
    );
    assert_eq!(
        machine.handle(Input::Tick).of(&["lock"]),
        ["lock request 2"]
    );
}

#[test]
fn a_leader_does_not_leave_for_a_tab_that_means_an_older_one() {
    let mut machine = Machine::open(false, 5);
    let did = machine.hear(Message::Abdicate {
        known: Some(by(0, 3)),
    });
    assert_eq!(did.all(), ["post status 1/t0 open e1 v1 5 (answer)"]);
    assert!(machine.tab.leads().is_some());
}

#[test]
fn a_tab_that_doubts_shows_nothing_better_before_a_leader_has_shown_that_it_runs() {
    let mut machine = told(true);
    machine.wait_for("lock");
    assert_eq!(machine.status(), "reconnecting follower");
    machine.wait(2_900);
    assert_eq!(machine.status(), "reconnecting follower");
    machine.hear_relay(by(1, 1), ping(5, 5));
    assert_eq!(machine.status(), "open follower");
}
