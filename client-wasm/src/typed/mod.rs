//! The client for front ends in Rust: Leptos, Yew, Dioxus, or none of them.
//!
//! The same machine and browser layer as under the npm package, with Rust types instead of JavaScript values: nothing of
//! JavaScript is in between but what the browser itself brings. serde-wasm-bindgen reads payloads from the value that the
//! browser has parsed.
//!
//! ```no_run
//! use std::{cell::RefCell, rc::Rc};
//!
//! use serde::{Deserialize, Serialize};
//! use tabwire_client::typed::{
//!     BoxError, CommandType, EventType, Fetched, SendOptions, Tabwire, TabwireError,
//! };
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct OrderCreated {
//!     order_id: String,
//!     customer: String,
//! }
//!
//! impl EventType for OrderCreated {
//!     const TYPE: &'static str = "order_created";
//! }
//! impl CommandType for OrderCreated {
//!     const TYPE: &'static str = "order_created";
//! }
//!
//! /// What your back end answers: the state, and the position it read before the database.
//! struct Snapshot {
//!     orders: Vec<OrderCreated>,
//!     epoch: String,
//!     last_event_id: u64,
//! }
//! # async fn fetch_token() -> Result<String, BoxError> { unimplemented!() }
//! # async fn fetch_orders() -> Result<Snapshot, BoxError> { unimplemented!() }
//!
//! # async fn run() -> Result<(), TabwireError> {
//! let wire = Tabwire::builder("/ws", "u_101")
//!     .get_token(async |_reason| fetch_token().await.map(Some))
//!     .fetch_state(async |_request| {
//!         let Snapshot { orders, epoch, last_event_id } = fetch_orders().await?;
//!         Ok::<_, BoxError>(Fetched::new(orders).at(epoch, last_event_id))
//!     })
//!     .build()?;
//!
//! let orders = Rc::new(RefCell::new(Vec::new()));
//! let board = Rc::clone(&orders);
//! wire.on_state(move |state, _| board.borrow_mut().clone_from(state)).forget();
//! let board = Rc::clone(&orders);
//! let _created = wire.on::<OrderCreated>(move |event| {
//!     let known = |order: &OrderCreated| order.order_id == event.payload.order_id;
//!     // A state that was fetched may contain an event that follows it.
//!     if !board.borrow().iter().any(known) {
//!         board.borrow_mut().push(event.payload.clone());
//!     }
//! });
//!
//! let order = OrderCreated { order_id: "o-1".into(), customer: "Ada".into() };
//! match wire.send(&order, SendOptions::default()).await {
//!     Ok(ack) => assert!(ack.event_id.is_some()),
//!     Err(error) => eprintln!("{error}, executed: {:?}", error.executed()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The promise is that of the TypeScript API, and so are the words: every event exactly once and in order in every tab, or an
//! explicit refresh. Tabs of both kinds share one socket when their URL, user and namespace agree.
//!
//! # What is different from TypeScript
//!
//! - A type of event or command is a Rust type with [`EventType`] or [`CommandType`]. One that came and cannot be read as its
//!   type goes to [`Builder::on_error`] with type, id and the field that is wrong, and nothing else is lost.
//! - A `Subscription` that is dropped removes its handler. `fetch_state` has no signal: a fetch that is no longer wanted is
//!   dropped. `in_one_tab` answers whether it is this tab's turn.
//! - Each `build` is a tab of its own, though it shares the socket: clone the handle, and put it into your framework's context.
//!   TypeScript keeps one client per page since components there may be mounted twice and packages loaded twice.
//! - There are no bindings for components (`useTabwireState`), no shared states (`stateKey`) and no fake for tests; TypeScript
//!   has them.
//! - A handler that panics ends the module, as any panic on `wasm32` does. The tab gives its Web Lock back first, so that
//!   another one leads at once. This is done by a panic hook that calls the one before it: set yours before the first `build`.
//!
//! # Numbers
//!
//! JavaScript has one kind of number, so that an integer in JSON beyond 2^53 - 1 has lost its last digits when it comes here. A
//! field of type `u64` or `i64` refuses it, instead of being given a number that is almost right; an `f64` takes what there is.
//! Send such ids as texts. To send an integer beyond 2^53 - 1 is an error for the same reason.
//!
//! # On a server that renders pages
//!
//! On targets other than `wasm32` the same code compiles; the client is idle and stays so, and `send` fails with
//! [`CommandErrorCode::NotInBrowser`].

// Natively nothing is linked to it, and nobody calls what the machine would call.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod builder;
mod codec;
mod command;
mod error;
mod event;
mod handlers;
#[cfg(target_arch = "wasm32")]
mod link;
#[cfg(not(target_arch = "wasm32"))]
#[path = "no_link.rs"]
mod link;
#[cfg(target_arch = "wasm32")]
mod once;
mod page;
#[cfg(target_arch = "wasm32")]
mod panic;
mod state;
mod status;
mod wire;

pub use builder::{Builder, HandOver};
pub use command::{Ack, CommandType, SendOptions, Sending};
pub use error::{BoxError, CommandError, CommandErrorCode, TabwireError};
pub use event::{AnyEvent, Event, EventType};
pub use handlers::Subscription;
pub use state::{Fetched, StateInfo, StateRequest};
pub use status::Status;
pub use wire::Tabwire;

#[doc(no_inline)]
pub use crate::core::{FetchReason, Inspection, Reason, Role, State, TokenReason};
#[doc(no_inline)]
pub use tabwire_protocol::{Cursor, Executed, RefreshReason};
