//! Writes the frames that a client sends as JSON, without serde: five kinds of frame do not need it.

use tabwire_protocol::{ClientFrame, Cursor};

use super::outbox::push_number;

/// The frame as JSON text.
pub fn encode(frame: &ClientFrame) -> String {
    let mut json = Json(String::with_capacity(96));
    match frame {
        ClientFrame::Hello(hello) => {
            json.begin("hello");
            json.number("v", hello.v.into());
            json.text("token", &hello.token);
            json.text("device", hello.device.as_str());
            if let Some(claim) = hello.claim {
                json.number("claim", claim);
            }
            if let Some(cursor) = &hello.cursor {
                json.cursor(cursor);
            }
            json.raw("features", "[]");
        }
        ClientFrame::RequestSync(request) => {
            json.begin("request_sync");
            json.number("ref", request.reference);
            json.cursor(&request.cursor);
        }
        ClientFrame::Command(command) => {
            json.begin("command");
            json.text("id", &command.id);
            json.text("type", command.event_type.as_str());
            json.raw("payload", command.payload.as_str());
            if let Some(deadline) = command.deadline {
                json.number("deadline", deadline.0);
            }
        }
        ClientFrame::Renew { token } => {
            json.begin("renew");
            json.text("token", token);
        }
        ClientFrame::Ping => json.begin("ping"),
        ClientFrame::Pong { last_event_id } => {
            json.begin("pong");
            json.number("lastEventId", last_event_id.get());
        }
    }
    json.0.push('}');
    json.0
}

struct Json(String);

impl Json {
    fn begin(&mut self, t: &str) {
        self.0.push('{');
        self.text("t", t);
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.quoted(key);
        self.0.push(':');
    }

    fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        push_number(&mut self.0, number);
    }

    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.0.push_str(json);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.quoted(text);
    }

    fn cursor(&mut self, cursor: &Cursor) {
        self.text("epoch", cursor.epoch.as_str());
        self.text("view", cursor.view.as_str());
        self.number("lastEventId", cursor.last.get());
    }

    fn quoted(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.0.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => {
                    self.0.push('\\');
                    self.0.push(character);
                }
                '\0'..='\x1f' => {
                    self.0.push_str("\\u00");
                    self.0.push(char::from(HEX[character as usize >> 4]));
                    self.0.push(char::from(HEX[character as usize & 15]));
                }
                _ => self.0.push(character),
            }
        }
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use tabwire_protocol::{
        Command, Device, Epoch, EventType, Hello, Millis, Position, RawJson, RequestSync, View,
    };

    use super::*;

    #[test]
    fn what_is_written_is_what_the_servers_types_read() {
        let cursor = Cursor {
            epoch: Epoch::new("9f2c64d1").expect("a name"),
            view: View::new("k3Qz").expect("a name"),
            last: Position::MAX,
        };
        let device = Device::new("d-1").expect("a name");
        let token = "a\"b\\c\n\u{1}ü".to_owned();
        let hello = |claim, cursor| {
            ClientFrame::Hello(Hello {
                v: 1,
                token: token.clone(),
                device: device.clone(),
                claim,
                cursor,
                features: vec![],
            })
        };
        let frames = [
            hello(None, None),
            hello(Some(7), Some(cursor.clone())),
            ClientFrame::RequestSync(RequestSync {
                reference: 4,
                cursor,
            }),
            ClientFrame::Command(Command {
                id: "Vb3kP0aRk2mQzT8x:12".into(),
                event_type: EventType::new("chat_message").expect("a name"),
                payload: RawJson::new(r#"{"text":"hola"}"#).expect("JSON"),
                deadline: Some(Millis(1_730_569_330_000)),
            }),
            ClientFrame::Renew {
                token: token.clone(),
            },
            ClientFrame::Ping,
            ClientFrame::Pong {
                last_event_id: Position::ZERO,
            },
        ];
        for frame in frames {
            let written = encode(&frame);
            let read =
                ClientFrame::decode(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(read.encode(), frame.encode(), "{written}");
        }
    }
}
