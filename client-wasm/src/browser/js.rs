//! Reading and making JavaScript values, in few bytes.

use js_sys::{Object, Reflect};
use tabwire_protocol::Position;
use wasm_bindgen::{JsCast, JsValue};

/// A property, or undefined: what is no object has none.
pub(crate) fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// A property that is a string.
pub(crate) fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

/// A property that is an integer from 0 to 2^53 − 1.
pub(crate) fn number(object: &JsValue, key: &str) -> Option<u64> {
    integer(&get(object, key))
}

/// A property that is a position.
pub(crate) fn position(object: &JsValue, key: &str) -> Option<Position> {
    Position::new(number(object, key)?).ok()
}

fn integer(value: &JsValue) -> Option<u64> {
    let number = value.as_f64()?;
    let integer = number as u64;
    // The comparison fails for what is negative, fractional, too large, infinite or not a number.
    (integer as f64 == number && integer <= Position::MAX.get()).then_some(integer)
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
