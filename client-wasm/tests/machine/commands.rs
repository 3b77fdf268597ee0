//! Commands: settled once, run once, and honest about whether they took effect.

use tabwire_client::core::{Frame, Input, Message, NewCommand, SocketId};
use tabwire_protocol::{Millis, RawJson, Resume};

use crate::harness::*;

/// The most commands of one tab that wait for an answer.
const OUTBOX_COMMANDS_MAX: usize = 256;
/// The most commands that a leader carries for all tabs.
const CARRIED_COMMANDS_MAX: usize = 1_024;
/// The most commands on one socket that the server has not answered.
const COMMANDS_UNANSWERED_MAX: usize = 64;

/// How another tab hears that a command was settled.
fn settled(
    leader: u8,
    id: &str,
    answer: Result<&str, tabwire_client::core::FailureReason>,
) -> Message<Text> {
    Message::Settled {
        by: by(1, leader),
        id: id.replace("t0:", &format!("{}:", tab(0).text())),
        answer: answer.map(|answer| Text(answer.into())),
        doubt: false,
    }
}

fn accepted(term: u64, leader: u8, id: &str) -> Message<Text> {
    Message::Accepted {
        by: by(term, leader),
        id: id.replace("t0:", &format!("{}:", tab(0).text())),
    }
}

#[test]
fn a_leaders_command_is_written_at_once_and_settled_by_its_answer() {
    let mut machine = Machine::open(false, 5);
    let did = machine.send_for("chat_message", r#"{"text":"hola"}"#, 10_000);
    assert_eq!(
        did.all(),
        [format!(
            r#"send {{"t":"command","id":"t0:1","type":"chat_message","payload":{{"text":"hola"}},"deadline":{}}}"#,
            START + AHEAD + 10_000
        )]
    );
    assert_eq!(machine.answer("t0:1", "ack").all(), ["settled t0:1 ack"]);
    assert!(machine.answer("t0:1", "ack").is_silent(), "once");
    assert_eq!(machine.inspect().outbox, 0);
}

#[test]
fn whoever_sends_a_command_is_told_its_id() {
    let mut machine = Machine::following(false, 5);
    for number in 1..=2 {
        let command = NewCommand {
            event_type: "chat_message".into(),
            payload: RawJson::new("{}").expect("JSON"),
            timeout_ms: 10_000,
        };
        let id = machine.tab.send(Millis(machine.now), command);
        assert_eq!(id, format!("{}:{number}", tab(0).text()));
        assert_eq!(
            machine.handle(Input::Tick).all(),
            [format!("post command t0 t0:{number}")]
        );
    }
}

#[test]
fn a_followers_command_is_handed_to_the_leader_until_it_is_accepted() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(machine.send("chat_message").all(), ["post command t0 t0:1"]);
    assert_eq!(machine.wait(2_999).posts(), none());
    assert_eq!(machine.wait(1).posts(), ["post command t0 t0:1"]);
    assert!(machine.hear(accepted(1, 1, "t0:1")).is_silent());
    assert_eq!(machine.wait(6_000).posts(), none());
    assert_eq!(
        machine.hear(settled(1, "t0:1", Ok("ack"))).all(),
        ["settled t0:1 ack in doubt"],
        "it was handed over twice"
    );
}

#[test]
fn each_command_is_handed_over_again_three_seconds_after_its_own_time() {
    let mut machine = Machine::following(false, 5);
    machine.send("chat_message");
    machine.wait(1_000);
    machine.send("chat_message");
    assert_eq!(machine.wait(1_999).posts(), none());
    assert_eq!(machine.wait(1).posts(), ["post command t0 t0:1"]);
    assert_eq!(machine.wait(1_000).posts(), ["post command t0 t0:2"]);
}

#[test]
fn commands_wake_the_page_up_when_there_is_something_to_do_for_them() {
    let mut machine = Machine::new(false);
    machine.send("chat_message");
    assert_eq!(
        machine.tab.next_timeout(),
        Some(Millis(START + 10_000)),
        "its deadline"
    );

    let mut machine = Machine::following(false, 5);
    machine.wait(2_000);
    machine.send("chat_message");
    machine.hear(accepted(1, 1, "t0:1"));
    machine.wait(3_000);
    assert_eq!(
        machine.tab.next_timeout(),
        Some(Millis(START + 2_000 + 10_000 + 1_000)),
        "its deadline and a second for the answer"
    );
    // While there is no leader to ask, none is asked.
    machine.send("chat_message");
    machine.hear(Message::Bye { by: by(1, 1) });
    let commands = |did: Did| did.posts().iter().any(|post| post.contains("command"));
    assert!(!commands(machine.wait(9_000)));
}

