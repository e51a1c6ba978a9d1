//! The order to end: Ctrl-C, or SIGTERM from whoever supervises.

use super::Failure;

/// Follows the orders to end. From the first call on they no longer end the process by themselves.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interrupt {
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let follow = |kind| {
            signal(kind).map_err(|e| Failure::failed(format!("signals cannot be followed: {e}")))
        };
        Ok(Self { signals: [follow(SignalKind::interrupt())?, follow(SignalKind::terminate())?] })
    }

    /// Resolves at the next order. Cancel-safe.
    #[cfg(unix)]
    pub(crate) async fn ordered(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Resolves at the next order. Cancel-safe.
    #[cfg(not(unix))]
    pub(crate) async fn ordered(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
