//! The typed API, as an app in Rust uses it.

mod app;
mod commands;
mod events;
mod life;
mod state;
