//! The socket: waits between attempts, what the server asks for, and silence.

use tabwire_client::core::{Config, Input, SocketId};
use tabwire_protocol::Resume;

use crate::harness::*;

/// How long the tab waited before it connected again, for each of its sockets that failed in a row.
fn waits(seed: u64, failures: usize) -> Vec<u64> {
    let mut machine = Machine::with(Config { seed, ..config() });
    machine.lead();
    machine.give_token("jwt");
    let mut waits = Vec::new();
    for _ in 0..failures {
        // A wait of nothing is over at once.
        let did = machine.socket_closed(1006);
        waits.push(if did.wire().is_empty() {
            machine.wait_for("socket").0
        } else {
            0
        });
    }
    waits
}

#[test]
fn waits_have_full_jitter_up_to_a_second_and_then_up_to_twice_as_much_each_time_and_30_s_at_most() {
    let bounds = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
    let mut longest = [0; 8];
    let mut shortest = [u64::MAX; 8];
    for seed in 0..400 {
        for (index, wait) in waits(seed, bounds.len()).into_iter().enumerate() {
            assert!(
                wait <= bounds[index],
                "seed {seed}, attempt {index}: {wait}"
            );
            longest[index] = longest[index].max(wait);
            shortest[index] = shortest[index].min(wait);
        }
    }
    for index in 0..bounds.len() {
        assert!(longest[index] > bounds[index] * 9 / 10, "{longest:?}");
        assert!(shortest[index] < bounds[index] / 10, "{shortest:?}");
    }
}

#[test]
fn the_waits_of_one_seed_are_always_the_same() {
    assert_eq!(waits(7, 8), waits(7, 8));
    assert_ne!(waits(7, 8), waits(8, 8));
}

#[test]
fn ten_seconds_of_health_make_earlier_failures_forgotten() {
    let max_after = |healthy_ms: u64| {
        let mut max = 0;
        for seed in 0..50 {
            let mut machine = Machine::with(Config { seed, ..config() });
            machine.lead();
            machine.give_token("jwt");
            for _ in 0..6 {
                machine.socket_closed(1006);
                machine.wait_for("socket");
            }
            machine.open_socket();
            machine.welcome(Resume::Fresh, 5);
            machine.wait(healthy_ms);
            machine.socket_closed(1006);
            max = max.max(machine.wait_for("socket").0);
        }
        max
    };
    assert!(max_after(9_999) > 10_000);
    assert!(max_after(10_000) <= 1_000);
}

#[test]
fn a_bye_says_how_long_to_wait_and_nothing_shortens_that() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.bye(1012, true, Some(8_123)).is_silent());
    machine.socket_closed(1012);
    assert_eq!(machine.status(), "reconnecting leader retry in 8123");
    for _ in 0..8 {
        machine.wait(1_000);
        assert!(machine.handle(Input::Online).wire().is_empty());
        assert!(machine.handle(Input::Visible(false)).wire().is_empty());
        assert!(machine.handle(Input::Visible(true)).wire().is_empty());
        assert!(machine.handle(Input::Show).wire().is_empty());
    }
    assert!(machine.wait(122).wire().is_empty());
    assert_eq!(machine.wait(1).wire(), ["socket open 2"]);
}

#[test]
fn a_person_who_reconnects_shortens_every_wait() {
    let mut machine = Machine::open(false, 5);
    machine.bye(1012, true, Some(8_123));
    machine.socket_closed(1012);
    assert_eq!(
        machine.handle(Input::Reconnect).of(&["token"]),
        ["token connect"],
        "nobody has checked whom an old one names"
    );
}

#[test]
fn a_bye_decides_over_the_1006_that_follows_it() {
    let mut machine = Machine::open(false, 5);
    machine.bye(4409, false, None);
    machine.socket_closed(1006);
    assert_eq!(machine.status(), "stopped leader because replaced");

    let mut machine = Machine::open(false, 5);
    machine.bye(1013, true, Some(500));
    machine.socket_closed(1006);
    assert_eq!(machine.status(), "reconnecting leader retry in 500");
}

#[test]
fn a_bye_counts_for_the_socket_it_came_on_only() {
    let mut machine = Machine::open(false, 5);
    machine.bye(1012, true, Some(8_123));
    machine.socket_closed(1012);
    machine.wait(8_123);
    machine.open_socket();
    machine.welcome(Resume::Replay, 5);
    machine.socket_closed(1006);
    assert!(machine.wait_for("socket").0 <= 2_000);
}

#[test]
fn a_server_cannot_ask_for_a_longer_wait_than_ten_minutes() {
    let mut machine = Machine::open(false, 5);
    machine.bye(1013, true, Some(u64::MAX));
    machine.socket_closed(1013);
    assert_eq!(machine.status(), "reconnecting leader retry in 600000");
}

#[test]
fn a_wait_that_the_tab_chose_itself_is_shortened_by_the_network_coming_back_once_in_two_seconds() {
    let mut machine = Machine::greeting(false);
    for _ in 0..8 {
        machine.socket_closed(1006);
        machine.wait_for("socket");
    }
    machine.socket_closed(1006);
    assert_eq!(machine.handle(Input::Online).wire().len(), 1);
    machine.socket_closed(1006);
    assert!(machine.handle(Input::Online).wire().is_empty());
    assert!(machine.handle(Input::Visible(true)).wire().is_empty());
    assert!(machine.wait(2_000).wire().is_empty());
    assert!(machine.handle(Input::Online).wire().is_empty());
    assert!(machine.wait(1).wire().is_empty());
    assert_eq!(machine.handle(Input::Online).wire().len(), 1);
}

