//! What a tab decides, without doing any of it.
//!
//! This module is deterministic. It knows no clock, no random source, no socket, no lock and no other tab: they come in as
//! [`Input`] and go out as [`Output`]. The browser layer and the simulator both drive the same [`Tab`].
//!
//! The one rule of use: *handle, then poll until there is nothing more, then handle again.*
//!
//! ```
//! use tabwire_client::core::{Config, Input, LockRequest, Output, Raw, Sharing, Tab, TabId};
//! use tabwire_protocol::{Device, Millis, UserId};
//!
//! #[derive(Clone, Debug)]
//! struct Text(String);
//! impl Raw for Text {
//!     fn size(&self) -> usize {
//!         self.0.len()
//!     }
//! }
//!
//! let mut tab: Tab<Text> = Tab::new(Config {
//!     user: UserId::new("u_101")?,
//!     tab: TabId::from_random([7; 12]),
//!     device: Device::new("d_1")?,
//!     cursor: None,
//!     fetches_state: false,
//!     sharing: Sharing::Locks,
//!     state_key: None,
//!     hands_over: false,
//!     term: 0,
//!     seed: 42,
//! });
//! let mut now = Millis(1_730_569_300_000);
//! let mut inputs = vec![Input::Start, Input::LockGranted(LockRequest(1))];
//! let mut wants_token = false;
//! while !inputs.is_empty() {
//!     tab.handle(now, inputs.remove(0));
//!     while let Some(output) = tab.poll() {
//!         wants_token |= matches!(output, Output::GetToken(1, _));
//!     }
//!     if let Some(next) = tab.next_timeout() {
//!         now = now.max(next); // a browser would set a timer
//!     }
//! }
//! assert!(wants_token && tab.leads().is_some());
//! # Ok::<(), tabwire_protocol::NameError>(())
//! ```

mod carried;
mod coalesce;
mod decode;
mod encode;
mod frame;
mod io;
mod json;
mod link;
mod message;
mod outbox;
mod post;
mod random;
mod reader;
mod repairs;
mod ring;
mod status;
mod tab;
mod time;
mod watch;

#[cfg(test)]
mod testing;

pub use carried::CARRIED_COMMANDS_MAX;
pub use coalesce::Coalescing;
pub use decode::decode;
pub use encode::encode;
pub use frame::{Frame, Kind, Moving, Raw, Refresh, Renewed, Welcome};
pub use io::{
    Config, Counters, Failure, FailureReason, FetchReason, Input, LockRequest, Log, NewCommand,
    Output, Settlement, Sharing, SocketId, TokenReason,
};
#[cfg(all(target_arch = "wasm32", any(feature = "npm", feature = "typed")))]
pub(crate) use json::{parse_number, push_number};
pub use message::{
    Envelope, LeaderStatus, Leadership, MESSAGE_VERSION, Message, RELAY_FRAMES_MAX, RelayPosition,
    SessionInfo, SharedState, TabId,
};
pub use outbox::OUTBOX_COMMANDS_MAX;
pub use post::{read_message, write_message};
pub use reader::{BATCH_EVENTS_MAX, HELD_EVENTS_MAX};
pub use ring::{RING_BYTES_MAX, RING_FRAMES_MAX};
pub use status::{LinkStatus, Reason, Role, State, Status};
pub use tab::{BEACON_MS, Inspection, Sizes, Tab, Why};
pub use time::SteadyClock;
#[cfg(all(target_arch = "wasm32", feature = "npm"))]
pub(crate) use {json::Writer, post::write_session};
