//! What a session writes next: a cursor into its shop's log, and nothing else.
//!
//! No socket, no clock and no log is held here. One loop serves a fresh start, a replay, a `request_sync` and a slow reader alike:
//! ask [`SessionCursor::next`] until it has nothing, write what it says, wait until the log has grown, ask again. A
//! `request_sync` only lowers the position the loop reads from.
//!
//! ```
//! # use std::collections::BTreeSet;
//! use tabwire_protocol::{Epoch, Module, Position, Resume, ShopId, UserId};
//! use tabwire_server::session::cursor::{LogBounds, Output, Routed, SessionCursor, Stretch, Viewer};
//!
//! /// An event of the log; this one is for everybody with its module.
//! struct Stored(Module);
//!
//! impl Routed for Stored {
//!     fn module(&self) -> &Module {
//!         &self.0
//!     }
//!     fn is_for(&self, _: &UserId) -> bool {
//!         true
//!     }
//! }
//!
//! /// A log that keeps everything: the event at position n has the index n - 1.
//! struct Log(LogBounds, Vec<Stored>);
//!
//! impl Stretch for Log {
//!     type Event = Stored;
//!     fn bounds(&self) -> &LogBounds {
//!         &self.0
//!     }
//!     fn get(&self, position: Position) -> Option<&Stored> {
//!         self.1.get(usize::try_from(position.get()).ok()?.checked_sub(1)?)
//!     }
//! }
//!
//! let orders = Module::new("orders")?;
//! let epoch = Epoch::new("9f2c64d1")?;
//! let mut log = Log(LogBounds { epoch, head: Position::ZERO, floor: Position::ZERO }, vec![]);
//!
//! let viewer = Viewer::new(&ShopId::new("s_1")?, UserId::new("u_101")?, BTreeSet::from([orders.clone()]));
//! let opened = SessionCursor::open(None, viewer, &log, 5_000);
//! assert_eq!(opened.resume, Resume::Fresh);
//!
//! let mut session = opened.cursor;
//! assert!(session.next(&log).is_none()); // now wait until the log has grown
//! log.1.push(Stored(orders));
//! log.0.head = Position::new(1)?;
//! assert!(matches!(session.next(&log), Some(Output::Event { id, .. }) if id == log.0.head));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{collections::BTreeSet, sync::Arc};

use tabwire_protocol::{
    Cursor, Epoch, FullRefresh, Module, Position, RefreshReason, Resume, ShopId, Synced, UserId,
    View,
};

use crate::fnv::fingerprint;

/// Where a log begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// Which log.
    pub epoch: Epoch,
    /// The position of the newest event, kept or not.
    pub head: Position,
    /// The position before the oldest event that is kept. Equal to `head` when none is: a cursor at the head is good even then.
    pub floor: Position,
}

/// A stretch of a log without holes: the events after its floor, as far as they are at hand.
pub trait Stretch {
    /// An event of the log.
    type Event: Routed;

    /// Where the log begins and ends.
    fn bounds(&self) -> &LogBounds;

    /// The event at a position after the floor. None when it isn't at hand: the session then waits for another stretch.
    fn get(&self, position: Position) -> Option<&Self::Event>;
}

/// An event as routing sees it.
pub trait Routed {
    /// The module that was resolved when the event was appended.
    fn module(&self) -> &Module;

    /// Whether the event is addressed to this user of the shop.
    fn is_for(&self, user: &UserId) -> bool;
}

/// Who looks at the log, and what of it is theirs to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    user: UserId,
    modules: Arc<BTreeSet<Module>>,
    view: View,
}

impl Viewer {
    /// A user of a shop, entitled to some modules.
    pub fn new(shop: &ShopId, user: UserId, modules: impl Into<Arc<BTreeSet<Module>>>) -> Self {
        let modules = modules.into();
        let view = view_name(shop, &user, &modules);
        Self {
            user,
            modules,
            view,
        }
    }

    /// The name of the view. The same shop, user and modules have the same name on every node and in every version.
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The modules the viewer is entitled to.
    pub fn modules(&self) -> &BTreeSet<Module> {
        &self.modules
    }

    /// Whether an event is of this view.
    pub fn sees(&self, event: &impl Routed) -> bool {
        self.modules.contains(event.module()) && event.is_for(&self.user)
    }
}

/// The decisions of one session.
#[derive(Clone, Debug)]
pub struct SessionCursor {
    viewer: Viewer,
    epoch: Epoch,
    /// Everything of the view up to here has been written.
    position: Position,
    /// The position of the cursor-moving frame written last, or of the cursor that was accepted.
    prev: Position,
    pending: Option<Pending>,
}

/// A replay that owes a `synced`.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// The head when it was asked for: what came later is not part of the replay, so that a busy log can't keep it from ending.
    until: Position,
    reference: Option<u64>,
}

