//! The server.

mod clock;
pub mod command;
pub mod log;
mod random;
pub mod rate;
pub mod registry;
pub mod session;
