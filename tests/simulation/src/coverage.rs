//! The paths that a run of many seeds must have gone. A simulator that never reaches failover proves nothing about it.

use std::collections::BTreeMap;

use tabwire_client::core::{Log, Reason};
use tabwire_protocol::{RefreshReason, Resume};

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Path {
            $($(#[$doc])* $name),*
        }

        const ALL: &[Path] = &[$(Path::$name),*];
    };
}

paths! {
    // Who leads.
    Takeover,
    LeaderAsked,
    LeaderTold,
    Abdicated,
    Stole,
    HandedOver,
    /// A lock was taken before the page that had it was told of its grant.
    GrantOvertaken,
    StaleLeaderIgnored,
    /// A page that has lost the lock and does not know relayed all the same.
    ZombieRelayed,
    /// Relays that came fast travelled together.
    RelaysJoined,
    TermRaised,
    Elected,
    LockRefused,
    Solo,
    // What pages go through.
    TabClosed,
    TabCrashed,
    TabReloaded,
    TabRestored,
    TabRestoredAhead,
    TabDuplicated,
    TabAway,
    TabFrozen,
    /// A frozen page answered another tab.
    FrozenTabAnswered,
    TabSuspended,
    TabBusy,
    TabDeaf,
    TabLeft,
    TabShown,
    TabsCovered,
    TimerThrottled,
    Woke,
    Slept,
    ClockForward,
    ClockBack,
    StorageCleared,
    SecondUser,
    // The network.
    ConnectionBroken,
    ConnectionHalfOpen,
    Offline,
    ConnectionNeverAnswered,
    ServerSilent,
    // The server.
    ServerRestartedEmpty,
    ServerRestartedWithLog,
    Drained,
    TriedLater,
    NodeLagged,
    /// Nodes of two versions gave one type two modules.
    TypesDiffered,
    ClientSilent,
    ResumeFresh,
    ResumeReplay,
    ResumeRefresh,
    RefreshEpochChanged,
    RefreshExpired,
    RefreshTooFar,
    RefreshUnknownPosition,
    RefreshViewChanged,
    Superseded,
    Replaced,
    Rejected,
    OldClaim,
    Unauthorized,
    Renewed,
    Expired,
    Revoked,
    IdentityChanged,
    LoggedOut,
    // What tabs lack.
    GapSeen,
    DuplicateDropped,
    RingRepair,
    ServerRepair,
    RepairRefused,
    // Commands.
    CommandAcked,
    CommandResent,
    CommandDeduped,
    CommandForbidden,
    CommandTimedOut,
    // The app's state.
    StateFetchFailed,
    StateBehindRefresh,
    StateShared,
}

/// How often each path was gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<Path, u64>);

impl Coverage {
    pub(crate) fn has(&self, path: Path) -> bool {
        self.0.contains_key(&path)
    }

    pub(crate) fn hit(&mut self, path: Path) {
        self.add(path, 1);
    }

    pub(crate) fn add_if(&mut self, path: Option<Path>) {
        if let Some(path) = path {
            self.hit(path);
        }
    }

    pub(crate) fn add(&mut self, path: Path, times: u64) {
        if times > 0 {
            *self.0.entry(path).or_default() += times;
        }
    }

    pub(crate) fn resumed(&mut self, resume: Resume, reason: Option<RefreshReason>) {
        self.hit(match resume {
            Resume::Fresh => Path::ResumeFresh,
            Resume::Replay => Path::ResumeReplay,
            Resume::FullRefresh => Path::ResumeRefresh,
        });
        if let Some(reason) = reason {
            self.refreshed(reason);
        }
    }

    pub(crate) fn refreshed(&mut self, reason: RefreshReason) {
        self.hit(match reason {
            RefreshReason::EpochChanged => Path::RefreshEpochChanged,
            RefreshReason::Expired => Path::RefreshExpired,
            RefreshReason::TooFar => Path::RefreshTooFar,
            RefreshReason::UnknownPosition => Path::RefreshUnknownPosition,
            RefreshReason::ViewChanged => Path::RefreshViewChanged,
        });
    }

    /// A tab says what it does.
    pub(crate) fn logged(&mut self, line: Log) {
        self.hit(match line {
            Log::Gap => Path::GapSeen,
            Log::RepairedFromRing => Path::RingRepair,
            Log::RepairFromServer => Path::ServerRepair,
            Log::StaleLeader => Path::StaleLeaderIgnored,
            Log::Reterm => Path::TermRaised,
            Log::Asked => Path::LeaderAsked,
            Log::Told => Path::LeaderTold,
            Log::Abdicated => Path::Abdicated,
            Log::Stole => Path::Stole,
            Log::Elected => Path::Elected,
            Log::Woke => Path::Woke,
            Log::StateShared => Path::StateShared,
            _ => return,
        });
    }

    /// A tab says why it stopped.
    pub(crate) fn stopped(&mut self, reason: Option<Reason>) {
        self.hit(match reason {
            Some(Reason::IdentityChanged) => Path::IdentityChanged,
            Some(Reason::Kicked) => Path::Revoked,
            Some(Reason::Rejected) => Path::Rejected,
            _ => return,
        });
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (path, times) in &other.0 {
            self.add(*path, *times);
        }
    }

    /// The paths that were not gone.
    pub(crate) fn missed(&self) -> Vec<Path> {
        let missed = |path: &&Path| !self.0.contains_key(path);
        ALL.iter().filter(missed).copied().collect()
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        ALL.iter()
            .map(|path| format!("{path:?} {}", self.0.get(path).copied().unwrap_or(0)))
    }
}
