//! What one tab of the browser does once: the one that has the id's lock, for which nobody waits, if nobody had it before. Locks
//! and list are those of the TypeScript client, whose tabs may be in the same group.

use gloo_timers::callback::Timeout;
use js_sys::{Array, Function, JSON, JsString, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::browser::{
    js::{cast, get, global, set},
    page,
};

/// How many ids a group of tabs remembers, over all names: what is older may happen again.
const REMEMBERED_MAX: u32 = 256;
/// How long an id stays locked: browsers tell other processes of what was stored later than of a lock that is free (seen in
/// Chromium).
const LOCKED_MS: u32 = 5_000;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, granted: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = request)]
    fn request_with(
        this: &LockManager,
        name: &str,
        options: &Object,
        granted: &JsValue,
    ) -> Result<Promise, JsValue>;
}

/// Whether nobody of the group has asked for this before; none where there are no locks (an insecure page).
pub(crate) async fn is_first(group: &str, entry: &str) -> Option<bool> {
    let locks: LockManager = cast(get(&global("navigator"), "locks"))?;
    let key = format!("tabwire:once:{group}");
    let name = format!("{key}:{entry}");
    let if_available = Object::new();
    set(&if_available, "ifAvailable", &JsValue::TRUE);
    let (entry, manager) = (JsString::from(entry), locks.clone());
    // The answer comes before the lock is given back.
    let mut answer = None;
    let answered = Promise::new(&mut |resolve, _| answer = Some(resolve));
    let answer: Function = answer?;
    let telling = answer.clone();
    let look = move |lock: JsValue| -> JsValue {
        future_to_promise(look(manager, lock, key, entry, telling)).into()
    };
    let asked = locks.request_with(&name, &if_available, &Closure::once_into_js(look));
    let asked = JsFuture::from(asked.ok()?);
    wasm_bindgen_futures::spawn_local(async move {
        if asked.await.is_err() {
            // Without effect when there is an answer already.
            let _ = answer.call1(&JsValue::UNDEFINED, &JsValue::UNDEFINED);
        }
    });
    JsFuture::from(answered).await.ok()?.as_bool()
}

async fn look(
    locks: LockManager,
    lock: JsValue,
    key: String,
    entry: JsString,
    answer: Function,
) -> Result<JsValue, JsValue> {
    let mut first = !lock.is_null();
    if first {
        let list = key.clone();
        let remembers = move || JsValue::from(is_new(&list, &entry));
        let asked = locks.request(&key, &Closure::once_into_js(remembers))?;
        first = JsFuture::from(asked).await?.is_truthy();
    }
    answer.call1(&JsValue::UNDEFINED, &first.into())?;
    if first {
        let over = Promise::new(&mut |resolve, _| {
            let resolve = move || drop(resolve.call0(&JsValue::UNDEFINED));
            Timeout::new(LOCKED_MS, resolve).forget();
        });
        JsFuture::from(over).await?;
    }
    Ok(JsValue::UNDEFINED)
}

/// Whether it has not happened yet; from now on it has. Without storage (blocked, full) the lock alone remembers, for as long as it
/// is held.
fn is_new(key: &str, entry: &JsString) -> bool {
    let seen = page::load(key).and_then(|json| JSON::parse(&json).ok()?.dyn_into::<Array>().ok());
    let seen = seen.unwrap_or_default();
    if seen.includes(entry, 0) {
        return false;
    }
    seen.push(entry);
    let kept = seen.slice(seen.length().saturating_sub(REMEMBERED_MAX), seen.length());
    if let Ok(json) = JSON::stringify(&kept) {
        page::store(key, &String::from(json));
    }
    true
}
