//! Channels: one connection for all that a node follows, and a sign of life of each.
//!
//! Redis gives no promise about messages: a connection that breaks, a buffer that is full, a failover or a slot that moves loses
//! them. So whoever follows a channel is told of a gap after each of these, when the channel is followed again; and because a
//! subscription can go deaf without a word, each that hears nothing is probed by a message of our own, on the way that all
//! messages take.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use redis::{PushInfo, PushKind, Value};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    LinkError, LinkMetrics, Patience,
    commands::Commands,
    topology::{Connection, OnPush, Topology},
};

/// How many messages wait for a follower, and how many bytes of them, before it is told of a gap instead.
const MESSAGES_MAX: usize = 1_024;
const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// How many subscriptions or probes are under way at a time.
const AT_ONCE: usize = 64;
/// How long nothing is tried after a connection could not be made, or a channel not be followed.
const PAUSE: Duration = Duration::from_millis(200);
/// What a probe says. Messages of the app begin otherwise.
const PROBE: &[u8] = b"?";

/// What happened in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message.
    Message(Vec<u8>),
    /// Messages may be missing here.
    Gap,
}

/// A channel that is followed for as long as this lives.
pub(crate) struct Subscription {
    messages: mpsc::Receiver<Vec<u8>>,
    gap: Arc<Gap>,
    channel: String,
    number: u64,
    of: Weak<Shared>,
}

/// All channels of a node.
pub(super) struct Subscriptions {
    shared: Arc<Shared>,
    confirmed_within: Duration,
    numbers: AtomicU64,
}

struct Shared {
    // A std mutex: held for map operations, never across an await.
    channels: Mutex<HashMap<String, Channel>>,
    /// Wakes the task that keeps the channels followed.
    changed: Notify,
    /// Since when not everything is heard, and why; none while all is well.
    complaint: Mutex<Option<(Instant, String)>>,
    /// The number of the connection that is used. What an older one says no longer counts.
    connection: AtomicU64,
    broken: AtomicBool,
}

#[derive(Default)]
struct Channel {
    followers: HashMap<u64, Follower>,
    state: State,
    /// Whether anything was heard since the last look.
    heard: bool,
    /// Whether a probe that Redis took has not been heard yet.
    probed: bool,
    /// In which rounds of probes it is, when there are many channels.
    turn: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Wanted,
    Followed,
}

struct Follower {
    messages: mpsc::Sender<Vec<u8>>,
    gap: Arc<Gap>,
    /// Told when the channel is followed for the first time.
    confirmed: Option<oneshot::Sender<()>>,
}

/// What a follower and those who write to it share.
#[derive(Default)]
struct Gap {
    /// How many bytes of messages wait.
    bytes: AtomicUsize,
    is: AtomicBool,
    rung: Notify,
}

impl Subscription {
    /// Waits for the next message, or for the news that some are missing. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            if self.gap.is.swap(false, Ordering::AcqRel) {
                return Some(Heard::Gap);
            }
            tokio::select! {
                biased;
                () = self.gap.rung.notified() => {}
                message = self.messages.recv() => {
                    let message = message?;
                    self.gap.bytes.fetch_sub(message.len(), Ordering::AcqRel);
                    return Some(Heard::Message(message));
                }
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(shared) = self.of.upgrade() else {
            return;
        };
        let mut channels = shared.channels();
        if let Some(channel) = channels.get_mut(&self.channel) {
            channel.followers.remove(&self.number);
            if channel.followers.is_empty() {
                shared.changed.notify_one();
            }
        }
    }
}

impl Subscriptions {
    pub(super) fn new(
        topology: Arc<Topology>,
        commands: Arc<Commands>,
        patience: Patience,
        metrics: LinkMetrics,
    ) -> Arc<Self> {
        let shared = Arc::new(Shared {
            channels: Mutex::default(),
            changed: Notify::new(),
            complaint: Mutex::default(),
            connection: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        });
        let keeper = Keeper {
            shared: Arc::downgrade(&shared),
            topology,
            commands,
            patience,
            metrics,
        };
        tokio::spawn(keeper.run());
        Arc::new(Self {
            shared,
            confirmed_within: 2 * patience.timeout,
            numbers: AtomicU64::new(0),
        })
    }

