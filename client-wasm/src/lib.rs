//! The browser client of tabwire: one WebSocket for all tabs of a user.
//!
//! [`core`] decides, as one state machine per tab that a native test can drive.

pub mod core;
