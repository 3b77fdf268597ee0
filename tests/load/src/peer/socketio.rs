//! Socket.IO on Node: a room per shop, a JWT in the handshake, connection state recovery, no transport but WebSocket.

use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use tabwire_faults::{ledger::Who, node, process::on_path, token::token};

use super::{Dialect, Heard, Served, Setting, To, folder, free};
use crate::{process::Server, ws::post};

pub(super) fn start(redis: Option<&str>, setting: &Setting) -> Result<Served> {
    let address = free();
    let node_js = on_path("node").context("node is not installed")?;
    ensure!(
        folder().join("node_modules/socket.io").is_dir(),
        "`npm ci` in tests/load/peers installs Socket.IO"
    );
    let mut words = vec![
        folder().join("socketio.mjs").display().to_string(),
        address.port().to_string(),
        node::JWT_SECRET.to_owned(),
    ];
    words.extend(redis.map(str::to_owned));
    let server = Server::start("socket.io", &node_js, &words);
    Ok((
        server,
        address,
        Rc::new(SocketIo {
            shops: setting.shops,
        }),
    ))
}

struct SocketIo {
    shops: usize,
}

impl Dialect for SocketIo {
    fn path(&self, _client: usize) -> String {
        "/socket.io/?EIO=4&transport=websocket".into()
    }

    fn hears(&self, client: usize, text: &[u8]) -> Heard {
        // Engine.IO: 0 open, 2 ping; Socket.IO in its messages (4): 0 connected, 2 event.
        match text {
            [b'4', b'2', ..] => Heard::Event,
            [b'2', ..] => Heard::Answer("3".into()),
            [b'4', b'0', ..] => Heard::Ready,
            [b'0', ..] => {
                let who = Who {
                    user: format!("u{client}"),
                    shop: format!("s{}", client % self.shops),
                    modules: vec!["m0", "m1"],
                };
                Heard::Answer(format!(r#"40{{"token":"{}"}}"#, token(&who)))
            }
            _ => Heard::Nothing,
        }
    }

    fn publish(&self, to: To, payloads: &[String]) -> Vec<u8> {
        post(
            &format!("/publish?shop=s{}", to.shop),
            "",
            &format!("[{}]", payloads.join(",")),
        )
    }
}
