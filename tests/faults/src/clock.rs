//! A clock of its own for one process, that can be set while the process runs: what daylight saving, a bad battery or a hasty operator do.
//!
//! libfaketime stands before the system's clock, so it is the real program that is told another time. Only the wall clock is set, as
//! on a real machine: what measures durations goes on.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::dir::Dir;

/// A clock that is right until it is set.
#[derive(Debug)]
pub struct Clock {
    dir: Dir,
    library: PathBuf,
}

impl Clock {
    /// A clock; none where libfaketime is not installed: the scenario is skipped, and says so. In CI it fails.
    ///
    /// # Panics
    /// In CI, when it is not installed.
    pub fn new() -> Option<Self> {
        let Some(library) = library() else {
            let missing = "libfaketime is not installed: apt-get install faketime";
            assert!(env::var_os("CI").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
            return None;
        };
        let clock = Self {
            dir: Dir::new(),
            library,
        };
        clock.set(0);
        Some(clock)
    }

    /// Sets the clock to so many seconds after the true time.
    ///
    /// # Panics
    /// When the file can't be written.
    pub fn set(&self, seconds: i64) {
        let new = self.dir.join("new");
        fs::write(&new, format!("{seconds:+}\n"))
            .expect("a file can be written among the temporary ones");
        // In one step: the process reads it at every look at the clock.
        fs::rename(new, self.file()).expect("it was written");
    }

    /// The environment of a process that has this clock, as words of `env`.
    pub(crate) fn environment(&self) -> [String; 4] {
        [
            format!("LD_PRELOAD={}", self.library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file().display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ]
    }

    fn file(&self) -> PathBuf {
        self.dir.join("offset")
    }
}

/// The library for programs with threads, in the folder of whichever architecture this is.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?;
    let folders = folders.filter_map(|entry| Some(entry.ok()?.path()));
    folders
        .map(|folder| folder.join(Path::new("faketime/libfaketimeMT.so.1")))
        .find(|path| path.is_file())
}
