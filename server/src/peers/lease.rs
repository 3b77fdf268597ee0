//! A node's lease: a key that is there while it lives.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    clock,
    redis::{Link, LinkError, Script},
};

/// How often a lease is renewed while it lasts.
const RENEWALS: u32 = 3;

/// The lease of this node.
#[derive(Debug)]
pub(super) struct Lease {
    link: Link,
    key: String,
    lasts: Duration,
    hold: Script,
    /// Which run of Redis held it last.
    run: Mutex<Option<String>>,
}

impl Lease {
    /// A lease that lasts so long and is not held yet.
    pub(super) fn new(link: Link, key: String, lasts: Duration) -> Self {
        Self {
            link,
            key,
            lasts,
            hold: Script::new(include_str!("lease.lua")),
            run: Mutex::default(),
        }
    }

    /// Renews it until this is dropped, and calls `on_loss` when it was lost, or Redis is another than before: what else it knew may
    /// be lost, too.
    pub(super) async fn run(&self, on_loss: impl Fn()) {
        loop {
            match self.hold().await {
                Ok(true) => {}
                Ok(false) => on_loss(),
                Err(error) => tracing::debug!(%error, "the lease is not renewed"),
            }
            sleep(self.lasts / RENEWALS).await;
        }
    }

    /// Holds it from now on. False: not for all of the time since it was held last.
    ///
    /// # Errors
    /// When Redis can't be asked.
    pub(super) async fn hold(&self) -> Result<bool, LinkError> {
        let lasts = clock::millis(self.lasts).max(1).to_string();
        let (keys, args): ([&str; 1], [&[u8]; 1]) = ([&self.key], [lasts.as_bytes()]);
        let (was_held, run): (String, String) =
            self.link.run("lease", &self.hold, &keys, &args).await?;
        let run = Some(run);
        let mut before = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = *before == run;
        *before = run;
        Ok(is_same && was_held == "1")
    }

    /// Whether a lease is held.
    ///
    /// # Errors
    /// When Redis can't be asked.
    pub(super) async fn is_held(&self, key: &str) -> Result<bool, LinkError> {
        let words: [&[u8]; 2] = [b"EXISTS", key.as_bytes()];
        self.link.command("lease", &words).await
    }

    /// Holds it no longer. When that fails, it ends by itself.
    pub(super) async fn give_up(&self) {
        let words: [&[u8]; 2] = [b"DEL", self.key.as_bytes()];
        if let Err(error) = self.link.command::<u64>("lease", &words).await {
            tracing::debug!(%error, "the lease ends by itself");
        }
    }
}
