//! Frames of the server, from what the browser parsed.

use js_sys::Array;
use tabwire_protocol::{Bye, Epoch, Millis, Module, RefreshReason, Resume, ShopId, UserId, View};
use wasm_bindgen::{JsCast, JsValue};

use super::js::{get, number, position, text};
use crate::core::{Frame, Kind, Moving, Refresh, Renewed, Welcome};

/// A frame, or none when the value is not one that this version knows: such are ignored.
pub fn frame(value: &JsValue) -> Option<Frame> {
    Some(match text(value, "t")?.as_str() {
        "event" => {
            let id = position(value, "id")?;
            let prev = match get(value, "prev").is_undefined() {
                true => id.before(),
                false => position(value, "prev")?,
            };
            Frame::Moving(Moving {
                prev,
                position: id,
                kind: Kind::Event(module(&get(value, "module"))?),
            })
        }
        "synced" => moving(value, Kind::Synced(number(value, "ref")))?,
        "ping" => moving(value, Kind::Ping)?,
        "welcome" => Frame::Welcome(Box::new(Welcome {
            user: UserId::new(&text(value, "userId")?).ok()?,
            shop: ShopId::new(&text(value, "shopId")?).ok()?,
            modules: modules(value)?,
            epoch: epoch(value)?,
            view: view(value)?,
            resume: match text(value, "resume")?.as_str() {
                "fresh" => Resume::Fresh,
                "replay" => Resume::Replay,
                "full_refresh" => Resume::FullRefresh,
                _ => return None,
            },
            at: position(value, "at")?,
            claim: number(value, "claim")?,
            now: Millis(number(value, "now")?),
            expires_at: Millis(number(value, "expiresAt")?),
            ping_ms: number(value, "pingMs")?,
            max_frame: number(value, "maxFrame")?,
        })),
        "full_refresh" => Frame::FullRefresh(Box::new(Refresh {
            reason: match text(value, "reason")?.as_str() {
                "epoch_changed" => RefreshReason::EpochChanged,
                "expired" => RefreshReason::Expired,
                "too_far" => RefreshReason::TooFar,
                "view_changed" => RefreshReason::ViewChanged,
                // A reason that this version does not know is refreshed for all the same, with no condition attached.
                _ => RefreshReason::UnknownPosition,
            },
            epoch: epoch(value)?,
            view: view(value)?,
            at: position(value, "at")?,
            reference: number(value, "ref"),
            spread_ms: number(value, "spreadMs").unwrap_or(0),
        })),
        "ack" | "nack" => Frame::Outcome {
            id: text(value, "id")?.into(),
        },
        "renewed" => Frame::Renewed(Renewed {
            now: Millis(number(value, "now")?),
            expires_at: Millis(number(value, "expiresAt")?),
            modules: modules(value)?,
            view: view(value)?,
        }),
        "bye" => Frame::Bye(Bye {
            code: u16::try_from(number(value, "code")?).ok()?,
            retry: get(value, "retry").is_truthy(),
            after_ms: number(value, "afterMs"),
        }),
        "error" => Frame::Error,
        _ => return None,
    })
}

fn moving(value: &JsValue, kind: Kind) -> Option<Frame> {
    Some(Frame::Moving(Moving {
        prev: position(value, "prev")?,
        position: position(value, "upTo")?,
        kind,
    }))
}

pub(crate) fn epoch(value: &JsValue) -> Option<Epoch> {
    Epoch::new(&text(value, "epoch")?).ok()
}

pub(crate) fn view(value: &JsValue) -> Option<View> {
    View::new(&text(value, "view")?).ok()
}

/// The names in `modules`.
pub(crate) fn modules(value: &JsValue) -> Option<Vec<Module>> {
    let names = get(value, "modules");
    let names: &Array = names.dyn_ref()?;
    (0..names.length())
        .map(|index| module(&names.get(index)))
        .collect()
}

fn module(name: &JsValue) -> Option<Module> {
    Module::new(&name.as_string()?).ok()
}
