//! The build, from Rust to the page a browser loads. Each step makes the ones before it; what is up to date is
//! left alone.
//!
//! ```text
//! client-wasm ── cargo, wasm-bindgen ──> npm/wasm ── npm run build ──> npm/dist ── npm pack ──> npm/tabwire-*.tgz
//!                                                                                                  │ npm install
//! tabwire-server --static www/dist <── www/dist <── npm run build ── www <─────────────────────────┴──> tests/e2e
//!
//! client-wasm ── examples/leptos ── cargo, wasm-bindgen ──> examples/leptos/dist ──> tests/e2e
//! ```

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::run::{Cmd, cargo, cmd, npm, root};
use crate::{setup, tools};

/// The server, as the tests compile it.
pub(crate) fn server() -> Result<PathBuf> {
    cargo("build").args(["-p", "tabwire-server"]).run()?;
    Ok(target()?.join("debug").join("tabwire-server"))
}

/// The folder with the server as it is deployed, and what measures it.
pub(crate) fn release() -> Result<PathBuf> {
    cargo("build")
        .args(["--release", "-p", "tabwire-server", "-p", "tabwire-load"])
        .run()?;
    Ok(target()?.join("release"))
}

/// What measurements leave behind.
pub(crate) fn bench_folder() -> Result<PathBuf> {
    Ok(target()?.join("bench"))
}

/// A Python with the peers of the load generator that are Python's, where it looks for it.
pub(crate) fn python_peers() -> Result<()> {
    let venv = bench_folder()?.join("venv");
    let wanted = root().join("tests/load/peers/requirements.txt");
    let installed = venv.join("installed-requirements.txt");
    if same_content(&wanted, &installed) {
        return Ok(());
    }
    cmd("python3").args(["-m", "venv"]).arg(&venv).run()?;
    cmd(venv.join("bin/pip"))
        .args(["install", "--quiet", "--requirement"])
        .arg(&wanted)
        .run()?;
    keep_copy(&wanted, &installed)
}

/// The steps whose cost is counted, compiled as the server is for those who run it. What would make other code of them on this machine
/// is taken out of its settings.
pub(crate) fn steps() -> Result<PathBuf> {
    cargo("build")
        .args(["--release", "-p", "tabwire-cost"])
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTFLAGS", "")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .run()?;
    Ok(target()?.join("release").join("tabwire-cost"))
}

/// The folder with the Rust programs of docs/recipes.
pub(crate) fn recipes() -> Result<PathBuf> {
    cargo("build").args(["-p", "tabwire-recipes"]).run()?;
    Ok(target()?.join("debug"))
}

/// `npm/wasm`: the compiled client and the JavaScript that loads it.
pub(crate) fn module() -> Result<Std> {
    let bindgen = tools::bindgen()?.join("wasm-bindgen");
    let with = compile()?;
    let compiled = target()?
        .join("wasm32-unknown-unknown")
        .join("wasm")
        .join("tabwire_client.wasm");
    cmd(bindgen)
        .args([
            "--target",
            "web",
            // The npm package brings the bytes itself; a default path would be an asset for bundlers to trip over.
            "--omit-default-module-path",
            "--out-dir",
            "npm/wasm",
            "--out-name",
            "tabwire",
        ])
        .arg(compiled)
        .run()?;
    Ok(with)
}

/// The standard library that a module is built with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Std {
    /// Compiled for size, where a panic is one instruction that traps: nothing of what panics say is in the module.
    Small,
    /// The one that rustup installs: some 2 KB more once deflated, and otherwise the same.
    Prebuilt,
}

impl Std {
    /// Lets the package be as large as a module with this library makes it.
    fn allow(self, command: Cmd) -> Cmd {
        match self {
            Self::Small => command,
            Self::Prebuilt => command.env("TABWIRE_PREBUILT_STD", "1"),
        }
    }
}

fn compile() -> Result<Std> {
    // Both flags are unstable. A compiler that knows them no more, or a machine without the sources or a registry for what
    // they need, still gets a module that works.
    if setup::std_sources() {
        let small = compile_client()
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Zunstable-options -Cpanic=immediate-abort")
            .args(["-Zbuild-std=std,panic_abort"])
            .args(["-Zbuild-std-features=optimize_for_size"]);
        match small.run() {
            Ok(()) => return Ok(Std::Small),
            Err(error) => eprintln!("{error:#}"),
        }
    }
    eprintln!(
        "\nNOT THE SMALL BUILD: the module gets the standard library as installed and is 2 KB larger."
    );
    eprintln!(
        "`rustup component add rust-src`, with a registry to download from, makes the small one.\n"
    );
    compile_client().run()?;
    Ok(Std::Prebuilt)
}

