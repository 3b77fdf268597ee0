//! What the commands need from the machine, and how to get it.
//!
//! Everything is looked up first, so a machine that has it all pays a few milliseconds. What is missing is
//! installed when we may, else the command that installs it is printed and nothing runs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::cmd;

/// Something that has to be on the machine before a command can run.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Need {
    Rustfmt,
    Clippy,
    WasmTarget,
    Node,
    Chromium,
    ChromeDriver,
    Firefox,
    WebKitDriver,
    /// The server; it is the sentinel too
    Redis,
    /// A screen that nobody sees, for WebKit's browser
    Xvfb,
    Nginx,
    /// A module of nginx that is measured beside us
    Nchan,
    HaProxy,
    /// A clock that can be set for one process
    Faketime,
    /// For the recipes: Go, and SQLite for it without Go's registry
    Go,
    Python,
    /// What makes a folder for packages of its own
    PythonVenv,
    /// What the Python package with uWebSockets is linked to
    LibUv,
    /// What counts instructions
    Valgrind,
}

const NODE_MAJOR_AT_LEAST: u32 = 20;
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Installs what is missing of `needs`.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let mut packages = Vec::new();
    for need in needs {
        match need {
            Need::Rustfmt => rustup_component("rustfmt", "fmt")?,
            Need::Clippy => rustup_component("clippy", "clippy")?,
            Need::WasmTarget => wasm_target()?,
            Need::Node => node()?,
            Need::Chromium => packages.extend(chromium().is_none().then(chromium_package)),
            Need::ChromeDriver => packages.extend(chromedriver().is_none().then(driver_package)),
            Need::Firefox => packages.extend(firefox().is_none().then(firefox_package)),
            Need::WebKitDriver => {
                packages.extend(webkit_driver().is_none().then_some("webkit2gtk-driver"));
            }
            Need::Redis => {
                packages.extend(on_path("redis-server").is_none().then_some("redis-server"));
            }
            Need::Xvfb => packages.extend(on_path("Xvfb").is_none().then_some("xvfb")),
            Need::Nginx => packages.extend(daemon("nginx").is_none().then_some("nginx-light")),
            Need::Nchan => packages.extend((!has_nchan()).then_some("libnginx-mod-nchan")),
            Need::HaProxy => packages.extend(daemon("haproxy").is_none().then_some("haproxy")),
            Need::Faketime => packages.extend(on_path("faketime").is_none().then_some("faketime")),
            Need::Go => packages.extend(go_packages()),
            Need::Python => packages.extend(on_path("python3").is_none().then_some("python3")),
            Need::PythonVenv => packages.extend((!has_venv()).then_some("python3-venv")),
            Need::LibUv => packages.extend((!has_libuv()).then_some("libuv1")),
            Need::Valgrind => packages.extend(on_path("valgrind").is_none().then_some("valgrind")),
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    install(&packages)?;
    // A package without the program we know must not surface as a puzzle later.
    let still_missing = needs.iter().any(|need| match need {
        Need::Chromium => chromium().is_none(),
        Need::ChromeDriver => chromedriver().is_none(),
        Need::Firefox => firefox().is_none(),
        Need::WebKitDriver => webkit_driver().is_none(),
        Need::Redis => on_path("redis-server").is_none(),
        Need::Xvfb => on_path("Xvfb").is_none(),
        Need::Nginx => daemon("nginx").is_none(),
        Need::Nchan => !has_nchan(),
        Need::HaProxy => daemon("haproxy").is_none(),
        Need::Faketime => on_path("faketime").is_none(),
        Need::Go => !go_packages().is_empty(),
        Need::Python => on_path("python3").is_none(),
        Need::PythonVenv => !has_venv(),
        Need::LibUv => !has_libuv(),
        Need::Valgrind => on_path("valgrind").is_none(),
        Need::Rustfmt | Need::Clippy | Need::WasmTarget | Need::Node => false,
    });
    if still_missing {
        bail!("{} installed, but not found on PATH", packages.join(", "));
    }
    Ok(())
}

/// The browser, by any of the names it goes by.
pub(crate) fn chromium() -> Option<PathBuf> {
    [
        "chromium",
        "chromium-browser",
        "google-chrome-stable",
        "google-chrome",
    ]
    .into_iter()
    .find_map(on_path)
}

pub(crate) fn chromedriver() -> Option<PathBuf> {
    on_path("chromedriver").or_else(|| {
        // Where Ubuntu's package puts it.
        let path = Path::new("/usr/lib/chromium-browser/chromedriver");
        path.exists().then(|| path.to_owned())
    })
}

pub(crate) fn firefox() -> Option<PathBuf> {
    ["firefox-esr", "firefox"].into_iter().find_map(on_path)
}

pub(crate) fn webkit_driver() -> Option<PathBuf> {
    on_path("WebKitWebDriver")
}

/// Whether `cargo nextest` can be used; we do without when it is not there.
pub(crate) fn has_nextest() -> bool {
    on_path("cargo-nextest").is_some()
}

fn rustup_component(component: &str, subcommand: &str) -> Result<()> {
    if cmd("cargo").args([subcommand, "--version"]).read().is_ok() {
        return Ok(());
    }
    cmd("rustup").args(["component", "add", component]).run()
}

fn wasm_target() -> Result<()> {
    // The folder is there only when the target's standard library is installed, with or without rustup.
    let folder = cmd("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .read()?;
    if Path::new(folder.trim()).exists() {
        return Ok(());
    }
    cmd("rustup").args(["target", "add", WASM_TARGET]).run()
}

/// Whether the standard library's sources are there, if need be after installing them.
pub(crate) fn std_sources() -> bool {
    let there = || {
        let sysroot = cmd("rustc").args(["--print", "sysroot"]).read();
        let lockfile = "lib/rustlib/src/rust/library/Cargo.lock";
        sysroot.is_ok_and(|sysroot| Path::new(sysroot.trim()).join(lockfile).exists())
    };
    there()
        || (cmd("rustup")
            .args(["component", "add", "rust-src"])
            .run()
            .is_ok()
            && there())
}

/// Node is not installed for you: which version manager or package source fits is the machine owner's choice.
fn node() -> Result<()> {
    let wanted = format!("Node {NODE_MAJOR_AT_LEAST} or newer is needed, with npm");
    let version = cmd("node")
        .arg("--version")
        .read()
        .with_context(|| wanted.clone())?;
    match node_major(&version) {
        Some(major) if major >= NODE_MAJOR_AT_LEAST => {}
        _ => bail!("{wanted}; `node --version` says {}", version.trim()),
    }
    on_path("npm").with_context(|| wanted)?;
    Ok(())
}

fn node_major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| match privilege() {
        Some(Privilege::Root) => Some(
            cmd("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(arguments),
        ),
        Some(Privilege::Sudo) => Some(
            cmd("sudo")
                .args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
                .args(arguments),
        ),
        None => None,
    };
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    let (Some(update), Some(install)) = (apt(&["update"]), apt(&install)) else {
        bail!(
            "missing from this machine; install with:\n\n    sudo apt-get update && sudo apt-get install --yes {}\n",
            packages.join(" ")
        );
    };
    update.run()?;
    install.run()
}

enum Privilege {
    Root,
    Sudo,
}

fn privilege() -> Option<Privilege> {
    on_path("apt-get")?;
    let we_are_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if we_are_root {
        return Some(Privilege::Root);
    }
    cmd("sudo")
        .args(["-n", "true"])
        .read()
        .ok()
        .map(|_| Privilege::Sudo)
}

fn chromium_package() -> &'static str {
    if on_ubuntu() {
        "chromium-browser"
    } else {
        "chromium"
    }
}

fn driver_package() -> &'static str {
    if on_ubuntu() {
        "chromium-chromedriver"
    } else {
        "chromium-driver"
    }
}

