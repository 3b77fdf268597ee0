//! What must hold when all has been well for long enough.

use super::*;

impl World {
    pub(super) fn check_end(&mut self) {
        if let Err(broken) = self.commands_are_settled() {
            return self.fail(Promise::Commands, broken);
        }
        for user in 0..self.swarm.users {
            if let Err(broken) = self.user_is_served(user) {
                return self.fail(Promise::Convergence, broken);
            }
        }
        let duplicates = |page| self.inspect(page).counters.duplicates.min(1);
        let duplicates = (0..self.pages.len()).map(duplicates).sum();
        self.coverage.add(Path::DuplicateDropped, duplicates);
    }

    fn commands_are_settled(&self) -> Result<(), String> {
        let log = &self.server.log;
        for page in &self.pages {
            if let Some(id) = page
                .app
                .denied
                .iter()
                .find(|id| !log.effects(id).is_empty())
            {
                return Err(format!(
                    "command {id} was said not to have taken effect, and did"
                ));
            }
        }
        for page in self.living() {
            if let Some(id) = self.pages[page].app.waiting.first() {
                return Err(format!("page {page}: command {id} was never settled"));
            }
        }
        let acked = |id: &String| self.pages.iter().any(|page| page.app.acked.contains(id));
        if let Some(id) = self.last_commands.iter().find(|id| !acked(id)) {
            return Err(format!(
                "command {id} was sent long after the last fault, and was not done"
            ));
        }
        match log.did_twice() {
            Some(id) => Err(format!("command {id} took effect twice")),
            None => Ok(()),
        }
    }

    /// One device of the user is connected, and all its tabs are at the head. The others have stopped.
    fn user_is_served(&self, user_index: usize) -> Result<(), String> {
        let mut open = 0;
        for browser in 0..self.browsers.len() {
            let group = self.group(browser, user_index);
            let home = self.home(user_index) == Some(browser);
            open += usize::from(self.group_is_served(browser, &group, home)?);
        }
        if self.home(user_index).is_some() && open == 0 {
            return Err(format!("no tab of user {user_index} is connected"));
        }
        let sessions = self.server.sessions_of(&user(user_index));
        if sessions > 1 {
            return Err(format!("user {user_index} has {sessions} connections"));
        }
        let quarter = Millis(self.calm_ms() / 4);
        match self.server.registry.fought_at(&user(user_index)) {
            Some(at) if self.now.since(at) < quarter => Err(format!(
                "connections of user {user_index} still got into each other's way {} ms before the end",
                self.now.since(at).0
            )),
            _ => Ok(()),
        }
    }

    /// Whether the tabs of a group are connected. If they are, all of them are well.
    /// `home` is where the user is.
    fn group_is_served(
        &self,
        browser: usize,
        group: &[PageId],
        home: bool,
    ) -> Result<bool, String> {
        let status = |page: PageId| self.pages[page].tab.status();
        let leads = |page: &&PageId| self.pages[**page].tab.leads().is_some();
        let solo = self.browsers[browser].profile.sharing == Sharing::Nothing;
        let is_open = group.iter().any(|page| status(*page).state == State::Open);
        for page in group.iter().copied() {
            let status = status(page);
            let leads_none = self.pages[page].tab.leads().is_none();
            let excused = match status.reason {
                // The user's other device has the socket, by the policy.
                Some(Reason::Replaced | Reason::Rejected) => solo || !is_open,
                // Another page of the device has had the socket since; this one comes back when it is looked at.
                _ if solo && leads_none => status.state == State::Reconnecting,
                // Nobody has come back to this tab, or to this device.
                Some(Reason::LoggedOut | Reason::Closed) => !home,
                _ => !home && (solo || !is_open) && status.state == State::Stopped,
            };
            if excused {
                continue;
            }
            if status.state != State::Open {
                return Err(format!(
                    "page {page} is {status:?} long after the last fault"
                ));
            }
            if let Err(behind) = self.pages[page].app.is_at_head(self.truth()) {
                return Err(format!("page {page}: {behind}, long after the last fault"));
            }
        }
        let leaders = group.iter().filter(leads).count();
        if !solo && (leaders > 1 || is_open && leaders == 0) {
            return Err(format!(
                "{leaders} tabs of {group:?} lead long after the last fault"
            ));
        }
        Ok(is_open)
    }
}
