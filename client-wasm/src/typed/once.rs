//! What one tab of the browser does once. The tabs ask one after another, under a lock that is held for no longer than it takes
//! to look. The list is kept as TypeScript keeps it, whose tabs may be in the same group.

use js_sys::{Array, JSON, JsString, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::browser::{
    js::{cast, get, global},
    page,
};

/// How many ids a group of tabs remembers, over all names: what is older may happen again.
const REMEMBERED_MAX: u32 = 256;

#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        granted: &Closure<dyn Fn() -> JsValue>,
    ) -> Result<Promise, JsValue>;
}

/// Whether nobody of the group has asked for this before; none where there are no locks (an insecure page) or no storage
/// (blocked, full).
pub(crate) async fn is_first(group: &str, entry: &str) -> Option<bool> {
    let key = format!("tabwire:once:{group}");
    let locks: LockManager = cast(get(&global("navigator"), "locks"))?;
    let (list, entry) = (key.clone(), JsString::from(entry));
    let granted =
        Closure::new(move || remember(&list, &entry).map_or(JsValue::UNDEFINED, JsValue::from));
    let asked = locks.request(&key, &granted).ok()?;
    JsFuture::from(asked).await.ok()?.as_bool()
}

fn remember(key: &str, entry: &JsString) -> Option<bool> {
    let seen: Array = match page::load(key) {
        Some(json) => JSON::parse(&json).ok()?.dyn_into().ok()?,
        None => Array::new(),
    };
    if seen.includes(entry, 0) {
        return Some(false);
    }
    seen.push(entry);
    let kept = seen.slice(seen.length().saturating_sub(REMEMBERED_MAX), seen.length());
    let json = String::from(JSON::stringify(&kept).ok()?);
    page::store(key, &json);
    (page::load(key)? == json).then_some(true)
}
