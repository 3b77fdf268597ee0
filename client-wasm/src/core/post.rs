//! What tabs say to each other, as text: a line of JSON, and for some messages frames beside it as they came from the server.

use tabwire_protocol::{Command, Device, EventType, Millis, RawJson, ShopId, UserId};

use super::{
    frame::Frame,
    io::FailureReason,
    json::{Object, Writer},
    message::{
        Envelope, LeaderStatus, Leadership, MESSAGE_VERSION, Message, RelayPosition, SessionInfo,
        SharedState, TabId,
    },
    status::{LinkStatus, Reason},
};

/// The message as text, and the frames that go with it.
pub fn write_message<R>(message: &Message<R>) -> (String, Vec<&R>) {
    let mut json = Writer::new();
    let mut frames = Vec::new();
    json.number("v", MESSAGE_VERSION.into());
    let kind = match message {
        Message::Hello { known, asks } => {
            known_leadership(&mut json, known.as_ref());
            json.truth("asks", *asks);
            "hello"
        }
        Message::Status { by, status, beacon } => {
            leadership(&mut json, by);
            write_status(&mut json, status);
            json.truth("beacon", *beacon);
            "status"
        }
        Message::Relay { by, envelope, to } => {
            leadership(&mut json, by);
            json.place(&envelope.epoch, &envelope.view);
            json.truth("more", envelope.more);
            if let Some(to) = to {
                json.text("to", &to.text());
            }
            for (_, raw) in &envelope.frames {
                frames.push(raw);
            }
            "relay"
        }
        Message::Repair { tab, cursor } => {
            json.text("from", &tab.text());
            json.cursor(cursor);
            "repair"
        }
        Message::Command {
            by,
            tab,
            command,
            left,
        } => {
            leadership(&mut json, by);
            json.text("from", &tab.text());
            json.command(command);
            json.number("left", left.0);
            "command"
        }
        Message::Accepted { by, id } => {
            leadership(&mut json, by);
            json.text("id", id);
            "accepted"
        }
        Message::Settled {
            by,
            id,
            answer,
            doubt,
        } => {
            leadership(&mut json, by);
            json.text("id", id);
            json.truth("doubt", *doubt);
            match answer {
                Ok(answer) => frames.push(answer),
                Err(why) => json.text("why", why.as_str()),
            }
            "settled"
        }
        Message::Stale { known, led } => {
            leadership(&mut json, known);
            json.truth("led", *led);
            "stale"
        }
        Message::Abdicate { known } => {
            known_leadership(&mut json, known.as_ref());
            "abdicate"
        }
        Message::Willing { tab, of } => {
            leadership(&mut json, of);
            json.text("from", &tab.text());
            "willing"
        }
        Message::HandOver { by, to } => {
            leadership(&mut json, by);
            json.text("to", &to.text());
            "handOver"
        }
        Message::StateWanted {
            tab,
            key,
            epoch,
            view,
        } => {
            json.text("from", &tab.text());
            json.text("key", key);
            json.place(epoch, view);
            "stateWanted"
        }
        Message::State { by, to, state } => {
            leadership(&mut json, by);
            if let Some(to) = to {
                json.text("to", &to.text());
            }
            if let Some(state) = state {
                json.text("key", &state.key);
                json.place(&state.epoch, &state.view);
                json.number("at", state.position.get());
                json.json("state", state.json.as_str());
            }
            "state"
        }
        Message::Bye { by } => {
            leadership(&mut json, by);
            "bye"
        }
        Message::Reconnect => "reconnect",
        Message::Logout => "logout",
    };
    json.text("k", kind);
    (json.end(), frames)
}

/// The message in a text that another tab wrote, or none when this version does not know it: such are ignored.
pub fn read_message<R>(text: &str, frames: Vec<(Frame, R)>) -> Option<Message<R>> {
    Object::read(text, |json| message(json, frames))?
}

