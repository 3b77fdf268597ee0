//! What the TypeScript layer gives: the app's functions, and where to say what happens.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The TypeScript side of a client. It is only called when the machine is drained and nothing is borrowed, so that it may
    /// call the client in turn.
    pub type Host;

    #[wasm_bindgen(method, js_name = getToken)]
    pub(crate) fn get_token(this: &Host, number: u32, reason: &str);

    #[wasm_bindgen(method, js_name = fetchState)]
    pub(crate) fn fetch_state(this: &Host, number: u32, reason: &str, epoch: &str, head: f64);

    #[wasm_bindgen(method, js_name = applyState)]
    pub(crate) fn apply_state(
        this: &Host,
        number: u32,
        reason: &str,
        epoch: &str,
        position: f64,
        shared: &JsValue,
    );

    #[wasm_bindgen(method)]
    pub(crate) fn refreshed(this: &Host, reason: &str, epoch: &str, at: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn deliver(this: &Host, events: &Array);

    #[wasm_bindgen(method)]
    pub(crate) fn settled(
        this: &Host,
        id: &str,
        code: &JsValue,
        executed: &JsValue,
        message: &JsValue,
        ack: &JsValue,
    );

    #[wasm_bindgen(method)]
    pub(crate) fn status(
        this: &Host,
        state: &str,
        role: &str,
        reason: Option<&str>,
        retry_at: Option<f64>,
        user: Option<&str>,
        shop: Option<&str>,
        modules: &Array,
    );

    #[wasm_bindgen(method)]
    pub(crate) fn log(this: &Host, code: u8);

    #[wasm_bindgen(method, js_name = holdsLock)]
    pub(crate) fn holds_lock(this: &Host, release: &Function);

    #[wasm_bindgen(method, js_name = lockGone)]
    pub(crate) fn lock_gone(this: &Host);
}
