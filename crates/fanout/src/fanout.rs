//! The shards, and a viewer's membership as its connection sees it.

use crate::Sink;
use crate::shard::{Command, Joining, Shard};
use crate::viewer::{ViewerParts, Writer};
use bytes::Bytes;
use manycast_hub::{Bounds, Cursor, Lane, Stream};
use parking_lot::Mutex;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Most control bytes that wait for their turn between two messages of one viewer.
const MAX_CONTROL: usize = 64 * 1024;

/// How viewers are served.
#[derive(Clone, Copy, Debug)]
pub struct FanoutConfig {
    /// Threads. One Stream's viewers spread over all of them.
    pub shards: usize,
    /// Least time between two writes to the same viewer. 0: each picture leaves at once. 100 ms
    /// halves the CPU and adds up to 100 ms of delay.
    pub merge: Duration,
    /// A viewer whose connection takes nothing for this long is let go with a reset.
    pub patience: Duration,
    /// How far a viewer may fall behind before it loses Gops.
    pub bounds: Bounds,
}

impl Default for FanoutConfig {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            merge: Duration::ZERO,
            patience: Duration::from_secs(10),
            bounds: Bounds::default(),
        }
    }
}

/// Why a viewer is no longer served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerEnd {
    /// It took nothing for too long and was reset.
    Stalled,
    /// Its connection broke.
    Broken(ErrorKind),
    /// The Stream was removed, or the server stops.
    StreamClosed,
    /// Its connection let go of it.
    Left,
}

/// The viewer takes nothing, and too many control bytes wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewerFull;

/// What one viewer was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewerStats {
    /// Bytes handed to the connection.
    pub sent: u64,
    /// Frames left out because it was too slow.
    pub skipped_frames: u64,
    /// Gops left out, whole or in part.
    pub skipped_gops: u64,
    /// Frames written for it; counted for viewers with headers of their own only.
    pub frames: u64,
    /// How old the oldest Frame is that its connection did not take yet; likewise.
    pub lag: Duration,
}

/// What a shard and a connection share about one viewer.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) waiting: AtomicBool,
    bytes: Mutex<Vec<Bytes>>,
    pub(crate) paused: AtomicBool,
    pub(crate) rejoin: AtomicBool,
    pub(crate) sent: AtomicU64,
    pub(crate) skipped_frames: AtomicU64,
    pub(crate) skipped_gops: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) lag_ms: AtomicU64,
    end: watch::Sender<Option<ViewerEnd>>,
}

impl Control {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            waiting: AtomicBool::new(false),
            bytes: Mutex::default(),
            paused: AtomicBool::new(false),
            rejoin: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            skipped_frames: AtomicU64::new(0),
            skipped_gops: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            lag_ms: AtomicU64::new(0),
            end: watch::channel(None).0,
        })
    }

    pub(crate) fn take(&self) -> Vec<Bytes> {
        let mut bytes = self.bytes.lock();
        self.waiting.store(false, Ordering::Release);
        std::mem::take(&mut *bytes)
    }

    pub(crate) fn wants_attention(&self) -> bool {
        self.waiting.load(Ordering::Acquire) || self.rejoin.load(Ordering::Acquire)
    }

    /// Tells the end; `rest` is what had been begun and not sent.
    pub(crate) fn finish(&self, end: ViewerEnd, rest: Vec<Bytes>) {
        *self.bytes.lock() = rest;
        self.end.send_replace(Some(end));
    }
}

/// A viewer that was taken out in order to be served in another way.
#[derive(Debug)]
pub struct Detached {
    /// Bytes that must go out first: the rest of a message that was begun.
    pub rest: Vec<Bytes>,
    /// Its place in the Stream.
    pub cursor: Cursor,
}

/// Serves viewers from shared bytes on threads of its own. Dropping it ends all of them.
pub struct Fanout {
    shards: Vec<Arc<Shard>>,
    threads: Vec<JoinHandle<()>>,
    config: FanoutConfig,
    next: AtomicUsize,
}

impl Fanout {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(config: FanoutConfig) -> io::Result<Self> {
        let shards: Vec<_> = (0..config.shards.max(1)).map(|_| Arc::<Shard>::default()).collect();
        let threads = shards.iter().enumerate().map(|(n, shard)| shard.spawn(n, config));
        let threads = threads.collect::<io::Result<_>>()?;
        Ok(Self { shards, threads, config, next: AtomicUsize::new(0) })
    }

