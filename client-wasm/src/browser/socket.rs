//! A WebSocket, until it is given up.

use tabwire_protocol::{ClientFrame, SUBPROTOCOL};
use wasm_bindgen::JsValue;
use web_sys::WebSocket;

use super::js::set;
use crate::core::{SocketId, encode};

/// One socket of the machine.
pub(crate) struct Socket {
    pub(crate) id: SocketId,
    socket: WebSocket,
}

/// What to call when a socket does something.
pub(crate) struct Listeners {
    pub(crate) open: JsValue,
    pub(crate) message: JsValue,
    pub(crate) close: JsValue,
}

impl Socket {
    /// Opens a socket; none where the browser refuses the very attempt.
    pub(crate) fn open(id: SocketId, url: &str, listeners: &Listeners) -> Option<Self> {
        let socket = WebSocket::new_with_str(url, SUBPROTOCOL).ok()?;
        set(&socket, "onopen", &listeners.open);
        set(&socket, "onmessage", &listeners.message);
        set(&socket, "onclose", &listeners.close);
        Some(Self { id, socket })
    }

    /// Writes a frame. A socket that is closing drops it, and says so by its `close`.
    pub(crate) fn send(&self, frame: &ClientFrame) {
        let _ = self.socket.send_with_str(&encode(frame));
    }

    /// Detaches the socket and closes it, without waiting: `close()` of a dead one may take minutes.
    pub(crate) fn close(self) {
        for handler in ["onopen", "onmessage", "onclose"] {
            set(&self.socket, handler, &JsValue::NULL);
        }
        let _ = self.socket.close_with_code(1000);
    }
}
