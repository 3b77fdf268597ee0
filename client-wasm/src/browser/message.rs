//! What tabs say to each other, on the channel: an array of a message and of the frame that goes with it, both as text. Texts
//! are always cloneable, and each tab parses a frame once.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::text::Text;
use crate::core::{Message, read_message, write_message};

/// The message for `postMessage`.
pub(crate) fn write(message: &Message<Text>) -> JsValue {
    let (text, frame) = write_message(message);
    let parts = Array::of1(&text.into());
    if let Some(frame) = frame {
        parts.push(&frame.text);
    }
    parts.into()
}

/// The message that another tab posted, or none when this version does not know it: such are ignored.
pub(crate) fn read(data: JsValue) -> Option<Message<Text>> {
    let parts: Array = data.dyn_into().ok()?;
    read_message(&parts.get(0).as_string()?, Text::read(parts.get(1)))
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
        let text = r#"{"t":"ping","prev":590,"upTo":612}"#;
        let (frame, raw) = Text::read(text.into()).expect("a frame");
        let relay = Message::Relay {
            by,
            envelope: Box::new(Envelope {
                epoch: Epoch::new("9f2c64d1").expect("a name"),
                view: View::new("k3Qz").expect("a name"),
                frame,
                raw,
                more: true,
            }),
            to: None,
        };
        for message in [relay, Message::Bye { by }] {
            let heard = read(write(&message)).unwrap_or_else(|| panic!("{message:?} is not heard"));
            assert_eq!(format!("{heard:?}"), format!("{message:?}"));
        }
    }

    #[wasm_bindgen_test]
    fn what_is_no_message_is_ignored() {
        let version_2 = Array::of1(&r#"{"v":2,"k":"reconnect"}"#.into());
        for nonsense in [
            JsValue::UNDEFINED,
            JsValue::NULL,
            "reconnect".into(),
            Array::new().into(),
            Array::of1(&7.into()).into(),
            version_2.into(),
        ] {
            assert!(read(nonsense.clone()).is_none(), "{nonsense:?}");
        }
    }
}
