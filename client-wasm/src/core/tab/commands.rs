//! Commands: from the app to the leader, from the leader to the server, and what came of them back.

use tabwire_protocol::{Command, Millis};

use super::{
    super::{
        carried::GivenUp,
        frame::Raw,
        io::{FailureReason, NewCommand},
        message::{Leadership, Message, TabId},
    },
    Presence, Tab,
};

impl<R: Raw> Tab<R> {
    pub(super) fn send_command(&mut self, command: NewCommand) -> String {
        let max_frame = self.session().map(|session| session.max_frame);
        let closed = matches!(self.presence, Presence::Left(_));
        let id = self
            .outbox
            .take(&mut self.cx, self.config.tab, max_frame, command, closed);
        self.hand_over_commands();
        id
    }

    /// Hands the leader what it has not got yet.
    pub(super) fn hand_over_commands(&mut self) {
        let (Some(leader), Presence::Here) = (self.leader, self.presence) else {
            return;
        };
        while let Some((command, left)) = self.outbox.hand_to(&self.cx, leader) {
            if self.leads().is_some() {
                let id = command.id.clone();
                if self.carry(self.config.tab, command, left) {
                    self.outbox.accepted(leader, &id);
                }
            } else {
                self.cx.post(Message::Command {
                    by: leader,
                    tab: self.config.tab,
                    command: Box::new(command),
                    left,
                });
            }
        }
        self.outbox.set_timer(&mut self.cx);
    }

    /// Another tab hands this leader a command.
    pub(super) fn command_of_other(
        &mut self,
        by: Leadership,
        tab: TabId,
        command: Command,
        left: Millis,
    ) {
        let id: String = command.id.as_str().into();
        if self.carry(tab, command, left) {
            self.cx.post(Message::Accepted { by, id });
        }
    }

    fn carry(&mut self, tab: TabId, command: Command, left: Millis) -> bool {
        let carried = self.link.carried().take(&mut self.cx, tab, command, left);
        self.write_carried();
        carried
    }

    pub(super) fn write_carried(&mut self) {
        while let Some(given_up) = self.link.write_carried(&mut self.cx) {
            self.give_up(given_up);
        }
    }

    pub(super) fn give_up(&mut self, GivenUp { tab, id, why }: GivenUp) {
        self.settle(tab, id, Err(why), false);
    }

    pub(super) fn settle(
        &mut self,
        tab: TabId,
        id: String,
        answer: Result<R, FailureReason>,
        doubt: bool,
    ) {
        if tab == self.config.tab {
            self.outbox.settled(&mut self.cx, &id, answer, doubt);
        } else if let (Some(by), true) = (self.leads(), self.shares()) {
            self.cx.post(Message::Settled {
                by,
                id,
                answer,
                doubt,
            });
        }
    }
}
