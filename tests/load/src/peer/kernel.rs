//! `write(2)` to each socket: below this nobody gets.

use std::{net::SocketAddr, rc::Rc};

use anyhow::Result;

use super::{Dialect, Setting, bare::Floor, beside, free};
use crate::process::Server;

pub(super) fn start(setting: &Setting) -> Result<(Server, SocketAddr, Rc<dyn Dialect>)> {
    let address = free();
    let program = beside("tabwire-load-kernel")?;
    let server = Server::start("kernel", &program, &[address.to_string()]);
    Ok((
        server,
        address,
        Rc::new(Floor {
            shops: setting.shops,
        }),
    ))
}
