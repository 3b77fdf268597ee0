//! The connections to Redis: one server, one behind Sentinels, or a cluster of them.
//!
//! Nothing is decided here. A `Link` runs scripts and commands, and follows channels; what is lost on the way it says: a call
//! that failed says whether it can have taken effect, a subscription that missed something says so. The crate `redis` is used in
//! this folder and nowhere else.

mod commands;
mod subscriptions;
#[cfg(feature = "test-util")]
pub mod testing;
mod topology;

use std::{sync::Arc, time::Duration};

use prometheus_client::metrics::{
    counter::Counter,
    family::Family,
    histogram::{Histogram, exponential_buckets},
};
pub(crate) use redis::{FromRedisValue, Script};

use self::{commands::Commands, subscriptions::Subscriptions};
pub(crate) use self::{
    subscriptions::{Heard, Subscription},
    topology::Topology,
};

/// The connections of a node.
#[derive(Clone)]
pub(crate) struct Link {
    commands: Arc<Commands>,
    subscriptions: Arc<Subscriptions>,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// It has not been run and will not be.
    #[error("redis: {0}")]
    NotRun(String),
    /// It was sent and no answer came: it may have been run, and may still be.
    #[error("redis: {0}")]
    Unknown(String),
}

/// What is counted of a link.
#[derive(Clone, Debug)]
pub(crate) struct LinkMetrics {
    /// Calls by what they do.
    pub(crate) calls: Family<[(&'static str, &'static str); 1], Counter>,
    /// How long the calls took that were answered.
    pub(crate) seconds: Family<[(&'static str, &'static str); 1], Histogram>,
    /// Calls that failed, by whether they can have taken effect.
    pub(crate) errors: Family<[(&'static str, &'static str); 1], Counter>,
    /// Connections made, by what for.
    pub(crate) connects: Family<[(&'static str, &'static str); 1], Counter>,
    /// Subscriptions that gave no sign of life and were made anew.
    pub(crate) deaf: Counter,
}

impl Default for LinkMetrics {
    fn default() -> Self {
        // From a quarter of a millisecond, which is a Redis in the same rack, to four seconds.
        let seconds = || Histogram::new(exponential_buckets(0.000_25, 4.0, 8));
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            errors: Family::default(),
            connects: Family::default(),
            deaf: Counter::default(),
        }
    }
}

/// How patient a link is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How long a call, or a connection being made, may take.
    pub(crate) timeout: Duration,
    /// How often some of the subscriptions that hear nothing are probed.
    pub(crate) probe: Duration,
    /// In how many rounds of that each of them is, when there are many.
    pub(crate) rounds: u64,
}

impl Link {
    /// A link that connects when it is used. Must be called within a runtime.
    pub(crate) fn new(topology: Topology, patience: Patience, metrics: LinkMetrics) -> Self {
        let topology = Arc::new(topology);
        let commands = Commands::new(Arc::clone(&topology), patience.timeout, metrics.clone());
        let commands = Arc::new(commands);
        let subscriptions = Subscriptions::new(topology, Arc::clone(&commands), patience, metrics);
        Self {
            commands,
            subscriptions,
        }
    }

    /// Runs a script. `what` is its name among the metrics.
    ///
    /// # Errors
    /// When it was not run, or nobody knows.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        what: &'static str,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<T, LinkError> {
        self.commands.run(what, script, keys, args).await
    }

    /// Runs one command. `what` is its name among the metrics.
    ///
    /// # Errors
    /// When it was not run, or nobody knows.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        what: &'static str,
        words: &[&[u8]],
    ) -> Result<T, LinkError> {
        self.commands.command(what, words).await
    }

    /// Follows a channel from now on.
    ///
    /// # Errors
    /// When the subscription was not confirmed in time.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<Subscription, LinkError> {
        self.subscriptions.subscribe(channel).await
    }

    /// The command that publishes to channels that [`Self::subscribe`] follows, for scripts.
    pub(crate) fn publish_command(&self) -> &'static str {
        self.commands.topology.publish_command()
    }

    /// Whether a call may be run twice by the library itself, when a connection broke in the middle of it.
    pub(crate) fn repeats(&self) -> bool {
        self.commands.topology.is_cluster()
    }

    /// What is missing for this link to be of use, if anything is.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.commands
            .complaint()
            .or_else(|| self.subscriptions.complaint())
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({:?})", self.commands.topology)
    }
}
