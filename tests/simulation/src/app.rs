//! The app in a tab, and what it must have been given: the promise, checked after every step.

use std::collections::BTreeMap;

use tabwire_client::core::{Output, Settlement};
use tabwire_protocol::{Cursor, Epoch, Executed, Position, View};
use tabwire_server::session::cursor::{Stretch as _, Viewer};

use crate::{log::Log, raw::Raw};

/// What the app in a tab has seen.
#[derive(Debug, Default)]
pub(crate) struct App {
    /// Where the app's state is: everything of the view up to here is in it.
    at: Option<(Epoch, Position)>,
    cursor: Option<Cursor>,
    /// Whether a first cursor comes with a state. Without, the app starts where the cursor is.
    fetches_state: bool,
    /// The first cursor has come and its state has not.
    moved: bool,
    /// Results of fetches by number.
    pub(crate) states: BTreeMap<u32, (Epoch, Position)>,
    /// Commands without an answer.
    pub(crate) waiting: BTreeMap<String, ()>,
    /// Commands that were said not to have taken effect.
    pub(crate) denied: Vec<String>,
    pub(crate) applied: u64,
}

impl App {
    pub(crate) fn new(fetches_state: bool) -> Self {
        Self {
            fetches_state,
            ..Self::default()
        }
    }

    /// An app that has kept its state, with the cursor that belongs to it.
    pub(crate) fn restored(fetches_state: bool, cursor: Cursor) -> Self {
        let at = Some((cursor.epoch.clone(), cursor.last));
        Self {
            at,
            cursor: Some(cursor),
            ..Self::new(fetches_state)
        }
    }

    /// Somebody logged out: what comes next is another beginning.
    pub(crate) fn forget(&mut self) {
        self.at = None;
        self.cursor = None;
        self.moved = false;
    }

    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Takes an output that is for the app.
    pub(crate) fn take(
        &mut self,
        log: &Log,
        viewers: &BTreeMap<View, Viewer>,
        output: &Output<Raw>,
    ) -> Result<(), String> {
        match output {
            Output::Cursor(cursor) => {
                if self.cursor.is_none() && self.fetches_state {
                    self.moved = true;
                } else if self.cursor.is_none() {
                    self.at = Some((cursor.epoch.clone(), cursor.last));
                }
                self.cursor = Some(cursor.clone());
            }
            Output::ApplyState {
                number,
                epoch,
                position,
                ..
            } => {
                let Some((of, at)) = self.states.get(number) else {
                    return Err(format!("state {number} was applied and never fetched"));
                };
                // A position is a lower bound: the state may hold more. Where the app said none, it may even be of another
                // log, which the tab will soon be told of.
                if of == epoch && at < position {
                    return Err(format!(
                        "state {number} is at {at} of {of}, and was applied as {position}"
                    ));
                }
                self.at = Some((epoch.clone(), *position));
                self.moved = false;
            }
            Output::Refreshed { epoch, at, .. } => {
                self.at = Some((epoch.clone(), *at));
                self.moved = false;
            }
            Output::Deliver(events) => self.deliver(log, viewers, events)?,
            Output::Settled(id, settlement) => self.settled(log, id, settlement)?,
            _ => {}
        }
        Ok(())
    }