/// A session as it begins.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The session.
    pub cursor: SessionCursor,
    /// What the `welcome` says comes next.
    pub resume: Resume,
    /// Where the `welcome` says live frames start.
    pub at: Position,
    /// The frame that follows the `welcome`, for [`Resume::FullRefresh`].
    pub refresh: Option<Refresh>,
}

/// What a session is to write.
#[derive(Clone, Debug)]
pub enum Output<'s, E> {
    /// An event of the view.
    Event {
        /// Its position.
        id: Position,
        /// The position of the cursor-moving frame written before.
        prev: Position,
        /// The event.
        event: &'s E,
    },
    /// The end of a replay.
    Synced(Synced),
    /// The session goes on from `at`; what lies before it will not be sent.
    FullRefresh(Refresh),
}

/// A `full_refresh`, but for how long clients are to spread their fetches: that depends on how many are told the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Why.
    pub reason: RefreshReason,
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// Where live frames start.
    pub at: Position,
    /// The `ref` of the request that this answers.
    pub reference: Option<u64>,
}

impl Refresh {
    /// The frame.
    pub fn frame(self, spread_ms: u64) -> FullRefresh {
        FullRefresh {
            reason: self.reason,
            epoch: self.epoch,
            view: self.view,
            at: self.at,
            reference: self.reference,
            spread_ms,
        }
    }
}

/// A `ping` of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The position of the cursor-moving frame written before.
    pub prev: Position,
    /// How far the session has got: in the middle of a replay that is not the head.
    pub up_to: Position,
}

/// A `request_sync` came while another had no answer yet: the frame is out of order, and the socket is closed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outstanding;

impl SessionCursor {
    /// Begins a session with the cursor of its `hello`.
    ///
    /// `max_replay` bounds how many events of the view a replay may have. The stretch must reach down to the cursor if the
    /// log does, and must have been read again if the cursor is ahead of it: only then is an unknown position unknown.
    pub fn open<S: Stretch>(
        cursor: Option<&Cursor>,
        viewer: Viewer,
        stretch: &S,
        max_replay: u64,
    ) -> Opened {
        let bounds = stretch.bounds();
        let at = bounds.head;
        let mut session = Self {
            viewer,
            epoch: bounds.epoch.clone(),
            position: at,
            prev: at,
            pending: None,
        };
        let (resume, refresh) = match cursor {
            None => (Resume::Fresh, None),
            Some(cursor) => match session.refusal(cursor, stretch, max_replay) {
                None => {
                    session.position = cursor.last;
                    session.prev = cursor.last;
                    session.pending = Some(Pending {
                        until: at,
                        reference: None,
                    });
                    (Resume::Replay, None)
                }
                Some(reason) => (Resume::FullRefresh, Some(session.refresh(reason, bounds))),
            },
        };
        Opened {
            cursor: session,
            resume,
            at,
            refresh,
        }
    }

    /// Takes a `request_sync`.
    ///
    /// The answer comes out of [`Self::next`]: exactly one `synced` or `full_refresh` with the `ref`. A cursor that can't be
    /// served is refused at once by the refresh returned, and the session goes on as if nothing had been asked. The stretch is
    /// subject to the conditions of [`Self::open`]. A replay of the `hello` that is still running becomes part of the request:
    /// one `synced` ends both.
    ///
    /// # Errors
    /// When an earlier request has no answer yet.
    pub fn request_sync<S: Stretch>(
        &mut self,
        cursor: &Cursor,
        reference: u64,
        stretch: &S,
        max_replay: u64,
    ) -> Result<Option<Refresh>, Outstanding> {
        if matches!(
            self.pending,
            Some(Pending {
                reference: Some(_),
                ..
            })
        ) {
            return Err(Outstanding);
        }
        let bounds = stretch.bounds();
        // When the log is no longer the session's own, everything starts anew, and that answers the request too.
        let own = bounds.epoch == self.epoch;
        if own {
            if let Some(reason) = self.refusal(cursor, stretch, max_replay) {
                return Ok(Some(Refresh {
                    reason,
                    epoch: self.epoch.clone(),
                    view: self.viewer.view.clone(),
                    at: bounds.head,
                    reference: Some(reference),
                }));
            }
            if cursor.last < self.position {
                self.position = cursor.last;
                self.prev = cursor.last;
            }
        }
        self.pending = Some(Pending {
            until: bounds
                .head
                .max(self.pending.map_or(Position::ZERO, |p| p.until)),
            reference: Some(reference),
        });
        Ok(None)
    }

    /// Takes a renewed token. When it changes what may be seen, the session starts anew with the refresh returned.
    pub fn renewed(&mut self, viewer: Viewer, bounds: &LogBounds) -> Option<Refresh> {
        if viewer == self.viewer {
            return None;
        }
        self.viewer = viewer;
        Some(self.refresh(RefreshReason::ViewChanged, bounds))
    }

