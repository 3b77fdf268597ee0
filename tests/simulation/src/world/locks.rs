//! The locks of the browsers. A page hears of a grant and of a loss a little later, and only while it runs.

use super::*;

/// How long it takes at most until a page is told of its lock, in milliseconds.
pub(super) const LOCK_LATENCY_MS_MAX: u64 = 15;

impl World {
    fn has_locks(&self, page: PageId) -> bool {
        let profile = self.profile(page);
        profile.sharing == Sharing::Locks && !profile.refuses_locks
    }

    fn tell_of_lock(&mut self, page: PageId, input: Input<Raw>) {
        let told = &mut self.pages[page];
        let latency = told.random.range(0, LOCK_LATENCY_MS_MAX);
        told.lock_at = self.now.plus(Millis(latency)).max(told.lock_at);
        let at = told.lock_at;
        self.at(at, Due::Input(page, input));
    }

    fn lock_of(&mut self, page: PageId) -> &mut crate::browser::LockManager {
        let Page { browser, user, .. } = self.pages[page];
        &mut self.browsers[browser].groups[user].lock
    }

    fn grant(&mut self, granted: Option<Request>) {
        if let Some((page, request)) = granted {
            self.pages[page].granted = Some(request);
            self.tell_of_lock(page, Input::LockGranted(request));
        }
    }

    pub(super) fn request_lock(&mut self, request: Request) {
        if !self.has_locks(request.0) {
            self.coverage.hit(Path::LockRefused);
            return self.tell_of_lock(request.0, Input::LockRefused(request.1));
        }
        let granted = self.lock_of(request.0).request(request);
        self.grant(granted);
    }

    pub(super) fn steal_lock(&mut self, request: Request) {
        let (page, number) = request;
        if self.pages[page].life != Life::Runs {
            return self.fail(
                Promise::Steals,
                format!("page {page}: it does not run and takes the lock"),
            );
        }
        if let Err(broken) = self.pages[page].steals.steal() {
            return self.fail(Promise::Steals, format!("page {page}: {broken}"));
        }
        if !self.has_locks(page) {
            return self.tell_of_lock(page, Input::LockRefused(number));
        }
        if let Some((old, lost)) = self.lock_of(page).steal(request) {
            let robbed = &mut self.pages[old];
            robbed.losing = Some(lost);
            if robbed.granted == Some(lost) && robbed.random.percent(50) {
                robbed.overtaken = Some(lost);
                self.coverage.hit(Path::GrantOvertaken);
            }
            self.tell_of_lock(old, Input::LockLost(lost));
        }
        self.grant(Some(request));
    }

    pub(super) fn release_lock(&mut self, request: Request) {
        let granted = self.lock_of(request.0).release(request);
        self.grant(granted);
    }

    pub(super) fn lock_gone(&mut self, page: PageId) {
        let granted = self.lock_of(page).gone(page);
        self.grant(granted);
    }

    /// With Web Locks one page has the lock. Any other that says it leads has lost it, and has not been told yet.
    pub(super) fn check_lock(&mut self, page: PageId) {
        if self.pages[page].tab.leads().is_none() || !self.has_locks(page) {
            return;
        }
        let losing = self.pages[page].losing.is_some();
        if !losing && !self.lock_of(page).is_held_by(page) {
            self.fail(
                Promise::OneLeader,
                format!("page {page} leads, and neither has the lock nor is about to hear that it lost it"),
            );
        }
    }
}
