//! Appends that come while a call for their shop is under way wait for it, and go together with the next: a busy shop costs Redis one
//! call for many events, and in a quiet one nobody waits.
//!
//! A line is as long as there are requests that publish and sessions with a command: each waits for the answer to its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tabwire_protocol::{Millis, ShopId};
use tokio::sync::oneshot;

use super::{AppendError, Key, LogUnavailable, NewEvent, Receipt, call_of};

/// The lines of all shops in which a call is under way.
#[derive(Debug, Default)]
pub(super) struct Lines {
    // A std lock: held for an operation, never across an await.
    open: Mutex<HashMap<ShopId, Vec<Waiting>>>,
}

/// An append in line.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) event: NewEvent,
    key: Option<(String, Option<Millis>)>,
    pub(super) answer: oneshot::Sender<Result<Receipt, AppendError>>,
}

impl Waiting {
    /// An append, and where its outcome comes.
    pub(super) fn new(
        event: NewEvent,
        key: Option<Key<'_>>,
    ) -> (Self, oneshot::Receiver<Result<Receipt, AppendError>>) {
        let (answer, outcome) = oneshot::channel();
        let key = key.map(|key| (key.name.to_owned(), key.until));
        (Self { event, key, answer }, outcome)
    }

    pub(super) fn key(&self) -> Option<Key<'_>> {
        let (name, until) = self.key.as_ref()?;
        Some(Key {
            name,
            until: *until,
        })
    }
}

impl Lines {
    /// Puts an append into the line of its shop. Some: nobody serves that line yet, and whoever gets this has to.
    pub(super) fn join(self: &Arc<Self>, shop: &ShopId, waiting: Waiting) -> Option<Service> {
        let mut open = self.open();
        if let Some(line) = open.get_mut(shop) {
            line.push(waiting);
            return None;
        }
        open.insert(shop.clone(), vec![waiting]);
        Some(Service {
            lines: Arc::clone(self),
            shop: shop.clone(),
            has_ended: false,
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<ShopId, Vec<Waiting>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service of a shop's line. When it is dropped before the end, nobody is left waiting.
#[derive(Debug)]
pub(super) struct Service {
    lines: Arc<Lines>,
    shop: ShopId,
    has_ended: bool,
}

impl Service {
    /// Those who are next. None: nobody waits any more, and who comes from now on begins a line anew.
    pub(super) fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut open = self.lines.open();
        let line = open.get_mut(&self.shop)?;
        if line.is_empty() {
            open.remove(&self.shop);
            self.has_ended = true;
            return None;
        }
        let payloads = line.iter().map(|waiting| &waiting.event.payload);
        let later = line.split_off(call_of(payloads));
        Some(std::mem::replace(line, later))
    }

    /// Sends all who wait away: the call before theirs has failed, and so would theirs, each after a while.
    pub(super) fn refuse(&self, error: &AppendError) {
        let line = self.lines.open().get_mut(&self.shop).map(std::mem::take);
        for waiting in line.into_iter().flatten() {
            let error = LogUnavailable(format!("the append before it failed: {error}"));
            // Who asked may have gone.
            let _ = waiting.answer.send(Err(error.into()));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.has_ended {
            self.lines.open().remove(&self.shop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::conformance::{event, shop};

    type Outcome = oneshot::Receiver<Result<Receipt, AppendError>>;

    fn join(lines: &Arc<Lines>, payload: &str) -> (Option<Service>, Outcome) {
        let (waiting, outcome) = Waiting::new(event(payload), Some(Key::new("k")));
        (lines.join(&shop("s"), waiting), outcome)
    }

    fn payloads(group: &[Waiting]) -> Vec<&str> {
        let group = group.iter();
        group
            .map(|waiting| waiting.event.payload.as_str())
            .collect()
    }

    #[test]
    fn those_who_come_while_one_is_served_are_next_together() {
        let lines = Arc::new(Lines::default());
        let (service, _one) = join(&lines, "1");
        let mut service = service.expect("the line was empty");
        let group = service.next().expect("one waits");
        assert_eq!(payloads(&group), ["1"]);
        assert_eq!(group[0].key(), Some(Key::new("k")));
        for payload in ["2", "3"] {
            assert!(join(&lines, payload).0.is_none());
        }
        assert_eq!(payloads(&service.next().expect("two wait")), ["2", "3"]);
        assert!(service.next().is_none());
        // The next one begins a line that the end of the first does not touch.
        let (next, _four) = join(&lines, "4");
        drop(service);
        assert!(next.is_some_and(|mut next| next.next().is_some()));
        assert!(lines.open().is_empty());
    }

    #[test]
    fn those_who_wait_when_a_call_fails_are_told_that_theirs_was_not_made() {
        let lines = Arc::new(Lines::default());
        let (service, _one) = join(&lines, "1");
        let mut service = service.expect("the line was empty");
        let _under_way = service.next();
        let (_, mut two) = join(&lines, "2");
        service.refuse(&AppendError::Unknown("no answer in time".to_owned()));
        let told = two.try_recv().expect("it was told");
        assert!(matches!(told, Err(AppendError::Unavailable(_))), "{told:?}");
        // Who comes now is served as before.
        let (_, _three) = join(&lines, "3");
        assert_eq!(payloads(&service.next().expect("one waits")), ["3"]);
    }

    #[test]
    fn nobody_waits_for_a_service_that_has_gone() {
        let lines = Arc::new(Lines::default());
        let (service, mut one) = join(&lines, "1");
        drop(service);
        assert!(one.try_recv().is_err());
        assert!(join(&lines, "2").0.is_some());
    }
}
