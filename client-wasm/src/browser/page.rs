//! The page: its life, its storage, its clock and its randomness.

use std::cell::RefCell;

use tabwire_protocol::{Device, Millis};
use wasm_bindgen::prelude::*;
use web_sys::{EventTarget, Storage};

use super::js::{cast, global, text};
use crate::core::{SteadyClock, TabId};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_with_random(bytes: &mut [u8]);

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn monotonic() -> f64;
}

/// What happens to a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageEvent {
    Visibility,
    /// `freeze`, or `pagehide`, which also comes before the back-forward cache. Never `beforeunload`: people cancel it.
    Hide,
    Resume,
    /// `pageshow`, which also comes after each load.
    Show,
    Online,
}

/// The events of the document, then those of the window.
const EVENTS: [(&str, &str, PageEvent); 6] = [
    ("document", "visibilitychange", PageEvent::Visibility),
    ("document", "freeze", PageEvent::Hide),
    ("document", "resume", PageEvent::Resume),
    ("window", "pagehide", PageEvent::Hide),
    ("window", "pageshow", PageEvent::Show),
    ("window", "online", PageEvent::Online),
];

/// Listens to the page.
pub(crate) fn listen(listener: impl Fn(PageEvent) -> JsValue) {
    for (target, name, event) in EVENTS {
        let target: Option<EventTarget> = cast(global(target));
        if let Some(target) = target {
            let _ = target.add_event_listener_with_callback(name, listener(event).unchecked_ref());
        }
    }
}

/// Whether the page is visible.
pub(crate) fn is_visible() -> bool {
    text(&global("document"), "visibilityState").is_none_or(|state| state == "visible")
}

thread_local! {
    static CLOCK: RefCell<SteadyClock> = RefCell::default();
}

/// The page's time.
pub(crate) fn now() -> Millis {
    CLOCK.with_borrow_mut(|clock| clock.read(wall(), Millis(monotonic() as u64)))
}

/// What the wall clock will say at a time of the page, as it goes now.
pub(crate) fn date(at: Millis) -> f64 {
    wall().plus(at.since(now())).0 as f64
}

fn wall() -> Millis {
    Millis(js_sys::Date::now() as u64)
}

/// This tab's name: in memory only, since sessionStorage is copied when a tab is duplicated.
pub(crate) fn tab() -> TabId {
    let mut bits = [0; 12];
    fill_with_random(&mut bits);
    TabId::from_random(bits)
}

/// Where random numbers start.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0; 8];
    fill_with_random(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The browser profile, as one group of tabs: kept in localStorage under a key, or in memory where there is none.
///
/// Each group has its own, since a newer socket of the same device supersedes the older: two groups of a user would do so to
/// each other for ever. As two devices, the one that came last has the socket and the other says so.
pub(crate) fn device(key: &str) -> Device {
    let kept = load(key).and_then(|kept| Device::new(&kept).ok());
    kept.unwrap_or_else(|| {
        let name = tab().text();
        store(key, &name);
        Device::new(&name).expect_throw("base64url is in the alphabet of names")
    })
}

/// What localStorage keeps under a key.
pub(crate) fn load(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Keeps something in localStorage, where there is one.
pub(crate) fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

fn storage() -> Option<Storage> {
    cast(global("localStorage"))
}
