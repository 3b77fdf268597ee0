//! `cargo xtask bench`: measurements whose results stand in the documentation. Each prints a table in Markdown.

use anyhow::Result;
use clap::ValueEnum;

use crate::chain;
use crate::run::cmd;
use crate::setup::{self, Need};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Bench {
    /// Connections and bytes for 1, 5 and 12 tabs in Chromium, with tabwire and with a WebSocket in each
    Tabs,
}

/// Runs those named, or all of them.
pub(crate) fn bench(names: &[Bench]) -> Result<()> {
    let names = if names.is_empty() {
        Bench::value_variants()
    } else {
        names
    };
    for name in names {
        match name {
            Bench::Tabs => tabs()?,
        }
    }
    Ok(())
}

fn tabs() -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Node, Need::Chromium])?;
    let server = chain::server()?;
    chain::install_with_package("tests/e2e", &chain::package()?)?;
    let mut command = cmd("node")
        .arg("tests/e2e/bench/tabs.mjs")
        .env("TABWIRE_SERVER", server);
    if let Some(chromium) = setup::chromium() {
        command = command.env("TABWIRE_CHROMIUM", chromium);
    }
    command.run()
}