#[test]
fn commands_sent_one_after_the_other_are_each_handed_over_once() {
    let mut machine = Machine::following(false, 5);
    assert_eq!(
        machine.send("chat_message").posts(),
        ["post command t0 t0:1"]
    );
    assert_eq!(
        machine.send("chat_message").posts(),
        ["post command t0 t0:2"]
    );
    assert!(
        machine.hear_status(by(1, 1), open_status(5)).is_silent(),
        "the leader has them"
    );
    assert_eq!(
        machine.hear(settled(1, "t0:1", Ok("nack"))).all(),
        ["settled t0:1 nack"],
        "without a doubt"
    );
}

#[test]
fn a_leader_carries_a_followers_command_and_tells_it_the_answer() {
    let mut machine = Machine::open(false, 5);
    let did = machine.hear(command(1, "t1:1", 10_000));
    assert_eq!(did.posts(), ["post accepted 1/t0 t1:1"]);
    assert!(did.wire()[0].contains(r#""id":"t1:1""#));
    // Handed over again, it is not written again.
    let did = machine.hear(command(1, "t1:1", 10_000));
    assert_eq!(did.all(), ["post accepted 1/t0 t1:1"]);
    assert_eq!(
        machine.answer("t1:1", "ack").all(),
        ["post settled t1:1 ack"]
    );
}

#[test]
fn a_command_is_handed_to_the_next_leader_until_it_is_settled() {
    let mut machine = Machine::following(false, 5);
    machine.send("chat_message");
    machine.hear(accepted(1, 1, "t0:1"));
    machine.hear(Message::Bye { by: by(1, 1) });
    assert_eq!(
        machine.hear_status(by(2, 2), open_status(5)).posts(),
        ["post command t0 t0:1"]
    );
    // What the old leader says of having accepted it is worth nothing now.
    machine.hear(accepted(1, 1, "t0:1"));
    assert_eq!(machine.wait(3_000).posts(), ["post command t0 t0:1"]);
    machine.hear(accepted(2, 2, "t0:1"));
    assert_eq!(
        machine.hear(settled(2, "t0:1", Ok("ack"))).all(),
        ["settled t0:1 ack in doubt"]
    );
}

#[test]
fn a_follower_that_becomes_the_leader_writes_its_commands_itself() {
    let mut machine = Machine::following(false, 5);
    machine.send("chat_message");
    machine.hear(accepted(1, 1, "t0:1"));
    machine.hear(Message::Bye { by: by(1, 1) });
    machine.lead();
    machine.give_token("jwt");
    machine.open_socket();
    let did = machine.welcome(Resume::Replay, 5);
    assert!(did.wire()[0].contains(r#""id":"t0:1""#), "{did:?}");
}

#[test]
fn a_command_that_was_written_is_written_again_to_the_next_socket_with_the_same_deadline() {
    let mut machine = Machine::open(false, 5);
    let first = machine.send("chat_message").wire()[0].to_owned();
    machine.socket_closed(1006);
    machine.wait_for("socket");
    machine.open_socket();
    assert_eq!(machine.welcome(Resume::Replay, 5).wire(), [first]);
    assert_eq!(
        machine.answer("t0:1", "nack").all(),
        ["settled t0:1 nack in doubt"],
        "a server that forgot the first time does not know better"
    );
}

#[test]
fn a_command_without_a_connection_waits_for_one() {
    let mut machine = Machine::greeting(false);
    assert!(machine.send("chat_message").is_silent());
    let did = machine.welcome(Resume::Fresh, 5);
    assert_eq!(did.wire().len(), 1);
    assert_eq!(machine.answer("t0:1", "nack").all(), ["settled t0:1 nack"]);
}

#[test]
fn a_command_that_nobody_was_told_of_ends_at_its_deadline_without_effect() {
    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    machine.send_for("chat_message", "{}", 5_000);
    assert_eq!(machine.wait(4_999).of(&["settled"]), none());
    assert_eq!(
        machine.wait(1).of(&["settled"]),
        ["settled t0:1 timeout executed no"]
    );
}

#[test]
fn a_command_that_was_written_ends_a_second_after_its_deadline_in_doubt() {
    let mut machine = Machine::open(false, 5);
    machine.send_for("chat_message", "{}", 5_000);
    assert_eq!(machine.wait(5_999).of(&["settled"]), none());
    assert_eq!(
        machine.wait(1).of(&["settled"]),
        ["settled t0:1 timeout executed unknown"]
    );
}

#[test]
fn a_command_that_was_handed_to_a_leader_ends_a_second_after_its_deadline_in_doubt() {
    let mut machine = Machine::following(false, 5);
    machine.send_for("chat_message", "{}", 2_000);
    machine.hear(accepted(1, 1, "t0:1"));
    assert_eq!(machine.wait(2_999).of(&["settled"]), none());
    assert_eq!(
        machine.wait(1).of(&["settled"]),
        ["settled t0:1 timeout executed unknown"]
    );
}

#[test]
fn a_leader_that_never_wrote_a_command_says_at_its_deadline_that_it_had_no_effect() {
    let mut machine = Machine::greeting(false);
    machine.hear(command(1, "t1:1", 5_000));
    assert_eq!(machine.wait(4_999).posts(), none());
    let did = machine.wait(1);
    assert!(
        did.posts().contains(&"post settled t1:1 timeout"),
        "{did:?}"
    );

    let mut follower = Machine::following(false, 5);
    follower.send("chat_message");
    assert_eq!(
        follower
            .hear(settled(
                1,
                "t0:1",
                Err(tabwire_client::core::FailureReason::Timeout)
            ))
            .all(),
        ["settled t0:1 timeout executed no"]
    );
}

#[test]
fn a_leader_gives_up_each_command_at_its_own_deadline_or_when_it_wakes_up_after_it() {
    let mut machine = Machine::greeting(false);
    machine.hear(command(1, "t1:1", 5_000));
    machine.hear(command(1, "t1:2", 7_000));
    let settled = |did: Did| -> Vec<String> {
        let settled = |post: &&str| post.starts_with("post settled");
        did.posts()
            .into_iter()
            .filter(settled)
            .map(str::to_owned)
            .collect()
    };
    let did = machine.wait(5_000);
    assert_eq!(settled(did), ["post settled t1:1 timeout"]);
    assert_eq!(settled(machine.wait(1_999)), none());
    let did = machine.sleep(1_000);
    assert_eq!(settled(did), ["post settled t1:2 timeout"]);
}

#[test]
fn a_command_that_two_leaders_were_handed_is_in_doubt_even_when_the_second_never_wrote_it() {
    let mut machine = Machine::following(false, 5);
    machine.send("chat_message");
    machine.hear_status(by(2, 2), open_status(5));
    assert_eq!(
        machine
            .hear(settled(
                2,
                "t0:1",
                Err(tabwire_client::core::FailureReason::Timeout)
            ))
            .all(),
        ["settled t0:1 timeout executed unknown"]
    );
}

#[test]
fn a_command_past_its_deadline_is_not_written_to_a_new_socket() {
    let mut machine = Machine::open(false, 5);
    machine.send_for("chat_message", "{}", 100);
    machine.socket_closed(1006);
    machine.wait(100);
    if machine.status() != "reconnecting leader" {
        machine.wait_for("socket");
    }
    machine.open_socket();
    assert_eq!(machine.welcome(Resume::Replay, 5).wire(), none());
}

#[test]
fn as_many_commands_wait_as_may_and_the_next_one_is_told_so_at_once() {
    let mut machine = Machine::following(false, 5);
    for number in 1..=OUTBOX_COMMANDS_MAX {
        assert_eq!(
            machine.send("chat_message").of(&["settled"]),
            none(),
            "{number}"
        );
    }
    assert_eq!(
        machine.send("chat_message").all(),
        ["settled t0:257 queue_full executed no"]
    );
    machine.hear(settled(1, "t0:1", Ok("ack")));
    assert_eq!(machine.send("chat_message").of(&["settled"]), none());
}

#[test]
fn a_command_larger_than_the_servers_frames_is_told_so_at_once() {
    let mut machine = Machine::open(false, 5);
    // 256 bytes are set aside for everything but the payload.
    let payload = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let did = machine.send_for("chat_message", &payload(65_536 - 256), 10_000);
    assert_eq!(did.wire().len(), 1);
    let frame = did.wire()[0].strip_prefix("send ").expect("a frame");
    assert!(frame.len() + 16 <= 65_536, "the tab's short name and all");
    assert_eq!(
        machine
            .send_for("chat_message", &payload(65_536 - 255), 10_000)
            .all(),
        ["settled t0:2 too_large executed no"]
    );
}

#[test]
fn a_command_that_turns_out_too_large_for_the_server_it_meets_is_given_up() {
    let mut machine = Machine::greeting(false);
    machine.send_for(
        "chat_message",
        &format!("\"{}\"", "x".repeat(2_000)),
        10_000,
    );
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.max_frame = 1_024;
    let did = machine.frame(Frame::Welcome(Box::new(welcome)));
    assert_eq!(
        did.of(&["settled", "send"]),
        ["settled t0:1 too_large executed no"]
    );
}

#[test]
fn a_type_that_is_no_name_is_refused_at_once() {
    let mut machine = Machine::open(false, 5);
    for (number, bad) in ["", "chat message", "x/y", &"x".repeat(129)]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            machine.send(bad).all(),
            [format!("settled t0:{} invalid executed no", number + 1)]
        );
    }
    assert_eq!(machine.send(&"x".repeat(128)).wire().len(), 1);
}

#[test]
fn at_most_64_commands_are_unanswered_on_a_socket_and_each_answer_lets_another_go() {
    let mut machine = Machine::open(false, 5);
    for _ in 0..COMMANDS_UNANSWERED_MAX {
        assert_eq!(machine.send("chat_message").wire().len(), 1);
    }
    assert!(machine.send("chat_message").is_silent());
    let did = machine.answer("t0:7", "ack");
    assert_eq!(did.of(&["settled"]), ["settled t0:7 ack"]);
    assert!(did.wire()[0].contains(r#""id":"t0:65""#), "{did:?}");

    let mut machine = Machine::greeting(false);
    for _ in 0..=COMMANDS_UNANSWERED_MAX {
        machine.send("chat_message");
    }
    let did = machine.welcome(Resume::Fresh, 5);
    assert_eq!(did.wire().len(), COMMANDS_UNANSWERED_MAX);
}

#[test]
fn commands_are_written_to_a_new_socket_in_order() {
    let mut machine = Machine::greeting(false);
    for _ in 0..5 {
        machine.send("chat_message");
    }
    let did = machine.welcome(Resume::Fresh, 5);
    let wire = did.wire();
    assert_eq!(wire.len(), 5);
    for (index, line) in wire.iter().enumerate() {
        assert!(
            line.contains(&format!(r#""id":"t0:{}""#, index + 1)),
            "{line}"
        );
    }
}

#[test]
fn a_leader_carries_1024_commands_and_accepts_the_next_when_one_is_answered() {
    let mut machine = Machine::open(false, 5);
    let deadline = 60_000;
    for number in 1..=CARRIED_COMMANDS_MAX {
        let did = machine.hear(command(1, &format!("x:{number}"), deadline));
        assert_eq!(did.posts().len(), 1, "{number}");
    }
    assert!(
        machine.hear(command(2, "y:1", deadline)).is_silent(),
        "not accepted"
    );
    machine.answer("x:1", "ack");
    assert_eq!(
        machine.hear(command(2, "y:1", deadline)).posts(),
        ["post accepted 1/t0 y:1"]
    );
}

#[test]
fn a_tab_that_leaves_settles_its_commands_and_says_what_is_certain() {
    let mut machine = Machine::open(false, 5);
    machine.send("chat_message");
    let did = machine.handle(Input::Close);
    assert_eq!(
        did.of(&["settled"]),
        ["settled t0:1 closed executed unknown"]
    );

    let mut machine = Machine::new(false);
    machine.handle(Input::Start);
    machine.send("chat_message");
    let did = machine.handle(Input::Close);
    assert_eq!(did.of(&["settled"]), ["settled t0:1 closed executed no"]);
    assert_eq!(
        machine.send("chat_message").all(),
        ["settled t0:2 closed executed no"]
    );
}

#[test]
fn a_command_sent_before_the_start_waits_for_it() {
    let mut machine = Machine::new(false);
    assert_eq!(machine.send("chat_message").of(&["settled"]), none());
    machine.handle(Input::Start);
    assert_eq!(
        machine.hear_status(by(1, 1), open_status(5)).posts(),
        ["post command t0 t0:1"]
    );
}

#[test]
fn an_answer_to_a_command_that_nobody_sent_is_ignored() {
    let mut machine = Machine::open(false, 5);
    assert!(machine.answer("t9:1", "ack").is_silent());
    let mut machine = Machine::following(false, 5);
    assert!(machine.hear(settled(1, "t0:9", Ok("ack"))).is_silent());
    assert!(
        machine
            .handle(Input::SocketFrame(
                SocketId(1),
                Frame::Outcome { id: "t0:1".into() },
                Text("ack".into())
            ))
            .is_silent()
    );
}

#[test]
fn a_followers_command_has_as_long_as_it_has_left_and_one_deadline_however_often_it_is_written() {
    let mut machine = Machine::open(false, 5);
    let did = machine.hear(command(1, "t1:1", 10_000));
    let deadline = format!("\"deadline\":{}}}", START + AHEAD + 10_000);
    assert!(did.wire()[0].ends_with(&deadline), "{did:?}");
    // What the next server says of the time moves no deadline: the first may have run it, and forgets it some time after.
    machine.socket_closed(1006);
    machine.wait(1_000);
    machine.open_socket();
    let mut later = welcome(machine.now, Resume::Replay, 5);
    later.now = Millis(machine.now + AHEAD + 5_000);
    let did = machine.frame(Frame::Welcome(Box::new(later)));
    assert!(did.wire()[0].ends_with(&deadline), "{did:?}");
}

#[test]
fn a_command_that_was_handed_to_an_older_leader_is_not_this_ones_to_carry() {
    let mut machine = Machine::open(false, 5);
    machine.hear(Message::Stale {
        known: by(4, 2),
        led: false,
    });
    // It waited while this page did not run, for nobody knows how long.
    assert!(machine.hear(command(1, "t1:1", 10_000)).is_silent());
}
