//! The browser client of tabwire: one WebSocket for all tabs of a user.
//!
//! [`core`] decides, as one state machine per tab that a native test can drive. `browser` does what it says: WebSocket,
//! BroadcastChannel, Web Locks, timers, storage and the page's life; it exists on `wasm32` only, and its one export is
//! `Client`, which the TypeScript of the npm package wraps.

pub mod core;

#[cfg(target_arch = "wasm32")]
pub mod browser;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
