//! Clients that log in and then read nothing any more.

use anyhow::{Result, ensure};

use crate::{
    peer::{Heard, Running},
    ws::WebSocket,
};

/// What the kernel keeps for them: as little as it can, so that what they don't read is soon the server's affair.
const UNREAD_BYTES: u32 = 4 << 10;

/// Connections of so many clients, from this number on, as long as the value lives.
pub(crate) async fn connect(
    running: &Running,
    first: usize,
    count: usize,
) -> Result<Vec<WebSocket>> {
    let mut sockets = Vec::with_capacity(count);
    for client in first..first + count {
        let (address, dialect) = (running.address(client), &running.dialect);
        let (path, protocol) = (dialect.path(client), dialect.subprotocol());
        let mut socket = WebSocket::open(address, &path, protocol, Some(UNREAD_BYTES)).await?;
        if let Some(opening) = dialect.opening(client) {
            socket.send(&opening).await?;
        }
        let mut is_in = dialect.is_ready_at_once();
        while !is_in {
            let mut answer = None;
            let brought = socket
                .read(|text| match dialect.hears(client, text) {
                    Heard::Ready => is_in = true,
                    Heard::Answer(text) => answer = Some(text),
                    _ => {}
                })
                .await?;
            ensure!(!brought.closed, "client {client} was not let in");
            if let Some(text) = answer {
                socket.send(&text).await?;
            }
        }
        sockets.push(socket);
    }
    Ok(sockets)
}
