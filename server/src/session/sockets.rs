//! The sockets of this node, as the rest of the server reaches them.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

use prometheus_client::metrics::gauge::Gauge;
use tabwire_protocol::{CloseCode, Position};
use tokio::sync::oneshot;

use crate::{
    random,
    registry::{Held, SocketId},
};

/// All sockets that are open, those among them that have not said hello yet.
#[derive(Debug)]
pub(crate) struct Sockets {
    // A std mutex: held for a map operation, never across an await.
    open: Arc<Mutex<HashMap<SocketId, Arc<Handle>>>>,
    max: usize,
    count: Gauge,
}

/// A hold of one socket: what it is to do next, and where it is.
#[derive(Debug)]
pub(crate) struct Handle {
    id: SocketId,
    position: AtomicU64,
    /// The place that it was granted. A std mutex, held to clone it.
    held: Mutex<Option<Held>>,
    orders: Mutex<Orders>,
    /// Whether there are orders that the socket's task has not looked at.
    rung: AtomicBool,
    /// Wakes that task: there is one, which waits in one place at a time.
    task: AtomicWaker,
}

#[derive(Debug, Default)]
struct Orders {
    closing: Option<Closing>,
    /// Those who want to know whether the socket lives. One who hears nothing is one who dropped this.
    probes: Vec<oneshot::Sender<()>>,
}

/// Why and how a socket is to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The close code.
    pub(crate) code: CloseCode,
    /// For people: what was wrong.
    pub(crate) reason: String,
    /// How long the client is to wait before it comes back, in milliseconds.
    pub(crate) after_ms: Option<u64>,
}

impl Closing {
    /// Closes with this code.
    pub(crate) fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            after_ms: None,
        }
    }
}

impl Sockets {
    /// None open yet; at most `max` at a time. The gauge says how many there are.
    pub(crate) fn new(max: usize, count: Gauge) -> Self {
        Self {
            open: Arc::default(),
            max,
            count,
        }
    }

    /// Registers a socket; None when there are too many.
    pub(crate) fn open(&self) -> Option<Opened> {
        let handle = Arc::new(Handle {
            id: SocketId::new(&random::hex::<12>()),
            position: AtomicU64::new(0),
            held: Mutex::default(),
            orders: Mutex::default(),
            rung: AtomicBool::new(false),
            task: AtomicWaker::new(),
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.max {
            return None;
        }
        open.insert(handle.id.clone(), Arc::clone(&handle));
        self.count.inc();
        Some(Opened {
            handle,
            open: Arc::clone(&self.open),
            count: self.count.clone(),
        })
    }

    /// The socket of this name, if it is one of this node's.
    pub(crate) fn get(&self, id: &SocketId) -> Option<Arc<Handle>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(id).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Handle>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().cloned().collect()
    }
}

impl Handle {
    /// The socket's name.
    pub(crate) const fn id(&self) -> &SocketId {
        &self.id
    }

    /// Everything of its view up to here has been written.
    pub(crate) fn position(&self) -> Position {
        let position = self.position.load(Ordering::Relaxed);
        Position::new(position).expect("only positions are stored")
    }

    /// Says where the session is.
    pub(crate) fn set_position(&self, position: Position) {
        self.position.store(position.get(), Ordering::Relaxed);
    }

    /// The place that the socket was granted, if it has it.
    pub(crate) fn held(&self) -> Option<Held> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    /// Says which place the socket has from now on, and gives the one before.
    pub(crate) fn hold(&self, held: Option<Held>) -> Option<Held> {
        let mut last = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, held)
    }

    /// Has the socket closed. The first reason counts.
    pub(crate) fn close(&self, closing: Closing) {
        self.with(|orders| {
            orders.closing.get_or_insert(closing);
        });
        self.ring();
    }

    /// Asks whether the socket lives: the answer comes, or the sender is dropped.
    pub(crate) fn probe(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.with(|orders| {
            orders.probes.retain(|probe| !probe.is_closed());
            orders.probes.push(sender);
        });
        self.ring();
        receiver
    }

    /// Why the socket is to be closed, if it is.
    pub(crate) fn closing(&self) -> Option<Closing> {
        self.with(|orders| orders.closing.clone())
    }

    /// Those who have asked whether the socket lives since this was called last.
    pub(crate) fn take_probes(&self) -> Vec<oneshot::Sender<()>> {
        self.with(|orders| std::mem::take(&mut orders.probes))
    }

    /// Waits until there are orders that were not looked at.
    pub(crate) async fn rung(&self) {
        poll_fn(|cx| self.poll_rung(cx)).await;
        self.rung.store(false, Ordering::Release);
    }

    /// Waits until the socket is to be closed. Other orders stay for whoever looks at them next.
    pub(crate) async fn closed(&self) {
        poll_fn(|cx| {
            self.task.register(cx.waker());
            match self.closing() {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        })
        .await;
    }

    fn poll_rung(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.rung.load(Ordering::Acquire) {
            self.task.register(cx.waker());
            if !self.rung.load(Ordering::Acquire) {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }

    fn with<T>(&self, act: impl FnOnce(&mut Orders) -> T) -> T {
        act(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A socket that is registered for as long as this lives.
#[derive(Debug)]
pub(crate) struct Opened {
    handle: Arc<Handle>,
    open: Arc<Mutex<HashMap<SocketId, Arc<Handle>>>>,
    count: Gauge,
}

impl std::ops::Deref for Opened {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.handle.id);
        self.count.dec();
        // Nobody waits for the answer of a socket that has gone.
        drop(self.handle.take_probes());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn sockets_are_counted_and_have_a_limit() {
        let sockets = Sockets::new(2, Gauge::default());
        let (one, two) = (sockets.open(), sockets.open());
        assert!(one.is_some() && two.is_some() && sockets.open().is_none());
        drop(one);
        assert_eq!((sockets.count.get(), sockets.all().len()), (1, 1));
        assert!(sockets.open().is_some());
    }

    #[tokio::test]
    async fn a_probe_of_a_socket_that_goes_is_answered_by_its_end() {
        let sockets = Sockets::new(2, Gauge::default());
        let opened = sockets.open().expect("there is room");
        let probe = opened.probe();
        drop(opened);
        assert!(probe.await.is_err());
    }

    #[tokio::test]
    async fn who_waits_to_be_closed_leaves_other_orders_to_who_waits_for_any() {
        let sockets = Sockets::new(2, Gauge::default());
        let opened = sockets.open().expect("there is room");
        let probe = opened.probe();
        assert!(opened.closed().now_or_never().is_none());
        opened.rung().await;
        assert_eq!(opened.take_probes().len(), 1);
        assert!(opened.rung().now_or_never().is_none());
        drop(probe);

        opened.close(Closing::new(CloseCode::Restart, ""));
        opened.closed().await;
        opened.rung().await;
    }

    #[tokio::test]
    async fn the_first_reason_to_close_counts() {
        let sockets = Sockets::new(2, Gauge::default());
        let opened = sockets.open().expect("there is room");
        opened.close(Closing::new(CloseCode::Superseded, ""));
        opened.close(Closing::new(CloseCode::Restart, ""));
        opened.closed().await;
        assert_eq!(
            opened.closing().map(|c| c.code),
            Some(CloseCode::Superseded)
        );
    }
}
