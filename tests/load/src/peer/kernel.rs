//! `write(2)` to each socket: below this nobody gets.

use std::rc::Rc;

use anyhow::Result;

use super::{Served, Setting, bare::Floor, beside, free};
use crate::process::Server;

pub(super) fn start(setting: &Setting) -> Result<Served> {
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
