//! What tabs say to each other, as JavaScript objects. Frames travel as the text that came from the server: an object of
//! strings and numbers is always cloneable, and each tab parses once.

use js_sys::Array;
use tabwire_protocol::{Command, Cursor, EventType, Millis, RawJson, ShopId, UserId};
use wasm_bindgen::JsValue;

use super::{
    js::{Record, get, number, position, text},
    parse,
    text::Text,
};
use crate::core::{
    Envelope, FailureReason, LeaderStatus, Leadership, LinkStatus, MESSAGE_VERSION, Message,
    Reason, RelayPosition, SessionInfo, TabId,
};

/// The message as an object for `postMessage`.
pub(crate) fn write(message: &Message<Text>) -> JsValue {
    let record = Record::new().number("v", MESSAGE_VERSION.into());
    let kind = |record: Record, kind: &str| record.with("k", kind);
    match message {
        Message::Hello { known } => match known {
            Some(known) => by(kind(record, "hello"), *known),
            None => kind(record, "hello"),
        },
        Message::Status {
            by: leadership,
            status,
        } => write_status(by(kind(record, "status"), *leadership), status),
        Message::Relay {
            by: leadership,
            envelope,
            to,
        } => {
            let record = by(kind(record, "relay"), *leadership)
                .with("epoch", envelope.epoch.as_str())
                .with("view", envelope.view.as_str())
                .with("frame", envelope.raw.text.clone())
                .with("more", envelope.more);
            match to {
                Some(to) => record.with("to", to.as_str()),
                None => record,
            }
        }
        Message::Repair { tab, cursor } => kind(record, "repair")
            .with("from", tab.as_str())
            .with("epoch", cursor.epoch.as_str())
            .with("view", cursor.view.as_str())
            .number("last", cursor.last.get()),
        Message::Command { tab, command } => kind(record, "command")
            .with("from", tab.as_str())
            .with("id", command.id.as_str())
            .with("type", command.event_type.as_str())
            .with("payload", command.payload.as_str())
            .number(
                "deadline",
                command.deadline.map_or(0, |deadline| deadline.0),
            ),
        Message::Accepted { by: leadership, id } => {
            by(kind(record, "accepted"), *leadership).with("id", id.as_ref())
        }
        Message::Settled {
            by: leadership,
            id,
            answer,
            doubt,
        } => {
            let record = by(kind(record, "settled"), *leadership)
                .with("id", id.as_ref())
                .with("doubt", *doubt);
            match answer {
                Ok(answer) => record.with("frame", answer.text.clone()),
                Err(why) => record.with("why", why.as_str()),
            }
        }
        Message::Stale { known } => by(kind(record, "stale"), *known),
        Message::Bye { by: leadership } => by(kind(record, "bye"), *leadership),
        Message::Reconnect => kind(record, "reconnect"),
        Message::Logout => kind(record, "logout"),
    }
    .into()
}

/// The message in an object that another tab posted, or none when this version does not know it: such are ignored.
pub(crate) fn read(value: &JsValue) -> Option<Message<Text>> {
    if number(value, "v")? != u64::from(MESSAGE_VERSION) {
        return None;
    }
    let id = || Some(Box::<str>::from(text(value, "id")?));
    Some(match text(value, "k")?.as_str() {
        "hello" => Message::Hello {
            known: leadership(value),
        },
        "status" => Message::Status {
            by: leadership(value)?,
            status: Box::new(read_status(value)?),
        },
        "relay" => {
            let raw = Text::parse(&get(value, "frame"))?;
            let envelope = Envelope {
                epoch: parse::epoch(value)?,
                view: parse::view(value)?,
                frame: parse::frame(&raw.value)?,
                raw,
                more: get(value, "more").is_truthy(),
            };
            Message::Relay {
                by: leadership(value)?,
                envelope: Box::new(envelope),
                to: tab(value, "to"),
            }
        }
        "repair" => Message::Repair {
            tab: tab(value, "from")?,
            cursor: Cursor {
                epoch: parse::epoch(value)?,
                view: parse::view(value)?,
                last: position(value, "last")?,
            },
        },
        "command" => Message::Command {
            tab: tab(value, "from")?,
            command: Box::new(Command {
                id: text(value, "id")?,
                event_type: EventType::new(&text(value, "type")?).ok()?,
                payload: RawJson::trusted(text(value, "payload")?),
                deadline: Some(Millis(number(value, "deadline")?)),
            }),
        },
        "accepted" => Message::Accepted {
            by: leadership(value)?,
            id: id()?,
        },
        "settled" => Message::Settled {
            by: leadership(value)?,
            id: id()?,
            answer: match text(value, "why") {
                Some(why) => Err(FailureReason::ALL
                    .into_iter()
                    .find(|known| known.as_str() == why)?),
                None => Ok(Text::parse(&get(value, "frame"))?),
            },
            doubt: get(value, "doubt").is_truthy(),
        },
        "stale" => Message::Stale {
            known: leadership(value)?,
        },
        "bye" => Message::Bye {
            by: leadership(value)?,
        },
        "reconnect" => Message::Reconnect,
        "logout" => Message::Logout,
        _ => return None,
    })
}

