//! warp and tungstenite around a broadcast channel: what this stack costs without any logic.

use std::rc::Rc;

use anyhow::Result;

use super::{Dialect, Heard, Served, Setting, To, beside, free};
use crate::{process::Server, ws::post};

pub(super) fn start(setting: &Setting) -> Result<Served> {
    let address = free();
    let program = beside("tabwire-load-bare")?;
    let server = Server::start("bare", &program, &[address.to_string()]);
    Ok((
        server,
        address,
        Rc::new(Floor {
            shops: setting.shops,
        }),
    ))
}

/// What both floors speak: the body of what is published is what all clients get.
pub(super) struct Floor {
    pub(super) shops: usize,
}

impl Dialect for Floor {
    fn path(&self, client: usize) -> String {
        format!("/ws?shop=s{}", client % self.shops)
    }

    fn is_ready_at_once(&self) -> bool {
        true
    }

    fn hears(&self, _client: usize, _text: &[u8]) -> Heard {
        Heard::Event
    }

    fn publish(&self, to: To, payloads: &[String]) -> Vec<u8> {
        post(
            &format!("/publish?shop=s{}", to.shop),
            "",
            &payloads.join("\n"),
        )
    }
}