#[test]
fn a_socket_that_does_not_open_or_a_server_that_does_not_welcome_is_given_up_after_15_s() {
    let mut machine = Machine::leading(false);
    machine.give_token("jwt");
    assert!(machine.wait(14_999).wire().is_empty());
    assert_eq!(machine.wait(1).wire(), ["socket close 1"]);

    let mut machine = Machine::leading(false);
    machine.give_token("jwt");
    machine.wait(10_000);
    machine.open_socket();
    assert!(
        machine.wait(4_999).wire().is_empty(),
        "15 s for both together"
    );
    assert_eq!(machine.wait(1).wire(), ["socket close 1"]);
}

#[test]
fn a_socket_that_is_silent_for_a_ping_period_and_5_s_is_probed_and_5_s_later_given_up() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.wait(PING_MS + 4_999).wire().is_empty());
    assert_eq!(machine.wait(1).wire(), [r#"send {"t":"ping"}"#]);
    assert!(machine.wait(4_999).wire().is_empty());
    let did = machine.wait(1);
    assert_eq!(did.wire(), ["socket close 1"]);
    assert_eq!(did.of(&["log"]), ["log Dead", "log Closed"]);
    assert!(
        machine
            .status()
            .starts_with("reconnecting leader retry in ")
    );
    // Whatever it still brings comes too late.
    assert!(
        machine
            .handle(Input::SocketClosed(SocketId(1), 4409))
            .is_silent()
    );
}

#[test]
fn any_word_of_the_server_ends_the_silence() {
    let mut machine = Machine::open(false, 5);
    machine.wait(PING_MS + 5_000);
    machine.handle(Input::SocketNoise(SocketId(1)));
    assert!(machine.wait(PING_MS + 4_999).wire().is_empty());
    assert_eq!(machine.wait(1).wire(), [r#"send {"t":"ping"}"#]);
    machine.frame(ping(5, 5));
    assert!(machine.wait(PING_MS + 4_999).wire().is_empty());
}

#[test]
fn a_probe_whose_timer_comes_late_is_made_again_since_the_answer_may_be_in_a_queue() {
    let mut machine = Machine::open(false, 5);
    machine.wait(PING_MS + 5_000);
    // The laptop slept: everything is over, but the tab has not run to hear the answer.
    assert_eq!(machine.sleep(60_000).wire(), [r#"send {"t":"ping"}"#]);
    assert_eq!(machine.wait(5_000).wire(), ["socket close 1"]);

    for (late, does) in [(2_000, "socket close 1"), (2_001, r#"send {"t":"ping"}"#)] {
        let mut machine = Machine::open(false, 5);
        machine.wait(PING_MS + 5_000);
        assert_eq!(machine.sleep(5_000 + late).wire(), [does], "{late}");
    }
}

#[test]
fn a_page_whose_timers_are_always_late_finds_its_socket_dead_all_the_same() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(machine.sleep(60_000).wire(), [r#"send {"t":"ping"}"#]);
    assert_eq!(machine.sleep(60_000).wire(), [r#"send {"t":"ping"}"#]);
    assert_eq!(
        machine.sleep(60_000).wire(),
        ["socket close 1", "socket open 2"]
    );
}

#[test]
fn a_laptop_that_wakes_up_probes_its_socket() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(
        machine.sleep(8 * 3_600_000 / 10).of(&["send"])[0],
        r#"send {"t":"ping"}"#
    );
}

#[test]
fn a_tab_that_becomes_visible_probes_a_socket_that_was_quiet_for_two_seconds() {
    let mut machine = Machine::open(false, 5);
    machine.wait(2_000);
    assert!(machine.handle(Input::Visible(true)).wire().is_empty());
    machine.wait(1);
    assert_eq!(
        machine.handle(Input::Visible(true)).wire(),
        [r#"send {"t":"ping"}"#]
    );
    assert!(
        machine.handle(Input::Online).wire().is_empty(),
        "one probe at a time"
    );
    machine.frame(ping(5, 5));
    assert!(machine.wait(10_000).wire().is_empty());
}

#[test]
fn a_word_of_an_old_socket_is_not_taken_for_the_new_ones() {
    let mut machine = Machine::open(false, 5);
    machine.socket_closed(1006);
    machine.wait_for("socket");
    let old = SocketId(1);
    assert!(machine.handle(Input::SocketOpen(old)).is_silent());
    assert!(
        machine
            .handle(Input::SocketFrame(old, event(6), Text("6".into())))
            .is_silent()
    );
    assert!(machine.handle(Input::SocketClosed(old, 4409)).is_silent());
    assert_eq!(machine.open_socket().wire().len(), 1);
}

#[test]
fn a_group_sees_its_leaders_wait() {
    let mut machine = Machine::open(false, 5);
    machine.bye(1012, true, Some(8_123));
    assert_eq!(
        machine.socket_closed(1012).all(),
        [
            "post status 1/t0 reconnecting in 8123 asked",
            "status reconnecting leader retry in 8123"
        ]
    );
    assert_eq!(
        machine.wait(8_123).posts().last(),
        Some(&"post status 1/t0 reconnecting")
    );
}
