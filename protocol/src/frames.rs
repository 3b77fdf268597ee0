//! The frames of the wire. `PROTOCOL.md` says who sends which when, and what a violation gets.

use core::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::{Cursor, Device, Epoch, EventType, Millis, Module, Position, ShopId, UserId, View};

/// A frame that a client sends.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize),
    serde(tag = "t", rename_all = "snake_case")
)]
pub enum ClientFrame {
    /// Opens the session.
    Hello(Hello),
    /// Asks for everything after a cursor.
    RequestSync(RequestSync),
    /// Asks for something to be done.
    Command(Command),
    /// Brings a newer token.
    Renew {
        /// The JWT.
        token: String,
    },
    /// Asks for a server ping.
    Ping,
    /// Answers a server ping.
    Pong {
        /// Where the client's cursor is.
        #[cfg_attr(feature = "serde", serde(rename = "lastEventId"))]
        last_event_id: Position,
    },
}

/// Opens the session: comes first, and once.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize), serde(rename_all = "camelCase"))]
pub struct Hello {
    /// The version of the wire format.
    pub v: u32,
    /// The JWT.
    pub token: String,
    /// The browser profile.
    pub device: Device,
    /// The grant this device had, sent by automatic reconnects only.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub claim: Option<u64>,
    /// Where to go on; none for a fresh start.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub cursor: Option<Cursor>,
    /// What the client can do beyond version 1.
    pub features: Vec<String>,
}

/// Asks for everything after a cursor. One at a time.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize), serde(rename_all = "camelCase"))]
pub struct RequestSync {
    /// Comes back in the `synced` or `full_refresh` that answers.
    #[cfg_attr(feature = "serde", serde(rename = "ref"))]
    pub reference: u64,
    /// Where to go on.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub cursor: Cursor,
}

/// Asks for something to be done: an event to be made, or a call of the app's back end.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Command {
    /// Made by the client, unique for the user: the same id takes effect once.
    pub id: String,
    /// What.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub event_type: EventType,
    /// With what.
    pub payload: RawJson,
    /// After this time it is not run. Absent: a minute from its arrival.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub deadline: Option<Millis>,
}

/// A frame that a server sends.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize),
    serde(tag = "t", rename_all = "snake_case")
)]
pub enum ServerFrame {
    /// Answers the hello.
    Welcome(Welcome),
    /// An event of the view.
    Event(Event),
    /// The end of a replay.
    Synced(Synced),
    /// Everything of the view up to `up_to` has been written.
    Ping {
        /// The position of the cursor-moving frame written before.
        prev: Position,
        /// Where the session is.
        #[cfg_attr(feature = "serde", serde(rename = "upTo"))]
        up_to: Position,
        /// The server's clock.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        now: Option<Millis>,
    },
    /// What was missed cannot be sent: fetch the state.
    FullRefresh(FullRefresh),
    /// A command was done.
    Ack(Ack),
    /// A command was not done, or nobody knows.
    Nack(Nack),
    /// The newer token is in force.
    Renewed(Renewed),
    /// Something was ignored.
    Error(WireError),
    /// The last frame before the server closes.
    Bye(Bye),
}

/// Answers the hello. It moves nobody's cursor; a client without one starts at `at`.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Welcome {
    /// The version of the wire format.
    pub v: u32,
    /// Names this socket.
    pub socket_id: String,
    /// Whose socket.
    pub user_id: UserId,
    /// Of which shop.
    pub shop_id: ShopId,
    /// What the session is entitled to.
    pub modules: Vec<Module>,
    /// The types that may be listened to and sent, with their module. Information, not a filter.
    pub types: TypeMap,
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// What comes next.
    pub resume: Resume,
    /// Where live frames start.
    pub at: Position,
    /// The number of this grant.
    pub claim: u64,
    /// The server's clock.
    pub now: Millis,
    /// When the token ends.
    pub expires_at: Millis,
    /// A ping comes at least this often, in milliseconds.
    pub ping_ms: u64,
    /// The largest frame the server takes, in bytes.
    pub max_frame: u64,
    /// What the server can do beyond version 1.
    pub features: Vec<String>,
}

