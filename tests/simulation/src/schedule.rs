//! Which faults come when. The whole list is drawn before a run begins, so that any of them can be taken out of it.

use tabwire_protocol::Millis;

use crate::{
    random::{Random, Stream},
    swarm::Swarm,
};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What can go wrong, and what people do that others call a fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault {
            $($(#[$doc])* $name),*
        }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

faults! {
    /// A page is closed, and another opened.
    Close,
    Crash,
    Reload,
    /// A reload with the state and cursor that the app kept.
    Restore,
    /// The same, but what was kept is ahead of the log.
    RestoreAhead,
    /// Another page starts with a copy of what the app kept, while the first lives on.
    Duplicate,
    /// A page goes into the back-forward cache, or is frozen and told so.
    Away,
    /// A page is frozen and not told: it still hears other tabs.
    Freeze,
    /// A page is suspended and not told: it hears nothing.
    Suspend,
    /// A page's main thread is busy.
    Busy,
    /// Nothing that a page says on the channel arrives, and nothing that others say arrives there.
    Deafen,
    /// Another page is looked at.
    Switch,
    /// No page is looked at for a while.
    Cover,
    /// The machine sleeps.
    Sleep,
    ClockForward,
    ClockBack,
    /// What the browser has stored is gone.
    ClearStorage,
    /// The browser's tokens name another user for a while.
    OtherUser,
    /// Nobody is logged in for a while.
    Nobody,
    Break,
    HalfOpen,
    /// No network: what is open goes silent, and nothing new opens.
    Offline,
    /// A node accepts connections and says nothing on them.
    Mute,
    /// A node accepts connections and closes them: try again later.
    TryLater,
    RestartEmpty,
    RestartWithLog,
    Drain,
    /// All events of the log grow too old.
    Expire,
    /// The app's back end gives tokens for other modules from now on.
    Modules,
    /// The operator closes a user's session, and refuses the tokens given until now.
    Revoke,
    Reconnect,
    Online,
    /// A tab leaves, and comes back later.
    Leave,
    Logout,
}

/// A fault on its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheduled {
    /// Names it, in this seed.
    pub(crate) index: usize,
    pub(crate) at: Millis,
    pub(crate) fault: Fault,
}

/// The faults of a seed, in order.
pub(crate) fn draw(seed: u64, began: Millis, swarm: &Swarm) -> Vec<Scheduled> {
    let mut random = Random::of(seed, Stream::Schedule);
    let total: u64 = swarm.weights.iter().sum();
    let mut at = began.plus(Millis(swarm.fault_every));
    (0..swarm.faults as usize)
        .map(|index| {
            at = at.plus(Millis(random.range(1, swarm.fault_every)));
            let mut drawn = random.range(1, total);
            let found = swarm.weights.iter().position(|weight| {
                let here = drawn <= *weight;
                drawn = drawn.saturating_sub(*weight);
                here
            });
            let fault = Fault::ALL[found.expect("drawn within the sum")];
            Scheduled { index, at, fault }
        })
        .collect()
}
