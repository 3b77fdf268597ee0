//! Installed as `wasm-bindgen-test-runner`: runs the client's tests in a browser. `bindgen.rs` says why it is built here.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
