//! What a tab posts, in its order: relays that come fast travel together.

use tabwire_protocol::Millis;

use super::message::Message;

/// A relay so soon after another is one of many, in milliseconds. The clocks of pages are no finer than this in every browser.
const FAST_MS: u64 = 1;

/// What a tab posts, and what it is about to.
///
/// To post takes a leader longer than all else it does for an event. So a relay that comes right after another waits until the
/// page has done what is already before it, such as to take the other frames of a burst. A relay that comes alone goes out at
/// once, and so does everything else, after what waits.
#[derive(Clone, Debug)]
pub struct Coalescing<R> {
    waiting: Option<Message<R>>,
    relayed: Option<Millis>,
}

impl<R> Default for Coalescing<R> {
    fn default() -> Self {
        Self {
            waiting: None,
            relayed: None,
        }
    }
}

impl<R> Coalescing<R> {
    /// Takes a message, at this time of the page, and posts what goes out now. Returns whether something began to wait: call
    /// [`Coalescing::release`] when the page has done what is already before it.
    pub fn push(
        &mut self,
        now: Millis,
        mut message: Message<R>,
        mut post: impl FnMut(Message<R>),
    ) -> bool {
        let waits = self.is_fast(now, &message);
        if let Some(waiting) = &mut self.waiting {
            match waiting.join(message) {
                Ok(()) => return false,
                Err(next) => message = next,
            }
        }
        let waited = self.release();
        let begins = waits && waited.is_none();
        if let Some(waited) = waited {
            post(waited);
        }
        match waits {
            true => self.waiting = Some(message),
            false => post(message),
        }
        begins
    }

    /// What waited, to be posted now.
    pub fn release(&mut self) -> Option<Message<R>> {
        self.waiting.take()
    }

    fn is_fast(&mut self, now: Millis, message: &Message<R>) -> bool {
        matches!(message, Message::Relay { .. })
            && (self.relayed.replace(now))
                .is_some_and(|before| now.since(before) <= Millis(FAST_MS))
    }
}
