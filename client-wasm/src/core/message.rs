//! What tabs say to each other.

use core::fmt;

use tabwire_protocol::{
    Command, Cursor, Device, Epoch, Millis, Module, Position, RawJson, ShopId, UserId, View,
};

use super::{frame::Frame, io::FailureReason, status::LinkStatus};

/// The version of the messages between tabs. Tabs of other versions are ignored.
pub const MESSAGE_VERSION: u32 = 1;
/// The most frames that travel in one message.
pub const RELAY_FRAMES_MAX: usize = 100;

/// Names a tab: 16 random characters of base64url, drawn anew with each page load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabId([u8; 16]);

impl TabId {
    /// Nobody's name, for what is thrown away.
    pub(crate) const NONE: Self = Self([b'-'; 16]);

    /// A tab's name from 96 random bits.
    pub fn from_random(bits: [u8; 12]) -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = [0; 16];
        let mut bytes = bits.into_iter();
        let (mut held, mut count) = (0_u32, 0);
        for character in &mut text {
            if count < 6 {
                held = held << 8 | u32::from(bytes.next().unwrap_or_default());
                count += 8;
            }
            count -= 6;
            *character = ALPHABET[(held >> count) as usize & 63];
        }
        Self(text)
    }

    /// A tab's name as another tab wrote it.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            .then_some(Self(bytes))
    }

    /// The name as text.
    pub fn text(self) -> String {
        let mut text = String::new();
        for byte in self.0 {
            text.push(char::from(byte));
        }
        text
    }
}

impl fmt::Debug for TabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A leadership. A higher one wins and lower ones are ignored: whatever a tab that lost the lead without noticing still says
/// moves nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leadership {
    /// The number of the leadership.
    pub term: u64,
    /// Who leads.
    pub tab: TabId,
}

/// What one tab says to the others. `by` names the leadership that it is said under.
#[derive(Clone, Debug)]
pub enum Message<R> {
    /// A tab has come, or wants to know who leads.
    Hello {
        /// The highest leadership it has heard of.
        known: Option<Leadership>,
        /// The leader is asked to show that it runs: by what comes out of its socket, or by a timer.
        asks: bool,
    },
    /// The leader says that it leads, how its link is, and where its relay is.
    Status {
        /// Who.
        by: Leadership,
        /// How.
        status: Box<LeaderStatus>,
        /// Said by a timer or by the socket, and so by a page that runs. An answer to a message shows nothing.
        beacon: bool,
    },
    /// Frames from the leader's socket, or from its ring.
    Relay {
        /// Who.
        by: Leadership,
        /// The frames.
        envelope: Box<Envelope<R>>,
        /// For this tab alone.
        to: Option<TabId>,
    },
    /// A follower lacks what comes after its cursor.
    Repair {
        /// Who.
        tab: TabId,
        /// After what.
        cursor: Cursor,
    },
    /// A follower wants a command done.
    Command {
        /// By whom. Another leader that hears this late is not meant: it is handed the command itself, while there is time.
        by: Leadership,
        /// Whose.
        tab: TabId,
        /// What.
        command: Box<Command>,
        /// How long it may take from now, in milliseconds.
        left: Millis,
    },
    /// The leader carries the command.
    Accepted {
        /// Who.
        by: Leadership,
        /// Which command.
        id: String,
    },
    /// What came of a command: the server's `ack` or `nack`.
    Settled {
        /// Who.
        by: Leadership,
        /// Which command.
        id: String,
        /// The server's frame, or why this leader gave the command up without having written it to any socket.
        answer: Result<R, FailureReason>,
        /// The command may have taken effect before, on another socket, whatever the answer says.
        doubt: bool,
    },
    /// Somebody spoke under a leadership lower than one that this tab has heard of.
    Stale {
        /// The one it has heard of.
        known: Leadership,
        /// It hears that one speak: whoever spoke leads no more. Else that one may be gone.
        led: bool,
    },
    /// The leader has not shown that it runs: let it leave, unless it leads under a higher number than this.
    Abdicate {
        /// The highest leadership that whoever says this has heard of.
        known: Option<Leadership>,
    },
    /// A visible tab would lead, where the leader is hidden and seeks one.
    Willing {
        /// Who.
        tab: TabId,
        /// Whom it follows.
        of: Leadership,
    },
    /// The leader lets a visible tab lead, and goes on until that is connected.
    HandOver {
        /// Who.
        by: Leadership,
        /// Whom.
        to: TabId,
    },
    /// A tab needs the app's state, and would take the leader's.
    StateWanted {
        /// Who.
        tab: TabId,
        /// What the state depends on besides the view.
        key: String,
        /// Of which log and view.
        epoch: Epoch,
        /// Of which part of it.
        view: View,
    },
    /// The leader's state for tabs that want it.
    State {
        /// Who.
        by: Leadership,
        /// For this tab alone; none means all that want it.
        to: Option<TabId>,
        /// None: the leader has none to give, and whoever wanted it fetches its own.
        state: Option<Box<SharedState>>,
    },
    /// The leader leaves.
    Bye {
        /// Who.
        by: Leadership,
    },
    /// A person wants the group to connect again.
    Reconnect,
    /// A person logged out.
    Logout,
}

