//! All interleavings of an election, to a depth.
//!
//! Three tabs run the real machine. They have no network, so that who leads is all that is decided. From each state everything
//! that may happen next happens: a tab starts, a message or a word of the lock manager arrives, a timer fires (early or late
//! against the other tabs'), and up to so many faults: a tab crashes, is frozen (its channel's handlers run, nothing else
//! does), is suspended (nothing runs, messages to it are lost) or runs again. No state is gone on from twice.
//!
//! In every state at most one tab that leads holds the lock, no leadership was there before, and no tab has forgotten the
//! highest that it heard of. From every state, when
//! nothing more goes wrong, there is one leader in time, whom all tabs that run follow: with those that are frozen as they
//! are, and with all running again.
//!
//! `election [DEPTH]`, 6 by default.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    process::ExitCode,
    time::Instant,
};

use tabwire_client::core::{
    Config, Input, Leadership, LockRequest, Message, Output, Raw, Sharing, Tab, TabId,
};
use tabwire_protocol::{Device, Millis, UserId};

const TABS: usize = 3;
const FAULTS: u32 = 2;
/// With locks: a leader that hangs is noticed after 2.5 beacons of 5 s, has 3 s to show that it runs and 0.7 s to leave, a page
/// that ran late gives it 3 s more, and one that told another to leave just before waits for its cool-down of 10 s.
const SETTLES_MS: u64 = 40_000;
/// Without: within 3 s of quiet, where a beacon more may be under way when it begins.
const ELECTS_MS: u64 = 4_000;
const BEGINS: u64 = 1_730_569_300_000;

#[derive(Clone, Debug)]
struct NoFrame;

impl Raw for NoFrame {
    fn size(&self) -> usize {
        0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    New,
    Runs,
    Frozen,
    Suspended,
    Gone,
}

/// What the lock manager has to say to a tab.
#[derive(Clone, Copy, Debug)]
enum LockWord {
    Granted(LockRequest),
    Lost(LockRequest),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Start(usize),
    Deliver(usize, usize),
    Lock(usize),
    Tick(usize),
    Crash(usize),
    Freeze(usize),
    Suspend(usize),
    Run(usize),
}

#[derive(Clone)]
struct State {
    now: u64,
    tabs: Vec<Tab<NoFrame>>,
    lives: [Life; TABS],
    listens: [bool; TABS],
    channels: BTreeMap<(usize, usize), VecDeque<Message<NoFrame>>>,
    holder: Option<(usize, LockRequest)>,
    queue: VecDeque<(usize, LockRequest)>,
    words: Vec<VecDeque<LockWord>>,
    faults: u32,
    reigns: BTreeMap<Leadership, usize>,
    path: Vec<Step>,
    broken: Option<String>,
}

impl State {
    fn new(sharing: Sharing) -> Self {
        let tabs = (0..TABS).map(|number| {
            Tab::new(Config {
                user: UserId::new("u_101").expect("a name"),
                tab: TabId::from_random([number as u8 * 40; 12]),
                device: Device::new("d_1").expect("a name"),
                cursor: None,
                fetches_state: false,
                sharing,
                state_key: None,
                hands_over: false,
                term: 0,
                seed: number as u64,
            })
        });
        Self {
            now: BEGINS,
            tabs: tabs.collect(),
            lives: [Life::New; TABS],
            listens: [false; TABS],
            channels: BTreeMap::new(),
            holder: None,
            queue: VecDeque::new(),
            words: vec![VecDeque::new(); TABS],
            faults: FAULTS,
            reigns: BTreeMap::new(),
            path: Vec::new(),
            broken: None,
        }
    }

    fn hears(&self, tab: usize) -> bool {
        self.listens[tab] && matches!(self.lives[tab], Life::Runs | Life::Frozen)
    }

