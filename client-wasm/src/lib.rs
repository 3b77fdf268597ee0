//! The browser client of tabwire: one WebSocket for all tabs of a user.
//!
//! [`core`] decides, as one state machine per tab that a native test can drive. `browser` does what it says: WebSocket,
//! BroadcastChannel, Web Locks, timers, storage and the page's life; it exists on `wasm32` only. On top stand two surfaces:
//!
//! - `browser::Client`, which the TypeScript of the npm package wraps (feature `npm`, on by default),
//! - `typed`, for front ends in Rust (feature `typed`; they want no default features).

pub mod core;

#[cfg(all(target_arch = "wasm32", any(feature = "npm", feature = "typed")))]
pub mod browser;

#[cfg(feature = "typed")]
pub mod typed;

/// The README's example must compile as it stands.
#[cfg(all(doctest, feature = "typed"))]
#[doc = include_str!("../../README.md")]
mod readme {}

// An application chooses its own: only the module that is one by itself brings it.
#[cfg(all(target_arch = "wasm32", feature = "npm"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
