//! On what is measured. What this machine does not have is left out; that it was not measured, the page says.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tabwire_report::run::Facts;

/// npm packages whose versions matter, and the folder they are installed in.
const NPM_PACKAGES: [(&str, &str); 8] = [
    ("tests/load/peers", "socket.io"),
    ("tests/e2e", "playwright-core"),
    ("tests/client-bench", "socket.io-client"),
    ("tests/client-bench", "centrifuge"),
    ("tests/client-bench", "@anycable/web"),
    ("tests/client-bench", "partysocket"),
    ("tests/client-bench", "broadcast-channel"),
    ("tests/client-bench", "esbuild"),
];
const PYTHON_PACKAGES: &str = "tests/load/peers/requirements.txt";

/// Writes them to a file. The working directory is the workspace.
pub(crate) fn write(
    to: &Path,
    quick: bool,
    note: Option<String>,
    chromium: Option<PathBuf>,
) -> Result<()> {
    let facts = Facts {
        date: said("date", &["--utc", "+%F"]).context("`date` says nothing")?,
        commit: commit().context("git knows no commit")?,
        quick,
        note,
        machine: machine(),
        versions: versions(chromium),
    };
    let text = serde_json::to_string_pretty(&facts)?;
    fs::write(to, text + "\n").with_context(|| to.display().to_string())
}

/// With a word that says so when it is not all that was measured.
fn commit() -> Option<String> {
    let commit = said("git", &["rev-parse", "--short=10", "HEAD"])?;
    let changed = said(
        "git",
        &[
            "status",
            "--porcelain",
            "--untracked-files=no",
            "--",
            "server",
            "protocol",
            "client-wasm",
            "npm",
            "tests",
        ],
    )?;
    Some(if changed.is_empty() {
        commit
    } else {
        format!("{commit} and changes")
    })
}

fn machine() -> BTreeMap<String, String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of_cpu = |name: &str| {
        let line = cpus
            .lines()
            .find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let are_threads = of_cpu("siblings") != of_cpu("cpu cores");
    let is_virtual =
        of_cpu("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok());
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let facts = [
        ("processor", of_cpu("model name")),
        (
            "cores",
            Some(format!(
                "{cores}{}{}",
                if are_threads { ", hyperthreads" } else { "" },
                if is_virtual {
                    ", of a virtual machine"
                } else {
                    ""
                }
            )),
        ),
        (
            "memory",
            kib.map(|kib| format!("{:.0} GiB", kib / 1024.0 / 1024.0)),
        ),
        ("kernel", said("uname", &["-sr"])),
        (
            "system",
            system.map(|name| name.trim_matches('"').to_owned()),
        ),
    ];
    known(facts)
}

fn versions(chromium: Option<PathBuf>) -> BTreeMap<String, String> {
    let second = |text: String| text.split_whitespace().nth(1).map(str::to_owned);
    let debian = |package: &str| {
        let version = said(
            "dpkg-query",
            &["--show", "--showformat", "${Version}", package],
        )?;
        Some(version).filter(|version| !version.is_empty())
    };
    let nginx = on_any_path("nginx").and_then(|nginx| said(&nginx, &["-v"]));
    let redis = said("redis-server", &["--version"]);
    let of_redis = |text: String| Some(text.split_once("v=")?.1.split(' ').next()?.to_owned());
    let browser = chromium.and_then(|path| said(&path.display().to_string(), &["--version"]));
    let mut versions = known([
        ("rustc", said("rustc", &["--version"]).and_then(second)),
        (
            "node",
            said("node", &["--version"]).map(|version| version.trim_start_matches('v').to_owned()),
        ),
        (
            "nginx",
            nginx.and_then(|text| Some(text.rsplit_once('/')?.1.to_owned())),
        ),
        ("nchan", debian("libnginx-mod-nchan")),
        ("Redis", redis.and_then(of_redis)),
        ("Chromium", browser.and_then(second)),
    ]);
    for (folder, package) in NPM_PACKAGES {
        let manifest = Path::new(folder)
            .join("node_modules")
            .join(package)
            .join("package.json");
        let version = fs::read_to_string(manifest)
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok())
            .and_then(|manifest| Some(manifest["version"].as_str()?.to_owned()));
        versions.extend(version.map(|version| (package.to_owned(), version)));
    }
    let python = fs::read_to_string(PYTHON_PACKAGES).unwrap_or_default();
    let pinned = python.lines().filter_map(|line| line.split_once("=="));
    versions.extend(pinned.map(|(package, version)| (package.to_owned(), version.to_owned())));
    versions
}

fn known<const N: usize>(facts: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    let known = facts
        .into_iter()
        .filter_map(|(name, fact)| Some((name.to_owned(), fact?)));
    known.collect()
}

/// What a program prints, wherever it prints it.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let printed = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = output
        .status
        .success()
        .then(|| String::from_utf8(printed).ok())??;
    Some(text.trim().to_owned())
}

/// A program that may be meant for root.
fn on_any_path(program: &str) -> Option<String> {
    let folders = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&folders).chain(["/usr/sbin".into()]);
    let path = folders
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())?;
    Some(path.display().to_string())
}
