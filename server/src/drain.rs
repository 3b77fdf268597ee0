//! The end of a server that is told to end: clients are sent away before it goes, not all at the same moment back.

use std::{sync::Arc, time::Duration};

use tabwire_protocol::CloseCode;
use tokio::time::{sleep, timeout};

use crate::{
    clock,
    node::{Backend, Node},
    random,
    session::sockets::Closing,
};

/// How many clients come back per second, if the drain is long enough.
const RECONNECTS_PER_SECOND: u64 = 100;

/// Ends a node: unready, after a while closed, each client told when to come back, and what runs awaited.
pub(crate) async fn drain<B: Backend>(node: &Arc<Node<B>>) {
    node.begin_draining();
    tracing::info!(delay = ?node.config.drain_delay, "draining");
    sleep(node.config.drain_delay).await;
    node.closed.cancel();

    let sockets = node.sockets.all();
    let window = window(node.config.drain, sockets.len());
    tracing::info!(sockets = sockets.len(), ?window, "closing");
    for socket in sockets {
        socket.close(Closing {
            after_ms: Some(random::below(clock::millis(window) + 1)),
            ..Closing::new(CloseCode::Restart, "the server restarts")
        });
    }
    node.tasks.close();
    // Even a drain of no time lets the goodbyes out.
    let patience = node.config.drain.max(node.config.limits.close_timeout);
    if timeout(patience, node.tasks.wait()).await.is_err() {
        tracing::warn!(left = node.tasks.len(), "not everything ended in time");
    }
}

/// Over how long the clients come back: a few at once, many spread.
fn window(drain: Duration, sockets: usize) -> Duration {
    let needed = Duration::from_millis(sockets as u64 * 1_000 / RECONNECTS_PER_SECOND);
    needed.min(drain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_with_the_clients_up_to_the_drain() {
        let drain = Duration::from_secs(10);
        assert_eq!(window(drain, 0), Duration::ZERO);
        assert_eq!(window(drain, 10), Duration::from_millis(100));
        assert_eq!(window(drain, 100_000), drain);
    }
}
