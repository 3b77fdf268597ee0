//! The machine of a tab through its public API: one file per hazard, each test the sentence it proves.
//!
//! [`harness::Machine`] is one tab with a clock in the test's hand. What the tab does is written down as lines of text, so that
//! a test compares exactly what was done. Several tabs at once, with a browser and a server that fail, are in `tests/simulation`.

#![cfg(not(target_arch = "wasm32"))]

mod clock;
mod coalesce;
mod commands;
mod connection;
mod election;
mod hand_over;
mod harness;
mod identity;
mod limits;
mod page;
mod refresh;
mod relay;
mod repair;
mod state;
mod takeover;
mod terminal;
mod terms;
mod tokens;
mod watch;
