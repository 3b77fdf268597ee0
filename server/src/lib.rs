//! The server.

pub mod auth;
mod clock;
pub mod command;
pub mod config;
pub mod log;
mod random;
pub mod rate;
pub mod registry;
pub mod session;
pub mod types;
