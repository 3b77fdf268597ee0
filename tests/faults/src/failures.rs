//! What was found to be wrong, by whoever sees it first.

use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all who check. A test looks here whenever it waits, so that it ends at the first broken promise.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    /// Something is wrong.
    pub fn add(&self, what: String) {
        self.all().push(what);
    }

    /// Ends the test if anything is wrong.
    ///
    /// # Panics
    /// Then.
    pub fn check(&self) {
        let failures = self.all().clone();
        let shown: Vec<&str> = failures.iter().take(10).map(String::as_str).collect();
        assert!(
            failures.is_empty(),
            "{} broken promises:\n  {}",
            failures.len(),
            shown.join("\n  ")
        );
    }

    /// What is wrong so far.
    pub fn found(&self) -> Vec<String> {
        self.all().clone()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
