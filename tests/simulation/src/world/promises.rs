//! What must hold of a page after each of its steps.

use super::*;
use tabwire_client::core::{
    BATCH_EVENTS_MAX, CARRIED_COMMANDS_MAX, HELD_EVENTS_MAX, OUTBOX_COMMANDS_MAX, RING_BYTES_MAX,
    RING_FRAMES_MAX, Sizes,
};

impl World {
    pub(super) fn check_page(&mut self, page: PageId) {
        let truth = Truth {
            log: &self.server.log,
            viewers: &self.server.viewers,
        };
        if let Err(broken) = self.pages[page].app.check(truth) {
            return self.fail(Promise::Delivery, format!("page {page}: {broken}"));
        }
        self.check_reign(page);
        self.check_lock(page);
        self.check_limits(page);
    }

    /// What is said under an old leadership is one of those that the page knows to be old: its cursor before.
    pub(super) fn is_stale(
        &self,
        page: PageId,
        input: &Input<Raw>,
    ) -> Option<Option<tabwire_protocol::Cursor>> {
        let Input::Message(
            Message::Relay { by, .. } | Message::Status { by, .. } | Message::State { by, .. },
        ) = input
        else {
            return None;
        };
        let tab = &self.pages[page].tab;
        (self.inspect(page).known > Some(*by)).then(|| tab.cursor())
    }

    /// A leadership names one reign of one page, ever.
    fn check_reign(&mut self, page: PageId) {
        let reign = self.pages[page].tab.leads();
        if self.pages[page].reign != reign {
            self.pages[page].reign = reign;
            if let Some(reign) = reign
                && !self.reigns.insert(reign)
            {
                self.fail(
                    Promise::Reigns,
                    format!("page {page} leads as {reign:?}, which was a reign before"),
                );
            }
        }
    }

    fn check_limits(&mut self, page: PageId) {
        let Sizes {
            outbox,
            carried,
            ring,
            ring_bytes,
            held,
            batch,
        } = self.pages[page].tab.sizes();
        for (what, size, max) in [
            ("commands in the outbox", outbox, OUTBOX_COMMANDS_MAX),
            ("commands carried", carried, CARRIED_COMMANDS_MAX),
            ("frames in the ring", ring, RING_FRAMES_MAX),
            ("bytes in the ring", ring_bytes, RING_BYTES_MAX),
            ("events held", held, HELD_EVENTS_MAX),
            ("events in a batch", batch, BATCH_EVENTS_MAX),
        ] {
            if size > max {
                self.fail(
                    Promise::Limits,
                    format!("page {page} has {size} {what}, and {max} is the limit"),
                );
            }
        }
    }
}
