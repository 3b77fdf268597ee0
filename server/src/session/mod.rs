//! One authenticated socket.

pub mod cursor;
