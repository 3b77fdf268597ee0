//! Events, as the app reads them.

use std::any::Any;

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::{
    codec,
    error::{Errors, TabwireError},
};

/// A Rust type that is the payload of one type of event.
///
/// ```
/// use serde::Deserialize;
/// use tabwire_client::typed::EventType;
///
/// #[derive(Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct OrderCreated {
///     order_id: String,
///     customer: String,
///     #[serde(default)]
///     note: Option<String>,
/// }
///
/// impl EventType for OrderCreated {
///     const TYPE: &'static str = "order_created";
/// }
/// ```
pub trait EventType: DeserializeOwned + 'static {
    /// The event's type on the wire, as in the server's `events.config.json`.
    const TYPE: &'static str;
}

/// An event of the shop's log whose payload is a `P`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event<P> {
    /// +1 per event of the shop's log; ids of different epochs never compare.
    pub id: u64,
    /// The module the event belongs to.
    pub module: String,
    /// Whose log.
    pub shop_id: String,
    /// What happened.
    pub payload: P,
    /// Milliseconds since the Unix epoch, by the server's clock.
    pub timestamp: u64,
    /// The user whose command made the event.
    pub by: Option<String>,
    /// The command that made the event.
    pub command_id: Option<String>,
}

/// An event of whichever type, as [`on_batch`](super::Tabwire::on_batch) gives it.
#[derive(Clone, Debug)]
pub struct AnyEvent {
    event_type: String,
    /// With the payload as JavaScript has it.
    event: Event<JsValue>,
    errors: Errors,
}

impl AnyEvent {
    pub(crate) fn new(event_type: String, event: Event<JsValue>, errors: Errors) -> Self {
        Self {
            event_type,
            event,
            errors,
        }
    }

    /// +1 per event of the shop's log; ids of different epochs never compare.
    pub fn id(&self) -> u64 {
        self.event.id
    }

    /// The event's type on the wire.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Whether the event is an `E`.
    pub fn is<E: EventType>(&self) -> bool {
        self.event_type == E::TYPE
    }

    /// The event, if it is an `E`. One whose payload cannot be read as that is none either, and
    /// [`on_error`](super::Builder::on_error) is told.
    pub fn get<E: EventType>(&self) -> Option<Event<E>> {
        self.is::<E>().then(|| self.read()).flatten()
    }

    /// Like `get`, for a table of handlers.
    pub(crate) fn get_any<E: EventType>(&self) -> Option<Box<dyn Any>> {
        let event = self.get::<E>()?;
        Some(Box::new(event))
    }

    fn read<P: DeserializeOwned>(&self) -> Option<Event<P>> {
        let event = self.event.clone();
        match codec::read(event.payload) {
            Ok(payload) => Some(Event {
                payload,
                id: event.id,
                module: event.module,
                shop_id: event.shop_id,
                timestamp: event.timestamp,
                by: event.by,
                command_id: event.command_id,
            }),
            Err(message) => {
                self.errors.report(&TabwireError::Payload {
                    event_type: self.event_type.clone(),
                    id: event.id,
                    message,
                });
                None
            }
        }
    }
}
