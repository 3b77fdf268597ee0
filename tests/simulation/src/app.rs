//! The app in a tab, and what it must have been given: the promise, checked after every step.

use std::collections::{BTreeMap, BTreeSet};

use tabwire_client::core::{Output, Settlement};
use tabwire_protocol::{Cursor, Epoch, Executed, Position, RawJson, UserId, View};
use tabwire_server::session::cursor::Viewer;

use crate::{log::Log, raw::Raw};

/// What the app's promises are checked by.
#[derive(Clone, Copy)]
pub(crate) struct Truth<'a> {
    pub(crate) log: &'a Log,
    /// Every view that any session had.
    pub(crate) viewers: &'a BTreeMap<View, Viewer>,
}

/// What the app in a tab has seen.
#[derive(Debug)]
pub(crate) struct App {
    user: UserId,
    /// What its state depends on besides the view, where tabs share it.
    pub(crate) state_key: Option<String>,
    /// Where the app's state is: everything of the view up to here is in it.
    at: Option<(Epoch, Position)>,
    cursor: Option<Cursor>,
    /// Whether a first cursor comes with a state. Without, the app starts where the cursor is.
    pub(crate) fetches_state: bool,
    /// The first cursor has come and its state has not.
    moved: bool,
    /// Results of fetches by number.
    pub(crate) states: BTreeMap<u32, (Epoch, Position)>,
    /// Commands without an answer.
    pub(crate) waiting: BTreeSet<String>,
    /// Commands that were said not to have taken effect.
    pub(crate) denied: Vec<String>,
    /// Commands that were said to have taken effect.
    pub(crate) acked: BTreeSet<String>,
    pub(crate) applied: u64,
}

impl App {
    pub(crate) fn new(user: UserId, state_key: Option<String>, fetches_state: bool) -> Self {
        Self {
            user,
            state_key,
            at: None,
            cursor: None,
            fetches_state,
            moved: false,
            states: BTreeMap::new(),
            waiting: BTreeSet::new(),
            denied: Vec::new(),
            acked: BTreeSet::new(),
            applied: 0,
        }
    }

    /// What a page that is opened again has kept of this one: the state and the cursor that belongs to it.
    pub(crate) fn kept(&self) -> Option<Self> {
        let cursor = self.cursor.clone()?;
        Some(Self {
            at: Some((cursor.epoch.clone(), cursor.last)),
            cursor: Some(cursor),
            ..self.forgetful()
        })
    }

    /// The same, ahead of where this one is: the log that it is of has forgotten so many events.
    pub(crate) fn kept_ahead(&self, head: Position, by: u64) -> Option<Self> {
        let mut kept = self.kept()?;
        let last = Position::new(head.get() + by).expect("a run is short");
        kept.at = kept.at.map(|(epoch, _)| (epoch, last));
        kept.cursor = kept.cursor.map(|cursor| Cursor { last, ..cursor });
        Some(kept)
    }

