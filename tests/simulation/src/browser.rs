//! The model of a browser profile: what it has stored, its clock, its groups with their locks, and the pages that are open.

mod lock;
mod own_clock;
mod page;
mod steals;

use tabwire_protocol::{Device, Millis};

pub(crate) use lock::{LockManager, Request};
pub(crate) use own_clock::OwnClock;
pub(crate) use page::{Armed, Backlog, Life, Page, PageId, Source};
pub(crate) use steals::Steals;

use crate::swarm::Profile;

/// A browser profile.
pub(crate) struct Browser {
    pub(crate) profile: Profile,
    /// The groups of the users, by user.
    pub(crate) groups: Vec<Group>,
    /// The page that is looked at.
    pub(crate) shown: Option<PageId>,
    /// The wall clock is so far from the model's time, in milliseconds.
    pub(crate) clock_ahead: i64,
    /// For how long its monotonic clock stood still, in milliseconds.
    pub(crate) slept: u64,
    /// When the wall clock was set back last.
    pub(crate) set_back_at: Millis,
    /// When it was set forward last.
    pub(crate) set_forward_at: Millis,
    /// Until when the machine sleeps.
    pub(crate) sleeps_until: Option<Millis>,
    /// When it fell asleep last.
    pub(crate) sleeps_since: Millis,
    /// When it woke last.
    pub(crate) woke_at: Millis,
    /// No connection leaves the machine until then.
    pub(crate) offline_until: Millis,
    /// Whom the tokens name that the app's back end gives.
    pub(crate) login: Login,
}

/// The tabs of one user in one browser.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) lock: LockManager,
    /// The term that localStorage remembers.
    pub(crate) term: u64,
    /// The device's name, as localStorage remembers it; none until a page has drawn it, or after it was cleared.
    device: Option<Device>,
    devices_drawn: u64,
}

/// Whom the tokens of a browser name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// The user that each page is for.
    Own,
    /// Another one, in all pages.
    Other,
    Nobody,
}

impl Browser {
    pub(crate) fn new(profile: Profile, users: usize) -> Self {
        Self {
            groups: (0..users).map(|_| Group::default()).collect(),
            shown: None,
            clock_ahead: profile.clock_ahead,
            slept: 0,
            set_back_at: Millis(0),
            set_forward_at: Millis(0),
            sleeps_until: None,
            sleeps_since: Millis(0),
            woke_at: Millis(0),
            offline_until: Millis(0),
            login: Login::Own,
            profile,
        }
    }

    pub(crate) fn sleeps(&self) -> bool {
        self.sleeps_until.is_some()
    }

    /// What the wall clock says.
    pub(crate) fn wall(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.clock_ahead))
    }

    /// What the monotonic clock says.
    pub(crate) fn monotonic(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_sub(self.slept))
    }

    /// The name of the device that a group is to the server, drawn by the first page that finds none.
    pub(crate) fn device(&mut self, index: usize, user: usize) -> Device {
        let group = &mut self.groups[user];
        let drawn = &mut group.devices_drawn;
        let device = group.device.get_or_insert_with(|| {
            *drawn += 1;
            Device::new(&format!("d_{index}_{user}_{drawn}")).expect("a name")
        });
        device.clone()
    }

    /// The user cleared what sites have stored.
    pub(crate) fn clear_storage(&mut self) {
        for group in &mut self.groups {
            group.term = 0;
            group.device = None;
        }
    }
}
