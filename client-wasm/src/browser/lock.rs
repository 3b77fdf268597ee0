//! Web Locks. web-sys has them behind an unstable flag that would leak into every build, so the few calls are declared here.

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;

use super::js::{cast, get, global, set};
use crate::core::LockRequest;

#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &JsValue,
        granted: &JsValue,
    ) -> Result<Ends, JsValue>;

    type AbortController;

    #[wasm_bindgen(constructor)]
    fn new() -> AbortController;

    #[wasm_bindgen(method, getter)]
    fn signal(this: &AbortController) -> JsValue;

    #[wasm_bindgen(method)]
    fn abort(this: &AbortController);

    /// `Promise` as js-sys has it wants closures that it drops.
    type Ends;

    #[wasm_bindgen(method)]
    fn then(this: &Ends, fulfilled: &JsValue, rejected: &JsValue) -> JsValue;
}

/// A request for the group's lock, queued or granted.
pub(crate) struct Lock {
    pub(crate) request: LockRequest,
    /// Leaves the queue. A theft does not queue.
    abort: Option<AbortController>,
    /// Ends the promise that holds the lock.
    pub(crate) release: Option<Function>,
}

impl Lock {
    /// Whether this browser has Web Locks.
    pub(crate) fn exist() -> bool {
        manager().is_some()
    }

    /// Queues for the lock, without a limit of time, or takes it from whoever has it. `granted` is called with the lock and
    /// returns a promise; `ended` is called when the browser refuses the request, or the lock is taken away.
    pub(crate) fn ask(
        name: &str,
        request: LockRequest,
        steals: bool,
        granted: &JsValue,
        ended: &JsValue,
    ) -> Option<Self> {
        let options = Object::new();
        let abort = (!steals).then(AbortController::new);
        match &abort {
            Some(abort) => set(&options, "signal", &abort.signal()),
            // Together with a signal it is a NotSupportedError.
            None => set(&options, "steal", &JsValue::TRUE),
        }
        let held = manager()?.request(name, &options, granted).ok()?;
        held.then(&JsValue::UNDEFINED, ended);
        Some(Self {
            request,
            abort,
            release: None,
        })
    }

    /// Gives the lock up, or leaves the queue. A theft that is not granted yet ends with its grant, which finds nobody.
    pub(crate) fn end(self) {
        if let Some(release) = self.release {
            let _ = release.call0(&JsValue::UNDEFINED);
        } else if let Some(abort) = self.abort {
            abort.abort();
        }
    }
}

/// A promise that ends when the function beside it is called.
pub(crate) fn held() -> (JsValue, Option<Function>) {
    let mut release = None;
    let promise = Promise::new(&mut |resolve, _| release = Some(resolve.unchecked_into()));
    (promise.into(), release)
}

fn manager() -> Option<LockManager> {
    cast(get(&global("navigator"), "locks"))
}
