//! The paths that a run of many seeds must have gone. A simulator that never reaches failover proves nothing about it.

use std::collections::BTreeMap;

use tabwire_protocol::{RefreshReason, Resume};

/// A path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Path {
    Takeover,
    TabClosed,
    TabCrashed,
    TabFrozen,
    TabReloaded,
    TabRestored,
    ConnectionBroken,
    ConnectionHalfOpen,
    ServerRestartedEmpty,
    ServerRestartedWithLog,
    Drained,
    ResumeFresh,
    ResumeReplay,
    ResumeRefresh,
    RefreshEpochChanged,
    RefreshExpired,
    RefreshTooFar,
    RefreshUnknownPosition,
    RefreshViewChanged,
    RingRepair,
    ServerRepair,
    RepairRefused,
    GapSeen,
    DuplicateDropped,
    StaleLeaderIgnored,
    TermRaised,
    Superseded,
    Replaced,
    Refused,
    Unauthorized,
    Renewed,
    Expired,
    CommandAcked,
    CommandDeduped,
    CommandTimedOut,
    StateFetchFailed,
    StateBehindRefresh,
    LoggedOut,
}

/// Paths that the first form of the simulator cannot reach yet: a single node that never rolls back does not give a cursor
/// ahead of its log.
const NOT_REQUIRED: &[Path] = &[Path::RefreshUnknownPosition];

const ALL: &[Path] = &[
    Path::Takeover,
    Path::TabClosed,
    Path::TabCrashed,
    Path::TabFrozen,
    Path::TabReloaded,
    Path::TabRestored,
    Path::ConnectionBroken,
    Path::ConnectionHalfOpen,
    Path::ServerRestartedEmpty,
    Path::ServerRestartedWithLog,
    Path::Drained,
    Path::ResumeFresh,
    Path::ResumeReplay,
    Path::ResumeRefresh,
    Path::RefreshEpochChanged,
    Path::RefreshExpired,
    Path::RefreshTooFar,
    Path::RefreshUnknownPosition,
    Path::RefreshViewChanged,
    Path::RingRepair,
    Path::ServerRepair,
    Path::RepairRefused,
    Path::GapSeen,
    Path::DuplicateDropped,
    Path::StaleLeaderIgnored,
    Path::TermRaised,
    Path::Superseded,
    Path::Replaced,
    Path::Refused,
    Path::Unauthorized,
    Path::Renewed,
    Path::Expired,
    Path::CommandAcked,
    Path::CommandDeduped,
    Path::CommandTimedOut,
    Path::StateFetchFailed,
    Path::StateBehindRefresh,
    Path::LoggedOut,
];

/// How often each path was gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<Path, u64>);

impl Coverage {
    pub(crate) fn hit(&mut self, path: Path) {
        self.add(path, 1);
    }

    pub(crate) fn add(&mut self, path: Path, times: u64) {
        *self.0.entry(path).or_default() += times;
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

    pub(crate) fn merge(&mut self, other: &Self) {
        for (path, times) in &other.0 {
            self.add(*path, *times);
        }
    }

    /// The paths that must be gone and were not.
    pub(crate) fn missed(&self) -> Vec<Path> {
        let missed = |path: &&Path| !self.0.contains_key(path) && !NOT_REQUIRED.contains(path);
        ALL.iter().filter(missed).copied().collect()
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        ALL.iter()
            .map(|path| format!("{path:?} {}", self.0.get(path).copied().unwrap_or(0)))
    }
}
