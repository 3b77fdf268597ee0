//! A page with a tab of the machine and the app in it.

use std::collections::{BTreeMap, VecDeque};

use tabwire_client::core::{Coalescing, Input, Leadership, LockRequest, SocketId, State, Tab};
use tabwire_protocol::Millis;

use super::{OwnClock, Steals};
use crate::{app::App, random::Random, raw::Raw, server::Connection};

/// Names a page, for the time of a run: a reload makes another one.
pub(crate) type PageId = usize;

/// A page.
pub(crate) struct Page {
    pub(crate) browser: usize,
    pub(crate) user: usize,
    /// The place that the page has in its run: one that is opened in its stead has the same.
    pub(crate) slot: u64,
    /// How many pages were in that place before.
    pub(crate) generation: u64,
    pub(crate) tab: Tab<Raw>,
    pub(crate) app: App,
    pub(crate) random: Random,
    pub(crate) life: Life,
    /// Numbers the spells in which the page does not run, so that the end of one is not taken for another's.
    pub(crate) spell: u64,
    pub(crate) visible: bool,
    /// Since when it is visible or hidden.
    pub(crate) visible_since: Millis,
    /// When it was hidden last, and how far apart its timers fired then, in milliseconds.
    pub(crate) was_hidden: (Millis, u64),
    /// When it became visible or came back last.
    pub(crate) looks_since: Millis,
    /// Since when it runs.
    pub(crate) runs_since: Millis,
    /// Since when the page listens to the channel.
    pub(crate) listens: Option<Millis>,
    /// What it posts, and what it keeps back until its turn is over.
    pub(crate) posts: Coalescing<Raw>,
    /// Until when nothing passes on the channel from or to this page.
    pub(crate) deaf_until: Millis,
    /// When the last message to each page arrives: messages of one sender do not overtake each other.
    pub(crate) channel_at: BTreeMap<PageId, Millis>,
    /// When the page is told last of its lock: a loss is told after its grant.
    pub(crate) lock_at: Millis,
    /// The grant that the page has not been told of.
    pub(crate) granted: Option<LockRequest>,
    /// The grant that was over before the page was told of it: it is told of the loss alone.
    pub(crate) overtaken: Option<LockRequest>,
    /// The connection behind the socket that is not closed.
    pub(crate) socket: Option<(SocketId, Connection)>,
    /// What happened while the page did not run: it is told on waking up.
    pub(crate) backlog: Backlog,
    pub(crate) timer: Option<Armed>,
    /// The lock was taken from this request, and the page has not been told.
    pub(crate) losing: Option<LockRequest>,
    pub(crate) reign: Option<Leadership>,
    pub(crate) steals: Steals,
    pub(crate) clock: OwnClock,
    /// When its socket brought something last.
    pub(crate) brought_at: Millis,
    /// Since when nothing can come to this page.
    pub(crate) silent_since: Option<Millis>,
    /// Since when it cannot hear a page that leads and runs.
    pub(crate) leaderless_since: Option<Millis>,
    /// What the app is shown, and since when.
    pub(crate) shows: (State, Millis),
}

/// Whether the page runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Runs,
    /// Its main thread is busy: all waits.
    Busy,
    /// Frozen, or in the back-forward cache, and told so before.
    Away,
    /// Frozen without a word: no timer, no socket, but what other tabs say is heard and answered.
    Frozen,
    /// Suspended without a word: nothing, and what other tabs say is lost.
    Suspended,
    /// Closed, crashed or reloaded.
    Gone,
}

/// A timer of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Armed {
    /// Which one, so that an older one is not taken for it.
    pub(crate) number: u64,
    /// What the machine asked for, by the page's time.
    pub(crate) time: Millis,
    /// When it would fire if nothing held it back.
    pub(crate) due: Millis,
    /// It should have fired while the page did not run.
    pub(crate) overdue: bool,
}

/// Where an input comes from. Inputs of one source come in order; sources are not ordered against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Page,
    Socket,
    Host,
    Channel,
    Lock,
}

impl Source {
    pub(crate) fn of(input: &Input<Raw>) -> Self {
        match input {
            Input::Message(_) => Self::Channel,
            Input::SocketOpen(_)
            | Input::SocketFrame(..)
            | Input::SocketNoise(_)
            | Input::SocketClosed(..) => Self::Socket,
            Input::LockGranted(_) | Input::LockLost(_) | Input::LockRefused(_) => Self::Lock,
            Input::Token(..)
            | Input::TokenFailed(_)
            | Input::StateFetched(..)
            | Input::StateFailed(_)
            | Input::Send(_)
            | Input::Reconnect
            | Input::Close
            | Input::Logout => Self::Host,
            Input::Start
            | Input::Tick
            | Input::Hide
            | Input::Show
            | Input::Visible(_)
            | Input::Online => Self::Page,
        }
    }
}

/// What happened while the page did not run.
#[derive(Default)]
pub(crate) struct Backlog(BTreeMap<Source, VecDeque<Input<Raw>>>);

impl Backlog {
    pub(crate) fn push(&mut self, input: Input<Raw>) {
        let queue = self.0.entry(Source::of(&input)).or_default();
        queue.push_back(input);
    }

    pub(crate) fn has(&self, source: Source) -> bool {
        self.0.contains_key(&source)
    }

    pub(crate) fn sources(&self) -> Vec<Source> {
        self.0.keys().copied().collect()
    }

    pub(crate) fn pop(&mut self, source: Source) -> Option<Input<Raw>> {
        let queue = self.0.get_mut(&source)?;
        let input = queue.pop_front();
        if queue.is_empty() {
            self.0.remove(&source);
        }
        input
    }

    /// What other tabs said is lost.
    pub(crate) fn drop_messages(&mut self) {
        self.0.remove(&Source::Channel);
    }
}
