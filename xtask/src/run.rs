//! Running other programs: printed before they run, killed with their children when we are stopped.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, thread};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The workspace, where every command starts.
pub(crate) fn root() -> PathBuf {
    // Set by `cargo run`, which the alias `cargo xtask` is: right also after the clone has been moved.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest)
        .parent()
        .expect("xtask is a folder of the workspace")
        .to_owned()
}

/// A program to run in the workspace's root.
pub(crate) fn cmd(program: impl AsRef<OsStr>) -> Cmd {
    let mut inner = Command::new(&program);
    inner.current_dir(root());
    Cmd {
        inner,
        program: program.as_ref().to_owned(),
        dir: None,
        envs: Vec::new(),
    }
}

/// `cargo <subcommand> --locked`: a command of ours never changes the lockfile on the way.
pub(crate) fn cargo(subcommand: &str) -> Cmd {
    cmd("cargo").args(subcommand.split(' ')).arg("--locked")
}

/// `npm` in a folder of the workspace.
pub(crate) fn npm(folder: &str) -> Cmd {
    cmd("npm").dir(folder)
}

pub(crate) struct Cmd {
    inner: Command,
    program: OsString,
    dir: Option<String>,
    envs: Vec<(String, OsString)>,
}

impl Cmd {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.inner.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value.as_ref());
        self.envs.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.inner.env_remove(name);
        self
    }

    /// A folder of the workspace to run in.
    pub(crate) fn dir(mut self, folder: &str) -> Self {
        self.inner.current_dir(root().join(folder));
        self.dir = Some(folder.to_owned());
        self
    }

    /// Prints the command, runs it, and fails unless it ends with 0.
    pub(crate) fn run(self) -> Result<()> {
        let line = self.to_string();
        println!("$ {line}");
        let mut running = self.spawn_unprinted(Stdio::inherit())?;
        let status = running
            .child
            .wait()
            .with_context(|| format!("waiting for `{line}`"))?;
        if status.success() {
            running.forget();
            return Ok(());
        }
        if STOPPED.load(Ordering::SeqCst) {
            bail!("stopped");
        }
        bail!("`{line}` ended with {status}")
    }

    /// Prints the command and starts it; its standard output is piped. Dropping the handle kills it.
    pub(crate) fn start(self) -> Result<Running> {
        println!("$ {self} &");
        self.spawn_unprinted(Stdio::piped())
    }

    /// What the command prints, without printing the command: for questions to the machine.
    pub(crate) fn read(mut self) -> Result<String> {
        let output = self
            .inner
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run `{self}`"))?;
        if !output.status.success() {
            bail!(
                "`{self}` ended with {}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{self}` printed something other than text"))
    }

    fn spawn_unprinted(mut self, stdout: Stdio) -> Result<Running> {
        let mut groups = GROUPS
            .lock()
            .expect("nothing panics while it holds this lock");
        if STOPPED.load(Ordering::SeqCst) {
            bail!("stopped");
        }
        // A group of its own, so that a signal meant for us reaches everything it started, once, through us.
        let child = self
            .inner
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(stdout)
            .spawn();
        let child = child.with_context(|| format!("cannot run `{}`", self.program.display()))?;
        groups.push(child.id());
        Ok(Running { child })
    }
}

/// As it could be typed into a shell.
impl std::fmt::Display for Cmd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(dir) = &self.dir {
            write!(f, "cd {dir} && ")?;
        }
        for (name, value) in &self.envs {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        for arg in self.inner.get_args() {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// A process that runs beside us. Dropping it kills it and whatever it has started.
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Running {
    fn forget(&self) {
        let mut groups = GROUPS
            .lock()
            .expect("nothing panics while it holds this lock");
        groups.retain(|group| *group != self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut groups = GROUPS
            .lock()
            .expect("nothing panics while it holds this lock");
        let Some(at) = groups.iter().position(|group| *group == self.child.id()) else {
            return;
        };
        groups.remove(at);
        signal_group("KILL", self.child.id());
        // Reaps it. Without a process to wait for there is nothing left to do either.
        let _ = self.child.wait();
    }
}

/// From now on SIGINT and SIGTERM are handed to all that runs, and nothing new is started. A second one kills.
pub(crate) fn forward_signals() {
    let mut signals = Signals::new([SIGINT, SIGTERM]).expect("these two signals can be handled");
    thread::spawn(move || {
        for (nth, _signal) in signals.forever().enumerate() {
            STOPPED.store(true, Ordering::SeqCst);
            let groups = GROUPS
                .lock()
                .expect("nothing panics while it holds this lock");
            for group in groups.iter() {
                signal_group(if nth == 0 { "TERM" } else { "KILL" }, *group);
            }
        }
    });
}

/// The process groups to signal. Held while a process is started, so that none slips through.
static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static STOPPED: AtomicBool = AtomicBool::new(false);

fn signal_group(signal: &str, group: u32) {
    // The shell's own `kill`: the standard library has none for groups, and a minimal system no /bin/kill.
    // It fails when the group has ended already, which is what was wanted.
    let script = format!("kill -s {signal} -- -{group} 2>/dev/null");
    let _ = Command::new("sh")
        .args(["-c", &script])
        .process_group(0)
        .status();
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_as_it_could_be_typed() {
        let command = cmd("npm")
            .dir("npm")
            .env("CI", "true")
            .args(["run", "it's", ""]);
        assert_eq!(
            command.to_string(),
            r"cd npm && CI=true npm run 'it'\''s' ''"
        );
    }

    #[test]
    fn a_command_that_fails_is_named_in_the_error() {
        let error = cmd("sh")
            .args(["-c", "exit 3"])
            .run()
            .expect_err("it ended with 3");
        assert_eq!(
            error.to_string(),
            "`sh -c 'exit 3'` ended with exit status: 3"
        );
    }

    #[test]
    fn a_missing_program_is_named_in_the_error() {
        let error = cmd("tabwire-no-such-program")
            .run()
            .expect_err("there is none");
        assert_eq!(error.to_string(), "cannot run `tabwire-no-such-program`");
    }

    #[test]
    fn dropping_a_started_command_kills_its_children_too() {
        let mut running = cmd("sh")
            .args(["-c", "sleep 600 & echo $!; wait"])
            .start()
            .expect("sh runs");
        let mut pid = String::new();
        let stdout = running.child.stdout.take().expect("it is piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut pid)
            .expect("it prints a line");
        drop(running);
        // A killed child is a zombie until somebody reaps it, and dies some time after the signal.
        let path = format!("/proc/{}/status", pid.trim());
        let lives =
            || std::fs::read_to_string(&path).is_ok_and(|status| !status.contains("State:\tZ"));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while lives() {
            assert!(std::time::Instant::now() < deadline, "it lives on");
            thread::yield_now();
        }
    }
}
