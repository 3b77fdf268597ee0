//! Which page people look at.

use super::*;

impl World {
    /// A page becomes visible or hidden. One that becomes visible runs, whatever held it.
    pub(super) fn set_visible(&mut self, page: PageId, visible: bool) {
        if self.pages[page].visible == visible || self.pages[page].life == Life::Gone {
            return;
        }
        self.note(|| format!("page {page} visible: {visible}"));
        let step = self.timer_step(page, self.now);
        let told = &mut self.pages[page];
        if visible {
            told.was_hidden = (self.now, step);
        }
        told.visible = visible;
        told.visible_since = self.now;
        if visible {
            told.looks_since = self.now;
            if told.life != Life::Busy {
                self.thaw(page);
            }
            self.coverage.hit(Path::TabShown);
        }
        self.feed(page, Input::Visible(visible));
        if self.runs(page) {
            self.resume_timers(page, 0);
        }
    }

    /// A page is looked at again, unless nothing more is to change.
    pub(super) fn uncover(&mut self, page: PageId) {
        if !self.calm() {
            self.show(page);
        }
    }

    /// A page is looked at; the one that was is hidden.
    pub(super) fn show(&mut self, page: PageId) {
        let Page { browser, life, .. } = self.pages[page];
        if life == Life::Gone || self.browsers[browser].shown == Some(page) {
            return;
        }
        self.cover(browser);
        self.browsers[browser].shown = Some(page);
        self.set_visible(page, true);
    }

    /// No page of a browser is looked at.
    pub(super) fn cover(&mut self, browser: usize) {
        if let Some(shown) = self.browsers[browser].shown.take() {
            self.set_visible(shown, false);
        }
    }
}
