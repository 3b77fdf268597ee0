//! How a run ends: no more faults, and then everything must be well soon.

use super::*;

/// After the last fault everything must be well again within this time, in milliseconds: the longest back-off and a few round
/// trips to spare.
const CONVERGES_MS: u64 = 120_000;
/// The last commands are sent so long before the end of a run, in milliseconds.
const LAST_COMMANDS_MS: u64 = 30_000;
/// Who sees that a tab has stopped asks it to connect so long after the last fault, in milliseconds.
const RECONNECT_MS: u64 = 1_000;

impl World {
    /// How long the calm is.
    pub(super) fn calm_ms(&self) -> u64 {
        // What takes a few timers takes as many minutes where they are held back so long.
        match self.waits_for_minutes() {
            true => CONVERGES_MS * 3,
            false => CONVERGES_MS,
        }
    }

    /// Whether timers of hidden pages may come a minute late.
    pub(super) fn waits_for_minutes(&self) -> bool {
        let minutes =
            |browser: &Browser| matches!(browser.profile.throttle, Throttle::MinutesAfter(_));
        self.browsers.iter().any(minutes)
    }

    pub(super) fn calm_down(&mut self) {
        if self.effective < EFFECTIVE_STEPS_MIN {
            return self.after(1_000, Due::CalmDown);
        }
        let calm = self.calm_ms();
        self.ends = Some(self.now.plus(Millis(calm)));
        self.note(|| "no more faults".into());
        for node in 0..self.server.nodes.len() {
            self.server.nodes[node].busy = false;
            self.server.nodes[node].mute = false;
            if !self.server.nodes[node].up {
                self.server.start(node);
            }
        }
        for browser in &mut self.browsers {
            browser.offline_until = Millis(0);
            browser.login = Login::Own;
            browser.sleeps_until = browser.sleeps_until.map(|_| self.now);
        }
        for browser in 0..self.browsers.len() {
            self.wake(browser);
        }
        for browser in 0..self.browsers.len() {
            let first = self
                .living()
                .find(|page| self.pages[*page].browser == browser);
            if let (None, Some(first)) = (self.browsers[browser].shown, first) {
                self.show(first);
            }
        }
        let pages: Vec<PageId> = self.living().collect();
        for page in pages {
            self.pages[page].deaf_until = Millis(0);
            self.thaw(page);
        }
        // Each user looks at one device, and asks what has stopped there to connect. Only there: two would fight.
        for user in 0..self.swarm.users {
            if let Some(home) = self.home(user) {
                self.after(RECONNECT_MS, Due::ReconnectAll(home, user));
                let group = self.group(home, user);
                let shown = self.browsers[home].shown;
                let looked_at = shown.filter(|shown| group.contains(shown));
                let looked_at = looked_at.unwrap_or(group[0]);
                self.show(looked_at);
                self.feed(looked_at, Input::Visible(true));
            }
        }
        self.after(calm / 2, Due::Nudge);
        self.after(calm - LAST_COMMANDS_MS, Due::LastCommands);
    }

    /// The device that a user comes back to: the first with a tab for them.
    pub(super) fn home(&self, user: usize) -> Option<usize> {
        (0..self.browsers.len()).find(|browser| !self.group(*browser, user).is_empty())
    }

    /// The user's devices may have stopped for each other's sake, all of them: then the user asks one to connect. Or one has
    /// stopped for what was still on the way when the faults ended.
    pub(super) fn nudge(&mut self) {
        for user in 0..self.swarm.users {
            let of = |page: &PageId| self.pages[*page].user == user;
            let state = |world: &Self, page: PageId| world.pages[page].tab.status().state;
            // A tab that is alone and has lost its socket to another rests until it is looked at.
            let rests = |page: PageId| {
                let leads = self.pages[page].tab.leads().is_some();
                let solo = self.profile(page).sharing == Sharing::Nothing;
                state(self, page) == State::Stopped || solo && !leads
            };
            let all = self.living().filter(of).all(rests);
            let Some(home) = self.home(user) else {
                continue;
            };
            for page in self.group(home, user) {
                let reason = self.pages[page].tab.status().reason;
                let policy = matches!(reason, Some(Reason::Replaced | Reason::Rejected));
                if state(self, page) == State::Stopped && (all || !policy) {
                    self.feed(page, Input::Reconnect);
                }
            }
        }
    }
}
