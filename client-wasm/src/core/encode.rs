//! Writes the frames that a client sends as JSON.

use tabwire_protocol::ClientFrame;

use super::json::Writer;

/// The frame as JSON text.
pub fn encode(frame: &ClientFrame) -> String {
    let mut json = Writer::new();
    match frame {
        ClientFrame::Hello(hello) => {
            json.text("t", "hello");
            json.number("v", hello.v.into());
            json.text("token", &hello.token);
            json.text("device", hello.device.as_str());
            if let Some(claim) = hello.claim {
                json.number("claim", claim);
            }
            if let Some(cursor) = &hello.cursor {
                json.cursor(cursor);
            }
            json.json("features", "[]");
        }
        ClientFrame::RequestSync(request) => {
            json.text("t", "request_sync");
            json.number("ref", request.reference);
            json.cursor(&request.cursor);
        }
        ClientFrame::Command(command) => {
            json.text("t", "command");
            json.command(command);
        }
        ClientFrame::Renew { token } => {
            json.text("t", "renew");
            json.text("token", token);
        }
        ClientFrame::Ping => json.text("t", "ping"),
        ClientFrame::Pong { last_event_id } => {
            json.text("t", "pong");
            json.number("lastEventId", last_event_id.get());
        }
    }
    json.end()
}

#[cfg(test)]
mod tests {
    use tabwire_protocol::{
        Command, Cursor, Device, Epoch, EventType, Hello, Millis, Position, RawJson, RequestSync,
        View,
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
