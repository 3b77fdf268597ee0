//! Commands: authorised, run once, answered.

use tabwire_client::core::Frame;
use tabwire_protocol::{Command, Millis, NackCode};
use tabwire_server::command::dedupe::{Admission, Outcome};

use super::{Connection, Down, Server, module_of};
use crate::{coverage::Path, log::Stored, raw::Raw};

impl Server {
    pub(super) fn command(&mut self, now: Millis, connection: Connection, command: Command) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        if session.expired || session.expires_at <= now {
            return session.waiting.push(command);
        }
        let user = session.user.clone();
        let outcome = match self.dedupe.admit(now, &user, &command) {
            Admission::Answer(outcome) => {
                if matches!(outcome, Outcome::Done { .. }) {
                    self.coverage.hit(Path::CommandDeduped);
                }
                outcome
            }
            Admission::Running => unreachable!("the model runs a command at once"),
            Admission::Run => {
                let outcome = self.execute(connection, &command);
                self.dedupe.settle(&user, &command.id, outcome.clone());
                outcome
            }
        };
        let raw = match outcome {
            Outcome::Done {
                event: Some((epoch, id)),
                ..
            } => Raw::Ack { epoch, id },
            Outcome::Done { event: None, .. } => Raw::Other,
            Outcome::Failed { executed, .. } => Raw::Nack { executed },
        };
        self.send(
            connection,
            Down::Frame(Frame::Outcome { id: command.id }, raw),
        );
    }

    fn execute(&mut self, connection: Connection, command: &Command) -> Outcome {
        let session = &self.sessions[&connection];
        let Some(module) = module_of(session.node, command.event_type.as_str()) else {
            return Outcome::refused(NackCode::UnknownType, "type: there is none of this name");
        };
        if !session.cursor.viewer().modules().contains(&module) {
            self.coverage.hit(Path::CommandForbidden);
            return Outcome::refused(NackCode::Forbidden, "type: it is not this session's");
        }
        let id = self.log.append(Stored {
            module,
            only_for: None,
            command: Some(command.id.clone()),
        });
        Outcome::Done {
            event: Some((self.log.bounds().epoch.clone(), id)),
            result: None,
        }
    }
}
