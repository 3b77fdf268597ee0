//! `state.rs` of docs/recipes/state-endpoint.md, as it stands there.

include!(concat!(env!("OUT_DIR"), "/state.rs"));