    /// A page that is opened again and has kept nothing.
    pub(crate) fn forgetful(&self) -> Self {
        Self::new(
            self.user.clone(),
            self.state_key.clone(),
            self.fetches_state,
        )
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

    /// Takes an output that is for the app. `view` is the one the tab has come to.
    pub(crate) fn take(
        &mut self,
        truth: Truth<'_>,
        view: Option<&View>,
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
                shared,
                ..
            } => {
                let (of, at) = match shared {
                    Some(json) => self.read_shared(view, json)?,
                    None => (self.states.get(number).cloned())
                        .ok_or_else(|| format!("state {number} was applied and never fetched"))?,
                };
                // A position is a lower bound: the state may hold more. Where the app said none, it may even be of another
                // log, which the tab will soon be told of.
                if of == *epoch && at < *position {
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
            Output::Deliver(events) => self.deliver(truth, events)?,
            Output::Settled(id, settlement) => self.settled(truth.log, id, settlement)?,
            _ => {}
        }
        Ok(())
    }

    /// A state as other tabs get it: what it is of, as JSON.
    pub(crate) fn share(&self, view: &View, epoch: &Epoch, at: Position) -> Option<RawJson> {
        let key = self.state_key.as_ref()?;
        let text = format!("\"{} {key} {view} {epoch} {at}\"", self.user);
        Some(RawJson::new(&text).expect("a string of names and a number"))
    }

    fn read_shared(
        &self,
        view: Option<&View>,
        json: &RawJson,
    ) -> Result<(Epoch, Position), String> {
        let parts: Vec<&str> = json.as_str().trim_matches('"').split(' ').collect();
        let [user, key, of, epoch, at] = parts[..] else {
            return Err(format!("{} was applied as a state", json.as_str()));
        };
        if user != self.user.as_str() || Some(key) != self.state_key.as_deref() {
            return Err(format!("the state of {user} for {key} was applied here"));
        }
        if Some(of) != view.map(View::as_str) {
            return Err(format!("a state of the view {of} was applied in {view:?}"));
        }
        let at = at.parse().ok().and_then(|at| Position::new(at).ok());
        let epoch = Epoch::new(epoch).ok();
        epoch
            .zip(at)
            .ok_or_else(|| "a state that no app made".into())
    }

    fn viewer<'a>(&self, truth: Truth<'a>) -> Result<&'a Viewer, String> {
        let cursor = self
            .cursor
            .as_ref()
            .ok_or("an event came before any cursor")?;
        (truth.viewers)
            .get(&cursor.view)
            .ok_or_else(|| format!("no session ever had the view {}", cursor.view))
    }

    fn deliver(&mut self, truth: Truth<'_>, events: &[Raw]) -> Result<(), String> {
        let viewer = self.viewer(truth)?;
        let cursor = self.cursor.clone().ok_or("events without a cursor")?;
        if self.moved {
            return Err("events came before the app's first state".into());
        }
        for event in events {
            let Raw::Event {
                epoch,
                id,
                view,
                user,
            } = event
            else {
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
            if *view != cursor.view || *user != self.user {
                return Err(format!(
                    "event {id} was written for {user} and the view {view}, and delivered to {} and {}",
                    self.user, cursor.view
                ));
            }
            if *id <= at {
                return Err(format!(
                    "event {id} was delivered although the app was at {at}: a duplicate"
                ));
            }
            let next = truth.log.visible(&of, viewer, at, *id).next();
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
    pub(crate) fn check(&mut self, truth: Truth<'_>) -> Result<(), String> {
        let Some(cursor) = &self.cursor else {
            return Ok(());
        };
        if !truth.log.knows(&cursor.epoch) {
            return Err(format!(
                "the cursor is of {}, a log that never was",
                cursor.epoch
            ));
        }
        if self.moved {
            return Err("the first cursor came without the app's state".into());
        }
        let (of, at) = self.at.as_ref().ok_or("a cursor without a state")?;
        if *of != cursor.epoch {
            return Err(format!(
                "the cursor is of {} and the app's state of {of}",
                cursor.epoch
            ));
        }
        if *at == cursor.last {
            return Ok(());
        }
        let viewer = self.viewer(truth)?;
        if let Some(missed) = truth.log.visible(of, viewer, *at, cursor.last).next() {
            return Err(format!(
                "the cursor is at {} and the app at {at}: event {missed} was skipped in silence",
                cursor.last
            ));
        }
        if cursor.last < *at {
            return Err(format!(
                "the cursor is at {} behind the app at {at}",
                cursor.last
            ));
        }
        // Nothing of the view lies between: the app is where the cursor is.
        self.at = Some((of.clone(), cursor.last));
        Ok(())
    }

    fn settled(&mut self, log: &Log, id: &str, settlement: &Settlement<Raw>) -> Result<(), String> {
        if !self.waiting.remove(id) {
            return Err(format!("command {id} was settled twice, or never sent"));
        }
        match settlement {
            Settlement::Answered(Raw::Ack { epoch, id: event }, _) => {
                if !log.effects(id).contains(&(epoch.clone(), *event)) {
                    return Err(format!(
                        "command {id} was acked as event {event} of {epoch}, which is not its"
                    ));
                }
                self.acked.insert(id.into());
            }
            Settlement::Answered(Raw::Nack { executed }, doubt) => {
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
    pub(crate) fn is_at_head(&self, truth: Truth<'_>) -> Result<(), String> {
        let bounds = truth.log.bounds();
        let (of, at) = self.at.clone().ok_or("the app is nowhere")?;
        if of != bounds.epoch {
            return Err(format!(
                "the app is at {of} and the log at {}",
                bounds.epoch
            ));
        }
        let viewer = self.viewer(truth)?;
        match truth.log.visible(&of, viewer, at, bounds.head).next() {
            Some(missing) => Err(format!(
                "the app is at {at} and has never got {missing}; the head is {}",
                bounds.head
            )),
            None => Ok(()),
        }
    }
}
