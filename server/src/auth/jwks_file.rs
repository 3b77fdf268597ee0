//! A file with a JWK Set, which may change while the server runs: issuers rotate their keys.
//!
//! The file is looked at every few seconds and when somebody asks for it (SIGHUP). A new content that is wrong changes nothing but
//! a log line and a metric: half a file must not lock everybody out.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::{sync::Notify, task::spawn_blocking, time::timeout};

use super::jwks::{JWKS_BYTES_MAX, KeySet};
use crate::metrics::Metrics;

/// The keys of a file, as it was when it was right the last time.
#[derive(Debug)]
pub struct JwksFile {
    path: PathBuf,
    // A std lock: held to copy a pointer, never across an await.
    keys: RwLock<Arc<KeySet>>,
    /// What the file had when it was last looked at, right or wrong: it is judged once.
    seen: Mutex<Option<Content>>,
    asked: Notify,
}

/// What a file has, or why it can't be read.
type Content = Result<Vec<u8>, String>;

impl JwksFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn open(path: PathBuf) -> Result<Self, String> {
        let content = read(&path);
        let keys = parse(&path, &content)?;
        Ok(Self {
            path,
            keys: RwLock::new(Arc::new(keys)),
            seen: Mutex::new(Some(content)),
            asked: Notify::new(),
        })
    }

    /// The keys. They are the same for as long as they are held, whatever becomes of the file.
    pub fn keys(&self) -> Arc<KeySet> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }

    /// Has the file looked at soon, and judged though it be the same.
    pub fn look(&self) {
        *self.seen() = None;
        self.asked.notify_one();
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<Content>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the file; None when it is as it was. The content is compared, not its time: two changes may fall into one tick
    /// of a file system's clock, and the file is small.
    fn reload(&self) -> Option<Result<usize, String>> {
        let content = read(&self.path);
        let mut seen = self.seen();
        if seen.as_ref() == Some(&content) {
            return None;
        }
        let parsed = parse(&self.path, &content);
        *seen = Some(content);
        Some(parsed.map(|keys| {
            let count = keys.len();
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            count
        }))
    }
}

/// Follows a file for as long as it is polled.
pub(crate) async fn follow(file: Arc<JwksFile>, every: Duration, metrics: Arc<Metrics>) {
    metrics.jwks_in_use(file.keys().len());
    loop {
        // Elapsed or asked: it's the same.
        let _ = timeout(every, file.asked.notified()).await;
        let looked = {
            let file = Arc::clone(&file);
            spawn_blocking(move || file.reload()).await
        };
        let path = file.path.display();
        match looked {
            Ok(None) => {}
            Ok(Some(Ok(keys))) => {
                tracing::info!(jwks = %path, keys, "the keys of tokens were read anew");
                metrics.jwks_loaded(Some(keys));
            }
            Ok(Some(Err(error))) => {
                tracing::error!(jwks = %path, %error, "the keys of tokens stay as they were: repair the file of --jwks");
                metrics.jwks_loaded(None);
            }
            Err(error) => tracing::error!(jwks = %path, %error, "the file could not be looked at"),
        }
    }
}

/// Reads no more than tells that it is too much.
fn read(path: &Path) -> Content {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(JWKS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn parse(path: &Path, content: &Content) -> Result<KeySet, String> {
    let bytes = content.as_ref().map_err(Clone::clone)?;
    let json = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    KeySet::parse(json, |skipped| {
        tracing::warn!(jwks = %path.display(), "a key is skipped: {skipped}");
    })
}
