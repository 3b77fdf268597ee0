//! The model of a shop's log. It remembers what a real one forgets, so that every claim of a tab can be checked.

use std::collections::BTreeMap;

use tabwire_protocol::{Epoch, Module, Position, UserId};
use tabwire_server::session::cursor::{LogBounds, Routed, Stretch, Viewer};

/// An event, as far as anybody decides by it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// What the node that appended it made of its type.
    pub(crate) module: Module,
    /// None: for everybody of the shop.
    pub(crate) only_for: Option<UserId>,
    pub(crate) command: Option<String>,
}

impl Routed for Stored {
    fn module(&self) -> &Module {
        &self.module
    }

    fn is_for(&self, user: &UserId) -> bool {
        self.only_for.as_ref().is_none_or(|only| only == user)
    }
}

/// The log that is, and all that were.
#[derive(Debug)]
pub(crate) struct Log {
    bounds: LogBounds,
    epochs: BTreeMap<String, Vec<Stored>>,
    retention: u64,
    /// How often each command took effect, by epoch: the promise is once.
    effects: BTreeMap<String, Vec<(Epoch, Position)>>,
}

impl Log {
    pub(crate) fn new(retention: u64) -> Self {
        Self {
            bounds: empty("e0"),
            epochs: BTreeMap::from([("e0".to_owned(), Vec::new())]),
            retention,
            effects: BTreeMap::new(),
        }
    }

    /// Everything is lost: another log begins.
    pub(crate) fn lose(&mut self) {
        let name = format!("e{}", self.epochs.len());
        self.bounds = empty(&name);
        self.epochs.insert(name, Vec::new());
    }

    pub(crate) fn append(&mut self, event: Stored) -> Position {
        let head = self
            .bounds
            .head
            .next()
            .expect("a run is shorter than 2^53 events");
        if let Some(command) = &event.command {
            self.effects
                .entry(command.clone())
                .or_default()
                .push((self.bounds.epoch.clone(), head));
        }
        self.epochs
            .get_mut(self.bounds.epoch.as_str())
            .expect("the log that is")
            .push(event);
        self.bounds.head = head;
        let floor =
            Position::new(head.get().saturating_sub(self.retention)).expect("below the head");
        self.bounds.floor = self.bounds.floor.max(floor);
        head
    }

    /// Everything kept grows too old.
    pub(crate) fn expire(&mut self) {
        self.bounds.floor = self.bounds.head;
    }

    pub(crate) fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    /// The log as far as somebody knows it.
    pub(crate) fn seen(&self, bounds: &LogBounds) -> Seen<'_> {
        Seen {
            log: self,
            bounds: bounds.clone(),
        }
    }

    pub(crate) fn effects(&self, command: &str) -> &[(Epoch, Position)] {
        self.effects.get(command).map_or(&[], Vec::as_slice)
    }

    /// Whether a command took effect twice in one log.
    pub(crate) fn did_twice(&self) -> Option<&str> {
        let twice = |effects: &Vec<(Epoch, Position)>| {
            (effects.iter())
                .any(|(epoch, _)| effects.iter().filter(|(of, _)| of == epoch).count() > 1)
        };
        let mut all = self.effects.iter();
        all.find(|(_, effects)| twice(effects))
            .map(|(id, _)| id.as_str())
    }

    /// The positions of a view in (after, up to], by the memory of the model.
    pub(crate) fn visible<'a>(
        &'a self,
        epoch: &Epoch,
        viewer: &'a Viewer,
        after: Position,
        up_to: Position,
    ) -> impl Iterator<Item = Position> + 'a {
        let events = &self.epochs[epoch.as_str()];
        let end = up_to.get().min(events.len() as u64);
        (after.get() + 1..=end)
            .filter(move |id| viewer.sees(&events[*id as usize - 1]))
            .map(|id| Position::new(id).expect("from the log"))
    }

    pub(crate) fn knows(&self, epoch: &Epoch) -> bool {
        self.epochs.contains_key(epoch.as_str())
    }
}

fn empty(name: &str) -> LogBounds {
    LogBounds {
        epoch: Epoch::new(name).expect("a name"),
        head: Position::ZERO,
        floor: Position::ZERO,
    }
}

/// The log as far as a node knows it.
pub(crate) struct Seen<'a> {
    log: &'a Log,
    bounds: LogBounds,
}

impl Stretch for Seen<'_> {
    type Event = Stored;

    fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    fn get(&self, position: Position) -> Option<&Stored> {
        if position <= self.bounds.floor {
            return None;
        }
        self.log.epochs[self.bounds.epoch.as_str()].get(position.get() as usize - 1)
    }
}
