//! The commands of this tab, until they are settled.
//!
//! A command is queued, handed to a leader (this tab or another), accepted by it, and answered by the server. It is handed to
//! every new leader until it is answered or its deadline is over: the server runs the same id once.

use tabwire_protocol::{Command, EventType, Executed, Millis};

use super::{
    frame::Raw,
    io::{Context, Failure, FailureReason, NewCommand, Output, Settlement},
    json::push_number,
    message::{Leadership, TabId},
    time::Timer,
};

/// The most commands of one tab that wait for an answer.
pub const OUTBOX_COMMANDS_MAX: usize = 256;
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
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    entries: Vec<Entry>,
    made: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    command: Command,
    /// When its deadline is over, by the page's time.
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
        max_frame: Option<u64>,
        new: NewCommand,
        closed: bool,
    ) -> String {
        self.made += 1;
        let mut id = tab.text();
        id.push(':');
        push_number(&mut id, self.made);
        match self.check(max_frame, &new, closed) {
            Ok(event_type) => {
                let due = cx.now.plus(Millis(new.timeout_ms));
                self.entries.push(Entry {
                    command: Command {
                        id: id.clone(),
                        event_type,
                        payload: new.payload,
                        deadline: None,
                    },
                    due,
                    handed: 0,
                    to: None,
                    accepted: false,
                    accepts_until: cx.now,
                });
                self.set_timer(cx);
            }
            Err(why) => give_up(cx, id.clone(), why, Executed::No),
        }
        id
    }

    fn check(
        &self,
        max_frame: Option<u64>,
        new: &NewCommand,
        closed: bool,
    ) -> Result<EventType, FailureReason> {
        let size = (new.payload.as_str().len() + COMMAND_OVERHEAD_BYTES) as u64;
        let event_type = EventType::new(&new.event_type).map_err(|_| FailureReason::Invalid)?;
        if closed {
            Err(FailureReason::Closed)
        } else if max_frame.is_some_and(|max| size > max) {
            Err(FailureReason::TooLarge)
        } else if self.entries.len() >= OUTBOX_COMMANDS_MAX {
            Err(FailureReason::QueueFull)
        } else {
            Ok(event_type)
        }
    }

    /// A command that the leader has not been handed yet, or has not accepted in time, and how long it has left.
    pub(crate) fn hand_to<R: Raw>(
        &mut self,
        cx: &Context<R>,
        leader: Leadership,
    ) -> Option<(Command, Millis)> {
        for entry in &mut self.entries {
            if entry.to != Some(leader) {
                entry.to = Some(leader);
                entry.accepted = false;
            } else if entry.accepted || cx.now < entry.accepts_until {
                continue;
            }
            entry.handed += 1;
            entry.accepts_until = cx.now.plus(Millis(ACCEPT_MS));
            return Some((entry.command.clone(), entry.due.since(cx.now)));
        }
        None
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
        let doubt = doubt || entry.handed > 1;
        match answer {
            Ok(answer) => {
                let settlement = Settlement::Answered(answer, doubt);
                cx.emit(Output::Settled(entry.command.id, settlement));
            }
            Err(why) => give_up(cx, entry.command.id, why, executed(entry.handed > 1)),
        }
        self.set_timer(cx);
    }

    /// Gives up what is past its deadline. What the leader has not accepted in time is to be handed over again.
    pub(crate) fn tick<R: Raw>(&mut self, cx: &mut Context<R>) {
        let mut index = 0;
        while let Some(entry) = self.entries.get(index) {
            if entry.end() > cx.now {
                index += 1;
            } else {
                let entry = self.entries.remove(index);
                entry.give_up(cx, FailureReason::Timeout);
            }
        }
        self.set_timer(cx);
    }

    /// Gives up everything: the tab leaves, or the group has stopped.
    pub(crate) fn close<R: Raw>(&mut self, cx: &mut Context<R>) {
        while !self.entries.is_empty() {
            self.entries.remove(0).give_up(cx, FailureReason::Closed);
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
            cx.timers.set_earlier(Timer::Outbox, entry.end());
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

impl Entry {
    /// When nothing more is to be waited for. A command that no leader was told of cannot be on its way.
    fn end(&self) -> Millis {
        match self.handed {
            0 => self.due,
            _ => self.due.plus(Millis(ANSWER_GRACE_MS)),
        }
    }

    fn give_up<R: Raw>(self, cx: &mut Context<R>, why: FailureReason) {
        give_up(cx, self.command.id, why, executed(self.handed > 0));
    }
}

fn executed(doubt: bool) -> Executed {
    if doubt {
        Executed::Unknown
    } else {
        Executed::No
    }
}

fn give_up<R: Raw>(cx: &mut Context<R>, id: String, why: FailureReason, executed: Executed) {
    let failure = Failure { why, executed };
    cx.emit(Output::Settled(id, Settlement::Failed(failure)));
}
