//! What a tab decides for a frame. Counted as native code: what runs in a browser is the same machine, compiled for size.

use std::{hint::black_box, rc::Rc};

use tabwire_client::core::{
    self, Coalescing, Config, Envelope, Frame, Input, Kind, LeaderStatus, Leadership, LinkStatus,
    LockRequest, Message, Moving, RELAY_FRAMES_MAX, RING_FRAMES_MAX, Raw, RelayPosition,
    SessionInfo, Sharing, SocketId, Tab, TabId, Welcome,
};
use tabwire_protocol::{
    Cursor, Device, Epoch, Millis, Module, Position, Resume, ShopId, UserId, View,
};

use super::{Step, TIMES, Work, each};

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "client/event-is-decoded",
        prepare: event_is_decoded,
    },
    Step {
        name: "client/leader-relays-an-event",
        prepare: leader_relays_an_event,
    },
    Step {
        name: "client/leader-repairs-100-events",
        prepare: leader_repairs_100_events,
    },
    Step {
        name: "client/100-relays-are-joined",
        prepare: relays_are_joined,
    },
    Step {
        name: "client/relay-is-written",
        prepare: relay_is_written,
    },
    Step {
        name: "client/relay-is-read",
        prepare: relay_is_read,
    },
    Step {
        name: "client/follower-takes-an-event",
        prepare: follower_takes_an_event,
    },
    Step {
        name: "client/follower-takes-100-events",
        prepare: follower_takes_100_events,
    },
    Step {
        name: "client/follower-drops-a-duplicate",
        prepare: follower_drops_a_duplicate,
    },
    Step {
        name: "client/follower-meets-a-gap",
        prepare: follower_meets_a_gap,
    },
];

const NOW: Millis = Millis(1_730_569_300_000);
/// Full: from here on a ring drops a frame for each that it takes.
const FULL: u64 = RING_FRAMES_MAX as u64 + 1;

/// A frame as a tab has it: a handle of the browser's string.
#[derive(Clone, Debug)]
struct Text(Rc<str>);

impl Raw for Text {
    fn size(&self) -> usize {
        self.0.len()
    }
}

fn event_is_decoded() -> Work {
    each(
        |nth| text(1 + nth as u64),
        |text| {
            let frame = core::decode(&text);
            assert!(frame.is_some(), "it is an event");
            black_box(frame);
        },
    )
}

fn leader_relays_an_event() -> Work {
    let mut tab = leader();
    each(
        |nth| brought(FULL + 1 + nth as u64),
        move |input| handle(&mut tab, input),
    )
}

fn leader_repairs_100_events() -> Work {
    let mut tab = leader();
    let ask = |_| {
        Input::Message(Message::Repair {
            tab: tab_id(2),
            cursor: cursor(FULL - 100),
        })
    };
    each(ask, move |input| handle(&mut tab, input))
}

/// As many as travel together, after one that goes out at once.
fn relays_are_joined() -> Work {
    each(
        |_| {
            (
                Coalescing::default(),
                events_up_to(1 + RELAY_FRAMES_MAX as u64),
            )
        },
        |(mut posts, relays): (Coalescing<Text>, Vec<_>)| {
            for relay in relays {
                posts.push(NOW, relay, |message| drop(black_box(message)));
            }
            assert!(posts.release().is_some(), "all but the first wait");
        },
    )
}

fn relay_is_written() -> Work {
    each(
        |nth| relay(0, 1 + nth as u64),
        |message| {
            black_box(core::write_message(&message));
        },
    )
}

fn relay_is_read() -> Work {
    let make = |nth| {
        let id = 1 + nth as u64;
        let (text, _) = core::write_message(&relay(id - 1, id));
        (text, event(id - 1, id), raw(id))
    };
    each(make, |(text, frame, raw)| {
        let message = core::read_message(&text, vec![(frame, raw)]);
        assert!(message.is_some(), "it is a relay");
        black_box(message);
    })
}

fn follower_takes_an_event() -> Work {
    let mut tab = follower();
    let make = |nth| {
        let id = FULL + 1 + nth as u64;
        Input::Message(relay(id - 1, id))
    };
    each(make, move |input| handle(&mut tab, input))
}

/// In one message, as those of a burst come.
fn follower_takes_100_events() -> Work {
    let mut tab = follower();
    let events = RELAY_FRAMES_MAX as u64;
    let make = |nth| {
        let first = FULL + 1 + nth as u64 * events;
        let frames = (first..first + events).map(|id| (event(id - 1, id), raw(id)));
        Input::Message(relay_of(frames.collect()))
    };
    each(make, move |input| handle(&mut tab, input))
}

fn follower_drops_a_duplicate() -> Work {
    let mut tab = follower();
    let make = |_| Input::Message(relay(FULL - 1, FULL));
    each(make, move |input| handle(&mut tab, input))
}

/// Each by a follower of its own: a second gap in the same place is no news.
fn follower_meets_a_gap() -> Work {
    let tab = follower();
    let mut tabs: Vec<_> = (0..TIMES)
        .map(|_| (tab.clone(), Some(Input::Message(relay(FULL + 1, FULL + 2)))))
        .collect();
    Box::new(move || {
        for (tab, gap) in &mut tabs {
            handle(tab, gap.take().expect("it is taken once"));
        }
    })
}

