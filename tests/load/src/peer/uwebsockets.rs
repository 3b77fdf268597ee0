//! uWebSockets, as Python's socketify carries it: nobody logs in, nothing is kept.

use std::{env, path::PathBuf, rc::Rc};

use anyhow::Result;

use super::{Served, Setting, bare::Floor, folder, free};
use crate::process::Server;

/// Names a Python that has what `peers/requirements.txt` lists.
const PYTHON: &str = "TABWIRE_SOCKETIFY_PYTHON";
/// Where one is looked for when none is named: a venv in the folder that programs are built in.
const VENV: &str = "bench/venv/bin/python";

pub(super) fn start(setting: &Setting) -> Result<Served> {
    let address = free();
    let words = [
        folder().join("uwebsockets.py").display().to_string(),
        address.port().to_string(),
    ];
    let server = Server::start("uwebsockets", &python(), &words);
    Ok((
        server,
        address,
        Rc::new(Floor {
            shops: setting.shops,
        }),
    ))
}

pub(super) fn is_installed() -> bool {
    python().is_file()
}

fn python() -> PathBuf {
    if let Some(path) = env::var_os(PYTHON) {
        return path.into();
    }
    let own = env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(2).unwrap_or(&own);
    target.join(VENV)
}
