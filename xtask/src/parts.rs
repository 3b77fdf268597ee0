//! The parts of `cargo xtask test`: what each needs and runs, how long it took, how it ended.

use std::time::{Duration, Instant};
use std::{env, path::PathBuf};

use anyhow::{Context, Error, Result};
use clap::ValueEnum;

use crate::run::{cargo, cmd, npm, root};
use crate::server::{PUBLISH_KEY, TestServer};
use crate::setup::{self, Need};
use crate::{chain, cost, lint, tools};

/// In the order in which they run: what is quick and often broken comes first.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting, clippy natively and for the browser
    Lint,
    /// Unit, integration and doc tests of the Rust crates
    Unit,
    /// The simulator of tabs, browser, network and server, and all interleavings of an election
    Sim,
    /// What the hot steps of server and client cost, in instructions
    Cost,
    /// The client's tests inside Chromium, against a real server
    Wasm,
    /// The npm package: built, measured, tested, packed
    Npm,
    /// The demo's pages, built on the packed package
    Www,
    /// Every block of code in the documentation: compiled, checked or run
    Docs,
    /// Real server processes, a real Redis and checking clients, while something breaks
    Faults,
    /// Fresh apps that install the packed package, each with another bundler, in Chromium
    Install,
    /// Tabs of real browsers with the packed package, against real server processes
    E2e,
}

const SIMULATOR_SEEDS: u64 = 2_000;
const SIMULATOR_SEEDS_WITH_ALL: u64 = 20_000;
/// How many scenarios with faults run at a time: they mostly wait.
const FAULTS_AT_A_TIME: &str = "6";
/// How deep all interleavings of an election are gone through.
const ELECTION_DEPTH: u64 = 6;
const ELECTION_DEPTH_WITH_ALL: u64 = 7;

/// The crates with tests that need nothing but a Rust compiler.
const CRATES: [&str; 6] = [
    "tabwire-protocol",
    "tabwire-client",
    "tabwire-server",
    "tabwire-simulation",
    "tabwire-report",
    "xtask",
];
/// Those with a library, whose documentation has examples to run.
const LIBRARIES: [&str; 3] = ["tabwire-protocol", "tabwire-client", "tabwire-server"];
/// What front ends in Rust use of the client. On its own: beside it the server would be compiled anew, with other features of
/// the crates that both have.
const TYPED_API: [&str; 4] = ["-p", "tabwire-client", "--features", "typed"];

/// Runs `parts`, or all of them, up to the first that fails. Ends with the seconds of each and a closing line.
pub(crate) fn test(parts: &[Part], all: bool) -> Result<()> {
    let parts = if parts.is_empty() {
        Part::value_variants()
    } else {
        parts
    };
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for part in parts {
        println!("\n── {}", part.name());
        let start = Instant::now();
        outcome = part
            .test(all)
            .with_context(|| format!("part {}", part.name()));
        times.push((part.name(), start.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    println!("\n── seconds");
    for (part, time) in &times {
        println!("{part:>8} {:8.1}", time.as_secs_f64());
    }
    println!(
        "{:>8} {:8.1}\n",
        "total",
        times
            .iter()
            .map(|(_, time)| time)
            .sum::<Duration>()
            .as_secs_f64()
    );
    let failed = usize::from(outcome.is_err());
    println!("{} passed, {failed} failed", times.len() - failed);
    outcome
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value()
            .expect("no part is hidden from the command line")
            .get_name()
            .to_owned()
    }

    fn test(self, all: bool) -> Result<()> {
        match self {
            Self::Lint => lint::lint(),
            Self::Unit => unit(),
            Self::Sim if all => simulator(SIMULATOR_SEEDS_WITH_ALL, ELECTION_DEPTH_WITH_ALL),
            Self::Sim => simulator(SIMULATOR_SEEDS, ELECTION_DEPTH),
            Self::Cost => count(),
            Self::Wasm => wasm(),
            Self::Npm => package(),
            Self::Www => site(),
            Self::Docs => docs(),
            Self::Faults => faults(all),
            Self::Install => install(all),
            Self::E2e => e2e(all),
        }
    }
}

fn unit() -> Result<()> {
    let has_proxies = has("what docs/proxies says", &[Need::Nginx, Need::HaProxy])?;
    let has_redis = has("what needs Redis", &[Need::Redis])?;
    if !has_proxies || !has_redis {
        println!("Some tests will say SKIPPED.\n");
    }
    let nextest = setup::has_nextest();
    let tests = || match nextest {
        true => cargo("nextest run"),
        false => cargo("test"),
    };
    let kinds = ["--lib", "--bins", "--tests"];
    tests().args(kinds).args(selection(&CRATES)).run()?;
    tests().arg("--lib").args(TYPED_API).run()?;
    if has_redis {
        // The same server with its log and its sessions in Redis: nobody outside can tell.
        tests()
            .args(["-p", "tabwire-server", "--test", "it"])
            .env("TABWIRE_TEST_LOG", "redis")
            .run()?;
    }
    cargo("test")
        .arg("--doc")
        .args(selection(&LIBRARIES))
        .run()?;
    cargo("test").arg("--doc").args(TYPED_API).run()
}

fn selection(crates: &[&'static str]) -> Vec<&'static str> {
    crates.iter().flat_map(|name| ["-p", name]).collect()
}

fn simulator(seeds: u64, depth: u64) -> Result<()> {
    let run = || cargo("run").args(["--profile", "sim", "-p", "tabwire-simulation"]);
    run().args(["--", "--seeds", &seeds.to_string()]).run()?;
    run()
        .args(["--bin", "election", "--", &depth.to_string()])
        .run()
}

fn count() -> Result<()> {
    let what = "what the hot steps cost";
    if !has(what, &[Need::Valgrind])? {
        return Ok(());
    }
    match cost::comparable() {
        Ok(()) => cost::compare(),
        Err(error) => pass_over(what, error),
    }
}

fn wasm() -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Chromium, Need::ChromeDriver])?;
    let wasm_pack = tools::wasm_pack()?;
    let bindgen = tools::bindgen()?;
    let driver = setup::chromedriver().context("there is no chromedriver")?;
    let server = TestServer::start()?;
    cmd(wasm_pack)
        .args([
            "test",
            "--headless",
            "--chrome",
            "--mode",
            "no-install",
            "--chromedriver",
        ])
        .arg(driver)
        .arg("client-wasm")
        // The typed API is tested beside what the npm package is made of.
        .args(["--features", "typed"])
        // wasm-pack takes the wasm-bindgen it finds there, and checks that its version is the lockfile's.
        .env("PATH", path_with(bindgen)?)
        // A driver named here would be preferred to ours.
        .env_remove("GECKODRIVER")
        .env(
            "WASM_BINDGEN_TEST_WEBDRIVER_JSON",
            root().join("xtask").join("webdriver.json"),
        )
        // Seconds. The defaults, 20 and 5, are too tight for two busy cores.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "30")
        // Read by the tests with `option_env!`: a page has no environment.
        .env("TABWIRE_TEST_SERVER", &server.url)
        .env("TABWIRE_TEST_PUBLISH_KEY", PUBLISH_KEY)
        .run()
}

fn package() -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Node])?;
    chain::test_package()
}

