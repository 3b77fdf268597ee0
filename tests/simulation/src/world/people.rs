//! What people and programs do in a run when nothing goes wrong: publish, and send commands.

use super::*;

/// The last event of a run is published so long before its end, in milliseconds.
const LAST_EVENT_MS: u64 = 10_000;
/// How often events are published when all is well again, in milliseconds.
const CALM_PUBLISH_MS: u64 = 5_000;
/// How often events are published while every machine sleeps, in milliseconds.
const NIGHT_PUBLISH_MS: u64 = 10_000;
/// How long a command may take that is sent when all is well, in milliseconds.
const LAST_COMMAND_MS: u64 = 15_000;

impl World {
    pub(super) fn publish(&mut self) {
        if let Some(ends) = self.ends {
            // A trickle, that ends early enough for the last of it to arrive.
            if ends.since(self.now) > Millis(LAST_EVENT_MS) {
                self.publish_one("order_created", false, 0);
                self.log_grew();
                self.after(CALM_PUBLISH_MS, Due::Publish);
            }
            return;
        }
        let random = &mut self.publisher;
        let wait = random.range(1, self.swarm.publish_every);
        let burst = random.range(1, self.swarm.burst_max);
        let choice = random.next();
        if let Some(node) = self.server.node_for(choice) {
            for _ in 0..burst {
                let event_type = self.publisher.pick(&[
                    "order_created",
                    "order_created",
                    "chat_message",
                    "note_added",
                    "order_shipped",
                ]);
                let for_others = self.publisher.percent(20);
                self.publish_one(event_type.expect("there are some"), for_others, node);
            }
            self.log_grew();
        }
        let night = self.browsers.iter().all(Browser::sleeps);
        let wait = if night {
            wait.max(NIGHT_PUBLISH_MS)
        } else {
            wait
        };
        self.after(wait, Due::Publish);
    }

    /// Publishes an event at a node, whose version says what module it is of.
    fn publish_one(&mut self, event_type: &str, for_others: bool, node: NodeId) {
        if let Some(module) = module_of(node, event_type) {
            if node > 0 && event_type == "note_added" {
                self.coverage.hit(Path::TypesDiffered);
            }
            self.server.append(Stored {
                module,
                only_for: for_others.then(|| user(9)),
                command: None,
            });
        }
    }

    pub(super) fn command(&mut self) {
        if self.calm() {
            return;
        }
        let random = &mut self.people;
        let wait = random.range(1, self.swarm.command_every);
        let event_type = random.pick(&[
            "order_created",
            "order_created",
            "order_created",
            "chat_message",
            "note_added",
            "no_such_type",
        ]);
        let timeout_ms = random.range(500, 15_000);
        let choice = random.next();
        if let Some(page) = self.choose(choice, |world, page| world.runs(page)) {
            self.send_command(page, event_type.expect("there are some"), timeout_ms);
        }
        self.after(wait, Due::Command);
    }

    fn send_command(&mut self, page: PageId, event_type: &str, timeout_ms: u64) -> String {
        let payload = RawJson::new("{}").expect("JSON");
        let command = NewCommand {
            event_type: event_type.into(),
            payload,
            timeout_ms,
        };
        let time = self.read_clock(page);
        self.effective += 1;
        let id = self.pages[page].tab.send(time, command);
        self.note(|| format!("page {page} sends {id}"));
        self.pages[page].app.waiting.insert(id.clone());
        self.drain(page);
        id
    }

    /// When all is well, what a tab wants done is done.
    pub(super) fn send_last_commands(&mut self) {
        let pages: Vec<PageId> = self.living().collect();
        for page in pages {
            if self.pages[page].tab.status().state == State::Open {
                let id = self.send_command(page, "order_created", LAST_COMMAND_MS);
                self.last_commands.push(id);
            }
        }
    }

    /// The page that a number chooses among those that fit: mostly the same one, whatever others there are.
    pub(super) fn choose(
        &self,
        choice: u64,
        fits: impl Fn(&Self, PageId) -> bool,
    ) -> Option<PageId> {
        self.living()
            .filter(|page| fits(self, *page))
            .min_by_key(|page| mixed(choice ^ mixed(self.pages[*page].slot + 1)))
    }
}
