//! A frame as it came: the browser's string, and what the browser parsed from it.

use js_sys::JsString;
use wasm_bindgen::prelude::*;

use crate::core::{Frame, Raw, decode};

#[wasm_bindgen]
extern "C" {
    // That of js_sys takes a Rust string: the text would be copied back to where it came from.
    #[wasm_bindgen(catch, js_namespace = JSON)]
    fn parse(text: &JsString) -> Result<JsValue, JsValue>;
}

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
        let value = parse(data.unchecked_ref()).ok()?;
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