fn firefox_package() -> &'static str {
    if on_ubuntu() {
        "firefox"
    } else {
        "firefox-esr"
    }
}

fn on_ubuntu() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=ubuntu")
}

/// What is missing for programs in Go that use SQLite.
fn go_packages() -> Vec<&'static str> {
    let driver = Path::new("/usr/share/gocode/src/github.com/mattn/go-sqlite3");
    let mut missing = Vec::new();
    missing.extend(on_path("go").is_none().then_some("golang-go"));
    // The driver is compiled with cgo.
    missing.extend(on_path("gcc").is_none().then_some("gcc"));
    missing.extend((!driver.exists()).then_some("golang-github-mattn-go-sqlite3-dev"));
    missing
}

fn has_nchan() -> bool {
    Path::new("/usr/lib/nginx/modules/ngx_nchan_module.so").exists()
}

fn has_venv() -> bool {
    cmd("python3")
        .args(["-c", "import ensurepip, venv"])
        .read()
        .is_ok()
}

/// Libraries are in a folder that is named after the processor.
fn has_libuv() -> bool {
    let mut folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.any(|folder| folder.path().join("libuv.so.1").exists())
}

/// A program that is meant for root: not on everybody's path.
fn daemon(program: &str) -> Option<PathBuf> {
    on_path(program).or_else(|| {
        let path = Path::new("/usr/sbin").join(program);
        path.is_file().then_some(path)
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(node_major("v20.20.2\n"), Some(20));
        assert_eq!(node_major("v9.1.0"), Some(9));
        assert_eq!(node_major("command not found"), None);
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh").is_some());
        assert_eq!(on_path("tabwire-no-such-program"), None);
    }
}
