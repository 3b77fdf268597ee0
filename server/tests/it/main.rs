//! The server over real sockets: one file per hazard, all in one program so that it is linked once.

mod base_path;
mod commands;
mod common;
mod delivery;
mod demo;
mod drain;
mod forwarded;
mod handshake;
mod hello;
mod jwks;
mod keys;
mod limits;
mod nodes;
mod one_socket;
mod openapi;
mod operator;
mod process;
mod proxies;
mod public_keys;
mod publish;
mod replay;
mod sessions;
mod slow;
mod tokens;
mod unavailable;
mod webhook;
