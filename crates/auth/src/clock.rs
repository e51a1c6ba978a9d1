//! The wall clock as a value: what expires is judged by it, and tests set it.
//!
//! Delays are no matter of the wall clock: they use the runtime's, which does not jump.

use manycast_store::UnixMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Tells what time it is.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `at` until it is moved, for tests.
    #[must_use]
    pub fn fixed(at: UnixMs) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.0))))
    }

    /// Moves a fixed clock on. Nothing for that of the machine.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            fixed.store(self.now().plus(by).0, Ordering::SeqCst);
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        match &self.0 {
            Some(fixed) => UnixMs(fixed.load(Ordering::SeqCst)),
            None => UnixMs::now(),
        }
    }
}
