//! `publish.rs` of docs/recipes/publishing.md, as it stands there.

include!(concat!(env!("OUT_DIR"), "/publish.rs"));
