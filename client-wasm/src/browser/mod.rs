//! What a tab does: the machine's outputs carried out, and what the browser reports as its inputs.
//!
//! Nothing is decided here. Features are detected by trying them, since constructors throw where cookies are blocked.

mod channel;
#[cfg(feature = "npm")]
mod client;
pub(crate) mod driver;
#[cfg(feature = "npm")]
mod host;
pub(crate) mod js;
mod lock;
mod message;
pub(crate) mod page;
mod socket;
pub(crate) mod text;

#[cfg(feature = "npm")]
pub use {client::Client, host::Host};
