//! What can be said about the code without running it.

use std::fs;

use anyhow::{Result, bail};

use crate::run::{cargo, cmd, root};
use crate::setup::{self, Need};

pub(crate) fn lint() -> Result<()> {
    setup::ensure(&[Need::Rustfmt, Need::Clippy, Need::WasmTarget])?;
    cmd("cargo").args(["fmt", "--all", "--check"]).run()?;
    // A workspace of its own. Its warnings are errors when it is built.
    cmd("cargo")
        .args(["fmt", "--check", "--manifest-path"])
        .arg("examples/leptos/Cargo.toml")
        .run()?;
    // The default members: the bindgen tools are six lines around a large dependency.
    cargo("clippy")
        .args(["--all-targets", "--", "-D", "warnings"])
        .run()?;
    // The client has more than one face: the npm package's module, what front ends in Rust use, both together as they are
    // tested, and what a server has of it that renders pages.
    let browser = ["--target", "wasm32-unknown-unknown"];
    let for_npm = [&browser[..]].concat();
    let for_rust = [
        &browser[..],
        &["--no-default-features", "--features", "typed"],
    ]
    .concat();
    let tested = [&browser[..], &["--features", "typed", "--all-targets"]].concat();
    let on_a_server = vec!["--features", "typed", "--all-targets"];
    for face in [for_npm, for_rust, tested, on_a_server] {
        cargo("clippy")
            .args(["-p", "tabwire-client"])
            .args(face)
            .args(["--", "-D", "warnings"])
            .run()?;
    }
    nothing_of_this_machine()
}

/// Fails when a tracked file names where this clone, this user's home or a private registry is: such a file works
/// here and nowhere else.
fn nothing_of_this_machine() -> Result<()> {
    println!("checking that no tracked file is bound to this machine");
    let tracked = cmd("git").args(["ls-files", "-z"]).read()?;
    let clone = root().display().to_string();
    let mut found = Vec::new();
    for file in tracked.split('\0').filter(|file| !file.is_empty()) {
        let Ok(content) = fs::read(root().join(file)) else {
            continue;
        }; // deleted and not yet committed
        let Ok(content) = String::from_utf8(content) else {
            continue;
        }; // an image or the like
        for (number, line) in content.lines().enumerate() {
            if let Some(what) = machine_bound(file, line, &clone) {
                found.push(format!("{file}:{}: {what}", number + 1));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!(
        "tracked files are bound to this machine:\n  {}",
        found.join("\n  ")
    )
}

fn machine_bound(file: &str, line: &str, clone: &str) -> Option<&'static str> {
    let is = |name: &str| file == name || file.ends_with(&format!("/{name}"));
    let names_a_registry = line.contains("registry+")
        && !line.contains("registry+https://github.com/rust-lang/crates.io-index");
    if line.contains(clone) {
        Some("a path of this clone")
    } else if is("package-lock.json") && line.contains("\"resolved\": \"http") {
        Some(
            "the address of an npm registry; set omit-lockfile-registry-resolved=true in ~/.npmrc and lock again",
        )
    } else if is("Cargo.lock") && names_a_registry {
        Some("the address of a cargo registry")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_bound_to_one_machine_are_found() {
        let clone = "/home/ana/tabwire";
        assert_eq!(
            machine_bound("README.md", "cd /home/ana/tabwire/www", clone),
            Some("a path of this clone")
        );
        assert!(
            machine_bound(
                "npm/package-lock.json",
                r#"  "resolved": "https://npm.example/x.tgz","#,
                clone
            )
            .is_some()
        );
        assert!(
            machine_bound(
                "Cargo.lock",
                r#"source = "registry+https://crates.example/index""#,
                clone
            )
            .is_some()
        );
    }

    #[test]
    fn ordinary_lines_are_not() {
        let clone = "/home/ana/tabwire";
        assert_eq!(
            machine_bound(
                "npm/package-lock.json",
                r#"  "resolved": "file:../x.tgz","#,
                clone
            ),
            None
        );
        let index = r#"source = "registry+https://github.com/rust-lang/crates.io-index""#;
        assert_eq!(machine_bound("Cargo.lock", index, clone), None);
        assert_eq!(machine_bound("www/README.md", "see /home/ana", clone), None);
    }
}
