//! Keeps the registry and the sockets of this node in agreement, where others write to the registry and it may lose what it knew.
//!
//! Each ping period, and at once when there is a doubt: a socket that lost its place without being told so is closed; a record that
//! was lost is put back; one that could not be taken out is taken out. While the registry is not available nothing is known, so
//! nothing is closed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tabwire_protocol::CloseCode;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    clock,
    node::{Backend, Node},
    orders::closing,
    registry::{Held, Registry, RegistryUnavailable, SessionRecord, Standing},
    session::sockets::Handle,
};

/// How many sockets are asked about at a time.
const BATCH: usize = 128;
/// How many records wait to be taken out. What is more goes with its token.
const LEFT_MAX: usize = 100_000;
/// When it is tried again after the registry was not available, if the ping period is longer.
const RETRY: Duration = Duration::from_secs(1);

/// What there is to do beside looking at the sockets.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// Whether it is to be looked at once.
    doubt: Notify,
    /// Records that may be there although their sockets have gone.
    left: Mutex<Vec<Arc<SessionRecord>>>,
}

impl Keeper {
    /// Something may have been missed: looks at once.
    pub(crate) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Takes a record out later, if it is there.
    pub(crate) fn release_later(&self, session: Arc<SessionRecord>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < LEFT_MAX {
            left.push(session);
        }
    }

    fn take_left(&self) -> Vec<Arc<SessionRecord>> {
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Gives the place back that a socket was granted, if it was.
pub(crate) async fn release<B: Backend>(node: &Node<B>, socket: &Handle) {
    // Before the record is taken out: who looks meanwhile shall not put it back.
    let Some(held) = socket.hold(None) else {
        return;
    };
    if let Err(error) = node.registry.release(clock::now(), &held.session).await {
        tracing::debug!(socketId = %socket.id(), %error, "a session is released later");
        node.keeper.release_later(held.session);
    }
}

/// Keeps until it is dropped.
pub(crate) async fn run<B: Backend>(node: &Node<B>) {
    let ping = node.config.ping;
    let mut next = Instant::now() + ping;
    let mut is_available = true;
    loop {
        tokio::select! {
            () = sleep_until(next) => {}
            () = node.keeper.doubt.notified() => {}
        }
        let looked = look(node).await;
        match &looked {
            Err(error) if is_available => tracing::warn!(%error, "sessions can't be kept"),
            Ok(()) if !is_available => tracing::info!("sessions are kept again"),
            _ => {}
        }
        is_available = looked.is_ok();
        let pause = if is_available { ping } else { RETRY.min(ping) };
        next = Instant::now() + pause;
    }
}

/// Looks at all sockets once.
async fn look<B: Backend>(node: &Node<B>) -> Result<(), RegistryUnavailable> {
    let sockets = node.sockets.all();
    let sockets: Vec<_> = (sockets.into_iter())
        .filter_map(|socket| Some((socket.held()?, socket)))
        .collect();
    let mut outcome = Ok(());
    for batch in sockets.chunks(BATCH) {
        let held: Vec<_> = batch
            .iter()
            .map(|(held, socket)| now(held, socket))
            .collect();
        let standings = node.registry.keep(clock::now(), &held).await;
        let failed = standings
            .iter()
            .filter(|standing| standing.is_err())
            .count();
        for ((_, socket), standing) in batch.iter().zip(standings) {
            match standing {
                Ok(Standing::Kept) => {}
                // It gave its place back while it was asked about.
                Ok(_) if socket.held().is_none() => {}
                Ok(Standing::Lost(code)) => socket.close(closing(code)),
                Ok(Standing::Denied) => socket.close(closing(CloseCode::Kicked)),
                Err(error) => outcome = Err(error),
            }
        }
        // One user's keys may be at fault; when it is everybody's, the others are not tried.
        if failed == batch.len() {
            return outcome;
        }
    }
    for session in node.keeper.take_left() {
        if let Err(error) = node.registry.release(clock::now(), &session).await {
            node.keeper.release_later(session);
            outcome = Err(error);
        }
    }
    outcome
}

/// What is held, with the place in the log where it is now.
fn now(held: &Held, socket: &Handle) -> Held {
    let position = socket.position();
    let session = if held.session.position == position {
        Arc::clone(&held.session)
    } else {
        Arc::new(SessionRecord {
            position,
            ..SessionRecord::clone(&held.session)
        })
    };
    Held {
        session,
        claim: held.claim,
    }
}
