//! A thread of its own for deliveries.
//!
//! All deliveries of a Stream have the same thing to do at the same moment: to write one picture.
//! One thread does that in one go, with warm caches; spread over the threads of the main runtime
//! the same work costs about twice as much, in wake-ups and in tasks that change threads.

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. Dropping it ends it, and whatever still runs there.
pub(super) struct DeliveryThread {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl DeliveryThread {
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no runtime for deliveries")?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("deliveries".into())
            .spawn(move || {
                let _ = runtime.block_on(stopped);
            })
            .context("no thread for deliveries")?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs `act` so that the tasks it starts run on this thread.
    pub(super) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        let _inside = self.handle.enter();
        act()
    }
}
