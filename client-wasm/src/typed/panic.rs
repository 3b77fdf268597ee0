//! A page whose module has panicked leads nobody: it gives the Web Lock back, so that another tab leads at once.
//!
//! Without that the others would still find out, by its silence. A panic on `wasm32` is the end of the module, whose listeners
//! the browser goes on calling; what they find is not to be relied upon.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic,
    sync::Once,
    thread,
};

use js_sys::Function;
use wasm_bindgen::JsValue;

thread_local! {
    /// What gives back the locks of this page, by client.
    static HELD: RefCell<BTreeMap<u32, Function>> = const { RefCell::new(BTreeMap::new()) };
    static CLIENTS: Cell<u32> = const { Cell::new(0) };
}

/// A client's place among those whose locks are given back.
pub(crate) struct Held(u32);

impl Held {
    pub(crate) fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            if thread::panicking() {
                return; // nobody may set a hook any more
            }
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                release_all();
                before(info);
            }));
        });
        CLIENTS.set(CLIENTS.get() + 1);
        Self(CLIENTS.get())
    }

    pub(crate) fn hold(&self, release: &Function) {
        HELD.with_borrow_mut(|held| held.insert(self.0, release.clone()));
    }

    pub(crate) fn gone(&self) {
        HELD.with_borrow_mut(|held| held.remove(&self.0));
    }
}

fn release_all() {
    HELD.with(|held| {
        let Ok(held) = held.try_borrow() else { return };
        for release in held.values() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    });
}
