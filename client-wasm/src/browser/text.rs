//! A frame as it came: the browser's string, and what the browser parsed from it.

use js_sys::{JSON, JsString};
use wasm_bindgen::{JsCast, JsValue};

use crate::core::Raw;

/// A frame's text and its value. Neither enters the module's memory.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: JsString,
    pub(crate) value: JsValue,
}

impl Text {
    /// Parses a frame that came as text.
    pub(crate) fn parse(data: &JsValue) -> Option<Self> {
        let text: &JsString = data.dyn_ref()?;
        let value = JSON::parse(&String::from(text)).ok()?;
        Some(Self {
            text: text.clone(),
            value,
        })
    }
}

impl Raw for Text {
    fn size(&self) -> usize {
        // Two bytes a character for the string, and as much again for its value.
        4 * self.text.length() as usize
    }
}
