//! What people and programs do in a run when nothing goes wrong: publish, and send commands.

use super::*;

impl World {
    pub(super) fn publish(&mut self) {
        if let Some(ends) = self.ends {
            // A trickle, that ends early enough for the last of it to arrive.
            if ends.since(self.now) > Millis(10_000) {
                self.server.log.append(Stored {
                    module: module("orders"),
                    only_for: None,
                    command: None,
                });
                self.wake_sessions();
                self.after(5_000, Due::Publish);
            }
            return;
        }
        if self.server.up {
            for _ in 0..self.random.range(1, self.swarm.burst_max) {
                let event = Stored {
                    module: module(if self.random.percent(60) {
                        "orders"
                    } else {
                        "chat"
                    }),
                    only_for: self
                        .random
                        .percent(20)
                        .then(|| tabwire_protocol::UserId::new("u_other").expect("a name")),
                    command: None,
                };
                self.server.log.append(event);
            }
            self.wake_sessions();
        }
        let wait = self.random.range(1, self.swarm.publish_every);
        self.after(wait, Due::Publish);
    }

    pub(super) fn command(&mut self) {
        if self.calm() {
            return;
        }
        let running = self.living(&[Life::Runs]);
        if let Some(page) = self.random.pick(&running) {
            let event_type = if self.random.percent(90) {
                "order_created"
            } else {
                "no_such_type"
            };
            let timeout_ms = self.random.range(500, 15_000);
            self.send_command(page, event_type, timeout_ms);
        }
        let wait = self.random.range(1, self.swarm.command_every);
        self.after(wait, Due::Command);
    }

    pub(super) fn send_command(
        &mut self,
        page: PageId,
        event_type: &str,
        timeout_ms: u64,
    ) -> String {
        let payload = RawJson::new("{}").expect("JSON");
        let command = NewCommand {
            event_type: event_type.into(),
            payload,
            timeout_ms,
        };
        let id = self.pages[page].tab.send(self.now, command);
        self.note(|| format!("page {page} sends {id}"));
        self.pages[page].app.waiting.insert(id.clone(), ());
        self.drain(page);
        id
    }

    /// When all is well, what a tab wants done is done.
    pub(super) fn last_commands(&mut self) {
        for page in self.living(&[Life::Runs]) {
            if self.pages[page].tab.status().state == State::Open {
                let id = self.send_command(page, "order_created", LAST_COMMANDS_MS / 2);
                self.last_commands.push(id);
            }
        }
    }
}
