//! The server of tabwire: events with ids that are +1 per event of a shop, replay after a cursor, one WebSocket per user.
//!
//! It is no broker of topics and keeps no queue per client. **A session is a cursor into its shop's log**: live delivery, replay
//! after a reconnect, `request_sync` and slow readers are one loop that reads what comes after the cursor, filters it by what
//! the session may see, writes it, and waits until there is more.
//!
//! The caller owns socket and shutdown:
//!
//! ```
//! use clap::Parser;
//! use tabwire_server::{config::{Config, Flags}, run};
//! use tokio::net::TcpListener;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let flags = Flags::parse_from(["tabwire-server", "--publish-key", "k", "--jwt-secret", "s"]);
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let shutdown = async { /* until somebody wants it to end */ };
//! run(listener, Config::new(flags)?, shutdown).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! What decides is pure: no socket, no clock, no task; the simulator runs it as it stands.
//!
//! | module | decides |
//! |---|---|
//! | [`session::cursor`] | what a session writes next |
//! | [`registry::policy`] | who gets a user's one socket |
//! | [`command::dedupe`] | whether a command is run |
//! | [`rate`] | whether one more may come |
//!
//! What acts, from the outside in:
//!
//! | module | one job |
//! |---|---|
//! | [`config`], [`types`], [`auth`] | flags, event types and tokens, parsed into what can't be wrong any more |
//! | `server` | accepts connections, answers requests, ends with `drain` |
//! | `http` | the routes, and the handshake that turns one into a WebSocket |
//! | [`session`] | one WebSocket: hello, then the loop around its cursor |
//! | [`command`] | what clients send: authorised, run once, answered |
//! | `hub`, `tail` | the shops with sessions here, and the end of each one's log in memory |
//! | `orders`, `keep`, `peers` | a user's socket wherever it is, the registry kept true, the other nodes |
//! | [`log`], [`registry`] | where events and sessions are kept: a trait, its backends, the laws they obey |
//! | `demo` | logins for everybody, and a state made of the events |

pub mod auth;
mod clock;
pub mod command;
pub mod config;
mod demo;
mod drain;
mod fnv;
pub mod frame;
mod http;
mod hub;
mod json;
mod keep;
mod limits;
pub mod log;
mod metrics;
mod node;
mod orders;
mod peers;
mod random;
pub mod rate;
pub mod redis;
pub mod registry;
mod server;
pub mod session;
mod tail;
pub mod types;

pub use server::{Listeners, run};
#[cfg(feature = "test-util")]
pub use tail::{SessionByHand, TailByHand};
