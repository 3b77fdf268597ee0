//! What is run, and how it went.

use tabwire_protocol::Millis;

use crate::{coverage::Coverage, schedule::Scheduled, swarm::Swarm};

/// A seed, or what is left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Only these of its faults.
    pub(crate) faults: Option<Vec<usize>>,
    /// Only these of the tabs that are open at its beginning.
    pub(crate) tabs: Option<Vec<usize>>,
    /// Nothing of these names: faults, and things that a browser may have.
    pub(crate) without: Vec<String>,
}

impl Plan {
    pub(crate) fn keeps(&self, fault: usize) -> bool {
        self.faults
            .as_ref()
            .is_none_or(|faults| faults.contains(&fault))
    }

    pub(crate) fn opens(&self, tab: usize) -> bool {
        self.tabs.as_ref().is_none_or(|tabs| tabs.contains(&tab))
    }

    /// What runs just this again.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("cargo xtask sim --seed {}", self.seed);
        for (flag, numbers) in [("--faults", &self.faults), ("--tabs", &self.tabs)] {
            if let Some(numbers) = numbers {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                let numbers = match numbers.is_empty() {
                    true => "none".to_owned(),
                    false => numbers.join(","),
                };
                command.push_str(&format!(" {flag} {numbers}"));
            }
        }
        if !self.without.is_empty() {
            command.push_str(&format!(" --without {}", self.without.join(",")));
        }
        command
    }
}

/// A promise that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// A tab's app is given its view without gaps and duplicates, or an explicit refresh.
    Delivery,
    /// Each leadership names one reign of one page.
    Reigns,
    /// One page has the lock, and any other that leads has lost it unawares.
    OneLeader,
    /// A lower leadership moves nobody.
    Fence,
    /// What a tab holds on to is bounded.
    Limits,
    /// The lock is taken rarely, and never by a frozen page.
    Steals,
    /// No tab shows for long that events come when they cannot.
    Silence,
    /// A command is done once, and what is said of it is true.
    Commands,
    /// When all is well again, all is well soon.
    Convergence,
    /// A run comes to an end.
    End,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) promise: Promise,
    pub(crate) broken: String,
}

/// How a run went.
pub(crate) struct Ran {
    /// Inputs to machines and frames at the server.
    pub(crate) effective: u64,
    pub(crate) simulated: Millis,
    pub(crate) applied: u64,
    pub(crate) coverage: Coverage,
    pub(crate) failure: Option<Failure>,
    pub(crate) trace: Vec<String>,
    pub(crate) swarm: Swarm,
    /// The tabs that are open at the beginning.
    pub(crate) tabs: usize,
    pub(crate) faults: Vec<Scheduled>,
}