    pub(super) async fn subscribe(&self, name: &str) -> Result<Subscription, LinkError> {
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let (confirmed, is_confirmed) = oneshot::channel();
        let gap = Arc::new(Gap::default());
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let subscription = Subscription {
            messages,
            gap: Arc::clone(&gap),
            channel: name.to_owned(),
            number,
            of: Arc::downgrade(&self.shared),
        };
        let followed = {
            let mut channels = self.shared.channels();
            let channel = channels.entry(name.to_owned()).or_default();
            let followed = channel.state == State::Followed;
            let follower = Follower {
                messages: sender,
                gap,
                confirmed: (!followed).then_some(confirmed),
            };
            channel.turn = number;
            channel.followers.insert(number, follower);
            followed
        };
        if followed {
            return Ok(subscription);
        }
        // What has been so for a while will not be over in a moment.
        if let Some((since, complaint)) = &*self.shared.complaint()
            && since.elapsed() > self.confirmed_within / 2
        {
            return Err(LinkError::NotRun(complaint.clone()));
        }
        self.shared.changed.notify_one();
        match timeout(self.confirmed_within, is_confirmed).await {
            Ok(Ok(())) => Ok(subscription),
            _ => Err(LinkError::NotRun(self.complaint().unwrap_or_else(|| {
                "a channel could not be followed in time".to_owned()
            }))),
        }
    }

    pub(super) fn complaint(&self) -> Option<String> {
        let complaint = self.shared.complaint();
        complaint.as_ref().map(|(_, why)| why.clone())
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        // The task has no hold of its own, so it ends when it looks.
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn channels(&self) -> std::sync::MutexGuard<'_, HashMap<String, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, why: &str) {
        let mut complaint = self.complaint();
        let since = complaint
            .take()
            .map_or_else(Instant::now, |(since, _)| since);
        *complaint = Some((since, why.to_owned()));
    }

