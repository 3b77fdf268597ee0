//! Frames as they go over the wire, with the WebSocket's header: made once for all sockets that are given them, and copied for none.

use bytes::Bytes;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
/// The bit that says that a frame is a whole message (RFC 6455, 5.2).
const FIN: u8 = 0x80;
/// The longest header of a frame without a mask: a server's frames have none (RFC 6455, 5.1).
const HEADER_BYTES_MAX: usize = 10;
/// The longest payload of a close frame (RFC 6455, 5.5), and the code that it begins with.
const CLOSE_BYTES_MAX: usize = 125;
const CODE_BYTES: usize = 2;

/// A whole frame. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    wire: Bytes,
    header_bytes: u8,
}

impl Frame {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::new(TEXT, &[text.as_bytes()])
    }

    /// The end of a connection, and why. A reason that is too long is cut off between characters.
    pub fn close(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(CLOSE_BYTES_MAX - CODE_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self::new(CLOSE, &[&code.to_be_bytes(), &reason.as_bytes()[..end]])
    }

    fn new(opcode: u8, parts: &[&[u8]]) -> Self {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut wire = Vec::with_capacity(HEADER_BYTES_MAX + len);
        wire.push(FIN | opcode);
        // The length has 7 bits, or the 16 or 64 bits that follow.
        match len {
            0..=125 => wire.push(len as u8),
            126..=0xffff => {
                wire.push(126);
                wire.extend((len as u16).to_be_bytes());
            }
            _ => {
                wire.push(127);
                wire.extend((len as u64).to_be_bytes());
            }
        }
        let header_bytes = wire.len() as u8;
        for part in parts {
            wire.extend_from_slice(part);
        }
        Self {
            wire: wire.into(),
            header_bytes,
        }
    }

    /// What is written to the connection.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// What is in it: the text.
    pub fn payload(&self) -> &[u8] {
        &self.wire[usize::from(self.header_bytes)..]
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketContext},
    };

    use super::*;

    /// What a client makes of it.
    fn read(frame: &Frame) -> Message {
        let mut wire = std::io::Cursor::new(frame.wire().to_vec());
        let mut client = WebSocketContext::new(Role::Client, None);
        client.read(&mut wire).expect("it is a frame")
    }

    #[test]
    fn a_text_of_any_length_is_read_as_it_was() {
        for len in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0x1_0001] {
            let text = "x".repeat(len);
            let frame = Frame::text(&text);
            assert_eq!(frame.payload(), text.as_bytes());
            assert_eq!(read(&frame), Message::text(text));
        }
        assert_eq!(read(&Frame::text("dž")), Message::text("dž"));
    }

    #[test]
    fn a_reason_is_cut_off_between_characters() {
        for (reason, heard) in [
            ("too large".to_owned(), "too large".to_owned()),
            ("x".repeat(200), "x".repeat(123)),
            ("é".repeat(100), "é".repeat(61)),
        ] {
            let close = CloseFrame {
                code: 4413.into(),
                reason: heard.into(),
            };
            assert_eq!(
                read(&Frame::close(4413, &reason)),
                Message::Close(Some(close))
            );
        }
    }
}