    /// Everything that may happen next.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for tab in 0..TABS {
            match self.lives[tab] {
                Life::New => steps.push(Step::Start(tab)),
                Life::Runs => {
                    if !self.words[tab].is_empty() {
                        steps.push(Step::Lock(tab));
                    }
                    if self.tabs[tab].next_timeout().is_some() {
                        steps.push(Step::Tick(tab));
                    }
                    if self.faults > 0 {
                        steps.extend([Step::Crash(tab), Step::Freeze(tab), Step::Suspend(tab)]);
                    }
                }
                Life::Frozen | Life::Suspended => steps.push(Step::Run(tab)),
                Life::Gone => {}
            }
            for from in 0..TABS {
                let waiting = self.channels.get(&(from, tab));
                if self.hears(tab) && waiting.is_some_and(|queue| !queue.is_empty()) {
                    steps.push(Step::Deliver(from, tab));
                }
            }
        }
        steps
    }

    fn take(&mut self, step: Step) {
        self.path.push(step);
        match step {
            Step::Start(tab) => {
                self.lives[tab] = Life::Runs;
                self.feed(tab, Input::Start);
            }
            Step::Deliver(from, to) => {
                let queue = self.channels.get_mut(&(from, to));
                if let Some(message) = queue.and_then(VecDeque::pop_front) {
                    self.feed(to, Input::Message(message));
                }
            }
            Step::Lock(tab) => match self.words[tab].pop_front() {
                Some(LockWord::Granted(request)) => self.feed(tab, Input::LockGranted(request)),
                Some(LockWord::Lost(request)) => self.feed(tab, Input::LockLost(request)),
                None => {}
            },
            Step::Tick(tab) => {
                let due = self.tabs[tab].next_timeout().map_or(self.now, |at| at.0);
                self.now = self.now.max(due);
                self.feed(tab, Input::Tick);
            }
            Step::Crash(tab) => {
                self.faults -= 1;
                self.lives[tab] = Life::Gone;
                self.listens[tab] = false;
                self.queue.retain(|(of, _)| *of != tab);
                if self.holder.is_some_and(|(of, _)| of == tab) {
                    self.holder = None;
                    self.grant();
                }
            }
            Step::Freeze(tab) => {
                self.faults -= 1;
                self.lives[tab] = Life::Frozen;
            }
            Step::Suspend(tab) => {
                self.faults -= 1;
                self.lives[tab] = Life::Suspended;
                for from in 0..TABS {
                    self.channels.remove(&(from, tab));
                }
            }
            Step::Run(tab) => self.lives[tab] = Life::Runs,
        }
    }

    fn feed(&mut self, tab: usize, input: Input<NoFrame>) {
        let (led, known) = (self.tabs[tab].leads(), self.known(tab));
        self.tabs[tab].handle(Millis(self.now), input);
        if self.known(tab) < known {
            self.broken = Some(format!("tab {tab} forgot that it had heard of {known:?}"));
        }
        while let Some(output) = self.tabs[tab].poll() {
            match output {
                Output::OpenChannel => self.listens[tab] = true,
                Output::CloseChannel => self.listens[tab] = false,
                Output::Post(message) => {
                    for to in (0..TABS).filter(|to| *to != tab) {
                        if self.hears(to) {
                            let queue = self.channels.entry((tab, to)).or_default();
                            queue.push_back(message.clone());
                        }
                    }
                }
                Output::RequestLock(request) => {
                    self.queue.push_back((tab, request));
                    self.grant();
                }
                Output::StealLock(request) => {
                    if let Some((robbed, lost)) = self.holder.replace((tab, request)) {
                        self.words[robbed].push_back(LockWord::Lost(lost));
                    }
                    self.words[tab].push_back(LockWord::Granted(request));
                }
                Output::ReleaseLock(request) => {
                    self.queue.retain(|queued| *queued != (tab, request));
                    if self.holder == Some((tab, request)) {
                        self.holder = None;
                        self.grant();
                    }
                }
                _ => {}
            }
        }
        if let Some(leads) = self.tabs[tab].leads()
            && led != Some(leads)
        {
            *self.reigns.entry(leads).or_default() += 1;
        }
    }

    fn known(&self, tab: usize) -> Option<Leadership> {
        self.tabs[tab].inspect(Millis(self.now)).known
    }

    fn grant(&mut self) {
        if self.holder.is_none()
            && let Some((tab, request)) = self.queue.pop_front()
        {
            self.holder = Some((tab, request));
            self.words[tab].push_back(LockWord::Granted(request));
        }
    }

    fn leaders(&self) -> Vec<usize> {
        let leads = |tab: &usize| {
            !matches!(self.lives[*tab], Life::New | Life::Gone) && self.tabs[*tab].leads().is_some()
        };
        (0..TABS).filter(leads).collect()
    }

    /// What must hold in every state.
    fn check(&self, sharing: Sharing) -> Result<(), String> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if let Some((reign, _)) = self.reigns.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{reign:?} came twice"));
        }
        if sharing == Sharing::Locks {
            for tab in self.leaders() {
                let holds = self.holder.is_some_and(|(of, _)| of == tab);
                let to_be_told = self.words[tab]
                    .iter()
                    .any(|word| matches!(word, LockWord::Lost(_)));
                if !holds && !to_be_told {
                    return Err(format!("tab {tab} leads without the lock"));
                }
            }
        }
        Ok(())
    }

    /// Nothing more goes wrong, and everybody does what is due: all messages arrive, timers fire in time.
    fn settle(&mut self, for_ms: u64) {
        let until = self.now + for_ms;
        loop {
            let next = self
                .steps()
                .into_iter()
                .find(|step| matches!(step, Step::Deliver(..) | Step::Lock(_) | Step::Start(_)));
            if let Some(step) = next {
                self.take(step);
                continue;
            }
            let timers = (0..TABS).filter(|tab| self.lives[*tab] == Life::Runs);
            let due = timers
                .filter_map(|tab| Some((self.tabs[tab].next_timeout()?, tab)))
                .min();
            match due {
                Some((at, tab)) if at.0 <= until => self.take(Step::Tick(tab)),
                _ => return,
            }
        }
    }

    fn check_settled(&self) -> Result<(), String> {
        let runs: Vec<usize> = (0..TABS)
            .filter(|tab| self.lives[*tab] == Life::Runs)
            .collect();
        if runs.is_empty() {
            return Ok(());
        }
        let leaders: Vec<usize> = self
            .leaders()
            .into_iter()
            .filter(|tab| runs.contains(tab))
            .collect();
        let [leader] = leaders[..] else {
            return Err(format!("of the tabs that run, {leaders:?} lead"));
        };
        for tab in runs {
            let (follows, leads) = (
                self.tabs[tab].inspect(Millis(self.now)).leader,
                self.tabs[leader].leads(),
            );
            if follows != leads {
                return Err(format!("tab {tab} follows {follows:?} and not {leads:?}"));
            }
        }
        Ok(())
    }

    /// A number for all that decides how the state goes on.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for tab in &self.tabs {
            let text = format!("{tab:?}");
            let (before, rest) = text.split_once("counters: ").unwrap_or((&text, ""));
            before.hash(&mut hasher);
            rest.split_once('}')
                .map_or(rest, |(_, after)| after)
                .hash(&mut hasher);
        }
        let rest = (
            self.now,
            self.lives,
            self.listens,
            &self.channels,
            self.holder,
            &self.queue,
            &self.words,
            self.faults,
        );
        format!("{rest:?}").hash(&mut hasher);
        hasher.finish()
    }
}