/// What follows a welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Resume {
    /// Live frames after `at`.
    Fresh,
    /// What was missed, then `synced`.
    Replay,
    /// A `full_refresh`, then live frames after its `at`.
    FullRefresh,
}

/// An event of the view.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Event {
    /// Its position.
    pub id: Position,
    /// The position of the cursor-moving frame written before; absent: `id` − 1.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub prev: Option<Position>,
    /// What happened.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub event_type: EventType,
    /// The module it belongs to.
    pub module: Module,
    /// To whom it was addressed.
    pub scope: Scope,
    /// The app's data.
    pub payload: RawJson,
    /// When it was appended.
    pub timestamp: Millis,
    /// The user whose command made it.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub by: Option<UserId>,
    /// The command that made it.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub command_id: Option<String>,
}

impl Event {
    /// The position of the cursor-moving frame written before this one.
    pub fn prev(&self) -> Position {
        self.prev.unwrap_or_else(|| self.id.before())
    }
}

/// To whom an event is addressed, as far as it is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Scope {
    /// The shop.
    pub shop_id: ShopId,
}

/// The end of a replay.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Synced {
    /// The position of the cursor-moving frame written before.
    pub prev: Position,
    /// Everything of the view up to here has been written.
    pub up_to: Position,
    /// The `ref` of the request that this answers.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "ref", default, skip_serializing_if = "Option::is_none")
    )]
    pub reference: Option<u64>,
}

/// What was missed cannot be sent: fetch the state, then go on from `at`.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct FullRefresh {
    /// Why.
    pub reason: RefreshReason,
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// Where live frames start.
    pub at: Position,
    /// The `ref` of the request that this answers.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "ref", default, skip_serializing_if = "Option::is_none")
    )]
    pub reference: Option<u64>,
    /// Wait a random part of this many milliseconds before fetching, since many others were told the same.
    pub spread_ms: u64,
}

/// Why the missed events cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum RefreshReason {
    /// The log is another one.
    EpochChanged,
    /// The events after the cursor are no longer kept.
    Expired,
    /// More events than a replay may have.
    TooFar,
    /// The cursor is ahead of the log.
    UnknownPosition,
    /// The session may see other things than the cursor's.
    ViewChanged,
}

impl RefreshReason {
    /// The reason as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EpochChanged => "epoch_changed",
            Self::Expired => "expired",
            Self::TooFar => "too_far",
            Self::UnknownPosition => "unknown_position",
            Self::ViewChanged => "view_changed",
        }
    }
}

/// A command was done.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Ack {
    /// Which command.
    pub id: String,
    /// The log of the event it became.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub epoch: Option<Epoch>,
    /// The event it became.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub event_id: Option<Position>,
    /// What the app's back end answered.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub result: Option<RawJson>,
}

/// A command was not done, or nobody knows.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Nack {
    /// Which command.
    pub id: String,
    /// Why.
    pub code: NackCode,
    /// Whether it took effect.
    pub executed: Executed,
    /// For people.
    pub message: String,
}

/// Why a command was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum NackCode {
    /// The session is not entitled to the type's module, or clients may not send the type.
    Forbidden,
    /// The server has no such type.
    UnknownType,
    /// A field is wrong; the message names it.
    Invalid,
    /// The id was used before with another body.
    Conflict,
    /// The deadline is over.
    Expired,
    /// The payload is too large.
    TooLarge,
    /// Too many commands.
    RateLimited,
    /// The log or the app's back end does not answer.
    Unavailable,
}

/// Whether a command that was not acked took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Executed {
    /// It did not, and will not.
    No,
    /// Nobody can know.
    Unknown,
}

/// The newer token is in force.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Renewed {
    /// The server's clock.
    pub now: Millis,
    /// When the token ends.
    pub expires_at: Millis,
    /// What the session is entitled to.
    pub modules: Vec<Module>,
    /// The types that may be listened to and sent, with their module.
    pub types: TypeMap,
    /// What the session may see. When it changed, a `full_refresh` follows.
    pub view: View,
}

/// Something was ignored.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct WireError {
    /// What, for programs: `unknown_frame`.
    pub code: String,
    /// What, for people.
    pub message: String,
}

