//! The model of a shop's log. It remembers what a real one forgets, so that every claim of a tab can be checked.

use std::collections::BTreeMap;

use tabwire_protocol::{Epoch, Module, Position, UserId};
use tabwire_server::session::cursor::{LogBounds, Routed, Stretch, Viewer};

/// An event, as far as anybody decides by it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
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
        let epoch = Epoch::new("e0").expect("a name");
        let epochs = BTreeMap::from([("e0".to_owned(), Vec::new())]);
        let bounds = LogBounds {
            epoch,
            head: Position::ZERO,
            floor: Position::ZERO,
        };
        Self {
            bounds,
            epochs,
            retention,
            effects: BTreeMap::new(),
        }
    }

    /// Everything is lost: another log begins.
    pub(crate) fn lose(&mut self) {
        let name = format!("e{}", self.epochs.len());
        self.epochs.insert(name.clone(), Vec::new());
        let epoch = Epoch::new(&name).expect("a name");
        self.bounds = LogBounds {
            epoch,
            head: Position::ZERO,
            floor: Position::ZERO,
        };
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

    pub(crate) fn effects(&self, command: &str) -> &[(Epoch, Position)] {
        self.effects.get(command).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn all_effects(&self) -> impl Iterator<Item = (&String, &Vec<(Epoch, Position)>)> {
        self.effects.iter()
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
        (after.get() + 1..=up_to.get())
            .filter(move |id| {
                events
                    .get(*id as usize - 1)
                    .is_some_and(|event| viewer.sees(event))
            })
            .map(|id| Position::new(id).expect("from the log"))
    }

    pub(crate) fn knows(&self, epoch: &Epoch) -> bool {
        self.epochs.contains_key(epoch.as_str())
    }
}

impl Stretch for Log {
    type Event = Stored;

    fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    fn get(&self, position: Position) -> Option<&Stored> {
        if position <= self.bounds.floor {
            return None;
        }
        self.epochs[self.bounds.epoch.as_str()].get(position.get() as usize - 1)
    }
}