/// A walk through all that may happen, to a depth. A state that was seen with as many steps left is not gone on from again.
struct Walk {
    sharing: Sharing,
    settles: u64,
    seen: HashMap<u64, usize>,
    steps: u64,
    highest_term: u64,
}

impl Walk {
    fn go_on(&mut self, state: &State, left: usize) -> Result<(), String> {
        for step in state.steps() {
            let mut after = state.clone();
            after.take(step);
            self.steps += 1;
            let before = self.seen.insert(after.fingerprint(), left);
            match before {
                None => self.check(&after)?,
                Some(seen) if seen >= left => {
                    self.seen.insert(after.fingerprint(), seen);
                    continue;
                }
                Some(_) => {}
            }
            if left > 1 {
                self.go_on(&after, left - 1)?;
            }
        }
        Ok(())
    }

    fn check(&mut self, state: &State) -> Result<(), String> {
        let wrong = |state: &State, what| format!("{what}\nby {:?}", state.path);
        state
            .check(self.sharing)
            .map_err(|what| wrong(state, what))?;
        let highest = state.reigns.keys().map(|reign| reign.term).max();
        self.highest_term = self.highest_term.max(highest.unwrap_or(0));
        // As they are, and with all running again.
        let mut settled = state.clone();
        for _ in 0..2 {
            settled.settle(self.settles);
            settled
                .check(self.sharing)
                .and_then(|()| settled.check_settled())
                .map_err(|what| wrong(&settled, what))?;
            for life in &mut settled.lives {
                if matches!(life, Life::Frozen | Life::Suspended) {
                    *life = Life::Runs;
                }
            }
        }
        Ok(())
    }
}

/// From tabs that have not started, and from a group that has long been one.
fn explore(sharing: Sharing, depth: usize) -> Result<(), String> {
    let new = State::new(sharing);
    let mut old = new.clone();
    old.settle(60_000);
    old.path.clear();
    for (name, root) in [("new tabs", new), ("an old group", old)] {
        let began = Instant::now();
        let mut walk = Walk {
            sharing,
            settles: match sharing {
                Sharing::Locks => SETTLES_MS,
                _ => ELECTS_MS,
            },
            seen: HashMap::new(),
            steps: 0,
            highest_term: 0,
        };
        walk.go_on(&root, depth)?;
        println!(
            "{sharing:?}, {name}, depth {depth}: {} states, {} steps, terms up to {}, {:.1} s",
            walk.seen.len(),
            walk.steps,
            walk.highest_term,
            began.elapsed().as_secs_f64(),
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    let depth = match std::env::args().nth(1).map(|depth| depth.parse()) {
        None => 6,
        Some(Ok(depth)) => depth,
        Some(Err(_)) => {
            eprintln!("usage: election [DEPTH]");
            return ExitCode::from(2);
        }
    };
    for sharing in [Sharing::Locks, Sharing::Election] {
        if let Err(wrong) = explore(sharing, depth) {
            println!("{sharing:?}: {wrong}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
