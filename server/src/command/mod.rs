//! What clients send.

pub mod dedupe;
