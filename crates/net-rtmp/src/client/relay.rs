//! One wake-up for all deliveries of a Stream.
//!
//! A Stream wakes its readers one by one, and across threads each of these wake-ups is a system
//! call. The deliveries of a Stream run on one thread: there, one task waits for the Stream and
//! wakes the others without leaving the thread.

use manycast_hub::{Stream, Subscriber};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Hands on the wake-ups of one Stream. Ends with the last delivery that holds it.
pub(super) struct Relay {
    notify: Arc<Notify>,
    task: AbortHandle,
}

/// The relays in use, by Stream.
#[derive(Default)]
pub(super) struct Relays(Mutex<HashMap<usize, Weak<Relay>>>);

impl Relays {
    /// The relay of a Stream, started if there is none. Call within the runtime of the deliveries.
    pub(super) fn of(&self, stream: &Arc<Stream>) -> Arc<Relay> {
        let mut relays = self.0.lock();
        let key = Arc::as_ptr(stream).addr();
        if let Some(relay) = relays.get(&key).and_then(Weak::upgrade) {
            return relay;
        }
        relays.retain(|_, relay| relay.strong_count() > 0);
        let relay = Arc::new(Relay::start(stream.clone()));
        relays.insert(key, Arc::downgrade(&relay));
        relay
    }
}

impl Relay {
    fn start(stream: Arc<Stream>) -> Self {
        let notify = Arc::new(Notify::new());
        let waiting = notify.clone();
        let task = tokio::spawn(async move {
            let mut seen = 0;
            while !stream.is_closed() {
                seen = stream.moved_past(seen).await;
                waiting.notify_waiters();
            }
        });
        Self { notify, task: task.abort_handle() }
    }

    /// Waits until there may be something to read. Cancel-safe.
    pub(super) async fn ready(&self, source: &Subscriber) {
        loop {
            let mut woken = std::pin::pin!(self.notify.notified());
            woken.as_mut().enable(); // register first, look second: no wake-up is lost
            if source.has_news() {
                return;
            }
            woken.await;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
