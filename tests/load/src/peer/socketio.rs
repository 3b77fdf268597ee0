//! Socket.IO on Node: a room per shop, a JWT in the handshake, connection state recovery, no transport but WebSocket.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

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
            memories: setting.missed.map(|_| RefCell::default()),
        }),
    ))
}

struct SocketIo {
    shops: usize,
    /// What each client comes back with, where any do.
    memories: Option<RefCell<HashMap<usize, Memory>>>,
}

/// What a client of Socket.IO recovers its state by.
struct Memory {
    /// The private id of its session, by which it is known when it comes back.
    pid: String,
    /// What came behind the first event.
    offset: Option<String>,
}

impl SocketIo {
    /// Remembers what the text says. Fails when the server does not know the session that the client came back with.
    fn remembers(&self, client: usize, text: &[u8]) -> Option<Heard> {
        let mut memories = self.memories.as_ref()?.borrow_mut();
        if let Some(session) = text.strip_prefix(b"40") {
            let session: serde_json::Value = serde_json::from_slice(session).ok()?;
            let pid = session["pid"].as_str()?.to_owned();
            match memories.get(&client) {
                Some(memory) if memory.pid != pid => {
                    return Some(Heard::Wrong("the state was not recovered".to_owned()));
                }
                Some(_) => {}
                None => {
                    memories.insert(client, Memory { pid, offset: None });
                }
            }
        } else if let Some(event) = text.strip_prefix(b"42") {
            // The first is enough, and all that comes after it is what is measured.
            let offset = &mut memories.get_mut(&client)?.offset;
            if offset.is_none() {
                let event: Vec<serde_json::Value> = serde_json::from_slice(event).ok()?;
                *offset = Some(event.last()?.as_str()?.to_owned());
            }
        }
        None
    }
}

impl Dialect for SocketIo {
    fn path(&self, _client: usize) -> String {
        "/socket.io/?EIO=4&transport=websocket".into()
    }

    fn hears(&self, client: usize, text: &[u8]) -> Heard {
        if let Some(wrong) = self.remembers(client, text) {
            return wrong;
        }
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
                let memories = self.memories.as_ref().map(RefCell::borrow);
                let memory = memories.as_ref().and_then(|all| all.get(&client));
                let back = memory.and_then(|Memory { pid, offset }| {
                    Some(format!(r#","pid":"{pid}","offset":"{}""#, offset.as_ref()?))
                });
                let back = back.unwrap_or_default();
                Heard::Answer(format!(r#"40{{"token":"{}"{back}}}"#, token(&who)))
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
