//! What was published, to whom, and what the server promised about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A user of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user.
    pub user: String,
    /// The shop.
    pub shop: String,
    /// What the user may see of it.
    pub modules: Vec<&'static str>,
}

/// One event that the publisher made up. Its serial, which the payload carries, is its place in the ledger.
#[derive(Clone, Debug)]
pub struct Published {
    /// The module of its type.
    pub module: &'static str,
    /// The one user it is addressed to; none: everybody.
    pub to: Option<String>,
    /// Who made it: one of the publisher's loops, or a client, counted from [`CLIENTS_FROM`] on.
    pub by: usize,
    /// Where it stands, as the server said: epoch and id. None: it was never said, so it may stand anywhere, or nowhere.
    pub acked: Option<(String, u64)>,
    /// Whether the server said that it will never stand anywhere.
    pub refused: bool,
}

/// Where the numbers of clients begin among those who make events.
pub const CLIENTS_FROM: usize = 1_000;

impl Published {
    /// Whether this user is to get it.
    pub fn is_for(&self, who: &Who) -> bool {
        who.modules.contains(&self.module) && self.to.as_ref().is_none_or(|to| *to == who.user)
    }
}

/// All of them, in the order in which they were made up.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<Published>>>);

impl Ledger {
    /// An event that is going to be published; its serial.
    pub fn add(&self, event: Published) -> u64 {
        let mut events = self.all();
        events.push(event);
        events.len() as u64 - 1
    }

    /// What the server said about it.
    pub fn acked(&self, serial: u64, epoch: String, id: u64) {
        self.all()[serial as usize].acked = Some((epoch, id));
    }

    /// The server said that it was not taken, and will not be.
    pub fn refused(&self, serial: u64) {
        self.all()[serial as usize].refused = true;
    }

    /// The serial of the next one.
    pub fn next(&self) -> u64 {
        self.all().len() as u64
    }

    /// How many the server promised.
    pub fn count_acked(&self) -> usize {
        self.all()
            .iter()
            .filter(|event| event.acked.is_some())
            .count()
    }

    /// A copy.
    pub fn events(&self) -> Vec<Published> {
        self.all().clone()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Published>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The logs as the acks and all deliveries together tell them: epoch, then id, then serial. There is more than one serial only where a
/// log was put back to what it had been and written on.
pub type Logs = BTreeMap<String, BTreeMap<u64, BTreeSet<u64>>>;
