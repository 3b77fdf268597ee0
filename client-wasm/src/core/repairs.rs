//! What tabs lack and the leader's ring no longer has: asked of the server, one request at a time.

use tabwire_protocol::Position;

use super::message::TabId;

/// The most tabs that wait for the request under way. One more is not taken, and asks again later.
pub(crate) const REPAIRS_WAITING_MAX: usize = 64;

/// The requests of one session, all of its log and view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repairs {
    under_way: Option<Request>,
    waiting: Vec<(TabId, Position)>,
    references: u64,
}

/// A request_sync that the server has not answered.
#[derive(Clone, Debug)]
struct Request {
    reference: u64,
    from: Position,
    tabs: Vec<(TabId, Position)>,
}

impl Repairs {
    /// A tab lacks what comes after a position.
    pub(crate) fn add(&mut self, tab: TabId, after: Position) {
        while let Some(index) = self.waiting.iter().position(|(waiting, _)| *waiting == tab) {
            self.waiting.remove(index);
        }
        if self.waiting.len() < REPAIRS_WAITING_MAX {
            self.waiting.push((tab, after));
        }
    }

    /// The reference and position of the request to make now: all that wait are asked for together, from the lowest.
    pub(crate) fn next(&mut self) -> Option<(u64, Position)> {
        if self.under_way.is_some() {
            return None;
        }
        let from = self.waiting.iter().map(|(_, position)| *position).min()?;
        self.references += 1;
        let reference = self.references;
        let tabs = core::mem::take(&mut self.waiting);
        self.under_way = Some(Request {
            reference,
            from,
            tabs,
        });
        Some((reference, from))
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// A replay has ended: it answers a request if it has its reference.
    pub(crate) fn synced(&mut self, reference: Option<u64>) {
        self.under_way
            .take_if(|request| Some(request.reference) == reference);
    }

    /// The request of this reference cannot be served: the tabs that asked for just that. One that is further may still be
    /// served, and waits again.
    pub(crate) fn refused(&mut self, reference: u64) -> Vec<TabId> {
        let mut refused = Vec::new();
        if let Some(request) = self
            .under_way
            .take_if(|request| request.reference == reference)
        {
            for (tab, position) in request.tabs {
                if position <= request.from {
                    refused.push(tab);
                } else {
                    self.waiting.push((tab, position));
                }
            }
        }
        refused
    }

    /// The log goes on elsewhere. Positions of what was are none of what is; who still lacks something asks again.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }
}