fn by(record: Record, leadership: Leadership) -> Record {
    record
        .number("term", leadership.term)
        .with("tab", leadership.tab.as_str())
}

fn leadership(value: &JsValue) -> Option<Leadership> {
    Some(Leadership {
        term: number(value, "term")?,
        tab: tab(value, "tab")?,
    })
}

fn tab(value: &JsValue, key: &str) -> Option<TabId> {
    TabId::parse(&text(value, key)?)
}

fn write_status(record: Record, status: &LeaderStatus) -> Record {
    let mut record = match status.link {
        LinkStatus::Connecting => record.with("link", "connecting"),
        LinkStatus::Open => record.with("link", "open"),
        LinkStatus::Reconnecting { retry_at, asked } => {
            let record = record.with("link", "reconnecting").with("asked", asked);
            match retry_at {
                Some(at) => record.number("retryAt", at.0),
                None => record,
            }
        }
        LinkStatus::Stopped(reason) => record
            .with("link", "stopped")
            .with("reason", reason.as_str()),
    };
    if let Some(session) = &status.session {
        let modules: Array = session
            .modules
            .iter()
            .map(|module| JsValue::from_str(module.as_str()))
            .collect();
        let session = Record::new()
            .with("userId", session.user.as_str())
            .with("shopId", session.shop.as_str())
            .with("modules", modules)
            .with("view", session.view.as_str())
            .number("claim", session.claim)
            .number("pingMs", session.ping_ms)
            .number("maxFrame", session.max_frame);
        record = record.with("session", session);
    }
    if let Some(relay) = &status.relay {
        let relay = Record::new()
            .with("epoch", relay.epoch.as_str())
            .with("view", relay.view.as_str())
            .number("at", relay.at.get());
        record = record.with("relay", relay);
    }
    record
}

fn read_status(value: &JsValue) -> Option<LeaderStatus> {
    let link = match text(value, "link")?.as_str() {
        "connecting" => LinkStatus::Connecting,
        "open" => LinkStatus::Open,
        "reconnecting" => LinkStatus::Reconnecting {
            retry_at: number(value, "retryAt").map(Millis),
            asked: get(value, "asked").is_truthy(),
        },
        _ => {
            let reason = text(value, "reason")?;
            // A newer version may stop for a reason that this one does not know.
            LinkStatus::Stopped(
                Reason::ALL
                    .into_iter()
                    .find(|known| known.as_str() == reason)
                    .unwrap_or(Reason::Closed),
            )
        }
    };
    let session = get(value, "session");
    let session = match session.is_object() {
        false => None,
        true => Some(SessionInfo {
            user: UserId::new(&text(&session, "userId")?).ok()?,
            shop: ShopId::new(&text(&session, "shopId")?).ok()?,
            modules: parse::modules(&session)?,
            view: parse::view(&session)?,
            claim: number(&session, "claim")?,
            ping_ms: number(&session, "pingMs")?,
            max_frame: number(&session, "maxFrame")?,
        }),
    };
    let relay = get(value, "relay");
    let relay = match relay.is_object() {
        false => None,
        true => Some(RelayPosition {
            epoch: parse::epoch(&relay)?,
            view: parse::view(&relay)?,
            at: position(&relay, "at")?,
        }),
    };
    Some(LeaderStatus {
        link,
        session,
        relay,
    })
}

