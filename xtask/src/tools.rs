//! Tools that have to be compiled: wasm-bindgen's two programs and wasm-pack.
//!
//! They take minutes and change with their version only, so they live in a cache outside the clone, by version:
//! a second clone finds them there.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context, Result, bail, ensure};

use crate::run::{cargo, cmd, root};

const WASM_PACK_VERSION: &str = "0.15.1";

/// The folder with `wasm-bindgen` and `wasm-bindgen-test-runner` of the lockfile's version.
pub(crate) fn bindgen() -> Result<PathBuf> {
    let version = bindgen_version(
        &fs::read_to_string(root().join("Cargo.lock")).context("reading Cargo.lock")?,
    )?;
    cached(&format!("wasm-bindgen-{version}"), |folder| {
        let build = folder.join("build");
        cargo("build")
            .args(["--release", "-p", "bindgen-tools"])
            .env("CARGO_TARGET_DIR", &build)
            // Quick to compile, and quick enough on our small modules.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .run()?;
        for (built, name) in [
            ("bindgen", "wasm-bindgen"),
            ("test-runner", "wasm-bindgen-test-runner"),
        ] {
            fs::copy(build.join("release").join(built), folder.join(name))
                .with_context(|| format!("keeping {name}"))?;
        }
        fs::remove_dir_all(&build).context("removing the build folder of the bindgen tools")
    })
}

/// The program `wasm-pack`.
pub(crate) fn wasm_pack() -> Result<PathBuf> {
    let folder = cached(&format!("wasm-pack-{WASM_PACK_VERSION}"), |folder| {
        let install = || {
            cmd("cargo")
                // Debug, since it only starts other programs: it compiles in half the time.
                .args([
                    "install",
                    "wasm-pack",
                    "--debug",
                    "--version",
                    WASM_PACK_VERSION,
                    "--root",
                ])
                .arg(folder)
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
        };
        // The versions its authors tested; a registry mirror that lags may not have them all.
        install().arg("--locked").run().or_else(|_| install().run())
    })?;
    Ok(folder.join("bin").join("wasm-pack"))
}

/// The cached folder `name`, filled by `make` when it is not there. It gets its name only when it is whole, so
/// neither an interruption nor a second clone that builds at the same time leaves half a tool behind.
fn cached(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = cache()?;
    let folder = cache.join(format!("{name}-{}-{}", env::consts::ARCH, env::consts::OS));
    if folder.exists() {
        return Ok(folder);
    }
    println!("{name} is compiled once, into {}", folder.display());
    let unfinished = cache.join(format!("{name}.unfinished-{}", process::id()));
    fs::create_dir_all(&unfinished)
        .with_context(|| format!("creating {}", unfinished.display()))?;
    let made = make(&unfinished);
    if made.is_ok() && fs::rename(&unfinished, &folder).is_ok() {
        return Ok(folder);
    }
    fs::remove_dir_all(&unfinished)
        .with_context(|| format!("removing {}", unfinished.display()))?;
    made?;
    ensure!(folder.exists(), "cannot create {}", folder.display());
    Ok(folder)
}

fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
        _ => Path::new(&env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    Ok(base.join("tabwire"))
}

/// The library's version, which the tools must have too: the generated JavaScript and the module talk to each
/// other in a format that changes with every release.
fn bindgen_version(lockfile: &str) -> Result<String> {
    let library =
        locked_version(lockfile, "wasm-bindgen").context("Cargo.lock has no wasm-bindgen")?;
    let tools = locked_version(lockfile, "wasm-bindgen-cli")
        .context("Cargo.lock has no wasm-bindgen-cli")?;
    if library != tools {
        bail!(
            "Cargo.lock has wasm-bindgen {library} but wasm-bindgen-cli {tools}: set both to one version in Cargo.toml"
        );
    }
    Ok(library.to_owned())
}

fn locked_version<'a>(lockfile: &'a str, package: &str) -> Option<&'a str> {
    let (_, entry) = lockfile.split_once(&format!("\nname = \"{package}\"\nversion = \""))?;
    entry.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_tools_is_the_lockfiles() {
        let lockfile = "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n[[package]]\nname = \"wasm-bindgen-cli\"\nversion = \"0.2.130\"\n";
        assert_eq!(
            bindgen_version(lockfile).expect("both are there"),
            "0.2.130"
        );
    }

    #[test]
    fn tools_of_another_version_than_the_library_are_refused() {
        let lockfile = "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n[[package]]\nname = \"wasm-bindgen-cli\"\nversion = \"0.2.131\"\n";
        let error = bindgen_version(lockfile).expect_err("they differ");
        assert!(
            error.to_string().contains("wasm-bindgen-cli 0.2.131"),
            "{error}"
        );
    }
}
