//! Who is connected.

pub mod policy;
