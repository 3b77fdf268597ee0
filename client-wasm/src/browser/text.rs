//! A frame as it came: the browser's string, and what the browser parsed from it.

use js_sys::{JSON, JsString};
use wasm_bindgen::{JsCast, JsValue};

use crate::core::{Frame, Raw, decode};

/// A frame's text and its value, for the app and for other tabs. Neither stays in the module's memory.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: JsString,
    pub(crate) value: JsValue,
}

impl Text {
    /// Reads a frame that came as text, or nothing when it is not one that this version knows.
    pub(crate) fn read(data: JsValue) -> Option<(Frame, Self)> {
        let text = data.as_string()?;
        let value = JSON::parse(&text).ok()?;
        let frame = decode(&text)?;
        let text = data.unchecked_into();
        Some((frame, Self { text, value }))
    }
}

impl Raw for Text {
    fn size(&self) -> usize {
        // Two bytes a character for the string, and as much again for its value.
        4 * self.text.length() as usize
    }
}
