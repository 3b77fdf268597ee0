//! Reading and making JavaScript values, in few bytes.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What a socket or the channel brings.
    type Brought;

    #[wasm_bindgen(method, getter)]
    fn data(this: &Brought) -> JsValue;
}

/// The data of an event that a socket or the channel brings. They come often: no name is made for them.
pub(crate) fn data(event: &JsValue) -> JsValue {
    event.unchecked_ref::<Brought>().data()
}

/// A property, or undefined: what is no object has none.
pub(crate) fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// A property that is a string.
pub(crate) fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

/// The value in a text that this module wrote as JSON.
#[cfg(feature = "npm")]
pub(crate) fn parsed(json: &str) -> JsValue {
    js_sys::JSON::parse(json).unwrap_or(JsValue::UNDEFINED)
}

/// Sets a property; where that is refused there is nothing to be done about it.
pub(crate) fn set(object: &JsValue, key: &str, value: &JsValue) {
    let _ = Reflect::set(object, &JsValue::from_str(key), value);
}

/// An object seen as another type, without a check: for methods that this crate calls by name.
pub(crate) fn cast<T: JsCast>(value: JsValue) -> Option<T> {
    (!value.is_undefined() && !value.is_null()).then(|| value.unchecked_into())
}

#[wasm_bindgen]
extern "C" {
    // js_sys::global() asks four names for it.
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: JsValue;
}

/// A property of the global object.
pub(crate) fn global(key: &str) -> JsValue {
    GLOBAL.with(|global| get(global, key))
}
