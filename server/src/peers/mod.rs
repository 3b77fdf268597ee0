//! The other nodes of a Redis: what they are told about their sockets, and whether they live.
//!
//! Each node follows a channel of its own. What is said there may be lost; nothing depends on it but time.

mod lease;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tabwire_protocol::CloseCode;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout_at},
};

use self::lease::Lease;
use crate::{
    keep,
    node::{Backend, Node},
    orders,
    redis::{Heard, Link, LinkError},
    registry::{RegistryUnavailable, SessionRecord, SocketId, redis::Keys},
};

/// How often another node is asked about a socket while its answer is waited for: one question may be lost.
const QUESTIONS: u32 = 3;
/// How long to wait before a channel that could not be followed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The other nodes, as this one reaches them.
#[derive(Debug)]
pub(crate) struct Peers {
    link: Link,
    keys: Keys,
    /// The name of this node.
    own: String,
    lease: Lease,
    questions: AtomicU64,
    // A std mutex: held for a map operation, never across an await.
    waiting: Mutex<HashMap<u64, oneshot::Sender<bool>>>,
}

/// What nodes tell each other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Message {
    /// Close a socket.
    Close { socket: SocketId, code: u16 },
    /// Say whether a client answers on a socket.
    Probe {
        socket: SocketId,
        question: u64,
        from: String,
    },
    /// That.
    Answer { question: u64, lives: bool },
}

impl Peers {
    /// The peers of the node of this name, which lives for so long after it was heard of last.
    pub(crate) fn new(link: Link, keys: Keys, own: &str, lease: Duration) -> Self {
        Self {
            lease: Lease::new(link.clone(), keys.lease(own), lease),
            link,
            keys,
            own: own.to_owned(),
            questions: AtomicU64::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Shows the others that this node lives. Best before it has sessions.
    pub(crate) async fn join(&self) {
        if let Err(error) = self.lease.hold().await {
            tracing::warn!(%error, "other nodes don't know yet that this one lives");
        }
    }

    /// Shows the others that it has gone.
    pub(crate) async fn leave(&self) {
        self.lease.give_up().await;
    }

    /// Has a socket closed. When that fails, its node finds out by itself.
    pub(crate) async fn close(&self, session: &SessionRecord, code: CloseCode) {
        let message = Message::Close {
            socket: session.socket.clone(),
            code: code.code(),
        };
        if let Err(error) = self.tell(&session.node, &message).await {
            tracing::debug!(socketId = %session.socket, %error, "a node could not be told");
        }
    }

    /// Whether a client answers on a socket. One whose node has gone is dead.
    ///
    /// # Errors
    /// When nobody can be asked.
    pub(crate) async fn lives(
        &self,
        session: &SessionRecord,
        within: Duration,
    ) -> Result<bool, RegistryUnavailable> {
        let question = self.questions.fetch_add(1, Ordering::Relaxed);
        let message = Message::Probe {
            socket: session.socket.clone(),
            question,
            from: self.own.clone(),
        };
        let mut answer = self.expect_answer(question);
        let since = Instant::now();
        for asked in 1..=QUESTIONS {
            let heard = self.tell(&session.node, &message).await?;
            if heard == 0 && !self.lease.is_held(&self.keys.lease(&session.node)).await? {
                return Ok(false);
            }
            let until = since + within * asked / QUESTIONS;
            if let Ok(answer) = timeout_at(until, &mut answer).await {
                return Ok(answer.unwrap_or(false));
            }
        }
        Ok(false)
    }

    fn expect_answer(&self, question: u64) -> oneshot::Receiver<bool> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        // Those who stopped waiting.
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.insert(question, sender);
        receiver
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<bool>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a node something. How many have heard it, as far as Redis knows.
    async fn tell(&self, node: &str, message: &Message) -> Result<u64, LinkError> {
        let channel = self.keys.orders(node);
        let message = serde_json::to_vec(message).expect("names and numbers can always be written");
        let words: [&[u8]; 3] = [
            self.link.publish_command().as_bytes(),
            channel.as_bytes(),
            &message,
        ];
        self.link.command("order", &words).await
    }
}

/// Takes part in what nodes do for each other, until it is dropped.
pub(crate) async fn run<B: Backend>(node: Arc<Node<B>>) {
    let Some(peers) = &node.peers else {
        return;
    };
    tokio::join!(
        peers.lease.run(|| node.keeper.doubt()),
        listen(&node, peers),
        keep::run(&*node),
    );
}

/// Does what others say.
async fn listen<B: Backend>(node: &Arc<Node<B>>, peers: &Peers) {
    let channel = peers.keys.orders(&peers.own);
    loop {
        match peers.link.subscribe(&channel).await {
            Ok(mut subscription) => {
                // What was said before is lost.
                node.keeper.doubt();
                while let Some(heard) = subscription.next().await {
                    match heard {
                        Heard::Message(message) => hear(node, peers, &message),
                        Heard::Gap => node.keeper.doubt(),
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "other nodes are not heard"),
        }
        sleep(RETRY).await;
    }
}

fn hear<B: Backend>(node: &Arc<Node<B>>, peers: &Peers, message: &[u8]) {
    match serde_json::from_slice(message) {
        Ok(Message::Close { socket, code }) => {
            if let Some(socket) = node.sockets.get(&socket) {
                socket.close(orders::closing(CloseCode::from_code(code)));
            }
        }
        Ok(Message::Probe {
            socket,
            question,
            from,
        }) => {
            let node = Arc::clone(node);
            // Beside the rest, for it may take a while; and no drain waits for it.
            tokio::spawn(async move {
                let lives = orders::lives_here(&node, &socket).await;
                let answer = Message::Answer { question, lives };
                if let Some(peers) = &node.peers
                    && let Err(error) = peers.tell(&from, &answer).await
                {
                    tracing::debug!(socketId = %socket, %error, "a node could not be answered");
                }
            });
        }
        Ok(Message::Answer { question, lives }) => {
            if let Some(asker) = peers.waiting().remove(&question) {
                // It may have stopped waiting.
                let _ = asker.send(lives);
            }
        }
        // A later version may say more.
        Err(error) => tracing::debug!(%error, "another node is not understood"),
    }
}