#[cfg(test)]
mod tests {
    use tabwire_protocol::{Epoch, Module, Position, View};
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    fn status(link: LinkStatus) -> Message<Text> {
        Message::Status {
            by: leadership(),
            status: Box::new(LeaderStatus {
                link,
                session: Some(SessionInfo {
                    user: UserId::new("u_101").expect("a name"),
                    shop: ShopId::new("s_1").expect("a name"),
                    modules: ["chat", "orders"]
                        .map(|name| Module::new(name).expect("a name"))
                        .into(),
                    view: view(),
                    claim: 7,
                    ping_ms: 25_000,
                    max_frame: 65_536,
                }),
                relay: Some(RelayPosition {
                    epoch: epoch(),
                    view: view(),
                    at: Position::MAX,
                }),
            }),
        }
    }

    fn leadership() -> Leadership {
        Leadership {
            term: 3,
            tab: tab(),
        }
    }

    fn tab() -> TabId {
        TabId::from_random([7; 12])
    }

    fn epoch() -> Epoch {
        Epoch::new("9f2c64d1").expect("a name")
    }

    fn view() -> View {
        View::new("k3Qz").expect("a name")
    }

    fn ping() -> Text {
        Text::parse(&r#"{"t":"ping","prev":590,"upTo":612}"#.into()).expect("JSON")
    }

    #[wasm_bindgen_test]
    fn what_a_tab_says_is_what_another_hears() {
        let by = leadership();
        let raw = ping();
        let frame = parse::frame(&raw.value).expect("a frame");
        let envelope = Box::new(Envelope {
            epoch: epoch(),
            view: view(),
            frame,
            raw,
            more: true,
        });
        let command = Command {
            id: "Vb3kP0aRk2mQzT8x:12".into(),
            event_type: EventType::new("chat_message").expect("a name"),
            payload: RawJson::trusted(r#"{"text":"hola"}"#.into()),
            deadline: Some(Millis(1_730_569_330_000)),
        };
        let id = || Box::<str>::from("Vb3kP0aRk2mQzT8x:12");
        let retry_at = Some(Millis(1_730_569_330_000));
        let messages = [
            Message::Hello { known: None },
            Message::Hello { known: Some(by) },
            status(LinkStatus::Connecting),
            status(LinkStatus::Open),
            status(LinkStatus::Reconnecting {
                retry_at: None,
                asked: false,
            }),
            status(LinkStatus::Reconnecting {
                retry_at,
                asked: true,
            }),
            status(LinkStatus::Stopped(Reason::Replaced)),
            Message::Relay {
                by,
                envelope: envelope.clone(),
                to: None,
            },
            Message::Relay {
                by,
                envelope,
                to: Some(tab()),
            },
            Message::Repair {
                tab: tab(),
                cursor: Cursor {
                    epoch: epoch(),
                    view: view(),
                    last: Position::ZERO,
                },
            },
            Message::Command {
                tab: tab(),
                command: Box::new(command),
            },
            Message::Accepted { by, id: id() },
            Message::Settled {
                by,
                id: id(),
                answer: Ok(ping()),
                doubt: true,
            },
            Message::Settled {
                by,
                id: id(),
                answer: Err(FailureReason::TooLarge),
                doubt: false,
            },
            Message::Stale { known: by },
            Message::Bye { by },
            Message::Reconnect,
            Message::Logout,
        ];
        for message in messages {
            let heard =
                read(&write(&message)).unwrap_or_else(|| panic!("{message:?} is not heard"));
            assert_eq!(format!("{heard:?}"), format!("{message:?}"));
        }
    }

    #[wasm_bindgen_test]
    fn what_another_version_says_is_ignored() {
        let of_version_2 = write(&Message::Reconnect);
        super::super::js::set(&of_version_2, "v", &2.into());
        assert!(read(&of_version_2).is_none());
        for nonsense in [
            JsValue::UNDEFINED,
            JsValue::NULL,
            "reconnect".into(),
            Record::new().number("v", 1).into(),
        ] {
            assert!(read(&nonsense).is_none(), "{nonsense:?}");
        }
    }
}
