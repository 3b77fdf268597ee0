//! Pages: opened, replaced by others, told what happens, and what their machines make of it.

use super::*;
use tabwire_client::core::LinkStatus;

impl World {
    /// Opens a page where there was none.
    pub(super) fn open_new(&mut self, browser: usize, user_index: usize, slot: u64) {
        let keys = self.swarm.state_keys as u64;
        let key = (keys > 0).then(|| format!("k{}", slot % keys));
        let app = App::new(user(user_index), key, self.swarm.fetches_state);
        let visible = self.browsers[browser].shown.is_none();
        self.open(browser, user_index, (slot, 0), app, visible);
    }

    /// Opens a page with an app.
    pub(super) fn open(
        &mut self,
        browser: usize,
        user_index: usize,
        (slot, generation): (u64, u64),
        app: App,
        visible: bool,
    ) -> PageId {
        let mut random = Random::of(self.seed, Stream::Page(slot, generation));
        let mut name = [0; 12];
        for byte in &mut name {
            *byte = (random.next() & 255) as u8;
        }
        let profile = self.browsers[browser].profile;
        let config = Config {
            user: user(user_index),
            tab: TabId::from_random(name),
            device: self.browsers[browser].device(browser, user_index),
            cursor: app.cursor().cloned(),
            fetches_state: app.fetches_state,
            sharing: profile.sharing,
            state_key: app.state_key.clone(),
            hands_over: profile.hands_over,
            term: self.browsers[browser].groups[user_index].term,
            seed: random.next(),
        };
        let wait = random.range(0, 300);
        let page = self.pages.len();
        self.pages.push(Page {
            browser,
            user: user_index,
            slot,
            generation,
            tab: Tab::new(config),
            app,
            random,
            life: Life::Runs,
            spell: 0,
            visible,
            visible_since: self.now,
            was_hidden: (Millis(0), 1),
            looks_since: self.now,
            runs_since: self.now,
            listens: None,
            posts: Coalescing::default(),
            deaf_until: Millis(0),
            channel_at: BTreeMap::new(),
            lock_at: Millis(0),
            granted: None,
            overtaken: None,
            socket: None,
            backlog: Backlog::default(),
            timer: None,
            losing: None,
            reign: None,
            steals: Steals::default(),
            clock: OwnClock::default(),
            brought_at: Millis(0),
            silent_since: None,
            leaderless_since: None,
            shows: (State::Idle, self.now),
        });
        let tab = self.inspect(page).tab;
        self.note(|| {
            format!("page {page} opens in browser {browser} for user {user_index}: {tab:?}")
        });
        if visible {
            if let Some(shown) = self.browsers[browser].shown {
                self.set_visible(shown, false);
            }
            self.browsers[browser].shown = Some(page);
        }
        self.after(wait, Due::Start(page));
        page
    }

    /// The page has loaded.
    pub(super) fn start(&mut self, page: PageId) {
        let visible = self.pages[page].visible;
        self.feed(page, Input::Visible(visible));
        self.feed(page, Input::Start);
    }

    /// A page is gone, and another comes in its place.
    pub(super) fn replace(&mut self, page: PageId, app: App) {
        let Page {
            browser,
            user,
            slot,
            generation,
            visible,
            ..
        } = self.pages[page];
        self.end(page);
        self.open(browser, user, (slot, generation + 1), app, visible);
    }

    /// A page is gone.
    fn end(&mut self, page: PageId) {
        let gone = &mut self.pages[page];
        let browser = gone.browser;
        gone.life = Life::Gone;
        gone.listens = None;
        gone.timer = None;
        gone.backlog = Backlog::default();
        gone.visible = false;
        if let Some((_, connection)) = gone.socket.take() {
            self.hang_up(connection);
        }
        self.lock_gone(page);
        let shown = &mut self.browsers[browser].shown;
        shown.take_if(|shown| *shown == page);
    }

    pub(super) fn living(&self) -> impl Iterator<Item = PageId> {
        (0..self.pages.len()).filter(|page| self.pages[*page].life != Life::Gone)
    }

    /// The pages of a user in a browser.
    pub(super) fn group(&self, browser: usize, user: usize) -> Vec<PageId> {
        let of = |page: &PageId| {
            let page = &self.pages[*page];
            (page.browser, page.user) == (browser, user)
        };
        self.living().filter(of).collect()
    }

    /// The pages of the same user in the same browser, this one among them.
    pub(super) fn group_of(&self, page: PageId) -> Vec<PageId> {
        self.group(self.pages[page].browser, self.pages[page].user)
    }

