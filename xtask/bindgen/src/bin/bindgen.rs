//! Installed as `wasm-bindgen`: makes the JavaScript that loads the compiled client.
//!
//! The generated JavaScript and the Rust library must be of the very same version. This is the tool
//! as a library, pinned by our lockfile, so no other version can be picked up from the machine.
//! It cannot carry the tool's name here: rustc refuses a crate `wasm_bindgen` whose package version
//! (ours) is older than 0.2.88.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::env::args_os())
}
