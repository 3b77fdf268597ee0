//! What a run is like: each seed draws its own mix, so that some runs have one fault often and others never.

use crate::random::Random;

/// The options of one run. Percentages are of faults; times are in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    /// Browser profiles of the user.
    pub(crate) browsers: usize,
    /// Tabs per browser at the start, and as many as are kept open.
    pub(crate) tabs: usize,
    pub(crate) fetches_state: bool,
    /// A second device does not get the socket of the first.
    pub(crate) rejects: bool,
    pub(crate) faults: u64,
    pub(crate) fault_every: u64,
    pub(crate) publish_every: u64,
    pub(crate) burst_max: u64,
    pub(crate) command_every: u64,
    /// Events that the log keeps.
    pub(crate) retention: u64,
    pub(crate) max_replay: u64,
    pub(crate) latency_max: u64,
    pub(crate) channel_latency_max: u64,
    pub(crate) token_life: u64,
    pub(crate) ping: u64,
    /// In percent: how often the app's back end fails, or gives a state older than asked for.
    pub(crate) app_fails: u64,
    pub(crate) state_lags: u64,
    /// Frames that a session writes at a time, so that a replay takes several turns.
    pub(crate) page: u64,
    /// The weights of the faults.
    pub(crate) weights: Vec<u64>,
}

impl Swarm {
    pub(crate) fn draw(random: &mut Random, faults: usize) -> Self {
        Self {
            browsers: if random.percent(20) { 2 } else { 1 },
            tabs: random.range(1, 4) as usize,
            fetches_state: random.percent(70),
            rejects: random.percent(30),
            faults: random.range(10, 60),
            fault_every: random.range(200, 6_000),
            publish_every: random.range(20, 2_000),
            burst_max: random.range(1, 30),
            command_every: random.range(200, 4_000),
            retention: random.range(5, 400),
            max_replay: random.range(20, 2_000),
            latency_max: random.range(1, 400),
            channel_latency_max: random.range(1, 60),
            token_life: if random.percent(40) {
                random.range(3_000, 20_000)
            } else {
                3_600_000
            },
            ping: random.range(1_000, 25_000),
            app_fails: random.range(0, 30),
            state_lags: random.range(0, 50),
            page: random.range(1, 40),
            weights: (0..faults)
                .map(|_| {
                    if random.percent(40) {
                        0
                    } else {
                        random.range(1, 10)
                    }
                })
                .collect(),
        }
    }
}
