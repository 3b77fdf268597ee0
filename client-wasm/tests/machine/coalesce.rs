//! Relays that come fast travel together, and nothing overtakes them.

use tabwire_client::core::{Coalescing, Message, RELAY_FRAMES_MAX};
use tabwire_protocol::Millis;

use crate::harness::*;

/// A channel that coalesces, and what has gone out, as text.
#[derive(Default)]
struct Channel {
    posts: Coalescing<Text>,
    out: Vec<String>,
}

impl Channel {
    /// Posts at a time, in milliseconds. Returns whether something began to wait.
    fn post(&mut self, now: u64, message: Message<Text>) -> bool {
        let out = &mut self.out;
        self.posts.push(Millis(now), message, |message| {
            out.push(short(message_line(&message)))
        })
    }

    fn event(&mut self, now: u64, id: u64) -> bool {
        self.post(now, relay(by(1, 1), event(id), false))
    }

    fn release(&mut self) {
        if let Some(message) = self.posts.release() {
            self.out.push(short(message_line(&message)));
        }
    }

    fn out(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }
}

#[test]
fn relays_that_come_slowly_go_out_at_once() {
    let mut channel = Channel::default();
    for (now, id) in [(10, 6), (12, 7), (14, 8)] {
        assert!(!channel.event(now, id));
        assert_eq!(channel.out(), [format!("relay 1/t1 event {id}")]);
    }
    channel.release();
    assert!(channel.out().is_empty());
}

#[test]
fn of_relays_that_come_fast_the_first_goes_out_and_the_others_wait_for_the_turn() {
    let mut channel = Channel::default();
    channel.event(10, 6);
    assert_eq!(channel.out(), ["relay 1/t1 event 6"]);
    assert!(channel.event(10, 7), "it begins to wait");
    assert!(!channel.event(11, 8), "it joins what waits");
    assert!(!channel.event(12, 9));
    assert!(channel.out().is_empty());
    channel.release();
    assert_eq!(channel.out(), ["relay 1/t1 event 7, event 8, event 9"]);
    assert!(channel.event(13, 10), "the burst goes on");
    channel.release();
    assert_eq!(channel.out(), ["relay 1/t1 event 10"]);
}

#[test]
fn what_is_no_relay_goes_out_at_once_and_overtakes_nothing() {
    let mut channel = Channel::default();
    channel.event(10, 6);
    channel.event(10, 7);
    channel.event(10, 8);
    assert!(!channel.post(10, Message::Bye { by: by(1, 1) }));
    assert_eq!(
        channel.out(),
        [
            "relay 1/t1 event 6",
            "relay 1/t1 event 7, event 8",
            "bye 1/t1"
        ]
    );
    assert!(channel.event(10, 9), "it waits for a turn of its own");
}

#[test]
fn relays_under_another_leadership_or_of_another_log_or_for_another_tab_are_not_joined() {
    let to_one = |message| match message {
        Message::Relay { by, envelope, .. } => Message::Relay {
            by,
            envelope,
            to: Some(tab(3)),
        },
        other => other,
    };
    let others = [
        relay(by(2, 1), event(7), false),
        relay_of("e2", "v1", by(1, 1), event(7), false),
        relay_of("e1", "v2", by(1, 1), event(7), false),
        to_one(relay(by(1, 1), event(7), false)),
    ];
    for other in others {
        let mut channel = Channel::default();
        channel.event(10, 5);
        channel.event(10, 6);
        assert!(!channel.post(10, other), "a turn is on its way already");
        assert_eq!(channel.out(), ["relay 1/t1 event 5", "relay 1/t1 event 6"]);
        channel.release();
        assert_eq!(channel.out().len(), 1);
    }
}

#[test]
fn the_last_of_relays_that_travel_together_says_whether_more_follow() {
    let mut channel = Channel::default();
    channel.event(10, 6);
    channel.post(10, relay(by(1, 1), event(7), true));
    channel.post(10, relay(by(1, 1), event(8), true));
    channel.release();
    channel.post(10, relay(by(1, 1), event(9), true));
    channel.post(10, relay(by(1, 1), event(10), false));
    channel.release();
    assert_eq!(
        channel.out(),
        [
            "relay 1/t1 event 6",
            "relay 1/t1 event 7, event 8 more",
            "relay 1/t1 event 9, event 10"
        ]
    );
}

#[test]
fn a_message_holds_a_hundred_frames() {
    let mut channel = Channel::default();
    let frames = RELAY_FRAMES_MAX as u64;
    for id in 0..=2 * frames {
        channel.event(10, 1 + id);
    }
    channel.release();
    let counts: Vec<_> = (channel.out().iter())
        .map(|post| post.matches("event").count())
        .collect();
    assert_eq!(counts, [1, RELAY_FRAMES_MAX, RELAY_FRAMES_MAX]);
}
