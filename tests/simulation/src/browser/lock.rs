//! Web Locks, for the one name of a group: a holder, a queue in the order of the requests, and thieves who need not wait.

use std::collections::VecDeque;

use tabwire_client::core::LockRequest;

use super::PageId;

/// A request of a page.
pub(crate) type Request = (PageId, LockRequest);

/// The lock of a group.
#[derive(Default)]
pub(crate) struct LockManager {
    holder: Option<Request>,
    queue: VecDeque<Request>,
}

impl LockManager {
    /// Queues a request; the one that is granted now, if any.
    pub(crate) fn request(&mut self, request: Request) -> Option<Request> {
        self.queue.push_back(request);
        self.grant()
    }

    /// Takes the lock at once, past the queue; the request that had it.
    pub(crate) fn steal(&mut self, request: Request) -> Option<Request> {
        self.holder.replace(request)
    }

    /// Gives the lock up or leaves the queue; the request that is granted now, if any.
    pub(crate) fn release(&mut self, request: Request) -> Option<Request> {
        self.end(|other| other == request)
    }

    /// The page is gone, and all it held and waited for with it.
    pub(crate) fn gone(&mut self, page: PageId) -> Option<Request> {
        self.end(|(of, _)| of == page)
    }

    pub(crate) fn is_held_by(&self, page: PageId) -> bool {
        self.holder.is_some_and(|(holder, _)| holder == page)
    }

    fn end(&mut self, ended: impl Fn(Request) -> bool) -> Option<Request> {
        self.queue.retain(|queued| !ended(*queued));
        if self.holder.is_some_and(&ended) {
            self.holder = None;
        }
        self.grant()
    }

    fn grant(&mut self) -> Option<Request> {
        if self.holder.is_some() {
            return None;
        }
        self.holder = self.queue.pop_front();
        self.holder
    }
}
