//! Whether traffic should be sent here.

use parking_lot::RwLock;
use std::sync::Arc;

/// Not ready until told otherwise, and again once the server drains.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<RwLock<Result<(), String>>>);

impl Readiness {
    /// Not ready: starting.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(RwLock::new(Err("starting".to_owned()))))
    }

    /// All listeners are bound.
    pub fn ready(&self) {
        *self.0.write() = Ok(());
    }

    /// Not ready, for this reason.
    pub fn not_ready(&self, reason: &str) {
        *self.0.write() = Err(reason.to_owned());
    }

    /// The state.
    ///
    /// # Errors
    /// The reason why it is not ready.
    pub fn get(&self) -> Result<(), String> {
        self.0.read().clone()
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}
