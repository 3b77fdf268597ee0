//! What the app and people are shown of a tab.

use tabwire_protocol::Millis;

use super::{
    super::{
        frame::Raw,
        io::{Counters, Output},
        message::{Leadership, SessionInfo, TabId},
        status::{LinkStatus, Reason, Role, State, Status},
    },
    Lock, Presence, Tab,
};

/// Why this tab leads or not, and what it has seen, for `inspect()`.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// This tab.
    pub tab: TabId,
    /// The leadership that is alive, as far as this tab can tell.
    pub leader: Option<Leadership>,
    /// The highest leadership heard of.
    pub known: Option<Leadership>,
    /// Why this tab leads.
    pub why: Option<Why>,
    /// How long ago the leader showed that it runs, in milliseconds; none before it has.
    pub beacon_age_ms: Option<u64>,
    /// The group's session, once a server has welcomed it.
    pub session: Option<SessionInfo>,
    /// Commands that wait for an answer.
    pub outbox: usize,
    /// What happened so far.
    pub counters: Counters,
}

/// Why a tab leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its turn for the lock came.
    Granted,
    /// It took the lock from a leader that did not show that it runs.
    Stole,
    /// A hidden leader let it.
    HandedOver,
    /// It elected itself, in a browser without Web Locks.
    Elected,
    /// It is alone, in a browser without BroadcastChannel.
    Alone,
}

/// How much a tab holds on to, for whoever checks its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Commands of this tab that wait for an answer.
    pub outbox: usize,
    /// Commands of all tabs that this leader carries.
    pub carried: usize,
    /// Frames in the ring.
    pub ring: usize,
    /// Bytes that those hold on to.
    pub ring_bytes: usize,
    /// Events held until the app's state is there.
    pub held: usize,
    /// Events collected for one delivery.
    pub batch: usize,
}

impl<R: Raw> Tab<R> {
    /// What this tab knows, at this time of the page.
    pub fn inspect(&self, now: Millis) -> Inspection {
        let beacon_age_ms = match self.watch.proved_at() {
            Millis(0) => None,
            proved_at => Some(now.since(proved_at).0),
        };
        Inspection {
            tab: self.config.tab,
            leader: self.leader,
            known: self.known,
            why: self.leads().and(self.why),
            beacon_age_ms,
            session: self.session().cloned(),
            outbox: self.outbox.len(),
            counters: self.cx.counters,
        }
    }

    /// How much this tab holds on to.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            outbox: self.outbox.len(),
            carried: self.link.carried_len(),
            ..self.reader.sizes()
        }
    }

    /// The group's session, as this tab knows it.
    pub(super) fn session(&self) -> Option<&SessionInfo> {
        match self.leads() {
            Some(_) => self.link.session_info(),
            None => self.group.as_ref().and_then(|group| group.session.as_ref()),
        }
    }

    pub(super) fn show_status(&mut self) {
        if !self.is_shown() {
            let status = self.status();
            self.shown = Some(status.clone());
            self.cx.emit(Output::Status(Box::new(status)));
        }
    }

    /// Whether the app knows how this tab is: asked with each event, and so without making a status of it.
    fn is_shown(&self) -> bool {
        let Some(shown) = &self.shown else {
            return false;
        };
        let session = self.session();
        (shown.state, shown.reason, shown.retry_at) == self.state()
            && shown.role == self.role()
            && shown.user.as_ref() == session.map(|session| &session.user)
            && shown.shop.as_ref() == session.map(|session| &session.shop)
            && shown.modules == session.map_or(&[][..], |session| &session.modules)
    }

    fn role(&self) -> Role {
        match (self.presence, self.lock) {
            (Presence::Here, Lock::Alone) => Role::Solo,
            (Presence::Here, Lock::Held(_) | Lock::Elected) => Role::Leader,
            (Presence::Here, _) if self.leader.is_some() => Role::Follower,
            _ => Role::None,
        }
    }

    /// What the app is shown of this tab.
    pub fn status(&self) -> Status {
        let (state, reason, retry_at) = self.state();
        let session = self.session();
        Status {
            state,
            role: self.role(),
            reason,
            retry_at,
            user: session.map(|session| session.user.clone()),
            shop: session.map(|session| session.shop.clone()),
            modules: session
                .map(|session| session.modules.clone())
                .unwrap_or_default(),
        }
    }

    fn state(&self) -> (State, Option<Reason>, Option<Millis>) {
        match self.presence {
            Presence::New | Presence::Away => return (State::Idle, None, None),
            Presence::Left(reason) => return (State::Stopped, Some(reason), None),
            Presence::Here => {}
        }
        let leads = self.leads().is_some();
        let link = match &self.group {
            _ if leads => self.link.status(),
            Some(group) => group.link,
            None => LinkStatus::Connecting,
        };
        match link {
            LinkStatus::Stopped(reason) => (State::Stopped, Some(reason), None),
            LinkStatus::Connecting => (State::Connecting, None, None),
            LinkStatus::Reconnecting { retry_at, .. } => (State::Reconnecting, None, retry_at),
            // A tab whose socket was superseded has no leader until it has found its place again, and what a leader said that
            // may not run any more says nothing of now.
            LinkStatus::Open
                if !leads
                    && (self.watch.doubts()
                        || (self.lock == Lock::None && self.leader.is_none())) =>
            {
                (State::Reconnecting, None, None)
            }
            LinkStatus::Open if self.reader.is_refreshing() => {
                let reason = self.reader.state_fails().then_some(Reason::StateFailed);
                (State::Refreshing, reason, None)
            }
            LinkStatus::Open => (State::Open, None, None),
        }
    }
}
