//! The server.

pub mod command;
pub mod registry;
pub mod session;
