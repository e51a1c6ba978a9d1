//! What a viewer's owner and those who serve it share.
//!
//! Belongs here: orders and bytes from the owner, counters and the end for it. Must not come here:
//! passes.

use crate::{ViewerEnd, ViewerStats};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Most control bytes that wait for their turn between two messages of one viewer.
const MAX_CONTROL: usize = 64 * 1024;

/// The viewer takes nothing, and too many control bytes wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewerFull;

#[derive(Debug)]
pub(crate) struct Control {
    waiting: AtomicBool,
    bytes: Mutex<Vec<Bytes>>,
    pub(crate) paused: AtomicBool,
    pub(crate) rejoin: AtomicBool,
    /// Where it stands among the viewers of its group; for the group alone.
    pub(crate) index: AtomicUsize,
    sent: AtomicU64,
    skipped_frames: AtomicU64,
    skipped_gops: AtomicU64,
    frames: AtomicU64,
    lag_ms: AtomicU64,
    end: watch::Sender<Option<ViewerEnd>>,
}

impl Control {
    /// With bytes that go out before anything else.
    pub(crate) fn new(hello: Vec<Bytes>) -> Arc<Self> {
        Arc::new(Self {
            waiting: AtomicBool::new(!hello.is_empty()),
            bytes: Mutex::new(hello),
            paused: AtomicBool::new(false),
            rejoin: AtomicBool::new(false),
            index: AtomicUsize::new(usize::MAX),
            sent: AtomicU64::new(0),
            skipped_frames: AtomicU64::new(0),
            skipped_gops: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            lag_ms: AtomicU64::new(0),
            end: watch::channel(None).0,
        })
    }

    /// Adds control bytes to those that wait.
    pub(crate) fn push(&self, more: Vec<Bytes>) -> Result<(), ViewerFull> {
        let mut bytes = self.bytes.lock();
        let held: usize = bytes.iter().chain(&more).map(Bytes::len).sum();
        if held > MAX_CONTROL {
            return Err(ViewerFull);
        }
        bytes.extend(more);
        self.waiting.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    pub(crate) fn take(&self) -> Vec<Bytes> {
        let mut bytes = self.bytes.lock();
        self.waiting.store(false, Ordering::Release);
        std::mem::take(&mut *bytes)
    }

    /// Shows what the viewer was given so far.
    pub(crate) fn show(&self, stats: &ViewerStats) {
        self.sent.store(stats.sent, Ordering::Relaxed);
        self.skipped_frames.store(stats.skipped_frames, Ordering::Relaxed);
        self.skipped_gops.store(stats.skipped_gops, Ordering::Relaxed);
        self.frames.store(stats.frames, Ordering::Relaxed);
        let lag = u64::try_from(stats.lag.as_millis()).unwrap_or(u64::MAX);
        self.lag_ms.store(lag, Ordering::Relaxed);
    }

    /// What was shown last.
    pub(crate) fn stats(&self) -> ViewerStats {
        ViewerStats {
            sent: self.sent.load(Ordering::Relaxed),
            skipped_frames: self.skipped_frames.load(Ordering::Relaxed),
            skipped_gops: self.skipped_gops.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
            lag: Duration::from_millis(self.lag_ms.load(Ordering::Relaxed)),
        }
    }

    /// Tells the end; `rest` is what had been begun and not sent.
    pub(crate) fn finish(&self, end: ViewerEnd, rest: Vec<Bytes>) {
        *self.bytes.lock() = rest;
        self.end.send_replace(Some(end));
    }

    pub(crate) fn follow_end(&self) -> watch::Receiver<Option<ViewerEnd>> {
        self.end.subscribe()
    }
}
