//! The channel of a group: what one page says reaches each other in order, and is not ordered against the lock.

use super::*;

/// How much a page has before it at most, in milliseconds.
const TURN_MS_MAX: u64 = 3;

impl World {
    pub(super) fn open_channel(&mut self, page: PageId) {
        let opened = &mut self.pages[page];
        // A channel that was just made may miss what others post meanwhile.
        let deaf = if opened.random.percent(30) {
            opened.random.range(1, 10)
        } else {
            0
        };
        opened.listens = Some(self.now.plus(Millis(deaf)));
    }

    /// A page says something. Relays that come fast wait until its turn is over, as in a browser.
    pub(super) fn post(&mut self, from: PageId, message: Message<Raw>) {
        let now = self.time(from);
        let mut posted = Vec::new();
        let posting = &mut self.pages[from];
        if posting
            .posts
            .push(now, message, |message| posted.push(message))
        {
            let turn = posting.random.range(0, TURN_MS_MAX);
            self.after(turn, Due::Turn(from));
        }
        for message in posted {
            self.send(from, message);
        }
    }

    /// A page has done what was before it. One that does not run does so later.
    pub(super) fn turn(&mut self, page: PageId) {
        if self.runs(page) {
            self.release(page);
        }
    }

    pub(super) fn close_channel(&mut self, page: PageId) {
        self.release(page);
        self.pages[page].listens = None;
    }

    fn release(&mut self, page: PageId) {
        if let Some(message) = self.pages[page].posts.release() {
            self.send(page, message);
        }
    }

    fn send(&mut self, from: PageId, message: Message<Raw>) {
        // What is for one tab alone is a repair, which is of many frames without this.
        if let Message::Relay {
            envelope, to: None, ..
        } = &message
            && envelope.frames.len() > 1
        {
            self.coverage.hit(Path::RelaysJoined);
        }
        if self.pages[from].losing.is_some() && matches!(message, Message::Relay { .. }) {
            self.coverage.hit(Path::ZombieRelayed);
        }
        let now = self.pages[from].clock.now();
        if let Message::Abdicate { .. } = &message
            && let Err(broken) = self.pages[from].steals.tell(now)
        {
            return self.fail(Promise::Steals, format!("page {from}: {broken}"));
        }
        if self.pages[from].life == Life::Frozen {
            self.coverage.hit(Path::FrozenTabAnswered);
        }
        if self.pages[from].deaf_until > self.now {
            return;
        }
        let message = Rc::new(message);
        for to in self.group_of(from) {
            if to == from || !self.listens(to) {
                continue;
            }
            let sender = &mut self.pages[from];
            let latency = sender.random.range(0, self.swarm.channel_latency_max);
            let last = sender.channel_at.entry(to).or_default();
            *last = self.now.plus(Millis(latency)).max(*last);
            let arrives = *last;
            self.at(arrives, Due::Message(to, Rc::clone(&message)));
        }
    }

    fn listens(&self, page: PageId) -> bool {
        let page = &self.pages[page];
        page.deaf_until <= self.now && page.listens.is_some_and(|since| since <= self.now)
    }

    /// A message arrives.
    pub(super) fn hear(&mut self, page: PageId, message: &Rc<Message<Raw>>) {
        if self.listens(page) {
            self.feed(page, Input::Message(Message::clone(message)));
        }
    }
}
