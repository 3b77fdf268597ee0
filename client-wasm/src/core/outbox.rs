//! The commands of this tab, until they are settled.
//!
//! A command is queued, handed to a leader (this tab or another), accepted by it, and answered by the server. It is handed to
//! every new leader until it is answered or its deadline is over: the server runs the same id once.

use tabwire_protocol::{Command, EventType, Executed, Millis};

use super::{
    frame::Raw,
    io::{Context, Failure, FailureReason, NewCommand, Output, Settlement},
    json::push_number,
    message::{Leadership, SessionInfo, TabId},
    time::Timer,
};

/// The most commands of one tab that wait for an answer.
pub(crate) const OUTBOX_COMMANDS_MAX: usize = 256;
/// What a frame holds besides the payload, in bytes, at most: the keys, an id, a type of 128 bytes and a deadline.
const COMMAND_OVERHEAD_BYTES: usize = 256;

/// The size of a command's frame, in bytes, at most.
pub(crate) fn frame_bytes(command: &Command) -> u64 {
    (command.payload.as_str().len() + COMMAND_OVERHEAD_BYTES) as u64
}

/// How long a leader has to accept a command before it is asked again, in milliseconds.
const ACCEPT_MS: u64 = 3_000;
/// How long after the deadline an answer that is on its way is waited for, in milliseconds.
const ANSWER_GRACE_MS: u64 = 1_000;

/// The commands of this tab.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: Vec<Entry>,
    made: u64,
}

#[derive(Debug)]
struct Entry {
    command: Command,
    /// When its deadline is over, by the machine's clock.
    due: Millis,
    /// How often it was handed to a leader. One that never wrote it settles the matter only if it was handed over once: an
    /// earlier time may have been answered, and the answer lost on its way to this tab.
    handed: u32,
    /// The leadership that it was handed to last.
    to: Option<Leadership>,
    accepted: bool,
    /// Until when that leader has to accept it.
    accepts_until: Millis,
}

