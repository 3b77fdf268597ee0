//! The wire format of tabwire as types: names and positions, the cursor rule, frames, close codes.
//!
//! Nothing here knows a socket, a clock or a log. `PROTOCOL.md` is the contract in words; its examples are run through these
//! types by a test. With the feature `serde` frames can be read from and written to JSON; the browser client does without,
//! since a browser parses JSON itself.
//!
//! The rule that everything else rests on is [`CursorRule`]:
//!
//! ```
//! use tabwire_protocol::{CursorRule, Position, Verdict};
//!
//! let mut rule = CursorRule::at(Position::new(587)?);
//! assert_eq!(rule.observe(Position::new(587)?, Position::new(588)?), Verdict::Apply);
//! assert_eq!(rule.observe(Position::new(587)?, Position::new(588)?), Verdict::Duplicate);
//! assert_eq!(rule.observe(Position::new(590)?, Position::new(591)?), Verdict::Gap);
//! assert_eq!(rule.last(), Position::new(588)?);
//! # Ok::<(), tabwire_protocol::PositionError>(())
//! ```

mod close;
mod cursor;
mod frames;
mod names;
mod position;

pub use close::{CloseCode, Reaction};
pub use cursor::{Cursor, CursorRule, Verdict};
#[cfg(feature = "serde")]
pub use frames::DecodeError;
pub use frames::{
    Ack, Bye, ClientFrame, Command, Event, Executed, FullRefresh, Hello, Nack, NackCode, RawJson,
    RefreshReason, Renewed, RequestSync, Resume, Scope, ServerFrame, Synced, TypeMap, Welcome,
    WireError,
};
pub use names::{Device, Epoch, EventType, Module, NameError, ShopId, UserId, View};
pub use position::{Millis, Position, PositionError};

/// The version of the wire format: the `v` of `hello` and `welcome`.
pub const VERSION: u32 = 1;

/// The WebSocket subprotocol offered by clients and answered by servers.
pub const SUBPROTOCOL: &str = "tabwire.v1";