fn message<R>(json: &Object<'_>, frames: Vec<(Frame, R)>) -> Option<Message<R>> {
    if json.number("v") != u64::from(MESSAGE_VERSION) {
        return None;
    }
    let id = || json.text("id").into();
    Some(match json.text("k") {
        "hello" => Message::Hello {
            known: read_known(json),
            asks: json.truth("asks"),
        },
        "status" => Message::Status {
            by: read_leadership(json),
            status: Box::new(read_status(json)),
            beacon: json.truth("beacon"),
        },
        "relay" if !frames.is_empty() => {
            let envelope = Envelope {
                epoch: json.epoch(),
                view: json.view(),
                frames,
                more: json.truth("more"),
            };
            Message::Relay {
                by: read_leadership(json),
                envelope: Box::new(envelope),
                to: read_to(json),
            }
        }
        "repair" => Message::Repair {
            tab: tab(json, "from"),
            cursor: json.cursor(),
        },
        "command" => Message::Command {
            by: read_leadership(json),
            tab: tab(json, "from"),
            command: Box::new(Command {
                id: json.text("id").into(),
                event_type: json.name("type", EventType::new),
                payload: RawJson::trusted(json.json("payload")?.into()),
                deadline: None,
            }),
            left: json.millis("left"),
        },
        "accepted" => Message::Accepted {
            by: read_leadership(json),
            id: id(),
        },
        "settled" => Message::Settled {
            by: read_leadership(json),
            id: id(),
            answer: match json.text_if("why") {
                Some(why) => Err(FailureReason::ALL
                    .into_iter()
                    .find(|known| known.as_str() == why)?),
                None => Ok(frames.into_iter().next()?.1),
            },
            doubt: json.truth("doubt"),
        },
        "stale" => Message::Stale {
            known: read_leadership(json),
            led: json.truth("led"),
        },
        "abdicate" => Message::Abdicate {
            known: read_known(json),
        },
        "willing" => Message::Willing {
            tab: tab(json, "from"),
            of: read_leadership(json),
        },
        "handOver" => Message::HandOver {
            by: read_leadership(json),
            to: tab(json, "to"),
        },
        "stateWanted" => Message::StateWanted {
            tab: tab(json, "from"),
            key: json.text("key").into(),
            epoch: json.epoch(),
            view: json.view(),
        },
        "state" => Message::State {
            by: read_leadership(json),
            to: read_to(json),
            state: json.json("state").map(|state| {
                Box::new(SharedState {
                    key: json.text("key").into(),
                    epoch: json.epoch(),
                    view: json.view(),
                    position: json.position("at"),
                    json: RawJson::trusted(state.into()),
                })
            }),
        },
        "bye" => Message::Bye {
            by: read_leadership(json),
        },
        "reconnect" => Message::Reconnect,
        "logout" => Message::Logout,
        _ => return None,
    })
}

fn leadership(json: &mut Writer, leadership: &Leadership) {
    json.number("term", leadership.term);
    json.text("tab", &leadership.tab.text());
}

fn known_leadership(json: &mut Writer, known: Option<&Leadership>) {
    if let Some(known) = known {
        leadership(json, known);
    }
}

fn read_known(json: &Object<'_>) -> Option<Leadership> {
    json.json("tab").map(|_| read_leadership(json))
}

fn read_to(json: &Object<'_>) -> Option<TabId> {
    json.json("to").map(|_| tab(json, "to"))
}

fn read_leadership(json: &Object<'_>) -> Leadership {
    Leadership {
        term: json.number("term"),
        tab: tab(json, "tab"),
    }
}

fn tab(json: &Object<'_>, key: &str) -> TabId {
    TabId::parse(json.text(key)).unwrap_or_else(|| {
        json.spoil();
        TabId::NONE
    })
}

fn write_status(json: &mut Writer, status: &LeaderStatus) {
    let link = match status.link {
        LinkStatus::Connecting => "connecting",
        LinkStatus::Open => "open",
        LinkStatus::Reconnecting { retry_at, asked } => {
            json.truth("asked", asked);
            if let Some(at) = retry_at {
                json.number("retryIn", at.0);
            }
            "reconnecting"
        }
        LinkStatus::Stopped(reason) => {
            json.text("reason", reason.as_str());
            "stopped"
        }
    };
    json.text("link", link);
    if let Some(session) = &status.session {
        json.json("session", &write_session(session));
    }
    if let Some(relay) = &status.relay {
        let mut inner = Writer::new();
        inner.place(&relay.epoch, &relay.view);
        inner.number("at", relay.at.get());
        json.json("relay", &inner.end());
    }
    json.truth("seeks", status.seeks);
}

/// The session as JSON, for other tabs and for `inspect()`.
pub(crate) fn write_session(session: &SessionInfo) -> String {
    let mut json = Writer::new();
    json.text("userId", session.user.as_str());
    json.text("shopId", session.shop.as_str());
    json.texts(
        "modules",
        session.modules.iter().map(|module| module.as_str()),
    );
    json.text("view", session.view.as_str());
    json.number("claim", session.claim);
    json.number("pingMs", session.ping_ms);
    json.number("maxFrame", session.max_frame);
    json.text("device", session.device.as_str());
    json.end()
}

fn read_status(json: &Object<'_>) -> LeaderStatus {
    let link = match json.text("link") {
        "connecting" => LinkStatus::Connecting,
        "open" => LinkStatus::Open,
        "reconnecting" => LinkStatus::Reconnecting {
            retry_at: json.number_if("retryIn").map(Millis),
            asked: json.truth("asked"),
        },
        _ => {
            let reason = json.text("reason");
            // A newer version may stop for a reason that this one does not know.
            LinkStatus::Stopped(
                Reason::ALL
                    .into_iter()
                    .find(|known| known.as_str() == reason)
                    .unwrap_or(Reason::Closed),
            )
        }
    };
    LeaderStatus {
        link,
        session: json.object_if("session").map(|json| SessionInfo {
            user: json.name("userId", UserId::new),
            shop: json.name("shopId", ShopId::new),
            modules: json.modules(),
            view: json.view(),
            claim: json.number("claim"),
            ping_ms: json.number("pingMs"),
            max_frame: json.number("maxFrame"),
            device: json.name("device", Device::new),
        }),
        relay: json.object_if("relay").map(|json| RelayPosition {
            epoch: json.epoch(),
            view: json.view(),
            at: json.position("at"),
        }),
        seeks: json.truth("seeks"),
    }
}
