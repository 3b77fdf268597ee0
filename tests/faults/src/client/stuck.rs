//! A client that says hello and then reads nothing.

use std::net::SocketAddr;

use futures_util::SinkExt;
use tabwire_protocol::ClientFrame;
use tokio_tungstenite::tungstenite::Message;

use super::{
    Place, UNREAD_BYTES,
    session::{self, Session},
};
use crate::ledger::Who;

/// Its socket, which is open for as long as it lives.
#[derive(Debug)]
pub struct Stuck {
    _socket: session::Socket,
}

impl Stuck {
    /// One that has said hello.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn start(who: &Who, address: SocketAddr) -> Self {
        let socket = Session::connect(address, Some(UNREAD_BYTES)).await;
        let mut socket = socket.expect("the node takes connections");
        let hello = ClientFrame::Hello(session::hello(who, None, &Place::default()));
        let said = socket.send(Message::text(hello.encode())).await;
        said.expect("the node reads");
        Self { _socket: socket }
    }
}