fn compile_client() -> Cmd {
    cargo("rustc").args([
        "-p",
        "tabwire-client",
        "--lib",
        // Beside an `rlib`, which Cargo.toml asks for too, cargo does no link-time optimisation.
        "--crate-type",
        "cdylib",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        "wasm",
    ])
}

/// The npm package as people install it. Fails when an entry is larger than its budget. Built once per command:
/// several parts of a test run use it.
pub(crate) fn package() -> Result<PathBuf> {
    Ok(packed()?.0.clone())
}

/// The tests of the npm package, its sizes among them.
pub(crate) fn test_package() -> Result<()> {
    let (_, with) = packed()?;
    with.allow(npm("npm").arg("test")).run()
}

fn packed() -> Result<&'static (PathBuf, Std)> {
    static PACKED: OnceLock<(PathBuf, Std)> = OnceLock::new();
    if let Some(packed) = PACKED.get() {
        return Ok(packed);
    }
    let with = module()?;
    install_locked("npm")?;
    with.allow(npm("npm").args(["run", "build"])).run()?;
    npm("npm").arg("pack").run()?;
    let tarball = root()
        .join("npm")
        .join(concat!("tabwire-", env!("CARGO_PKG_VERSION"), ".tgz"));
    ensure!(
        tarball.exists(),
        "npm/package.json and Cargo.toml must have one version: there is no {}",
        tarball.display()
    );
    Ok(PACKED.get_or_init(|| (tarball, with)))
}

/// The demo's pages, which use the packed package.
pub(crate) fn site() -> Result<PathBuf> {
    let tarball = package()?;
    install_with_package("www", &tarball)?;
    npm("www").args(["run", "build"]).run()?;
    Ok(root().join("www").join("dist"))
}

/// The order board in Leptos: what `trunk build` makes, without trunk.
pub(crate) fn leptos_board() -> Result<PathBuf> {
    let bindgen = tools::bindgen()?.join("wasm-bindgen");
    let target = target()?;
    cargo("build")
        .args(["--manifest-path", "examples/leptos/Cargo.toml"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .run()?;
    let dist = "examples/leptos/dist";
    let compiled = target
        .join("wasm32-unknown-unknown")
        .join("debug")
        .join("tabwire-example-leptos.wasm");
    cmd(bindgen)
        .args(["--target", "web", "--no-typescript"])
        .args(["--out-dir", dist, "--out-name", "board"])
        .arg(compiled)
        .run()?;
    let page = fs::read_to_string(root().join("examples/leptos/index.html"))
        .context("reading the board's page")?;
    let here = page
        .lines()
        .find(|line| line.contains("data-trunk"))
        .context("the board's page does not say where the app is loaded")?;
    let load = "<script type=\"module\">import init from './board.js'; init();</script>";
    let dist = root().join(dist);
    fs::write(dist.join("index.html"), page.replace(here, load))
        .context("writing the board's page")?;
    Ok(dist)
}

/// `npm ci`, when the lockfile has changed since the last time.
pub(crate) fn install_locked(folder: &str) -> Result<()> {
    let folder_path = root().join(folder);
    let lockfile = folder_path.join("package-lock.json");
    let installed = folder_path
        .join("node_modules")
        .join(".installed-package-lock.json");
    if same_content(&lockfile, &installed) {
        return Ok(());
    }
    npm(folder).arg("ci").run()?;
    keep_copy(&lockfile, &installed)
}

/// The locked dependencies of `folder` and in addition the package under test: installed from the tarball as a
/// user would, but not written down, since every build of it has another checksum.
pub(crate) fn install_with_package(folder: &str, tarball: &Path) -> Result<()> {
    install_locked(folder)?;
    let modules = root().join(folder).join("node_modules");
    let installed = modules.join(".installed-tabwire.tgz");
    let package = modules.join("tabwire");
    if package.exists() && same_content(tarball, &installed) {
        return Ok(());
    }
    npm(folder)
        .args(["install", "--no-save", "--no-package-lock"])
        .arg(tarball)
        .run()?;
    keep_copy(tarball, &installed)
}

/// Cargo's target folder: the one we were built into.
pub(crate) fn target() -> Result<PathBuf> {
    let this = env::current_exe().context("finding out where this program is")?;
    // target/debug/xtask, or target/debug/deps/xtask-… for our own tests
    let debug = this
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "debug"));
    let target = debug
        .and_then(Path::parent)
        .context("this program is not in a cargo target folder")?;
    Ok(target.to_owned())
}

fn same_content(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

fn keep_copy(of: &Path, at: &Path) -> Result<()> {
    fs::copy(of, at).with_context(|| format!("copying {} to {}", of.display(), at.display()))?;
    Ok(())
}
