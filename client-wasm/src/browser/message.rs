//! What tabs say to each other, on the channel: one string of a message and of the frames that go with it, all as text. A string
//! is what a browser copies fastest, and each tab parses a frame once.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::text::Text;
use crate::core::{Message, RELAY_FRAMES_MAX, read_message, write_message};

#[wasm_bindgen]
extern "C" {
    type Joined;

    // That of js_sys takes a Rust string, which would be made one of JavaScript's each time.
    #[wasm_bindgen(method)]
    fn split(this: &Joined, separator: &JsValue) -> Array;
}

/// Writes messages and reads them.
pub(crate) struct Writing {
    /// Between the parts. Nothing that is JSON has this character in it.
    separator: JsValue,
    /// The message that was written last, without its frames, and the same as the browser has it: those of relays are alike.
    written: (String, JsValue),
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            separator: "\x1e".into(),
            written: (String::new(), JsValue::UNDEFINED),
        }
    }
}

impl Writing {
    /// The message for `postMessage`.
    pub(crate) fn write(&mut self, message: &Message<Text>) -> JsValue {
        let (text, frames) = write_message(message);
        if self.written.0 != text {
            let value = JsValue::from_str(&text);
            self.written = (text, value);
        }
        let mut joined = self.written.1.clone();
        for frame in frames {
            joined = joined + &self.separator + frame.text.as_ref();
        }
        joined
    }

    /// The message that another tab posted, or none when this version does not know it: such are ignored.
    pub(crate) fn read(&self, data: JsValue) -> Option<Message<Text>> {
        if !data.is_string() {
            return None;
        }
        let parts = data.unchecked_ref::<Joined>().split(&self.separator);
        let text = parts.get(0).as_string()?;
        let mut frames = Vec::new();
        for index in 1..parts.length().min(1 + RELAY_FRAMES_MAX as u32) {
            // One that this version does not know is ignored, as it is by a leader.
            if let Some(frame) = Text::read(parts.get(index)) {
                frames.push(frame);
            }
        }
        read_message(&text, frames)
    }
}

#[cfg(test)]
mod tests {
    use tabwire_protocol::{Epoch, View};
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;
    use crate::core::{Envelope, Leadership, TabId};

    wasm_bindgen_test_configure!(run_in_browser);

    // That every kind of message survives is tested natively, in tests/messages.rs.
    #[wasm_bindgen_test]
    fn what_a_tab_says_is_what_another_hears() {
        let by = Leadership {
            term: 3,
            tab: TabId::from_random([7; 12]),
        };
        let text = "{\"t\":\"ping\",\n\"prev\":590,\"upTo\":612}";
        let (frame, raw) = Text::read(text.into()).expect("a frame");
        let relay = |frames| Message::Relay {
            by,
            envelope: Box::new(Envelope {
                epoch: Epoch::new("9f2c64d1").expect("a name"),
                view: View::new("k3Qz").expect("a name"),
                frames: vec![(frame.clone(), raw.clone()); frames],
                more: true,
            }),
            to: None,
        };
        let mut writing = Writing::default();
        for message in [
            relay(1),
            relay(2),
            Message::Bye { by },
            relay(RELAY_FRAMES_MAX),
        ] {
            let posted = writing.write(&message);
            let heard = writing
                .read(posted)
                .unwrap_or_else(|| panic!("{message:?} is not heard"));
            assert_eq!(format!("{heard:?}"), format!("{message:?}"));
        }
    }

    #[wasm_bindgen_test]
    fn what_is_no_message_is_ignored() {
        for nonsense in [
            JsValue::UNDEFINED,
            JsValue::NULL,
            "reconnect".into(),
            "".into(),
            "\x1e\x1e\x1e".into(),
            Array::new().into(),
            7.into(),
            r#"{"v":2,"k":"reconnect"}"#.into(),
        ] {
            assert!(
                Writing::default().read(nonsense.clone()).is_none(),
                "{nonsense:?}"
            );
        }
    }
}