    fn complaint(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a connection says unasked.
    fn push(&self, connection: u64, info: PushInfo) {
        if connection != self.connection.load(Ordering::Acquire) {
            return;
        }
        match info.kind {
            PushKind::Disconnection => {
                self.broken.store(true, Ordering::Release);
                self.changed.notify_one();
            }
            PushKind::Message | PushKind::SMessage => {
                let mut data = info.data.into_iter();
                if let (Some(channel), Some(Value::BulkString(message))) =
                    (data.next(), data.next())
                    && let Some(channel) = text(&channel)
                {
                    self.deliver(channel, &message);
                }
            }
            // A slot that moved takes its channels' subscriptions with it.
            PushKind::Unsubscribe | PushKind::SUnsubscribe => {
                if let Some(name) = info.data.first().and_then(text)
                    && let Some(channel) = self.channels().get_mut(name)
                {
                    channel.state = State::Wanted;
                    self.changed.notify_one();
                }
            }
            _ => {}
        }
    }

    fn deliver(&self, name: &str, message: &[u8]) {
        let mut channels = self.channels();
        let Some(channel) = channels.get_mut(name) else {
            return;
        };
        channel.heard = true;
        if message == PROBE {
            return;
        }
        for follower in channel.followers.values() {
            // Counted before it is sent: who takes it out may be faster than this.
            let waiting = follower
                .gap
                .bytes
                .fetch_add(message.len(), Ordering::AcqRel);
            let has_room = waiting == 0 || waiting + message.len() <= MESSAGE_BYTES_MAX;
            if !has_room || follower.messages.try_send(message.to_vec()).is_err() {
                follower
                    .gap
                    .bytes
                    .fetch_sub(message.len(), Ordering::AcqRel);
                follower.gap.tell();
            }
        }
    }
}

impl Gap {
    fn tell(&self) {
        self.is.store(true, Ordering::Release);
        self.rung.notify_one();
    }
}

/// Keeps the channels followed.
struct Keeper {
    shared: Weak<Shared>,
    topology: Arc<Topology>,
    commands: Arc<Commands>,
    patience: Patience,
    metrics: LinkMetrics,
}

impl Keeper {
    async fn run(self) {
        let mut connection: Option<Connection> = None;
        let mut look_at = Instant::now() + self.patience.probe;
        let mut round = 0;
        // Ends with the link.
        while let Some(shared) = self.shared.upgrade() {
            if shared.broken.swap(false, Ordering::AcqRel) {
                self.lost(&shared, "the subscriptions' connection broke");
                // A cluster's connection is many: it mends itself.
                if !self.topology.is_cluster() {
                    connection = None;
                }
            }
            if connection.is_none() {
                match self.connect(&shared).await {
                    Ok(made) => connection = Some(made),
                    Err(error) => {
                        shared.complain(&error);
                        drop(shared);
                        sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            if let Some(open) = &mut connection
                && let Err(error) = self.follow_wanted(&shared, open).await
            {
                self.lost(&shared, &error);
                connection = None;
                drop(shared);
                sleep(PAUSE).await;
                continue;
            }
            if look_at <= Instant::now() {
                if !self.look(&shared) && !self.topology.is_cluster() {
                    connection = None;
                }
                // Beside the rest: a Redis that does not answer must not hold up what is wanted meanwhile.
                tokio::spawn(probe(
                    Arc::clone(&shared),
                    Arc::clone(&self.commands),
                    quiet(&shared, round, self.patience.rounds),
                ));
                round += 1;
                look_at = Instant::now() + self.patience.probe;
            }
            let weak = Arc::downgrade(&shared);
            let changed = async {
                // Held for as long as it waits, else the link could not end.
                let Some(shared) = weak.upgrade() else { return };
                let changed = shared.changed.notified();
                changed.await;
            };
            if connection.is_none() {
                continue;
            }
            drop(shared);
            tokio::select! {
                () = changed => {}
                () = sleep_until(look_at) => {}
            }
        }
    }

    async fn connect(&self, shared: &Arc<Shared>) -> Result<Connection, String> {
        let number = shared.connection.fetch_add(1, Ordering::AcqRel) + 1;
        let told = Arc::downgrade(shared);
        let on_push: OnPush = Box::new(move |info| {
            if let Some(shared) = told.upgrade() {
                shared.push(number, info);
            }
        });
        let made = self.topology.connect(self.patience.timeout, Some(on_push));
        let made = match timeout(2 * self.patience.timeout, made).await {
            Ok(made) => made.map_err(|error| error.to_string())?,
            Err(_) => return Err("it takes too long to connect".to_owned()),
        };
        self.metrics
            .connects
            .get_or_create(&[("for", "channels")])
            .inc();
        for channel in shared.channels().values_mut() {
            channel.state = State::Wanted;
        }
        Ok(made)
    }

    /// Everything followed has to be followed anew, and whoever follows it will be told of the gap then.
    fn lost(&self, shared: &Shared, why: &str) {
        tracing::warn!(why, "channels are lost and will be followed anew");
        shared.complain(why);
        for channel in shared.channels().values_mut() {
            channel.state = State::Wanted;
        }
    }

    /// Follows what is wanted, and leaves what nobody follows any more.
    async fn follow_wanted(&self, shared: &Shared, open: &Connection) -> Result<(), String> {
        let (wanted, left) = {
            let mut channels = shared.channels();
            let left: HashSet<String> = channels
                .extract_if(|_, channel| channel.followers.is_empty())
                .map(|(name, _)| name)
                .collect();
            let wanted: Vec<String> = channels
                .iter()
                .filter(|(_, channel)| channel.state == State::Wanted)
                .map(|(name, _)| name.clone())
                .collect();
            (wanted, left)
        };
        let mut followings = stream::iter(wanted)
            .map(|name| {
                let mut open = open.clone();
                async move {
                    let answer = timeout(2 * self.patience.timeout, open.subscribe(&name)).await;
                    match answer {
                        Ok(Ok(())) => Ok(name),
                        Ok(Err(error)) => Err(error.to_string()),
                        Err(_) => Err("a channel could not be followed in time".to_owned()),
                    }
                }
            })
            .buffer_unordered(AT_ONCE);
        while let Some(followed) = followings.next().await {
            let name = followed?;
            if let Some(channel) = shared.channels().get_mut(&name) {
                channel.state = State::Followed;
                (channel.heard, channel.probed) = (true, false);
                for follower in channel.followers.values_mut() {
                    match follower.confirmed.take() {
                        // It has missed nothing: it begins here.
                        Some(confirmed) => drop(confirmed.send(())),
                        None => follower.gap.tell(),
                    }
                }
            }
        }
        for name in left {
            // It may be wanted again by now: then it has just been followed, and stays so.
            if !shared.channels().contains_key(&name) {
                let mut open = open.clone();
                let answer = timeout(self.patience.timeout, open.unsubscribe(&name)).await;
                if let Ok(Err(error)) = answer {
                    return Err(error.to_string());
                }
            }
        }
        if !shared.broken.load(Ordering::Acquire) {
            *shared.complaint() = None;
        }
        Ok(())
    }

    /// Looks for channels that heard nothing although they were probed. False: there are some.
    fn look(&self, shared: &Shared) -> bool {
        let mut deaf = 0;
        for channel in shared.channels().values_mut() {
            if channel.probed && !channel.heard && channel.state == State::Followed {
                channel.state = State::Wanted;
                deaf += 1;
            }
            channel.probed = false;
        }
        if deaf > 0 {
            tracing::warn!(deaf, "subscriptions hear nothing and are made anew");
            self.metrics.deaf.inc_by(deaf);
            shared.complain("subscriptions hear nothing");
        }
        deaf == 0
    }
}

/// The channels where nothing was heard since this was asked last; of many, those whose turn it is in this round.
fn quiet(shared: &Shared, round: u64, rounds: u64) -> Vec<String> {
    let mut channels = shared.channels();
    let rounds = if channels.len() <= AT_ONCE { 1 } else { rounds };
    channels
        .iter_mut()
        .filter(|(_, channel)| channel.state == State::Followed)
        .filter_map(|(name, channel)| {
            let heard = std::mem::replace(&mut channel.heard, false);
            let turn = channel.turn % rounds == round % rounds;
            (!heard && turn).then(|| name.clone())
        })
        .collect()
}

/// Publishes a probe to channels. Only one that Redis took says something when it is not heard.
async fn probe(shared: Arc<Shared>, commands: Arc<Commands>, channels: Vec<String>) {
    let publish = commands.topology.publish_command().as_bytes();
    let mut probes = stream::iter(channels)
        .map(|name| {
            let commands = &commands;
            async move {
                let words: [&[u8]; 3] = [publish, name.as_bytes(), PROBE];
                let taken = commands.command::<Value>("probe", &words).await;
                (name, taken.is_ok())
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some((name, taken)) = probes.next().await {
        if let Some(channel) = shared.channels().get_mut(&name) {
            channel.probed = taken;
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::{Link, testing};

    async fn publish(link: &Link, channel: &str, message: &[u8]) {
        let words: [&[u8]; 3] = [b"PUBLISH", channel.as_bytes(), message];
        let heard: u64 = link.command("publish", &words).await.expect("it is there");
        assert!(heard > 0);
    }

    async fn next(subscription: &mut Subscription) -> Heard {
        let heard = timeout(Duration::from_secs(10), subscription.next()).await;
        heard.expect("in time").expect("the link is there")
    }

    #[tokio::test]
    async fn a_follower_for_whom_too_many_bytes_wait_is_told_of_a_gap() {
        let Some(redis) = testing::shared() else {
            return;
        };
        let (link, channel) = (redis.link(), testing::prefix());
        let mut subscription = link.subscribe(&channel).await.expect("it is there");
        let large = vec![b'x'; MESSAGE_BYTES_MAX / 2 + 1];
        for _ in 0..3 {
            publish(&link, &channel, &large).await;
        }
        // The last one has come when a small one after it is heard.
        let mut other = link.subscribe(&channel).await.expect("it is there");
        publish(&link, &channel, b"small").await;
        let small = Heard::Message(b"small".to_vec());
        while next(&mut other).await != small {}
        // Not compared by `assert_eq`, which would print them.
        let large = Heard::Message(large);
        let mut heard = Vec::new();
        while heard.last() != Some(&small) {
            heard.push(next(&mut subscription).await);
        }
        assert!(heard == [Heard::Gap, large.clone(), small]);
        // There is room again.
        let Heard::Message(message) = &large else {
            unreachable!("it is one")
        };
        publish(&link, &channel, message).await;
        assert!(next(&mut subscription).await == large);
    }

    #[tokio::test]
    async fn a_follower_for_whom_too_many_messages_wait_is_told_of_a_gap() {
        let Some(redis) = testing::shared() else {
            return;
        };
        let (link, channel) = (redis.link(), testing::prefix());
        let mut subscription = link.subscribe(&channel).await.expect("it is there");
        for n in 0..=MESSAGES_MAX {
            publish(&link, &channel, n.to_string().as_bytes()).await;
        }
        let mut heard = next(&mut subscription).await;
        while heard != Heard::Gap {
            heard = next(&mut subscription).await;
        }
    }

    #[tokio::test]
    async fn a_channel_that_nobody_follows_any_more_is_left() {
        let Some(redis) = testing::shared() else {
            return;
        };
        let (link, channel) = (redis.link(), testing::prefix());
        let followers = async || {
            let words: [&[u8]; 3] = [b"PUBSUB", b"NUMSUB", channel.as_bytes()];
            let found: (String, u64) = link.command("numsub", &words).await.expect("it is there");
            found.1
        };
        let subscription = link.subscribe(&channel).await.expect("it is there");
        assert_eq!(followers().await, 1);
        drop(subscription);
        let left = async { while followers().await > 0 {} };
        assert!(timeout(Duration::from_secs(10), left).await.is_ok());
        // And may be followed again.
        let _again = link.subscribe(&channel).await.expect("it is there");
        assert_eq!(followers().await, 1);
    }
}
