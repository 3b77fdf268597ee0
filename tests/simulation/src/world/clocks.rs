//! Clocks and timers. A timer waits for so many milliseconds, whatever people do to the wall clock meanwhile; those of a hidden
//! page are held back.

use super::*;

/// A timer that is held back for so long was throttled, in milliseconds.
const HELD_BACK_MS: u64 = 500;

impl World {
    /// What time a page has.
    pub(super) fn time(&self, page: PageId) -> Millis {
        let browser = &self.browsers[self.pages[page].browser];
        let (wall, monotonic) = (browser.wall(self.now), browser.monotonic(self.now));
        self.pages[page].clock.peek(wall, monotonic)
    }

    /// A page looks what time it is.
    pub(super) fn read_clock(&mut self, page: PageId) -> Millis {
        let browser = &self.browsers[self.pages[page].browser];
        let (wall, monotonic) = (browser.wall(self.now), browser.monotonic(self.now));
        let clock = &mut self.pages[page].clock;
        clock.read(self.now, wall, monotonic);
        clock.now()
    }

    // A page whose wall clock is set back and whose monotonic one stands still while the machine sleeps, both before it looks at
    // either, cannot know that time has passed, and its commands may be done twice. The one of the two that comes second is
    // left out.

    /// Whether a page of the browser has not looked at its clocks since the machine slept.
    pub(super) fn has_slept_unseen(&self, browser: usize) -> bool {
        let Browser { woke_at, .. } = self.browsers[browser];
        self.browsers[browser].sleeps() || self.is_unseen(browser, woke_at)
    }

    /// Whether a page of the browser has not looked at its clocks since the wall clock was set back.
    pub(super) fn was_set_back_unseen(&self, browser: usize) -> bool {
        self.is_unseen(browser, self.browsers[browser].set_back_at)
    }

    fn is_unseen(&self, browser: usize, since: Millis) -> bool {
        self.living().any(|page| {
            let page = &self.pages[page];
            page.browser == browser && page.clock.read_at() < since
        })
    }

    /// Sets the timer that the page's machine asks for. One that is set already for that time stays.
    pub(super) fn arm(&mut self, page: PageId) {
        let next = self.pages[page].tab.next_timeout();
        if self.pages[page].timer.map(|timer| timer.time) == next {
            return;
        }
        self.pages[page].timer = None;
        if let Some(time) = next {
            let wait = time.since(self.time(page));
            self.set_timer(page, time, self.now.plus(wait));
        }
    }

    fn set_timer(&mut self, page: PageId, time: Millis, due: Millis) {
        let at = self.held_back(page, due);
        if at.since(due) > Millis(HELD_BACK_MS) {
            self.coverage.hit(Path::TimerThrottled);
        }
        let number = self.sequence;
        self.pages[page].timer = Some(Armed {
            number,
            time,
            due,
            overdue: false,
        });
        self.at(at, Due::Timer(page, number));
    }

    /// How far apart the timers of a page fire, in milliseconds.
    pub(super) fn timer_step(&self, page: PageId, at: Millis) -> u64 {
        let Page {
            browser,
            visible,
            visible_since,
            ..
        } = self.pages[page];
        match self.browsers[browser].profile.throttle {
            _ if visible => 1,
            Throttle::None => 1,
            Throttle::MinutesAfter(ms) if at.since(visible_since) >= Millis(ms) => 60_000,
            Throttle::Seconds | Throttle::MinutesAfter(_) => 1_000,
        }
    }

    /// How far apart its timers fired, at the most, since then.
    pub(super) fn slowest_step(&self, page: PageId, since: Millis) -> u64 {
        let step = self.timer_step(page, self.now);
        match self.pages[page].was_hidden {
            (at, before) if at >= since => step.max(before),
            _ => step,
        }
    }

    fn held_back(&self, page: PageId, due: Millis) -> Millis {
        let step = self.timer_step(page, due);
        Millis(due.0.div_ceil(step).saturating_mul(step))
    }

    /// A timer fires, if the page runs.
    pub(super) fn timer(&mut self, page: PageId, number: u64) {
        let runs = self.runs(page);
        let timer = &mut self.pages[page].timer;
        let Some(armed) = timer.as_mut().filter(|armed| armed.number == number) else {
            return;
        };
        if runs {
            *timer = None;
            self.handle(page, Input::Tick);
        } else {
            armed.overdue = true;
        }
    }

    /// The page's timers go on: it runs again, or is held back no more. `slept` is for how long they stood still.
    pub(super) fn resume_timers(&mut self, page: PageId, slept: u64) {
        if let Some(Armed {
            time, due, overdue, ..
        }) = self.pages[page].timer
        {
            let due = due.plus(Millis(slept)).max(self.now);
            // What is overdue comes soon, but not before the rest of what the page wakes to.
            let wait = if overdue {
                self.pages[page].random.range(0, 20)
            } else {
                0
            };
            self.set_timer(page, time, due.plus(Millis(wait)));
        }
    }
}
