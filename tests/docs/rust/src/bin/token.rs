//! `token.rs` of docs/recipes/tokens.md, as it stands there.

include!(concat!(env!("OUT_DIR"), "/token.rs"));