    /// Adds a viewer of `stream` in `lane`: it gets what a joiner needs, the current Gop, and then
    /// whatever comes. `hello` goes out before that.
    pub fn join(
        &self,
        stream: Arc<Stream>,
        lane: Arc<dyn Lane>,
        sink: Arc<dyn Sink>,
        hello: Vec<Bytes>,
    ) -> Membership {
        let control = Control::new();
        let (bounds, patience) = (self.config.bounds, Some(self.config.patience));
        let viewer = ViewerParts { sink, control, writer: None, bounds, patience };
        self.enter(Joining { stream, lane: Some(lane), viewer }, hello)
    }

    /// Adds one that is written to alone, in the same pass as all others: a Delivery. It may be as
    /// late as `bounds` says, and is never let go for taking nothing; its owner judges that.
    pub fn join_alone(
        &self,
        stream: Arc<Stream>,
        writer: Box<dyn Writer>,
        sink: Arc<dyn Sink>,
        hello: Vec<Bytes>,
        bounds: Bounds,
    ) -> Membership {
        let control = Control::new();
        let viewer = ViewerParts { sink, control, writer: Some(writer), bounds, patience: None };
        self.enter(Joining { stream, lane: None, viewer }, hello)
    }

    fn enter(&self, joining: Joining, hello: Vec<Bytes>) -> Membership {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        let shard = self.shards[at].clone();
        let control = joining.viewer.control.clone();
        *control.bytes.lock() = hello;
        control.waiting.store(true, Ordering::Release);
        let end = control.end.subscribe();
        shard.command(Command::Join(Box::new(joining)));
        Membership { shard, control, end }
    }

    /// Viewers being served.
    #[must_use]
    pub fn viewers(&self) -> usize {
        self.shards.iter().map(|s| s.viewers.load(Ordering::Acquire)).sum()
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        for shard in &self.shards {
            shard.stop();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A viewer in the fan-out. Dropping it takes the viewer out.
pub struct Membership {
    shard: Arc<Shard>,
    control: Arc<Control>,
    end: watch::Receiver<Option<ViewerEnd>>,
}

impl Membership {
    /// Sends control bytes between two messages.
    ///
    /// # Errors
    /// [`ViewerFull`] when the viewer takes nothing and 64 KiB wait already.
    pub fn send(&self, bytes: Vec<Bytes>) -> Result<(), ViewerFull> {
        let mut waiting = self.control.bytes.lock();
        let held: usize = waiting.iter().chain(&bytes).map(Bytes::len).sum();
        if held > MAX_CONTROL {
            return Err(ViewerFull);
        }
        waiting.extend(bytes);
        self.control.waiting.store(true, Ordering::Release);
        drop(waiting);
        self.shard.attend();
        Ok(())
    }

    /// Stops or goes on. Going on jumps to the current Gop.
    pub fn set_paused(&self, paused: bool) {
        let was = self.control.paused.swap(paused, Ordering::AcqRel);
        if was && !paused {
            self.rejoin();
        }
    }

    /// Jumps to the current Gop.
    pub fn rejoin(&self) {
        self.control.rejoin.store(true, Ordering::Release);
        self.shard.attend();
    }

    /// Takes the viewer out and hands back its place; `None` if it had ended: see [`Self::rest`].
    pub async fn detach(&self) -> Option<Detached> {
        let (reply, answer) = oneshot::channel();
        self.shard.command(Command::Detach(self.control.clone(), reply));
        answer.await.ok()
    }

    /// Of a viewer that has ended: the rest of what was begun for it, control bytes included. Its
    /// connection may go on with nothing else. Empty as long as it is served.
    #[must_use]
    pub fn rest(&self) -> Vec<Bytes> {
        if self.end().is_some() { self.control.take() } else { Vec::new() }
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn end(&self) -> Option<ViewerEnd> {
        *self.end.borrow()
    }

    /// Resolves when the viewer is no longer served.
    pub fn ended(&self) -> impl Future<Output = ViewerEnd> + Send + use<> {
        let mut end = self.end.clone();
        async move {
            match end.wait_for(Option::is_some).await {
                Ok(end) => end.unwrap_or(ViewerEnd::Left),
                Err(_) => ViewerEnd::StreamClosed,
            }
        }
    }

    /// What it was given so far.
    #[must_use]
    pub fn stats(&self) -> ViewerStats {
        ViewerStats {
            sent: self.control.sent.load(Ordering::Relaxed),
            skipped_frames: self.control.skipped_frames.load(Ordering::Relaxed),
            skipped_gops: self.control.skipped_gops.load(Ordering::Relaxed),
            frames: self.control.frames.load(Ordering::Relaxed),
            lag: Duration::from_millis(self.control.lag_ms.load(Ordering::Relaxed)),
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.shard.command(Command::Leave(self.control.clone()));
    }
}