fn site() -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Node])?;
    chain::site()?;
    Ok(())
}

fn docs() -> Result<()> {
    setup::ensure(&[Need::Rustfmt, Need::WasmTarget, Need::Node, Need::Chromium])?;
    has("the recipes in Go and Python", &[Need::Go, Need::Python])?;
    cargo("doc")
        .arg("--no-deps")
        .args(selection(&LIBRARIES))
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    let server = chain::server()?;
    let recipes = chain::recipes()?;
    let tarball = chain::package()?;
    chain::install_with_package("tests/docs", &tarball)?;
    let browser = setup::chromium().context("there is no chromium")?;
    npm("tests/docs")
        .arg("test")
        .env("TABWIRE_SERVER", server)
        .env("TABWIRE_RECIPES", recipes)
        .env(
            "TABWIRE_XTASK",
            env::current_exe().context("finding out where this program is")?,
        )
        .env("TABWIRE_CHROMIUM", browser)
        .run()
}

/// Whether the machine has what some tests need, or could be given it.
fn has(what: &str, needs: &[Need]) -> Result<bool> {
    match setup::ensure(needs) {
        Ok(()) => Ok(true),
        Err(error) => pass_over(what, error).map(|()| false),
    }
}

/// Says what is not tested, and why. In CI nothing is passed over.
fn pass_over(what: &str, why: Error) -> Result<()> {
    if env::var_os("CI").is_some() {
        return Err(why);
    }
    println!("\nNOT TESTED: {what}.\n{why:#}\n");
    Ok(())
}

fn faults(all: bool) -> Result<()> {
    has("what needs Redis", &[Need::Redis])?;
    has("what happens when clocks are set", &[Need::Faketime])?;
    let server = chain::server()?;
    cargo("test")
        .args(["-p", "tabwire-faults", "--"])
        .args(["--test-threads", FAULTS_AT_A_TIME])
        .env("TABWIRE_SERVER", &server)
        .env("TABWIRE_LONG", all.to_string())
        .run()?;
    // What loads the servers that are compared: tiny, and only ours.
    cargo("test")
        .args(["-p", "tabwire-load"])
        .env("TABWIRE_SERVER", server)
        .run()
}

/// With Vite, or with `all` in every way that we say works.
fn install(all: bool) -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Node, Need::Chromium])?;
    let browser = setup::chromium().context("there is no chromium")?;
    let server = chain::server()?;
    let tarball = chain::package()?;
    chain::install_locked("tests/install")?;
    npm("tests/install")
        .arg("test")
        .env("TABWIRE_SERVER", server)
        .env("TABWIRE_TARBALL", tarball)
        .env("TABWIRE_CHROMIUM", browser)
        .args(all.then_some(["--", "--all"]).into_iter().flatten())
        .run()
}

/// In Chromium what is short; with `all` also what is long, and everything in Firefox and WebKit.
fn e2e(all: bool) -> Result<()> {
    setup::ensure(&[Need::WasmTarget, Need::Node, Need::Chromium])?;
    if all {
        setup::ensure(&[Need::Firefox, Need::WebKitDriver, Need::Xvfb])?;
    }
    let browsers = [
        ("TABWIRE_CHROMIUM", setup::chromium()),
        ("TABWIRE_FIREFOX", setup::firefox()),
        ("TABWIRE_WEBKIT_DRIVER", setup::webkit_driver()),
    ];
    let server = chain::server()?;
    let tarball = chain::package()?;
    chain::install_with_package("tests/e2e", &tarball)?;
    let site = chain::site()?;
    let board = chain::leptos_board()?;
    let mut scenarios = npm("tests/e2e")
        .arg("test")
        .env("TABWIRE_SERVER", server)
        .env("TABWIRE_SITE", site)
        .env("TABWIRE_LEPTOS", board);
    for (name, browser) in browsers {
        if let Some(path) = browser {
            scenarios = scenarios.env(name, path);
        }
    }
    scenarios
        .args(all.then_some(["--", "--all"]).into_iter().flatten())
        .run()
}

fn path_with(folder: PathBuf) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(folder).chain(env::split_paths(&path)))
        .context("PATH has a folder with a colon in its name")
}
