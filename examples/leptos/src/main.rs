//! An order board: what the shop sells, in every tab at once.
//!
//! `backend.rs` is the app's own back end, here the demo of `tabwire-server`. `shop.rs` connects the board to it: the state, then
//! each event once and in order. `board.rs` shows it.

mod backend;
mod board;
mod shop;

use leptos::prelude::*;

fn main() {
    // Before the first client, whose own hook lets other tabs go on and then calls this one.
    console_error_panic_hook::set_once();
    mount_to_body(board::Board);
}
