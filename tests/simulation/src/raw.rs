//! What stands for the text of a frame.

use tabwire_protocol::{Epoch, Executed, Position, UserId, View};

/// A frame as the app would read it.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Event {
        epoch: Epoch,
        id: Position,
        /// Of the session that it was written to.
        view: View,
        user: UserId,
    },
    Ack {
        epoch: Epoch,
        id: Position,
    },
    Nack {
        executed: Executed,
    },
    Other,
}

impl tabwire_client::core::Raw for Raw {
    fn size(&self) -> usize {
        // Large enough for the ring's limit in bytes to matter now and then.
        2_000
    }
}
