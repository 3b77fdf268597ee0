//! What tabs say to each other survives the way there, and what no tab says is ignored.

#![cfg(not(target_arch = "wasm32"))]

use serde_json::Value;
use tabwire_client::core::{
    Envelope, FailureReason, Frame, Kind, LeaderStatus, Leadership, LinkStatus, Message, Moving,
    Raw, Reason, RelayPosition, SessionInfo, SharedState, TabId, read_message, write_message,
};
use tabwire_protocol::{
    Command, Cursor, Device, Epoch, EventType, Millis, Module, Position, RawJson, ShopId, UserId,
    View,
};

/// The text of a frame.
#[derive(Clone, Debug, PartialEq)]
struct Text(&'static str);

impl Raw for Text {
    fn size(&self) -> usize {
        self.0.len()
    }
}

fn by() -> Leadership {
    Leadership {
        term: Position::MAX.get(),
        tab: TabId::from_random([255; 12]),
    }
}

fn epoch() -> Epoch {
    Epoch::new("9f2c64d1").expect("a name")
}

fn view() -> View {
    View::new("k3Qz").expect("a name")
}

fn frame() -> Frame {
    Frame::Moving(Moving {
        prev: Position::ZERO,
        position: Position::MAX,
        kind: Kind::Ping(Some(Millis(7))),
    })
}

const RAW: Text = Text(r#"{"t":"ping","prev":0,"upTo":9007199254740991}"#);

fn session(modules: &[&str]) -> SessionInfo {
    SessionInfo {
        user: UserId::new("u_101").expect("a name"),
        shop: ShopId::new("s_1").expect("a name"),
        modules: modules
            .iter()
            .map(|module| Module::new(module).expect("a name"))
            .collect(),
        view: view(),
        claim: 8,
        ping_ms: 25_000,
        max_frame: 65_536,
        device: Device::new("d_1").expect("a name"),
    }
}

/// Every kind of message, with and without each part that may be absent.
fn messages() -> Vec<Message<Text>> {
    let tab = TabId::from_random([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let mut messages = vec![
        Message::Hello {
            known: None,
            asks: true,
        },
        Message::Hello {
            known: Some(by()),
            asks: false,
        },
        Message::Abdicate { known: None },
        Message::Abdicate { known: Some(by()) },
        Message::Willing { tab, of: by() },
        Message::HandOver { by: by(), to: tab },
        Message::StateWanted {
            tab,
            key: "page%2F1".into(),
            epoch: epoch(),
            view: view(),
        },
        Message::Repair {
            tab,
            cursor: Cursor {
                epoch: epoch(),
                view: view(),
                last: Position::MAX,
            },
        },
        Message::Accepted {
            by: by(),
            id: "Vb3kP0aRk2mQzT8x:12".into(),
        },
        Message::Stale {
            known: by(),
            led: false,
        },
        Message::Stale {
            known: by(),
            led: true,
        },
        Message::Bye { by: by() },
        Message::Reconnect,
        Message::Logout,
    ];
    for (to, more, frames) in [(None, false, 1), (Some(tab), true, 100)] {
        messages.push(Message::Relay {
            by: by(),
            envelope: Box::new(Envelope {
                epoch: epoch(),
                view: view(),
                frames: vec![(frame(), RAW); frames],
                more,
            }),
            to,
        });
    }
    for (to, state) in [
        (None, None),
        (
            Some(tab),
            Some(r#"{"orders":[{"id":"o_1","k":"bye"}],"at":7}"#),
        ),
    ] {
        messages.push(Message::State {
            by: by(),
            to,
            state: state.map(|json| {
                Box::new(SharedState {
                    key: "page%2F1".into(),
                    epoch: epoch(),
                    view: view(),
                    position: Position::MAX,
                    json: RawJson::new(json).expect("JSON"),
                })
            }),
        });
    }
    for payload in [
        "{}",
        r#"{"text":"a \"b\" }],:\\ ü","k":"logout","v":[{}]}"#,
        "null",
        "7",
    ] {
        messages.push(Message::Command {
            by: by(),
            tab,
            command: Box::new(Command {
                id: "Vb3kP0aRk2mQzT8x:12".into(),
                event_type: EventType::new("chat_message").expect("a name"),
                payload: RawJson::new(payload).expect("JSON"),
                deadline: None,
            }),
            left: Millis(9_999),
        });
    }
    for answer in FailureReason::ALL.map(Err).into_iter().chain([Ok(RAW)]) {
        for doubt in [false, true] {
            messages.push(Message::Settled {
                by: by(),
                id: "Vb3kP0aRk2mQzT8x:12".into(),
                answer: answer.clone(),
                doubt,
            });
        }
    }
    let stopped = Reason::ALL.map(LinkStatus::Stopped);
    let reconnecting = [
        (None, false),
        (Some(Millis(0)), false),
        (Some(Millis(1_730_569_330_000)), true),
    ];
    let links = stopped
        .into_iter()
        .chain([LinkStatus::Connecting, LinkStatus::Open])
        .chain(reconnecting.map(|(retry_at, asked)| LinkStatus::Reconnecting { retry_at, asked }));
    let relay = RelayPosition {
        epoch: epoch(),
        view: view(),
        at: Position::ZERO,
    };
    for link in links {
        for session in [None, Some(session(&[])), Some(session(&["chat", "orders"]))] {
            for relay in [None, Some(relay.clone())] {
                messages.push(Message::Status {
                    by: by(),
                    status: Box::new(LeaderStatus {
                        link,
                        session: session.clone(),
                        relay,
                        seeks: session.is_some(),
                    }),
                    beacon: session.is_none(),
                });
            }
        }
    }
    messages
}

#[test]
fn every_message_is_json_and_is_read_as_it_was_written() {
    for message in messages() {
        let (text, raw) = write_message(&message);
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        let frames = raw.into_iter().map(|raw| (frame(), raw.clone()));
        let read = read_message(&text, frames.collect());
        // Messages have no equality of their own: what they show of themselves is all of them.
        assert_eq!(
            format!("{:?}", read.expect("it is a message")),
            format!("{message:?}")
        );
    }
}

#[test]
fn a_message_that_lost_its_frames_is_ignored() {
    for message in messages() {
        let (text, raw) = write_message(&message);
        assert_eq!(
            read_message::<Text>(&text, Vec::new()).is_some(),
            raw.is_empty(),
            "{text}"
        );
    }
}

#[test]
fn a_message_of_another_version_is_ignored() {
    for message in messages() {
        let (text, _) = write_message(&message);
        let mut value: Value = serde_json::from_str(&text).expect("it is JSON");
        for version in [Value::from(2), Value::from(0), "1".into(), Value::Null] {
            value["v"] = version;
            let text = value.to_string();
            assert!(
                read_message(&text, vec![(frame(), RAW)]).is_none(),
                "{text}"
            );
        }
    }
}

#[test]
fn a_message_that_lacks_a_part_is_ignored_or_means_what_is_left_and_nothing_panics() {
    for message in messages() {
        let (text, _) = write_message(&message);
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        let keys: Vec<String> = value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        for key in keys {
            for bad in [
                None,
                Some(Value::from(-1)),
                Some("ü/".into()),
                Some(Value::Null),
            ] {
                let mut value = value.clone();
                match bad {
                    None => drop(value.as_object_mut().and_then(|fields| fields.remove(&key))),
                    Some(bad) => value[&key] = bad,
                }
                let read = read_message(&value.to_string(), vec![(frame(), RAW)]);
                if key == "v" || key == "k" {
                    assert!(read.is_none(), "{value}");
                }
            }
        }
    }
}

#[test]
fn a_reason_to_stop_that_a_later_version_has_is_a_stop() {
    let message = Message::<Text>::Status {
        by: by(),
        status: Box::new(LeaderStatus {
            link: LinkStatus::Stopped(Reason::Replaced),
            session: None,
            relay: None,
            seeks: false,
        }),
        beacon: true,
    };
    let (text, _) = write_message(&message);
    let text = text.replace("replaced", "abducted");
    let Some(Message::Status { status, .. }) = read_message::<Text>(&text, Vec::new()) else {
        panic!("{text}");
    };
    assert_eq!(status.link, LinkStatus::Stopped(Reason::Closed));
}