    /// What to write next, in order. None: everything at hand has been written.
    ///
    /// The position follows the log although nothing in it is for this session. When it stays behind the head, the stretch did
    /// not have what lies between: read on from [`Self::position`].
    pub fn next<'s, S: Stretch>(&mut self, stretch: &'s S) -> Option<Output<'s, S::Event>> {
        let bounds = stretch.bounds();
        if bounds.epoch != self.epoch {
            let refresh = self.refresh(RefreshReason::EpochChanged, bounds);
            return Some(Output::FullRefresh(refresh));
        }
        if self.position < bounds.floor {
            let refresh = self.refresh(RefreshReason::Expired, bounds);
            return Some(Output::FullRefresh(refresh));
        }
        while let Some(id) = self.position.next().filter(|id| *id <= bounds.head) {
            let Some(event) = stretch.get(id) else {
                break;
            };
            if self.viewer.sees(event) {
                if let Some(synced) = self.synced() {
                    return Some(Output::Synced(synced));
                }
                self.position = id;
                let prev = std::mem::replace(&mut self.prev, id);
                return Some(Output::Event { id, prev, event });
            }
            self.position = id;
        }
        self.synced().map(Output::Synced)
    }

    /// The `ping` to write now.
    pub const fn ping(&mut self) -> Ping {
        let up_to = self.position;
        Ping {
            prev: std::mem::replace(&mut self.prev, up_to),
            up_to,
        }
    }

    /// Everything of the view up to here has been written.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Whether the end of a replay is still to be written.
    pub const fn is_replaying(&self) -> bool {
        self.pending.is_some()
    }

    /// The log this session reads.
    pub const fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Who looks.
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Ends the replay that is due, if it has come far enough.
    fn synced(&mut self) -> Option<Synced> {
        let pending = self
            .pending
            .take_if(|pending| pending.until <= self.position)?;
        let Ping { prev, up_to } = self.ping();
        Some(Synced {
            prev,
            up_to,
            reference: pending.reference,
        })
    }

    /// Starts anew from the head, for whoever reads this session. A request that was running is answered by a `synced` of its
    /// own: a refresh with a `ref` would tell only the one who asked.
    fn refresh(&mut self, reason: RefreshReason, bounds: &LogBounds) -> Refresh {
        self.epoch = bounds.epoch.clone();
        self.position = bounds.head;
        self.prev = bounds.head;
        self.pending = self
            .pending
            .filter(|pending| pending.reference.is_some())
            .map(|pending| Pending {
                until: bounds.head,
                ..pending
            });
        Refresh {
            reason,
            epoch: self.epoch.clone(),
            view: self.viewer.view.clone(),
            at: bounds.head,
            reference: None,
        }
    }

    /// Why a cursor can't be served, if it can't.
    fn refusal<S: Stretch>(
        &self,
        cursor: &Cursor,
        stretch: &S,
        max_replay: u64,
    ) -> Option<RefreshReason> {
        let bounds = stretch.bounds();
        if cursor.epoch != bounds.epoch {
            Some(RefreshReason::EpochChanged)
        } else if cursor.view != self.viewer.view {
            Some(RefreshReason::ViewChanged)
        } else if cursor.last > bounds.head {
            Some(RefreshReason::UnknownPosition)
        } else if cursor.last < bounds.floor {
            Some(RefreshReason::Expired)
        } else if self.is_too_far(cursor.last, stretch, max_replay) {
            Some(RefreshReason::TooFar)
        } else {
            None
        }
    }

    /// Whether more events of the view come after a position than a replay may have.
    fn is_too_far<S: Stretch>(&self, last: Position, stretch: &S, max_replay: u64) -> bool {
        let head = stretch.bounds().head.get();
        // Mostly the whole distance is short, and nothing has to be counted.
        if head - last.get() <= max_replay {
            return false;
        }
        let mut seen = 0;
        let mut at = last;
        while let Some(id) = at.next().filter(|id| id.get() <= head) {
            // What isn't at hand counts as seen: too early a refresh is safe, too long a replay is not.
            seen += u64::from(stretch.get(id).is_none_or(|event| self.viewer.sees(event)));
            if seen > max_replay {
                return true;
            }
            at = id;
        }
        false
    }
}

/// A name that is equal for equal views and, but for one chance in 2^64, differs for others. Nodes of two versions must agree on it.
fn view_name(shop: &ShopId, user: &UserId, modules: &BTreeSet<Module>) -> View {
    let parts = [shop.as_str(), user.as_str()];
    let parts = parts.into_iter().chain(modules.iter().map(Module::as_str));
    View::new(&fingerprint(parts)).expect("hexadecimal digits make a name")
}

#[cfg(test)]
mod tests;
