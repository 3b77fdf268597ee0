//! The commands of all tabs that a leader takes to the server, until each is answered or given up.

use tabwire_protocol::{ClientFrame, Command, Millis};

use super::{
    frame::Raw,
    io::{Context, FailureReason, Output, SocketId},
    message::TabId,
    outbox::frame_bytes,
    time::Timer,
};

/// The most commands that a leader carries for all tabs. One more is not accepted, and offered again later.
pub const CARRIED_COMMANDS_MAX: usize = 1_024;
/// The most commands on one socket that the server has not answered. One more waits for an answer.
pub(crate) const COMMANDS_UNANSWERED_MAX: usize = 64;
/// How long after its deadline the answer to a command that was written is waited for, in milliseconds.
const ANSWER_GRACE_MS: u64 = 1_000;

/// The commands on their way, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carried {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    command: Command,
    tab: TabId,
    /// Its deadline by the page's time.
    due: Millis,
    /// To how many sockets it was written: from the first on it may have taken effect.
    writes: u32,
    /// The last of them.
    on: Option<SocketId>,
}

/// A command that this leader gave up without having written it.
#[derive(Clone, Debug)]
pub(crate) struct GivenUp {
    pub(crate) tab: TabId,
    pub(crate) id: String,
    pub(crate) why: FailureReason,
}

/// Where commands are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) socket: SocketId,
    /// The server's clock is ahead of the machine's by this much; both count milliseconds.
    pub(crate) server_ahead: i64,
    /// The largest frame that the server takes, in bytes.
    pub(crate) max_frame: u64,
}

impl Carried {
    /// Takes a command along. False when there are too many: it is offered again later.
    pub(crate) fn take<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        tab: TabId,
        command: Command,
        left: Millis,
    ) -> bool {
        if self.position(&command.id).is_some() {
            return true;
        }
        if self.entries.len() >= CARRIED_COMMANDS_MAX {
            return false;
        }
        let due = cx.now.plus(left);
        self.entries.push(Entry {
            command,
            tab,
            due,
            writes: 0,
            on: None,
        });
        cx.timers.set_earlier(Timer::Carried, due);
        true
    }

    /// Writes in order, as far as the server has answered what was written before: a server closes a socket that brings too
    /// much at once, and all of it may have waited for this one.
    ///
    /// Returns a command that is given up instead: the caller settles it and comes again.
    pub(crate) fn write<R: Raw>(
        &mut self,
        cx: &mut Context<R>,
        to: Destination,
    ) -> Option<GivenUp> {
        let here = Some(to.socket);
        let mut unanswered = self.entries.iter().filter(|entry| entry.on == here).count();
        for index in 0..self.entries.len() {
            let entry = &mut self.entries[index];
            if unanswered >= COMMANDS_UNANSWERED_MAX {
                break;
            }
            // Past its deadline the server would not run it; an answer can still come for an earlier writing.
            if entry.on == here || entry.due <= cx.now {
                continue;
            }
            if frame_bytes(&entry.command) > to.max_frame {
                return Some(self.entries.remove(index).give_up(FailureReason::TooLarge));
            }
            unanswered += 1;
            entry.write(cx, to);
        }
        None
    }

    /// The server answered a command: whose it is, and whether it may have taken effect before, on an earlier socket.
    pub(crate) fn answered(&mut self, id: &str) -> Option<(TabId, bool)> {
        let index = self.position(id)?;
        let entry = self.entries.remove(index);
        Some((entry.tab, entry.writes > 1))
    }

    /// Forgets what is past its deadline.
    ///
    /// Returns a command that was never written and is given up, which is certain: the caller settles it and comes again.
    pub(crate) fn due<R: Raw>(&mut self, cx: &mut Context<R>) -> Option<GivenUp> {
        let mut index = 0;
        while let Some(entry) = self.entries.get(index) {
            let end = entry.end();
            if end > cx.now {
                cx.timers.set_earlier(Timer::Carried, end);
                index += 1;
                continue;
            }
            let entry = self.entries.remove(index);
            if entry.writes == 0 {
                return Some(entry.give_up(FailureReason::Timeout));
            }
        }
        None
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets everything: the tabs offer it to the next leader.
    pub(crate) fn clear<R: Raw>(&mut self, cx: &mut Context<R>) {
        self.entries.clear();
        cx.timers.stop(Timer::Carried);
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.command.id == id)
    }
}

impl Entry {
    /// When nothing more is to be waited for.
    fn end(&self) -> Millis {
        if self.writes == 0 {
            self.due
        } else {
            self.due.plus(Millis(ANSWER_GRACE_MS))
        }
    }

    fn write<R: Raw>(&mut self, cx: &mut Context<R>, to: Destination) {
        self.writes += 1;
        self.on = Some(to.socket);
        // By the server's clock, and the same however often it is written: the server forgets a command some time after that.
        let deadline = self.due.0.cast_signed().wrapping_add(to.server_ahead);
        let deadline = Millis(deadline.max(0).cast_unsigned());
        self.command.deadline.get_or_insert(deadline);
        let command = ClientFrame::Command(self.command.clone());
        cx.emit(Output::SendFrame(to.socket, command));
    }

    fn give_up(self, why: FailureReason) -> GivenUp {
        GivenUp {
            tab: self.tab,
            id: self.command.id,
            why,
        }
    }
}
