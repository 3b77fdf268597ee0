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
    socket: session::Socket,
}

impl Stuck {
    /// One that has said hello.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn start(who: &Who, address: SocketAddr) -> Self {
        let mut stuck = Self::connect(address).await;
        stuck.say_hello(who).await;
        stuck
    }

    /// One that has not said anything yet.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = Session::connect(address, Some(UNREAD_BYTES)).await;
        let socket = socket.expect("the node takes connections");
        Self { socket }
    }

    /// Says hello. Whether the node hears it is another matter.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn say_hello(&mut self, who: &Who) {
        let hello = ClientFrame::Hello(session::hello(who, None, &Place::default()));
        let said = self.socket.send(Message::text(hello.encode())).await;
        said.expect("the connection is open");
    }
}
