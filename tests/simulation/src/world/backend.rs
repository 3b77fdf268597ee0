//! The app's own back end: tokens and states, late, failing, or not quite of now.

use super::*;

/// A token lasts at least so long when all is well again, in milliseconds; and to the end where timers, of which one renews it,
/// come a minute late.
const CALM_TOKEN_LIFE_MS_MIN: u64 = 20_000;

impl World {
    pub(super) fn give_token(&mut self, page: PageId, number: u32) {
        let (calm, calm_ms, waits) = (self.calm(), self.calm_ms(), self.waits_for_minutes());
        let asking = &mut self.pages[page];
        let wait = asking.random.range(1, 300);
        let drawn = asking.random.range(0, 99);
        let life = match (calm, drawn) {
            (true, _) if waits => calm_ms.max(self.swarm.token_life),
            (true, _) => self.swarm.token_life.max(CALM_TOKEN_LIFE_MS_MIN),
            (_, 0..5) => return self.after(wait, Due::Input(page, Input::TokenFailed(number))),
            // Expired already.
            (_, 5..8) => 0,
            _ => self.swarm.token_life,
        };
        let user = match self.browsers[asking.browser].login {
            Login::Own => user(asking.user),
            Login::Other => user(asking.user + 1),
            Login::Nobody => return self.after(wait, Due::Input(page, Input::Token(number, None))),
        };
        let token = Token {
            user,
            issued_at: self.now,
            expires_at: self.now.plus(Millis(life)),
            chat: self.chat,
        };
        self.after(
            wait,
            Due::Input(page, Input::Token(number, Some(token.encode()))),
        );
    }

    /// The back end reads the position first and its database after, which may be a replica that lags.
    pub(super) fn give_state(&mut self, page: PageId, number: u32, asked: Position) {
        let calm = self.calm();
        let asking = &mut self.pages[page];
        let wait = asking.random.range(1, 800);
        let fails = asking.random.percent(self.swarm.app_fails);
        let lags = asking.random.percent(self.swarm.state_lags);
        let lag = asking.random.range(0, 40);
        let says_where = asking.random.percent(80);
        if self.server.nodes.iter().all(|node| !node.up) || (!calm && fails) {
            self.coverage.hit(Path::StateFetchFailed);
            return self.after(wait, Due::Input(page, Input::StateFailed(number)));
        }
        let bounds = self.server.log.bounds();
        let (epoch, head) = (bounds.epoch.clone(), bounds.head);
        let lag = if !calm && lags { lag } else { 0 };
        let position = Position::new(head.get().saturating_sub(lag)).expect("below the head");
        if lag > 0 {
            self.coverage.hit(Path::StateBehindRefresh);
        }
        let app = &mut self.pages[page].app;
        app.states.insert(number, (epoch.clone(), position));
        let view = self.pages[page].tab.cursor().map(|cursor| cursor.view);
        let json = view.and_then(|view| self.pages[page].app.share(&view, &epoch, position));
        // An app that does not know its position has at least what was known when it was asked.
        let says_where = position < asked || says_where;
        let position = says_where.then_some((epoch, position));
        self.after(
            wait,
            Due::Input(page, Input::StateFetched(number, position, json)),
        );
    }

    /// The tokens of a browser name each page's own user again, and somebody asks the pages to connect.
    pub(super) fn log_in(&mut self, browser: usize) {
        self.browsers[browser].login = Login::Own;
        for user in 0..self.swarm.users {
            self.reconnect_all(browser, user);
        }
    }

    /// Somebody who sees that a tab has stopped asks it to connect again.
    pub(super) fn reconnect_all(&mut self, browser: usize, user: usize) {
        for page in self.group(browser, user) {
            if self.pages[page].tab.status().state == State::Stopped {
                self.feed(page, Input::Reconnect);
            }
        }
    }
}