impl Outbox {
    /// Takes a command of the app, and returns its id. Whatever is wrong with it is said by an output.
    pub(crate) fn take<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        tab: TabId,
        session: Option<&SessionInfo>,
        new: NewCommand,
        closed: bool,
    ) -> String {
        self.made += 1;
        let mut id = String::from(tab.as_str());
        id.push(':');
        push_number(&mut id, self.made);
        let event_type = EventType::new(&new.event_type);
        let size = (new.payload.as_str().len() + COMMAND_OVERHEAD_BYTES) as u64;
        let refused = match &event_type {
            Err(_) => Some(FailureReason::Invalid),
            Ok(_) if closed => Some(FailureReason::Closed),
            Ok(_) if session.is_some_and(|session| size > session.max_frame) => {
                Some(FailureReason::TooLarge)
            }
            Ok(_) if self.entries.len() >= OUTBOX_COMMANDS_MAX => Some(FailureReason::QueueFull),
            Ok(_) => None,
        };
        match (event_type, refused) {
            (Ok(event_type), None) => {
                let due = cx.now.plus(Millis(new.timeout_ms));
                let command = Command {
                    id: id.clone(),
                    event_type,
                    payload: new.payload,
                    deadline: Some(cx.clock.wall(due)),
                };
                self.entries.push(Entry {
                    command,
                    due,
                    handed: 0,
                    to: None,
                    accepted: false,
                    accepts_until: cx.now,
                });
                self.set_timer(cx);
            }
            (_, why) => {
                let why = why.unwrap_or(FailureReason::Invalid);
                cx.emit(Output::Settled(
                    id.clone(),
                    Settlement::Failed(Failure {
                        why,
                        executed: Executed::No,
                    }),
                ));
            }
        }
        id
    }

    /// The commands that the leader has not been handed yet, or has not accepted in time.
    pub(crate) fn hand_to(&mut self, now: Millis, leader: Leadership) -> Vec<Command> {
        let mut commands = Vec::new();
        for entry in &mut self.entries {
            if entry.to != Some(leader) {
                entry.to = Some(leader);
                entry.accepted = false;
            } else if entry.accepted || now < entry.accepts_until {
                continue;
            }
            entry.handed += 1;
            entry.accepts_until = now.plus(Millis(ACCEPT_MS));
            commands.push(entry.command.clone());
        }
        commands
    }

    /// Whether commands wait for the leader to accept them.
    fn has_unaccepted(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.to.is_some() && !entry.accepted)
    }

    /// The leader carries the command.
    pub(crate) fn accepted(&mut self, by: Leadership, id: &str) {
        for entry in &mut self.entries {
            if entry.to == Some(by) && entry.command.id == id {
                entry.accepted = true;
            }
        }
    }

    /// The server answered a command, or a leader gave it up without having written it.
    pub(crate) fn settled<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        id: &str,
        answer: Result<R, FailureReason>,
        doubt: bool,
    ) {
        let Some(index) = self.entries.iter().position(|entry| entry.command.id == id) else {
            return;
        };
        let entry = self.entries.remove(index);
        let settlement = match answer {
            Ok(answer) => Settlement::Answered(answer, doubt || entry.handed > 1),
            Err(why) => Settlement::Failed(Failure {
                why,
                executed: if entry.handed <= 1 {
                    Executed::No
                } else {
                    Executed::Unknown
                },
            }),
        };
        cx.emit(Output::Settled(entry.command.id, settlement));
        self.set_timer(cx);
    }

    /// Gives up what is past its deadline. True when the leader should be asked again for what it has not accepted.
    pub(crate) fn tick<R: Raw>(&mut self, cx: &mut Context<R>) -> bool {
        let grace = Millis(ANSWER_GRACE_MS);
        let now = cx.now;
        let mut over = Vec::new();
        // A command that no leader was told of cannot be on its way: its deadline is the end.
        self.entries.retain(|entry| {
            let end = if entry.handed == 0 {
                entry.due
            } else {
                entry.due.plus(grace)
            };
            if end <= now {
                over.push((entry.command.id.clone(), entry.handed));
            }
            end > now
        });
        for (id, handed) in over {
            let executed = if handed == 0 {
                Executed::No
            } else {
                Executed::Unknown
            };
            cx.emit(Output::Settled(
                id,
                Settlement::Failed(Failure {
                    why: FailureReason::Timeout,
                    executed,
                }),
            ));
        }
        self.set_timer(cx);
        self.has_unaccepted()
    }

    /// Gives up everything: the tab leaves, or the group has stopped.
    pub(crate) fn close<R: Raw>(&mut self, cx: &mut Context<R>) {
        for entry in core::mem::take(&mut self.entries) {
            let executed = if entry.handed == 0 {
                Executed::No
            } else {
                Executed::Unknown
            };
            let failure = Failure {
                why: FailureReason::Closed,
                executed,
            };
            cx.emit(Output::Settled(
                entry.command.id,
                Settlement::Failed(failure),
            ));
        }
        cx.timers.stop(Timer::Outbox);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Sets the timer to the next deadline, or to when a leader is asked again.
    pub(crate) fn set_timer<R: Raw>(&self, cx: &mut Context<R>) {
        cx.timers.stop(Timer::Outbox);
        for entry in &self.entries {
            let grace = if entry.handed == 0 {
                0
            } else {
                ANSWER_GRACE_MS
            };
            cx.timers
                .set_earlier(Timer::Outbox, entry.due.plus(Millis(grace)));
            if entry.to.is_some() && !entry.accepted {
                let again = match entry.accepts_until > cx.now {
                    true => entry.accepts_until,
                    // There is no leader to ask now; a new one is asked at once.
                    false => cx.now.plus(Millis(ACCEPT_MS)),
                };
                cx.timers.set_earlier(Timer::Outbox, again);
            }
        }
    }
}