// What they are made of.

fn handle(tab: &mut Tab<Text>, input: Input<Text>) {
    tab.handle(NOW, input);
    while let Some(output) = tab.poll() {
        black_box(output);
    }
    black_box(tab.next_timeout());
}

/// A tab that leads, with a full ring.
fn leader() -> Tab<Text> {
    let mut tab = Tab::new(config(1));
    for input in [
        Input::Start,
        Input::LockGranted(LockRequest(1)),
        Input::Token(1, Some("jwt".to_owned())),
        Input::SocketOpen(SocketId(1)),
        Input::SocketFrame(SocketId(1), welcome(), Text("{}".into())),
    ] {
        handle(&mut tab, input);
    }
    (1..=FULL).for_each(|id| handle(&mut tab, brought(id)));
    assert_eq!(tab.leads(), Some(leadership()));
    assert_eq!(tab.cursor(), Some(cursor(FULL)));
    tab
}

/// A tab that follows it.
fn follower() -> Tab<Text> {
    let mut tab = Tab::new(config(2));
    let status = LeaderStatus {
        link: LinkStatus::Open,
        session: Some(session()),
        relay: Some(RelayPosition {
            epoch: epoch(),
            view: view(),
            at: at(0),
        }),
        seeks: false,
    };
    handle(&mut tab, Input::Start);
    let by = leadership();
    handle(
        &mut tab,
        Input::Message(Message::Status {
            by,
            status: Box::new(status),
            beacon: true,
        }),
    );
    (1..=FULL).for_each(|id| handle(&mut tab, Input::Message(relay(id - 1, id))));
    assert_eq!(tab.cursor(), Some(cursor(FULL)));
    tab
}

fn config(number: u8) -> Config {
    Config {
        user: user(),
        tab: tab_id(number),
        device: Device::new("d_1").expect("a name"),
        cursor: None,
        fetches_state: false,
        sharing: Sharing::Locks,
        state_key: None,
        hands_over: false,
        term: 0,
        seed: 42,
    }
}

fn welcome() -> Frame {
    Frame::Welcome(Box::new(Welcome {
        user: user(),
        shop: ShopId::new("s_1").expect("a name"),
        modules: vec![module()],
        epoch: epoch(),
        view: view(),
        resume: Resume::Fresh,
        at: at(0),
        claim: 1,
        now: NOW,
        expires_at: NOW.plus(Millis(3_600_000)),
        ping_ms: 25_000,
        max_frame: 65_536,
    }))
}

/// What the leader says of its session.
fn session() -> SessionInfo {
    SessionInfo {
        user: user(),
        shop: ShopId::new("s_1").expect("a name"),
        modules: vec![module()],
        view: view(),
        claim: 1,
        ping_ms: 25_000,
        max_frame: 65_536,
        device: Device::new("d_1").expect("a name"),
    }
}

/// The leader's socket brings an event.
fn brought(id: u64) -> Input<Text> {
    Input::SocketFrame(SocketId(1), event(id - 1, id), raw(id))
}

/// The leader passes the events on that come first.
fn events_up_to(last: u64) -> Vec<Message<Text>> {
    (1..=last).map(|id| relay(id - 1, id)).collect()
}

/// The leader passes an event on.
fn relay(prev: u64, id: u64) -> Message<Text> {
    relay_of(vec![(event(prev, id), raw(id))])
}

fn relay_of(frames: Vec<(Frame, Text)>) -> Message<Text> {
    Message::Relay {
        by: leadership(),
        envelope: Box::new(Envelope {
            epoch: epoch(),
            view: view(),
            frames,
            more: false,
        }),
        to: None,
    }
}

fn event(prev: u64, id: u64) -> Frame {
    Frame::Moving(Moving {
        prev: at(prev),
        position: at(id),
        kind: Kind::Event(module()),
    })
}

fn raw(id: u64) -> Text {
    Text(text(id).into())
}

/// As the server writes it, with a payload of 200 bytes.
fn text(id: u64) -> String {
    let (prev, text) = (id - 1, "x".repeat(170));
    format!(
        r#"{{"t":"event","id":{id},"prev":{prev},"type":"order_created","module":"orders","scope":{{"shopId":"s_1"}},"payload":{{"orderId":"o_4711","text":"{text}"}},"timestamp":1730569300000}}"#
    )
}

fn cursor(last: u64) -> Cursor {
    Cursor {
        epoch: epoch(),
        view: view(),
        last: at(last),
    }
}

fn leadership() -> Leadership {
    Leadership {
        term: 1,
        tab: tab_id(1),
    }
}

fn tab_id(number: u8) -> TabId {
    TabId::from_random([number; 12])
}

fn user() -> UserId {
    UserId::new("u_101").expect("a name")
}

fn module() -> Module {
    Module::new("orders").expect("a name")
}

fn epoch() -> Epoch {
    Epoch::new("9f2c64d1").expect("a name")
}

fn view() -> View {
    View::new("6b1c09e2a7d4f358").expect("a name")
}

fn at(position: u64) -> Position {
    Position::new(position).expect("small")
}
