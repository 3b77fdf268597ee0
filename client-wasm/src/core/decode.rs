//! Reads the frames that a server sends, as far as the machine acts on them.

use tabwire_protocol::{Bye, Millis, Module, RefreshReason, Resume, ShopId, UserId};

use super::{
    frame::{Frame, Kind, Moving, Refresh, Renewed, Welcome},
    json::Object,
};

/// The frame in a text that is JSON, or none when it is not one that this version knows: such are ignored.
pub fn decode(text: &str) -> Option<Frame> {
    Object::read(text, frame)
}

fn frame(json: &Object<'_>) -> Frame {
    match json.text("t") {
        "event" => {
            let position = json.position("id");
            Frame::Moving(Moving {
                prev: match json.json("prev") {
                    Some(_) => json.position("prev"),
                    None => position.before(),
                },
                position,
                kind: Kind::Event(json.name("module", Module::new)),
            })
        }
        "synced" => moving(json, Kind::Synced(json.number_if("ref"))),
        "ping" => moving(json, Kind::Ping(json.number_if("now").map(Millis))),
        "welcome" => Frame::Welcome(Box::new(Welcome {
            user: json.name("userId", UserId::new),
            shop: json.name("shopId", ShopId::new),
            modules: json.modules(),
            epoch: json.epoch(),
            view: json.view(),
            resume: match json.text("resume") {
                "fresh" => Resume::Fresh,
                "replay" => Resume::Replay,
                "full_refresh" => Resume::FullRefresh,
                _ => {
                    json.spoil();
                    Resume::Fresh
                }
            },
            at: json.position("at"),
            claim: json.number("claim"),
            now: json.millis("now"),
            expires_at: json.millis("expiresAt"),
            ping_ms: json.number("pingMs"),
            max_frame: json.number("maxFrame"),
        })),
        "full_refresh" => Frame::FullRefresh(Box::new(Refresh {
            reason: match json.text("reason") {
                "epoch_changed" => RefreshReason::EpochChanged,
                "expired" => RefreshReason::Expired,
                "too_far" => RefreshReason::TooFar,
                "view_changed" => RefreshReason::ViewChanged,
                // A reason that this version does not know is refreshed for all the same, with no condition attached.
                _ => RefreshReason::UnknownPosition,
            },
            epoch: json.epoch(),
            view: json.view(),
            at: json.position("at"),
            reference: json.number_if("ref"),
            spread_ms: json.number_if("spreadMs").unwrap_or(0),
        })),
        "ack" | "nack" => Frame::Outcome {
            id: json.text("id").into(),
        },
        "renewed" => Frame::Renewed(Renewed {
            now: json.millis("now"),
            expires_at: json.millis("expiresAt"),
            modules: json.modules(),
            view: json.view(),
        }),
        "bye" => Frame::Bye(Bye {
            code: u16::try_from(json.number("code")).unwrap_or_else(|_| {
                json.spoil();
                0
            }),
            retry: json.truth("retry"),
            after_ms: json.number_if("afterMs"),
        }),
        "error" => Frame::Error,
        _ => {
            json.spoil();
            Frame::Error
        }
    }
}

fn moving(json: &Object<'_>, kind: Kind) -> Frame {
    Frame::Moving(Moving {
        prev: json.position("prev"),
        position: json.position("upTo"),
        kind,
    })
}
