//! What is done about a user's socket, wherever it is: by this node, or by the one that serves it.
//!
//! An order may be lost on its way to another node. Whatever it was to bring about comes about all the same, later: each node looks
//! again and again how its sockets stand (`keep`).

use tabwire_protocol::CloseCode;
use tokio::time::timeout;

use crate::{
    node::{Backend, Node},
    registry::{RegistryUnavailable, SessionRecord, SocketId},
    session::sockets::Closing,
};

/// Closes the socket of a session.
pub(crate) async fn close<B: Backend>(node: &Node<B>, session: &SessionRecord, code: CloseCode) {
    if let Some(socket) = node.sockets.get(&session.socket) {
        socket.close(closing(code));
    } else if let Some(peers) = &node.peers
        && session.node != node.id
    {
        peers.close(session, code).await;
    }
}

/// Whether a client answers on the socket of a session.
///
/// # Errors
/// When it is of another node, and that can't be asked.
pub(crate) async fn lives<B: Backend>(
    node: &Node<B>,
    session: &SessionRecord,
) -> Result<bool, RegistryUnavailable> {
    let within = node.config.limits.probe_timeout;
    match &node.peers {
        Some(peers) if session.node != node.id => peers.lives(session, within).await,
        _ => Ok(lives_here(node, &session.socket).await),
    }
}

/// Whether a client answers on a socket of this node.
pub(crate) async fn lives_here<B: Backend>(node: &Node<B>, socket: &SocketId) -> bool {
    let Some(socket) = node.sockets.get(socket) else {
        return false;
    };
    let answer = timeout(node.config.limits.probe_timeout, socket.probe());
    matches!(answer.await, Ok(Ok(())))
}

/// How a socket is closed that lost its place.
pub(crate) fn closing(code: CloseCode) -> Closing {
    let reason = match code {
        CloseCode::Kicked => "closed by the operator",
        _ => "a newer connection has the user's socket",
    };
    Closing::new(code, reason)
}
