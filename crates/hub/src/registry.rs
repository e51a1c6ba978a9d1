//! All Streams of the server, by name.

use crate::{Stream, WindowLimits};
use manycast_media::StreamName;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// The registry of Streams.
#[derive(Debug, Default)]
pub struct Hub {
    streams: RwLock<BTreeMap<StreamName, Arc<Stream>>>,
    changes: watch::Sender<u64>,
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The Stream of this name, made if there is none; `limits` hold for a new one.
    pub fn open(&self, name: &StreamName, limits: WindowLimits) -> Arc<Stream> {
        if let Some(stream) = self.get(name) {
            return stream;
        }
        let mut streams = self.streams.write();
        let stream = streams
            .entry(name.clone())
            .or_insert_with(|| Stream::new(name.clone(), limits))
            .clone();
        drop(streams);
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        stream
    }

    /// Changes its value whenever a Stream may have been made, for those who wait for one.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The Stream of this name.
    #[must_use]
    pub fn get(&self, name: &StreamName) -> Option<Arc<Stream>> {
        let stream = self.streams.read().get(name).cloned();
        stream.inspect(|stream| stream.mark_used())
    }

    /// All Streams, in order of their names.
    #[must_use]
    pub fn streams(&self) -> Vec<Arc<Stream>> {
        self.streams.read().values().cloned().collect()
    }

    /// Removes a Stream: its Publisher and its readers end.
    pub fn close(&self, name: &StreamName, now: Instant, why: &str) {
        let removed = self.streams.write().remove(name);
        if let Some(stream) = removed {
            stream.close(now, why);
        }
    }

    /// Lets idle Streams shrink, and forgets those that `forget` names once nobody publishes to
    /// or reads them. Call about once per second.
    pub fn sweep(&self, now: Instant, forget: impl Fn(&StreamName) -> bool) {
        for stream in self.streams() {
            stream.sweep(now);
            if forget(stream.name()) && stream.idle_sweeps() > 2 {
                self.close(stream.name(), now, "idle");
            }
        }
    }
}
