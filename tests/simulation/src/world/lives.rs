//! Pages that stop running and go on later, and machines that sleep.

use super::*;

/// How often a page that wakes is told of its lock last: its socket's backlog comes before (measured in Chromium), in percent.
const LOCK_COMES_LAST: u64 = 80;

impl World {
    /// A page stops running for so many milliseconds.
    pub(super) fn stop(&mut self, page: PageId, life: Life, ms: u64) {
        if life == Life::Away {
            self.handle(page, Input::Hide);
        }
        let stopped = &mut self.pages[page];
        stopped.life = life;
        stopped.spell += 1;
        if matches!(life, Life::Away | Life::Suspended) {
            stopped.backlog.drop_messages();
        }
        let spell = stopped.spell;
        self.note(|| format!("page {page} {life:?} for {ms} ms"));
        self.after(ms, Due::Thaw(page, spell));
    }

    pub(super) fn thaw_after(&mut self, page: PageId, spell: u64) {
        if self.pages[page].spell == spell {
            self.thaw(page);
        }
    }

    /// A page goes on.
    pub(super) fn thaw(&mut self, page: PageId) {
        let thawed = &mut self.pages[page];
        let life = thawed.life;
        if matches!(life, Life::Gone | Life::Runs) {
            return;
        }
        if let Some(until) = self.browsers[thawed.browser].sleeps_until {
            let spell = thawed.spell;
            return self.at(until.plus(Millis(1)), Due::Thaw(page, spell));
        }
        thawed.life = Life::Runs;
        thawed.runs_since = self.now;
        // A page that was told of its freezing is told of its end; one that was not may be.
        let shown = match life {
            Life::Away => true,
            Life::Frozen => thawed.random.percent(50),
            _ => false,
        };
        self.note(|| format!("page {page} runs again after {life:?}"));
        if shown {
            self.pages[page].looks_since = self.now;
            self.handle(page, Input::Show);
        }
        self.resume_timers(page, 0);
        self.after(0, Due::Turn(page));
        self.after(0, Due::CatchUp(page));
    }

    /// A page that runs again is told the next of what has happened.
    pub(super) fn catch_up(&mut self, page: PageId) {
        let sources = self.pages[page].backlog.sources();
        let mut heard: Vec<Source> = (sources.into_iter())
            .filter(|source| self.hears(page, *source))
            .collect();
        let waking = &mut self.pages[page];
        if heard.len() > 1 && waking.random.percent(LOCK_COMES_LAST) {
            heard.retain(|source| *source != Source::Lock);
        }
        let Some(source) = waking.random.pick(&heard) else {
            return;
        };
        if let Some(input) = waking.backlog.pop(source) {
            let pause = waking.random.range(0, 1);
            self.after(pause, Due::CatchUp(page));
            self.handle(page, input);
        }
    }

    /// The machine sleeps: nothing runs, and its connections live on, die, or go silent.
    pub(super) fn sleep(&mut self, browser: usize, ms: u64, random: &mut Random) {
        let wakes_at = self.now.plus(Millis(ms));
        if !self.browsers[browser].sleeps() {
            self.browsers[browser].sleeps_since = self.now;
        }
        self.browsers[browser].sleeps_until = Some(wakes_at);
        self.note(|| format!("browser {browser} sleeps for {ms} ms"));
        for wire in self.wires_of(browser) {
            match random.range(0, 2) {
                0 => {}
                1 => self.break_wire(wire),
                _ => self.wires.get_mut(&wire).expect("listed").half_open = true,
            }
        }
        self.at(wakes_at, Due::Wake(browser));
    }

    pub(super) fn wake(&mut self, browser: usize) {
        if self.browsers[browser]
            .sleeps_until
            .is_none_or(|until| until > self.now)
        {
            return;
        }
        let now = self.now;
        let hides_time = self.was_set_back_unseen(browser);
        let woken = &mut self.browsers[browser];
        woken.sleeps_until = None;
        woken.woke_at = now;
        if woken.profile.timers_sleep && !hides_time {
            woken.slept += now.since(woken.sleeps_since).0;
        }
        self.note(|| format!("browser {browser} wakes"));
        let pages: Vec<PageId> = self.living().collect();
        for page in pages {
            if self.pages[page].browser != browser {
                continue;
            }
            if self.pages[page].life == Life::Runs {
                self.pages[page].runs_since = self.now;
                let late = if self.browsers[browser].profile.timers_sleep {
                    self.pages[page].random.range(0, 5_000)
                } else {
                    0
                };
                self.resume_timers(page, late);
                self.after(0, Due::Turn(page));
            }
            self.after(0, Due::CatchUp(page));
        }
    }
}
