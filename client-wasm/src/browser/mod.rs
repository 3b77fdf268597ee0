//! What a tab does: the machine's outputs carried out, and what the browser reports as its inputs.
//!
//! Nothing is decided here. Features are detected by trying them, since constructors throw where cookies are blocked.

mod client;
mod driver;
mod host;
mod js;
mod lock;
mod message;
mod page;
mod socket;
mod text;

pub use client::Client;
pub use host::Host;
