//! The model of a browser profile: its lock, its storage, and the pages that are open.

use std::collections::VecDeque;

use tabwire_client::core::{Input, LockRequest, SocketId, Tab};
use tabwire_protocol::Millis;

use crate::{app::App, raw::Raw, server::Connection};

/// Names a page, for the time of a run: a reload makes another one.
pub(crate) type PageId = usize;

/// A browser profile.
#[derive(Default)]
pub(crate) struct Browser {
    /// What localStorage remembers.
    pub(crate) term: u64,
    pub(crate) lock: LockManager,
}

/// Web Locks, for the one name that matters: a holder, and a queue in the order of the requests.
#[derive(Default)]
pub(crate) struct LockManager {
    holder: Option<Request>,
    queue: VecDeque<Request>,
}

/// A request of a page.
type Request = (PageId, LockRequest);

impl LockManager {
    /// Queues a request; the one that is granted now, if any.
    pub(crate) fn request(&mut self, request: Request) -> Option<Request> {
        self.queue.push_back(request);
        self.grant()
    }

    /// Gives the lock up or leaves the queue; the request that is granted now, if any.
    pub(crate) fn release(&mut self, request: Request) -> Option<Request> {
        self.end(|other| other == request)
    }

    /// The page is gone, and all it held and waited for with it.
    pub(crate) fn gone(&mut self, page: PageId) -> Option<Request> {
        self.end(|(of, _)| of == page)
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

/// A page with a tab of the machine and the app in it.
pub(crate) struct Page {
    pub(crate) browser: usize,
    pub(crate) tab: Tab<Raw>,
    pub(crate) app: App,
    /// Since when the page listens to the channel.
    pub(crate) listens: Option<Millis>,
    /// The connection behind each socket that is not closed.
    pub(crate) socket: Option<(SocketId, Connection)>,
    pub(crate) life: Life,
    /// What happened while the page did not run: it is told on waking up, in order.
    pub(crate) backlog: VecDeque<Input<Raw>>,
    /// Which timer is set, so that an older one is not taken for it.
    pub(crate) timer: Option<Millis>,
    pub(crate) led: u64,
}

/// Whether the page runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Runs,
    /// Frozen or in the back-forward cache: nothing runs until it is back.
    Frozen,
    /// Its main thread is busy.
    Busy,
    /// Closed, crashed or reloaded.
    Gone,
}
