//! What a run is like: each seed draws its own mix, so that some runs have one fault often and others never.

use tabwire_client::core::Sharing;

use crate::{
    random::{Random, Stream},
    schedule::Fault,
};

/// About how many events are published in a run at most.
const EVENTS_MAX: u64 = 4_000;

/// The options of one run. Percentages are of cases; times are in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    /// Browser profiles: each is a device.
    pub(crate) browsers: Vec<Profile>,
    /// Users, each with a group of tabs in every browser.
    pub(crate) users: usize,
    /// Tabs per group.
    pub(crate) tabs: usize,
    pub(crate) fetches_state: bool,
    /// How many kinds of state the tabs of a group have: those of one kind share it. None: they share nothing.
    pub(crate) state_keys: usize,
    /// A second device does not get the socket of the first.
    pub(crate) rejects: bool,
    /// Nodes of the server. Where there are two, they are of two versions.
    pub(crate) nodes: usize,
    /// How much a node lags behind the log at most.
    pub(crate) node_lag_max: u64,
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
    /// How often the app's back end fails, or gives a state older than asked for.
    pub(crate) app_fails: u64,
    pub(crate) state_lags: u64,
    /// Frames that a session writes at a time, so that a replay takes several turns.
    pub(crate) page: u64,
    /// The weights of the faults.
    pub(crate) weights: Vec<u64>,
}

/// What a browser is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    /// What it has.
    pub(crate) sharing: Sharing,
    /// It has Web Locks and refuses them.
    pub(crate) refuses_locks: bool,
    /// The client is told that this browser suspends hidden pages without a word.
    pub(crate) hands_over: bool,
    /// How much later the timers of hidden pages may come.
    pub(crate) throttle: Throttle,
    /// How far its clock is from the server's.
    pub(crate) clock_ahead: i64,
    /// While the machine sleeps its timers stand still, so that they come that much later.
    pub(crate) timers_sleep: bool,
}

/// How the timers of hidden pages are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Throttle {
    None,
    /// They fire on full seconds.
    Seconds,
    /// They fire on full minutes once the page has been hidden for so long, in milliseconds.
    MinutesAfter(u64),
}

impl Swarm {
    /// Draws the options of a seed, without what is named.
    pub(crate) fn draw(seed: u64, without: &[String]) -> Self {
        let random = &mut Random::of(seed, Stream::Swarm);
        let has = |name: &str| !without.iter().any(|other| other == name);
        let browsers = random.pick(&[1, 1, 1, 1, 1, 1, 1, 2, 2, 3]).unwrap_or(1);
        let browsers: Vec<Profile> = (0..browsers).map(|_| Profile::draw(random, &has)).collect();
        let users = if random.percent(20) { 2 } else { 1 };
        let tabs = random.range(1, if users == 2 { 2 } else { 4 }) as usize;
        let faults = random.scale(10, 160);
        let fault_every = random.scale(200, 60_000);
        let burst_max = random.range(1, 30);
        let lasts = faults * fault_every / 2;
        let publish_every = random
            .scale(20, 4_000)
            .max(lasts * (1 + burst_max) / EVENTS_MAX);
        let mut weights: Vec<u64> = Fault::ALL
            .iter()
            .map(|fault| {
                let weight = if random.percent(50) {
                    0
                } else {
                    random.range(1, 10)
                };
                if has(&format!("{fault:?}").to_lowercase()) {
                    weight
                } else {
                    0
                }
            })
            .collect();
        if weights.iter().all(|weight| *weight == 0) {
            weights[0] = 1;
        }
        Self {
            browsers,
            users,
            tabs,
            fetches_state: random.percent(70),
            state_keys: random.pick(&[0, 0, 1, 2]).unwrap_or(0),
            rejects: random.percent(30),
            nodes: if random.percent(30) { 2 } else { 1 },
            node_lag_max: random.pick(&[0, 0, 20, 200]).unwrap_or(0),
            faults,
            fault_every,
            publish_every,
            burst_max,
            command_every: random.scale(200, 8_000).max(lasts / 1_000),
            retention: random.range(5, 400),
            max_replay: random.scale(20, 2_000),
            latency_max: random.scale(1, 400),
            channel_latency_max: random.scale(1, 60),
            token_life: if random.percent(40) {
                random.range(3_000, 20_000)
            } else {
                3_600_000
            },
            ping: random.scale(1_000, 25_000),
            app_fails: random.range(0, 30),
            state_lags: random.range(0, 50),
            page: random.range(1, 40),
            weights,
        }
    }
}

impl Profile {
    fn draw(random: &mut Random, has: &impl Fn(&str) -> bool) -> Self {
        let sharing = match random.range(0, 99) {
            0..15 => Sharing::Election,
            15..25 => Sharing::Nothing,
            _ => Sharing::Locks,
        };
        let refuses_locks = random.percent(5);
        let elects = has("election");
        Self {
            sharing: match sharing {
                Sharing::Election if !elects => Sharing::Locks,
                sharing => sharing,
            },
            refuses_locks: refuses_locks && elects && sharing == Sharing::Locks,
            hands_over: random.percent(40) && has("handover"),
            throttle: match random.range(0, 99) {
                0..40 => Throttle::None,
                40..75 => Throttle::Seconds,
                75..90 => Throttle::MinutesAfter(10_000),
                _ => Throttle::MinutesAfter(300_000),
            },
            clock_ahead: if random.percent(40) {
                random.range(0, 40_000_000).cast_signed() - 20_000_000
            } else {
                0
            },
            timers_sleep: random.percent(50),
        }
    }
}
