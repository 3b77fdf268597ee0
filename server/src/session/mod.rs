//! One authenticated socket: a cursor into its shop's log, and the commands of its user.
//!
//! `hello` says who may open a session, `live` is the loop that serves it, and [`cursor`] decides what it writes.

pub mod cursor;
mod hello;
mod live;
mod socket;
pub(crate) mod sockets;
mod timers;

use std::sync::Arc;

use tabwire_protocol::CloseCode;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};
use tracing::field::display;

use self::{
    socket::{Socket, SocketLimits},
    sockets::{Closing, Opened},
};
use crate::{
    keep,
    node::{Backend, Node},
    random,
};

/// When those are to come back who were sent away because the log or the registry could not be reached, in milliseconds.
const COME_BACK_AFTER_MS: u64 = 1_000;
const COME_BACK_WITHIN_MS: u64 = 6_000;

/// How a session ends.
enum End {
    /// The other end has gone, or takes nothing.
    Gone,
    /// The server closes it.
    Close(Closing),
}

impl End {
    fn close(code: CloseCode, reason: impl Into<String>) -> Self {
        Self::Close(Closing::new(code, reason))
    }

    /// Something that many need is not there. They come back spread, and not ever more rarely: when it is there again, so are they.
    fn later(reason: impl Into<String>) -> Self {
        let spread = COME_BACK_WITHIN_MS - COME_BACK_AFTER_MS;
        Self::Close(Closing {
            after_ms: Some(COME_BACK_AFTER_MS + random::below(spread)),
            ..Closing::new(CloseCode::TryLater, reason)
        })
    }
}

/// Serves a WebSocket from after its handshake to its end. `read` is what came behind the handshake; `pending` is given back
/// when it has said hello.
pub(crate) async fn serve<B: Backend>(
    node: Arc<Node<B>>,
    stream: TcpStream,
    read: Vec<u8>,
    handle: Opened,
    pending: OwnedSemaphorePermit,
) {
    let limits = SocketLimits {
        max_frame: node.config.max_frame,
        write_timeout: node.config.write_timeout,
        close_timeout: node.config.limits.close_timeout,
    };
    let mut socket = Socket::new(stream, read, limits, Arc::clone(&node.metrics)).await;
    // A box: what the session needs on its way in would otherwise be carried along for as long as it lives.
    let greeted = Box::pin(hello::greet(&node, &mut socket, &handle, pending)).await;
    let mut who = None;
    let end = match greeted {
        Err(end) => end,
        Ok(session) => {
            let record = who.insert(Arc::clone(&session.record));
            let (id, user, shop) = (handle.id(), &record.user, &record.shop);
            tracing::debug!(socketId = %id, userId = %user, shopId = %shop, "a session began");
            node.metrics.sessions.inc();
            let end = live::run(&node, &mut socket, &handle, *session).await;
            node.metrics.sessions.dec();
            end
        }
    };
    // Before its place is given back: what is ordered while that lasts is about a socket that has none any more.
    let ordered = handle.closing();
    Box::pin(keep::release(&node, &handle)).await;
    let user = who.as_ref().map(|record| display(&record.user));
    let shop = who.as_ref().map(|record| display(&record.shop));
    // Who gave the order to close knows better than the write that was broken off for it.
    let closing = match (end, ordered) {
        (_, Some(closing)) | (End::Close(closing), None) => closing,
        (End::Gone, None) => {
            tracing::debug!(socketId = %handle.id(), userId = user, shopId = shop, "a connection has gone");
            return;
        }
    };
    let (code, reason) = (closing.code.code(), closing.reason.as_str());
    tracing::debug!(socketId = %handle.id(), userId = user, shopId = shop, code, reason, "a connection is closed");
    Box::pin(socket.close(closing)).await;
}
