//! A program that runs beside the test and never outlives it.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{clock::Clock, until::until};

/// A running program, in a process group of its own. Dropping it kills all of the group, also after a panic; and should the test itself
/// be killed, the system does so in its place.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Pid,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `program`, which writes what it prints to the end of `log`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(name: &str, program: &Path, arguments: &[String], log: &Path) -> Self {
        Self::start_with(name, program, arguments, log, None)
    }

    /// The same, by a clock of its own.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(
        name: &str,
        program: &Path,
        arguments: &[String],
        log: &Path,
        clock: Option<&Clock>,
    ) -> Self {
        let file = File::options().create(true).append(true).open(log);
        let file = file.expect("a file can be written among the temporary ones");
        let copy = file
            .try_clone()
            .expect("a file has as many handles as one wants");
        // A destructor does not run in a test that is killed: util-linux has the kernel do it. Without that program, only then
        // something may be left over.
        let mut command = match on_path("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--", "env"]);
                command
            }
            None => Command::new("env"),
        };
        command.args(clock.into_iter().flat_map(Clock::environment));
        command.arg(program);
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .process_group(0)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self {
            group: Pid::from_child(&child),
            child,
            name: name.to_owned(),
            log: log.to_owned(),
        }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it printed.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal to it and to what it started.
    pub fn signal(&self, signal: Signal) {
        // It fails when all have ended, which nobody who signals minds.
        let _ = kill_process_group(self.group, signal);
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end.
    pub async fn end(&mut self, within: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        until(&what, within, async || self.ended()).await
    }

    /// The resident memory of the process, in KiB.
    ///
    /// # Panics
    /// When it has ended.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a process has resident memory")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // Reaps it. There is nothing to do about one that can't be.
        let _ = self.child.wait();
    }
}

/// Where a program is.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
