//! `cargo xtask bench`: measurements whose results stand in the documentation.
//!
//! What measures is elsewhere: `tests/load` the server beside its peers, `tests/client-bench` the client in a browser. Both write lines of JSON,
//! of which `tests/report` makes docs/BENCHMARKS.md. Here is only the order: install, build, run, keep, write.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::chain;
use crate::run::{Cmd, cargo, cmd, root};
use crate::setup::{self, Need};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Name {
    /// A busy shop: 1,000 sessions, 20 events a second
    Fanout,
    /// A fixed rate that every server can hold: how late events are
    Offered,
    /// As fast as it goes, to 5,000 sessions
    Saturation,
    /// Memory of sessions in which nothing happens
    Idle,
    /// Logins per second
    Connect,
    /// Events per second that a back end gets rid of
    Publish,
    /// 500 shops of 10 sessions
    Shops,
    /// Events that are filtered out
    Modules,
    /// Everybody comes back at once, 200 events behind
    Avalanche,
    /// One in twenty does not read
    Slow,
    /// How costs grow with sessions
    SessionsCurve,
    /// How costs grow with shops
    ShopsCurve,
    /// How costs grow with what is kept for replay
    RetentionCurve,
    /// How costs grow with nodes
    NodesCurve,
    /// What a page loads, beside other clients
    Size,
    /// From navigation to the first event
    FirstEvent,
    /// The work of a leader and of a follower for an event
    TabCpu,
    /// How long until another tab leads
    Takeover,
    /// From the socket to five other tabs
    Relay,
    /// Connections and bytes for 1, 5 and 12 tabs, with tabwire and with a WebSocket in each: a table for docs/faq.md
    Tabs,
    /// Nothing: only write docs/BENCHMARKS.md from the results that are there
    Report,
}

#[derive(Args)]
pub(crate) struct Options {
    /// What to measure, in the order given; all of it when nothing is named
    names: Vec<Name>,
    /// Short: fewer peers and rounds. The page is target/bench/BENCHMARKS.md, and what is committed stays as it is
    #[arg(long)]
    quick: bool,
    /// Put the results of a quick run in the place of the committed ones all the same; the page says what they are
    #[arg(long, requires = "quick")]
    keep: bool,
    /// So many times over, all of whose rounds count: for a machine that is not quiet
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// What a reader must know of this run
    #[arg(long)]
    note: Option<String>,
}

/// What measures something.
#[derive(Clone, Copy, PartialEq)]
enum Tool {
    /// tests/load
    Load,
    /// tests/client-bench
    Client,
    /// It prints a table and has no results
    Tabs,
}

impl Name {
    fn tool(self) -> Option<Tool> {
        match self {
            Self::Report => None,
            Self::Tabs => Some(Tool::Tabs),
            Self::Size | Self::FirstEvent | Self::TabCpu | Self::Takeover | Self::Relay => {
                Some(Tool::Client)
            }
            _ => Some(Tool::Load),
        }
    }

    fn text(self) -> String {
        self.to_possible_value()
            .expect("no bench is hidden from the command line")
            .get_name()
            .to_owned()
    }
}

/// Measures what is named, or everything, and writes the page. What fails does not keep the rest from being measured; it is named in the
/// end.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let names: Vec<Name> = match &options.names[..] {
        [] => Name::value_variants().to_vec(),
        named => named.to_vec(),
    };
    let uses = |tool| names.iter().any(|name| name.tool() == Some(tool));
    let scratch = chain::bench_folder()?;
    fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    let tools = Tools::make(uses(Tool::Load), uses(Tool::Client), uses(Tool::Tabs))?;
    let report = Report::new(options, &scratch);
    if uses(Tool::Load) || uses(Tool::Client) {
        report.find_facts()?;
    }
    let mut failed = Vec::new();
    let mut measured = 0;
    for name in &names {
        let Some(tool) = name.tool() else { continue };
        println!("\n── {}", name.text());
        let done = match tool {
            Tool::Tabs => tools.tabs().run(),
            Tool::Load | Tool::Client => tools.measure(*name, options, &scratch, &report),
        };
        measured += 1;
        if let Err(error) = done {
            eprintln!("{}: {error:#}", name.text());
            failed.push(name.text());
        }
    }
    let is_page_of_these = names.iter().any(|name| name.tool() != Some(Tool::Tabs));
    let written = match is_page_of_these {
        true => report.write(),
        false => Ok(()),
    };
    println!(
        "{} passed, {} failed",
        measured - failed.len(),
        failed.len()
    );
    if !failed.is_empty() {
        bail!("not whole: {}", failed.join(", "));
    }
    written
}

/// The programs that measure, and what they measure.
struct Tools {
    release: Option<PathBuf>,
    chromium: Option<PathBuf>,
}

