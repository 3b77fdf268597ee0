//! Reading and making JavaScript values, in few bytes.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A property, or undefined: what is no object has none.
pub(crate) fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// A property that is a string.
pub(crate) fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

/// An object in the making.
pub(crate) struct Record(Object);

impl Record {
    pub(crate) fn new() -> Self {
        Self(Object::new())
    }

    pub(crate) fn with(self, key: &str, value: impl Into<JsValue>) -> Self {
        set(&self.0, key, &value.into());
        self
    }

    pub(crate) fn number(self, key: &str, number: u64) -> Self {
        self.with(key, number as f64)
    }
}

impl From<Record> for JsValue {
    fn from(record: Record) -> Self {
        record.0.into()
    }
}

/// Sets a property; where that is refused there is nothing to be done about it.
pub(crate) fn set(object: &JsValue, key: &str, value: &JsValue) {
    let _ = Reflect::set(object, &JsValue::from_str(key), value);
}

/// An object seen as another type, without a check: for methods that this crate calls by name.
pub(crate) fn cast<T: JsCast>(value: JsValue) -> Option<T> {
    (!value.is_undefined() && !value.is_null()).then(|| value.unchecked_into())
}
