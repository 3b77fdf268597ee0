//! The server.

pub mod auth;
mod clock;
pub mod command;
pub mod config;
mod demo;
mod drain;
mod http;
mod hub;
mod json;
pub mod log;
mod metrics;
mod node;
mod random;
pub mod rate;
pub mod registry;
mod server;
pub mod session;
mod tail;
pub mod types;

pub use server::{Listeners, run};