impl Tools {
    fn make(load: bool, client: bool, tabs: bool) -> Result<Self> {
        if load {
            peer("nchan", setup::ensure(&[Need::Nginx, Need::Nchan]))?;
            peer("what keeps events in Redis", setup::ensure(&[Need::Redis]))?;
            let socket_io = setup::ensure(&[Need::Node]);
            let socket_io = socket_io.and_then(|()| chain::install_locked("tests/load/peers"));
            peer("Socket.IO", socket_io)?;
            let socketify = setup::ensure(&[Need::Python, Need::PythonVenv, Need::LibUv]);
            let socketify = socketify.and_then(|()| chain::python_peers());
            peer("uWebSockets", socketify)?;
        }
        if client || tabs {
            setup::ensure(&[Need::WasmTarget, Need::Node, Need::Chromium])?;
            let tarball = chain::package()?;
            // The harness of both.
            chain::install_with_package("tests/e2e", &tarball)?;
            if client {
                chain::install_with_package("tests/client-bench", &tarball)?;
            }
        }
        Ok(Self {
            release: (load || client || tabs).then(chain::release).transpose()?,
            chromium: setup::chromium(),
        })
    }

    fn measure(
        &self,
        name: Name,
        options: &Options,
        scratch: &Path,
        report: &Report<'_>,
    ) -> Result<()> {
        let found = scratch.join(format!("{}.jsonl", name.text()));
        // It is appended to.
        fs::write(&found, "").with_context(|| found.display().to_string())?;
        let release = self.release.as_deref().context("nothing was built")?;
        let begun = Instant::now();
        let mut done = Ok(());
        for _ in 0..options.times {
            let program = match name.tool() {
                Some(Tool::Client) => cmd("node").arg("tests/client-bench/run.mjs"),
                _ => cmd(release.join("tabwire-load")),
            };
            let measured = self
                .with_paths(program)
                .arg(name.text())
                .arg("--results")
                .arg(&found)
                .args(options.quick.then_some("--quick"))
                .run();
            done = done.and(measured);
        }
        let seconds = begun.elapsed().as_secs();
        // One who failed has no lines, and the page names them; the others' lines are as good as ever.
        if fs::metadata(&found).is_ok_and(|file| file.len() > 0) {
            report.keep(name, &found, seconds)?;
        }
        done
    }

    fn tabs(&self) -> Cmd {
        self.with_paths(cmd("node").arg("tests/e2e/bench/tabs.mjs"))
    }

    fn with_paths(&self, mut command: Cmd) -> Cmd {
        if let Some(release) = &self.release {
            command = command.env("TABWIRE_SERVER", release.join("tabwire-server"));
        }
        if let Some(chromium) = &self.chromium {
            command = command.env("TABWIRE_CHROMIUM", chromium);
        }
        command
    }
}

/// Whoever cannot be installed is not measured, and the page says so. In CI nobody is passed over.
fn peer(who: &str, installed: Result<()>) -> Result<()> {
    let Err(error) = installed else { return Ok(()) };
    if env::var_os("CI").is_some() {
        return Err(error);
    }
    println!("\nNOT MEASURED: {who}.\n{error:#}\n");
    Ok(())
}

/// The program that keeps results and writes the page.
struct Report<'a> {
    facts: PathBuf,
    docs: PathBuf,
    options: &'a Options,
}

impl<'a> Report<'a> {
    fn new(options: &'a Options, scratch: &Path) -> Self {
        let is_kept = !options.quick || options.keep;
        Self {
            facts: scratch.join("facts.json"),
            docs: if is_kept {
                root().join("docs")
            } else {
                scratch.to_owned()
            },
            options,
        }
    }

    /// Finds out on what is measured: once, so that all benches of a run are of one run.
    fn find_facts(&self) -> Result<()> {
        let options = self.options;
        let mut facts = program().args(["facts", "--to"]).arg(&self.facts);
        if options.quick {
            facts = facts.arg("--quick");
        }
        if let Some(note) = &options.note {
            facts = facts.args(["--note", note]);
        }
        if let Some(chromium) = setup::chromium() {
            facts = facts.arg("--chromium").arg(chromium);
        }
        facts.run()
    }

    fn keep(&self, name: Name, found: &Path, seconds: u64) -> Result<()> {
        program()
            .args(["keep", "--seconds", &seconds.to_string(), "--docs"])
            .arg(&self.docs)
            .arg("--facts")
            .arg(&self.facts)
            .arg("--found")
            .arg(found)
            .arg(name.text())
            .run()
    }

    fn write(&self) -> Result<()> {
        let mut write = program().args(["write", "--docs"]).arg(&self.docs);
        if !self.options.quick || self.options.keep {
            write = write.args(["--readme", "README.md"]);
        }
        write.run()
    }
}

fn program() -> Cmd {
    cargo("run").args(["--quiet", "-p", "tabwire-report", "--"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_part_for_every_bench() {
        let page = include_str!("../../tests/report/template/BENCHMARKS.md.in");
        let measures = |name: &&Name| matches!(name.tool(), Some(Tool::Load | Tool::Client));
        for name in Name::value_variants().iter().filter(measures) {
            let part = format!("{{{{measured {} ", name.text());
            assert!(page.contains(&part), "{part}");
        }
    }
}