/// Frames with the log and view they belong to: positions of other logs or views never compare.
#[derive(Clone, Debug)]
pub struct Envelope<R> {
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// At least one, in their order: each as far as the machine reads it, and as it came.
    pub frames: Vec<(Frame, R)>,
    /// More frames of the same replay follow at once.
    pub more: bool,
}

impl<R> Message<R> {
    /// Makes one message of this one and what follows it: of two relays of a leadership, of the same log and view and for the
    /// same tabs, as long as they are not too many.
    ///
    /// # Errors
    /// What follows, when it has to be a message of its own.
    pub(crate) fn join(&mut self, next: Self) -> Result<(), Self> {
        match (self, next) {
            (
                Self::Relay { by, envelope, to },
                Self::Relay {
                    by: next_by,
                    envelope: next,
                    to: next_to,
                },
            ) if *by == next_by
                && *to == next_to
                && envelope.epoch == next.epoch
                && envelope.view == next.view
                && envelope.frames.len() + next.frames.len() <= RELAY_FRAMES_MAX =>
            {
                envelope.frames.extend(next.frames);
                envelope.more = next.more;
                Ok(())
            }
            (_, next) => Err(next),
        }
    }
}

/// How the leader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderStatus {
    /// How its link is.
    pub link: LinkStatus,
    /// Its session, once the server has welcomed it; kept while it reconnects, for the claim and the clock.
    pub session: Option<SessionInfo>,
    /// Up to where it has relayed, while the link is open.
    pub relay: Option<RelayPosition>,
    /// Its page is hidden, and it seeks a visible tab to lead.
    pub seeks: bool,
}

/// An app's state on its way to another tab.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedState {
    /// What it depends on besides the view.
    pub key: String,
    /// Of which log.
    pub epoch: Epoch,
    /// Of which part of it.
    pub view: View,
    /// Up to where it holds the events.
    pub position: Position,
    /// The state.
    pub json: RawJson,
}

/// Up to where a leader has relayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayPosition {
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// The highest position relayed.
    pub at: Position,
}

/// What a server said of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Whose.
    pub user: UserId,
    /// Of which shop.
    pub shop: ShopId,
    /// What it is entitled to.
    pub modules: Vec<Module>,
    /// What it may see, with these modules.
    pub view: View,
    /// The number of the grant, for automatic reconnects.
    pub claim: u64,
    /// How often the server pings.
    pub ping_ms: u64,
    /// The largest frame that the server takes, in bytes.
    pub max_frame: u64,
    /// The device that the group is to the server: one, whatever each tab found in the browser's storage, which people clear.
    pub device: Device,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_named_by_16_characters_of_base64url_that_parse_back() {
        let tab = TabId::from_random([255, 0, 16, 32, 64, 128, 1, 2, 3, 4, 5, 6]);
        assert_eq!(tab.text(), "_wAQIECAAQIDBAUG");
        assert_eq!(TabId::parse(&tab.text()), Some(tab));
        assert_eq!(format!("{tab:?}"), tab.text());
        for bad in ["", "short", "sixteen chars !!", "seventeen-chars--"] {
            assert_eq!(TabId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_higher_term_wins_and_the_tab_breaks_ties() {
        let leadership = |term, byte| Leadership {
            term,
            tab: TabId::from_random([byte; 12]),
        };
        assert!(leadership(2, 0) > leadership(1, 255));
        assert_ne!(leadership(2, 0), leadership(2, 1));
    }
}
