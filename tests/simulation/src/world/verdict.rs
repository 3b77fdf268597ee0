//! How a run ends: no more faults, and then everything must be well.

use super::*;

impl World {
    /// No more faults: everything must be well soon.
    pub(super) fn calm_down(&mut self) {
        self.ends = Some(self.now.plus(Millis(CONVERGES_MS)));
        self.note(|| "no more faults".into());
        self.server.up = true;
        for page in self.living(&[Life::Frozen, Life::Busy]) {
            self.thaw(page);
        }
        self.after(CONVERGES_MS / 2, Due::Nudge);
        self.after(CONVERGES_MS - LAST_COMMANDS_MS, Due::LastCommands);
        // Somebody who sees that a tab has stopped asks it to connect again. On one device: else two would fight.
        for page in self.living(&[Life::Runs]) {
            if self.pages[page].browser == 0 {
                self.after(1_000, Due::Input(page, Input::Reconnect));
            }
        }
    }

    /// The user's devices may have stopped for each other's sake, all of them: then the user asks one to connect.
    pub(super) fn nudge(&mut self) {
        let pages = self.living(&[Life::Runs]);
        if pages
            .iter()
            .all(|page| self.pages[*page].tab.status().state == State::Stopped)
            && let Some(page) = pages
                .into_iter()
                .find(|page| self.pages[*page].browser == 0)
        {
            self.handle(page, Input::Reconnect);
        }
    }

    pub(super) fn check_leaders(&mut self) {
        for browser in 0..self.browsers.len() {
            let leaders: Vec<PageId> = self
                .living(&[Life::Runs])
                .into_iter()
                .filter(|page| {
                    self.pages[*page].browser == browser && self.pages[*page].tab.leads().is_some()
                })
                .collect();
            if leaders.len() > 1 {
                return self.fail(format!(
                    "pages {leaders:?} of one browser lead at the same time"
                ));
            }
        }
    }

    pub(super) fn check_converged(&mut self) {
        let mut denied = Vec::new();
        for page in &self.pages {
            denied.extend(page.app.denied.iter().cloned());
        }
        for id in denied {
            if !self.server.log.effects(&id).is_empty() {
                return self.fail(format!(
                    "command {id} was said not to have taken effect, and did"
                ));
            }
        }
        if let Some(id) = self
            .last_commands
            .iter()
            .find(|id| self.server.log.effects(id).is_empty())
        {
            return self.fail(format!(
                "command {id} was sent long after the last fault, and had no effect"
            ));
        }
        let twice: Vec<String> = self
            .server
            .log
            .all_effects()
            .filter(|(_, effects)| {
                effects
                    .iter()
                    .any(|(epoch, _)| effects.iter().filter(|(of, _)| of == epoch).count() > 1)
            })
            .map(|(id, _)| id.clone())
            .collect();
        if !twice.is_empty() {
            return self.fail(format!("commands {twice:?} took effect twice"));
        }
        let mut open = false;
        for page in self.living(&[Life::Runs]) {
            if let Some((id, ())) = self.pages[page].app.waiting.first_key_value() {
                return self.fail(format!("page {page}: command {id} was never settled"));
            }
            self.pages[page].tab.handle(self.now, Input::Tick);
            let status = self.pages[page].tab.status();
            let other_device = self.browsers.len() > 1
                && matches!(status.reason, Some(Reason::Replaced | Reason::Rejected));
            let left = self.pages[page].browser > 0 && status.state == State::Stopped;
            if other_device || left {
                // The user's other device has the socket, by the policy, or nobody has come back to this one.
                continue;
            }
            open = true;
            if status.state != State::Open {
                return self.fail(format!(
                    "page {page} is {status:?} long after the last fault"
                ));
            }
            if let Err(behind) = self.pages[page]
                .app
                .is_at_head(&self.server.log, &self.server.viewers)
            {
                return self.fail(format!("page {page}: {behind}, long after the last fault"));
            }
            let counters = self.pages[page].tab.inspect(self.now).counters;
            self.coverage
                .add(Path::DuplicateDropped, counters.duplicates.min(1));
        }
        if !open {
            return self.fail("no device is connected long after the last fault".into());
        }
        for browser in 0..self.browsers.len() {
            let leads = |page: &&Page| {
                page.life == Life::Runs && page.browser == browser && page.tab.leads().is_some()
            };
            let leaders = self.pages.iter().filter(leads).count();
            if leaders != 1 && (browser == 0 || leaders > 1) {
                return self.fail(format!(
                    "browser {browser} has {leaders} leaders long after the last fault"
                ));
            }
        }
    }
}
