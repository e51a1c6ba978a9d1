//! Whether traffic should be sent here.

use std::sync::Arc;
use tokio::sync::watch;

/// Not ready until told otherwise, and again once the server drains.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Ready>>);

#[derive(Clone, Debug, Default)]
struct Ready {
    /// Why not; `None`: it is.
    reason: Option<String>,
    /// It was ready before: what is not ready now ends.
    ending: bool,
}

impl Readiness {
    /// Not ready: starting.
    #[must_use]
    pub fn new() -> Self {
        let starting = Ready { reason: Some("starting".to_owned()), ending: false };
        Self(Arc::new(watch::Sender::new(starting)))
    }

    /// All listeners are bound.
    pub fn ready(&self) {
        self.0.send_replace(Ready::default());
    }

    /// Not ready, for this reason.
    pub fn not_ready(&self, reason: &str) {
        self.0.send_modify(|now| {
            now.ending |= now.reason.is_none();
            now.reason = Some(reason.to_owned());
        });
    }

    /// The state.
    ///
    /// # Errors
    /// The reason why it is not ready.
    pub fn get(&self) -> Result<(), String> {
        self.0.borrow().reason.clone().map_or(Ok(()), Err)
    }

    /// Resolves when it was ready and is not any more: the server ends. Cancel-safe.
    pub(crate) async fn ending(&self) {
        let _ = self.0.subscribe().wait_for(|now| now.ending).await;
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}
