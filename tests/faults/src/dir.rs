//! A folder that is gone with its value.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::random::Random;

/// A folder of our own in the system's folder for such.
#[derive(Debug)]
pub struct Dir(PathBuf);

impl Dir {
    /// An empty one.
    ///
    /// # Panics
    /// When the disk takes no more.
    pub fn new() -> Self {
        let name = format!("tabwire-faults-{:016x}", Random::fresh().number());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder can be made for temporary files");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Default for Dir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if std::env::var_os("TABWIRE_FAULTS_KEEP").is_none() {
            // What is left in a folder for temporary files harms nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