/// The last frame before the server closes. It decides over a 1006 that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Bye {
    /// The close code that follows.
    pub code: u16,
    /// Whether to connect again.
    pub retry: bool,
    /// How long to wait before that, in milliseconds.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub after_ms: Option<u64>,
}

/// Event types with their modules, in order of the types.
pub type TypeMap = std::collections::BTreeMap<EventType, Module>;

/// JSON that is passed on as it came.
#[derive(Clone)]
pub struct RawJson(Repr);

#[cfg(feature = "serde")]
type Repr = Box<serde_json::value::RawValue>;
#[cfg(not(feature = "serde"))]
type Repr = String;

impl RawJson {
    /// JSON from a text that something else has made as JSON, such as a browser's `JSON.stringify`.
    ///
    /// # Panics
    /// With the feature `serde`, when the text is not JSON. Without, it is passed on as it is.
    pub fn trusted(text: String) -> Self {
        #[cfg(feature = "serde")]
        return Self(
            serde_json::value::RawValue::from_string(text).expect("the text was made as JSON"),
        );
        #[cfg(not(feature = "serde"))]
        return Self(text);
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        #[cfg(feature = "serde")]
        return self.0.get();
        #[cfg(not(feature = "serde"))]
        return &self.0;
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for RawJson {
    /// Equal texts: the same JSON written in another way is another text.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

#[cfg(feature = "serde")]
pub use json::DecodeError;

#[cfg(feature = "serde")]
mod json {
    //! Reading and writing frames.

    use std::borrow::Cow;

    use serde::{Deserializer, Serializer, de::DeserializeOwned};

    use super::*;

    /// Why a text is no frame.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum DecodeError {
        /// Not a frame of this wire format; the text says what is wrong and where.
        Malformed(String),
        /// A frame, of a kind this side does not know.
        Unknown(String),
    }

    impl fmt::Display for DecodeError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Malformed(what) => f.write_str(what),
                Self::Unknown(t) => write!(f, "no frame has \"t\":{t:?}"),
            }
        }
    }

    impl core::error::Error for DecodeError {}

    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        t: Cow<'a, str>,
    }

    /// A cursor as it stands in a frame: all three fields or none.
    fn cursor(
        epoch: Option<Epoch>,
        view: Option<View>,
        last: Option<Position>,
    ) -> Result<Option<Cursor>, DecodeError> {
        match (epoch, view, last) {
            (Some(epoch), Some(view), Some(last)) => Ok(Some(Cursor { epoch, view, last })),
            (None, None, None) => Ok(None),
            _ => Err(DecodeError::Malformed(
                "a cursor is \"epoch\", \"view\" and \"lastEventId\" together, or none of them"
                    .into(),
            )),
        }
    }

    /// An integer that JavaScript holds exactly: what a client sends is sent back to it, or to another.
    #[derive(Deserialize)]
    #[serde(try_from = "u64")]
    struct Integer(u64);

    impl TryFrom<u64> for Integer {
        type Error = &'static str;

        fn try_from(value: u64) -> Result<Self, Self::Error> {
            if value <= Position::MAX.get() {
                Ok(Self(value))
            } else {
                Err("an integer is at most 2^53-1")
            }
        }
    }

    // The cursors are spelled out: an error below `serde(flatten)` does not know its field.

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct HelloFields {
        v: u32,
        token: String,
        device: Device,
        claim: Option<Integer>,
        #[serde(default)]
        features: Vec<String>,
        epoch: Option<Epoch>,
        view: Option<View>,
        last_event_id: Option<Position>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RequestSyncFields {
        #[serde(rename = "ref")]
        reference: Integer,
        epoch: Option<Epoch>,
        view: Option<View>,
        last_event_id: Option<Position>,
    }

    #[derive(Deserialize)]
    struct RenewFields {
        token: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PongFields {
        last_event_id: Position,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PingFields {
        prev: Position,
        up_to: Position,
        now: Option<Millis>,
    }

    fn fields<T: DeserializeOwned>(t: &str, text: &str) -> Result<T, DecodeError> {
        serde_json::from_str(text).map_err(|error| {
            // Read once more, slowly, to learn which field it was.
            let json = &mut serde_json::Deserializer::from_str(text);
            let path = match serde_path_to_error::deserialize::<_, T>(json) {
                Err(error) if error.path().iter().len() > 0 => format!(" {}:", error.path()),
                _ => String::new(),
            };
            DecodeError::Malformed(format!("{t}:{path} {error}"))
        })
    }

    fn kind(text: &str) -> Result<Cow<'_, str>, DecodeError> {
        match serde_json::from_str::<Kind<'_>>(text) {
            Ok(kind) => Ok(kind.t),
            Err(error) => Err(DecodeError::Malformed(format!(
                "a frame is a JSON object with a string \"t\": {error}"
            ))),
        }
    }

    impl ClientFrame {
        /// Reads a frame that a client sent.
        ///
        /// # Errors
        /// When the text is no frame ([`DecodeError::Malformed`], which names the field), or one of an unknown kind.
        pub fn decode(text: &str) -> Result<Self, DecodeError> {
            let t = kind(text)?;
            Ok(match t.as_ref() {
                "hello" => {
                    let HelloFields {
                        v,
                        token,
                        device,
                        claim,
                        features,
                        epoch,
                        view,
                        last_event_id,
                    } = fields(&t, text)?;
                    Self::Hello(Hello {
                        v,
                        token,
                        device,
                        claim: claim.map(|claim| claim.0),
                        cursor: cursor(epoch, view, last_event_id)?,
                        features,
                    })
                }
                "request_sync" => {
                    let RequestSyncFields {
                        reference,
                        epoch,
                        view,
                        last_event_id,
                    } = fields(&t, text)?;
                    let Some(cursor) = cursor(epoch, view, last_event_id)? else {
                        return Err(DecodeError::Malformed(
                            "request_sync: \"epoch\", \"view\" and \"lastEventId\" say from where"
                                .into(),
                        ));
                    };
                    Self::RequestSync(RequestSync {
                        reference: reference.0,
                        cursor,
                    })
                }
                "command" => Self::Command(fields(&t, text)?),
                "renew" => {
                    let RenewFields { token } = fields(&t, text)?;
                    Self::Renew { token }
                }
                "ping" => Self::Ping,
                "pong" => {
                    let PongFields { last_event_id } = fields(&t, text)?;
                    Self::Pong { last_event_id }
                }
                unknown => return Err(DecodeError::Unknown(unknown.into())),
            })
        }

        /// The frame as JSON text.
        pub fn encode(&self) -> String {
            serde_json::to_string(self).expect("frames have string keys and no failing parts")
        }
    }

    impl ServerFrame {
        /// Reads a frame that a server sent.
        ///
        /// # Errors
        /// When the text is no frame ([`DecodeError::Malformed`], which names the field), or one of an unknown kind.
        pub fn decode(text: &str) -> Result<Self, DecodeError> {
            let t = kind(text)?;
            Ok(match t.as_ref() {
                "welcome" => Self::Welcome(fields(&t, text)?),
                "event" => Self::Event(fields(&t, text)?),
                "synced" => Self::Synced(fields(&t, text)?),
                "ping" => {
                    let PingFields { prev, up_to, now } = fields(&t, text)?;
                    Self::Ping { prev, up_to, now }
                }
                "full_refresh" => Self::FullRefresh(fields(&t, text)?),
                "ack" => Self::Ack(fields(&t, text)?),
                "nack" => Self::Nack(fields(&t, text)?),
                "renewed" => Self::Renewed(fields(&t, text)?),
                "error" => Self::Error(fields(&t, text)?),
                "bye" => Self::Bye(fields(&t, text)?),
                unknown => return Err(DecodeError::Unknown(unknown.into())),
            })
        }

        /// The frame as JSON text.
        pub fn encode(&self) -> String {
            serde_json::to_string(self).expect("frames have string keys and no failing parts")
        }
    }

    impl RawJson {
        /// JSON from its text.
        ///
        /// # Errors
        /// When the text is not JSON; the error says where.
        pub fn new(text: &str) -> Result<Self, serde_json::Error> {
            serde_json::from_str(text).map(Self)
        }
    }

    impl Serialize for RawJson {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for RawJson {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Repr::deserialize(deserializer).map(Self)
        }
    }
}