    fn viewer<'a>(&self, viewers: &'a BTreeMap<View, Viewer>) -> Result<&'a Viewer, String> {
        let cursor = self
            .cursor
            .as_ref()
            .ok_or("an event came before any cursor")?;
        viewers
            .get(&cursor.view)
            .ok_or_else(|| format!("no session ever had the view {}", cursor.view))
    }

    fn deliver(
        &mut self,
        log: &Log,
        viewers: &BTreeMap<View, Viewer>,
        events: &[Raw],
    ) -> Result<(), String> {
        let viewer = self.viewer(viewers)?;
        let cursor = self.cursor.clone().ok_or("events without a cursor")?;
        if self.moved {
            return Err("events came before the app's first state".into());
        }
        for event in events {
            let Raw::Event { epoch, id } = event else {
                return Err(format!("{event:?} was delivered"));
            };
            let (of, at) = self
                .at
                .clone()
                .ok_or("an event came before the app was anywhere")?;
            if *epoch != of || *epoch != cursor.epoch {
                return Err(format!(
                    "event {id} of {epoch} was delivered to a state of {of}"
                ));
            }
            if *id <= at {
                return Err(format!(
                    "event {id} was delivered although the app was at {at}: a duplicate"
                ));
            }
            let next = log.visible(&of, viewer, at, *id).next();
            if next != Some(*id) {
                return Err(format!(
                    "event {id} was delivered although the next one after {at} is {next:?}: a gap"
                ));
            }
            self.at = Some((of, *id));
            self.applied += 1;
        }
        Ok(())
    }

    /// After each step: the cursor that the app is shown says no more than what the app has.
    pub(crate) fn check(
        &mut self,
        log: &Log,
        viewers: &BTreeMap<View, Viewer>,
    ) -> Result<(), String> {
        let Some(cursor) = self.cursor.clone() else {
            return Ok(());
        };
        if !log.knows(&cursor.epoch) {
            return Err(format!(
                "the cursor is of {}, a log that never was",
                cursor.epoch
            ));
        }
        if self.moved {
            return Err("the first cursor came without the app's state".into());
        }
        let (of, at) = self.at.clone().ok_or("a cursor without a state")?;
        if of != cursor.epoch {
            return Err(format!(
                "the cursor is of {} and the app's state of {of}",
                cursor.epoch
            ));
        }
        let viewer = self.viewer(viewers)?;
        if let Some(missed) = log.visible(&of, viewer, at, cursor.last).next() {
            return Err(format!(
                "the cursor is at {} and the app at {at}: event {missed} was skipped in silence",
                cursor.last
            ));
        }
        if cursor.last < at {
            return Err(format!(
                "the cursor is at {} behind the app at {at}",
                cursor.last
            ));
        }
        // Nothing of the view lies between: the app is where the cursor is.
        self.at = Some((of, cursor.last));
        Ok(())
    }

    fn settled(&mut self, log: &Log, id: &str, settlement: &Settlement<Raw>) -> Result<(), String> {
        if self.waiting.remove(id).is_none() {
            return Err(format!("command {id} was settled twice, or never sent"));
        }
        match settlement {
            Settlement::Answered(
                Raw::Ack {
                    epoch, id: event, ..
                },
                _,
            ) => {
                if !log.effects(id).contains(&(epoch.clone(), *event)) {
                    return Err(format!(
                        "command {id} was acked as event {event} of {epoch}, which is not its"
                    ));
                }
            }
            Settlement::Answered(Raw::Nack { executed, .. }, doubt) => {
                if *executed == Executed::No && !doubt {
                    self.denied.push(id.into());
                }
            }
            Settlement::Answered(other, _) => {
                return Err(format!("command {id} was answered by {other:?}"));
            }
            Settlement::Failed(failure) => {
                if failure.executed == Executed::No {
                    self.denied.push(id.into());
                }
            }
        }
        Ok(())
    }

    /// At the end: the app is at the head of the log.
    pub(crate) fn is_at_head(
        &self,
        log: &Log,
        viewers: &BTreeMap<View, Viewer>,
    ) -> Result<(), String> {
        let bounds = log.bounds();
        let (of, at) = self.at.clone().ok_or("the app is nowhere")?;
        if of != bounds.epoch {
            return Err(format!(
                "the app is at {of} and the log at {}",
                bounds.epoch
            ));
        }
        match log
            .visible(&of, self.viewer(viewers)?, at, bounds.head)
            .next()
        {
            Some(missing) => Err(format!(
                "the app is at {at} and has never got {missing}; the head is {}",
                bounds.head
            )),
            None => Ok(()),
        }
    }
}
