//! The app's state: fetched for a fresh tab and after a refresh, before the events that come meanwhile.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::Poll,
};

use tabwire_protocol::{Epoch, Position};

use super::error::BoxError;
use crate::core::FetchReason;

/// Why and up to where a state is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateRequest {
    /// Why.
    pub reason: FetchReason,
    /// Which log the state must be of.
    pub epoch: String,
    /// The end of the log when the request was made.
    pub head: u64,
}

/// A state, and the position it is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched<S> {
    pub(crate) state: S,
    pub(crate) position: Option<(String, u64)>,
}

impl<S> Fetched<S> {
    /// A state of which it is not known where it is: it counts as being at the request's `epoch` and `head`.
    pub fn new(state: S) -> Self {
        Self {
            state,
            position: None,
        }
    }

    /// The position that the state is at. The back end reads it (`GET /position`) *before* its database.
    ///
    /// ```
    /// # use tabwire_client::typed::Fetched;
    /// # struct Answer { orders: Vec<String>, epoch: String, last_event_id: u64 }
    /// # fn fetched(answer: Answer) -> Fetched<Vec<String>> {
    /// Fetched::new(answer.orders).at(answer.epoch, answer.last_event_id)
    /// # }
    /// ```
    #[must_use]
    pub fn at(mut self, epoch: impl Into<String>, last_event_id: u64) -> Self {
        self.position = Some((epoch.into(), last_event_id));
        self
    }

    /// The position by the types of the machine.
    pub(crate) fn parsed_position(&self) -> Result<Option<(Epoch, Position)>, BoxError> {
        let Some((epoch, last)) = &self.position else {
            return Ok(None);
        };
        Ok(Some((Epoch::new(epoch)?, Position::new(*last)?)))
    }
}

/// What came with a state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateInfo {
    /// Why it was fetched.
    pub reason: FetchReason,
    /// Which log it is of.
    pub epoch: String,
    /// Up to where it holds the events.
    pub last_event_id: u64,
}

pub(crate) type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// The fetch that is under way or whose state is not applied yet. There is at most one.
pub(crate) struct Fetch<S> {
    pub(crate) number: u32,
    pub(crate) state: Option<S>,
    pub(crate) _task: Task,
}

/// A future that runs on its own until its task is dropped.
pub(crate) struct Task(Rc<Running>);

struct Running {
    /// Not there while it is polled, nor when it has ended.
    future: RefCell<Option<LocalFuture<()>>>,
    dropped: Cell<bool>,
}

impl Task {
    pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) -> Self {
        let running = Rc::new(Running {
            future: RefCell::new(Some(Box::pin(future))),
            dropped: Cell::new(false),
        });
        let task = Self(Rc::clone(&running));
        wasm_bindgen_futures::spawn_local(poll_fn(move |context| {
            let Some(mut future) = running.future.take() else {
                return Poll::Ready(());
            };
            if future.as_mut().poll(context).is_ready() || running.dropped.get() {
                return Poll::Ready(());
            }
            running.future.replace(Some(future));
            Poll::Pending
        }));
        task
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.dropped.set(true);
        self.0.future.take();
    }
}