    /// What the page's browser is like.
    pub(super) fn profile(&self, page: PageId) -> Profile {
        self.browsers[self.pages[page].browser].profile
    }

    pub(super) fn inspect(&self, page: PageId) -> Inspection {
        self.pages[page].tab.inspect(self.time(page))
    }

    /// Whether the page runs: its timers fire and its socket is heard.
    pub(super) fn runs(&self, page: PageId) -> bool {
        let page = &self.pages[page];
        page.life == Life::Runs && !self.browsers[page.browser].sleeps()
    }

    /// Whether the page would be told now of what comes from there.
    pub(super) fn hears(&self, page: PageId, source: Source) -> bool {
        match self.pages[page].life {
            Life::Frozen => {
                source == Source::Channel && !self.browsers[self.pages[page].browser].sleeps()
            }
            _ => self.runs(page),
        }
    }

    /// Something happens to a page: it is told now if it runs, else when it does.
    pub(super) fn feed(&mut self, page: PageId, input: Input<Raw>) {
        let source = Source::of(&input);
        let life = self.pages[page].life;
        let lost = source == Source::Channel && matches!(life, Life::Away | Life::Suspended);
        let overtaken = matches!(input, Input::LockGranted(request) if self.pages[page].overtaken == Some(request));
        if life == Life::Gone || lost || overtaken {
            return;
        }
        if self.hears(page, source) && !self.pages[page].backlog.has(source) {
            self.handle(page, input);
        } else {
            self.pages[page].backlog.push(input);
        }
    }

    /// The page is told something.
    pub(super) fn handle(&mut self, page: PageId, input: Input<Raw>) {
        self.effective += 1;
        if self.trace.is_some() && !matches!(input, Input::Tick) {
            let line = format!("page {page} <- {}", trace::input(&input));
            self.note(|| line);
        }
        if let Input::LockGranted(request) = &input {
            self.pages[page]
                .granted
                .take_if(|granted| granted == request);
        }
        if let Input::LockLost(request) = &input {
            self.pages[page].losing.take_if(|losing| losing == request);
        }
        let time = self.read_clock(page);
        let told = &mut self.pages[page];
        if matches!(input, Input::SocketFrame(..)) {
            told.brought_at = self.now;
        }
        if let Input::Message(message) = &input {
            told.steals.hear_another();
            let brings = match message {
                Message::Relay { to, .. } => to.is_none(),
                Message::Status { status, beacon, .. } => {
                    *beacon && status.link == LinkStatus::Open
                }
                _ => false,
            };
            if brings {
                // However short the moment was in which it could: it has heard that all is well.
                told.silent_since = None;
                told.leaderless_since = None;
            }
            if matches!(message, Message::HandOver { to, .. } if *to == told.tab.inspect(time).tab)
            {
                told.steals.invited();
            }
        }
        let before = self.is_stale(page, &input);
        self.pages[page].tab.handle(time, input);
        if let Some(before) = before
            && before != self.pages[page].tab.cursor()
        {
            return self.fail(
                Promise::Fence,
                format!("page {page}: a lower leadership than it knows moved its cursor"),
            );
        }
        self.drain(page);
    }

    /// Carries out what a page's machine says.
    pub(super) fn drain(&mut self, page: PageId) {
        for _ in 0..OUTPUTS_MAX {
            let Some(output) = self.pages[page].tab.poll() else {
                self.check_page(page);
                return self.arm(page);
            };
            if self.trace.is_some() && !matches!(output, Output::Log(_)) {
                let line = format!("page {page} -> {}", trace::output(&output));
                self.note(|| line);
            }
            let truth = Truth {
                log: &self.server.log,
                viewers: &self.server.viewers,
            };
            let told = &mut self.pages[page];
            let view = matches!(output, Output::ApplyState { .. })
                .then(|| told.tab.cursor())
                .flatten()
                .map(|cursor| cursor.view);
            if let Err(broken) = told.app.take(truth, view.as_ref(), &output) {
                let promise = match output {
                    Output::Settled(..) => Promise::Commands,
                    _ => Promise::Delivery,
                };
                return self.fail(promise, format!("page {page}: {broken}"));
            }
            self.carry_out(page, output);
            if self.failure.is_some() {
                return;
            }
        }
        self.fail(
            Promise::End,
            format!("page {page}: its machine has ever more to say"),
        );
    }
}
