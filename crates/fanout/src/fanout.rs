//! The shards, and a viewer's membership as its connection sees it.

use crate::cell::{Cell, Command};
use crate::control::{Control, ViewerFull};
use crate::shard::{Key, Shard};
use crate::viewer::{Sink, ViewerParts, Writer};
use bytes::Bytes;
use manycast_hub::{Bounds, Cursor, Lane, Stream};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// So many viewers of a Stream keep together on one shard before the next one takes some: waking a
/// thread, and cold caches, cost more than a few writes.
pub(crate) const BLOCK: usize = 128;

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
    /// What is written by the thread that has the news, the Publisher's.
    pub inline: Inline,
    /// Whether many viewers may be written to by one system call, where the system allows that
    /// (`io_uring`); the others are written to one by one in any case.
    pub bulk: bool,
}

/// How much the thread that wakes the viewers of a Stream writes to them by itself: a write or two
/// cost less than to have another thread do it, on a core where nothing of it is in a cache.
#[derive(Clone, Copy, Debug)]
pub struct Inline {
    /// Up to so many viewers in any case.
    pub viewers: usize,
    /// More of them, up to a block of a shard, for so many bytes in all.
    pub bytes: usize,
}

impl Default for FanoutConfig {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            merge: Duration::ZERO,
            patience: Duration::from_secs(10),
            bounds: Bounds::default(),
            inline: Inline { viewers: 8, bytes: 1 << 20 },
            bulk: true,
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

/// A viewer that was taken out in order to be served in another way.
#[derive(Debug)]
pub struct Detached {
    /// Bytes that must go out first: the rest of a message that was begun.
    pub rest: Vec<Bytes>,
    /// Its place in the Stream.
    pub cursor: Cursor,
}

/// Serves viewers from shared bytes. Dropping it ends all of them.
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
        let shards: Vec<_> = (0..config.shards.max(1)).map(|_| Shard::new(config)).collect();
        let threads = shards.iter().enumerate().map(|(n, shard)| shard.spawn(n));
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
        let control = Control::new(hello);
        let (bounds, patience) = (self.config.bounds, Some(self.config.patience));
        let parts = ViewerParts { sink, control, writer: None, bounds, patience };
        self.enter(stream, Some(lane), parts)
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
        let control = Control::new(hello);
        let parts = ViewerParts { sink, control, writer: Some(writer), bounds, patience: None };
        self.enter(stream, None, parts)
    }

    fn enter(
        &self,
        stream: Arc<Stream>,
        lane: Option<Arc<dyn Lane>>,
        parts: ViewerParts,
    ) -> Membership {
        let key = Key::of(&stream, lane.as_deref());
        let control = parts.control.clone();
        let end = control.follow_end();
        stream.reader_joined();
        let cell = self.home(key).admit(key, stream, lane, parts);
        cell.attend(Instant::now());
        Membership { cell, control, end }
    }

    /// The shard with the fewest blocks of this Stream's viewers; of equal ones that which has the
    /// youngest of them, or for a Stream without any the next in turn.
    fn home(&self, key: Key) -> &Arc<Shard> {
        let here: Vec<usize> = self.shards.iter().map(|shard| shard.viewers_of(key)).collect();
        let turn = match here.iter().position(|viewers| viewers % BLOCK != 0) {
            Some(begun) => begun,
            None => self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len(),
        };
        let order = (0..here.len()).map(|n| (turn + n) % here.len());
        let at = order.min_by_key(|at| here[*at] / BLOCK).unwrap_or(0);
        &self.shards[at]
    }

    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_idle())
    }

    /// Viewers being served.
    #[must_use]
    pub fn viewers(&self) -> usize {
        self.shards.iter().map(|shard| shard.viewers()).sum()
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
    cell: Arc<Cell>,
    control: Arc<Control>,
    end: watch::Receiver<Option<ViewerEnd>>,
}

impl Membership {
    /// Sends control bytes between two messages.
    ///
    /// # Errors
    /// [`ViewerFull`] when the viewer takes nothing and 64 KiB wait already.
    pub fn send(&self, bytes: Vec<Bytes>) -> Result<(), ViewerFull> {
        self.control.push(bytes)?;
        self.attend();
        Ok(())
    }

    fn attend(&self) {
        self.cell.command(Command::Attend(self.control.clone()), Instant::now());
    }

    /// Stops or goes on. Going on jumps to the current Gop.
    pub fn set_paused(&self, paused: bool) {
        let was = self.control.paused.swap(paused, Ordering::AcqRel);
        if was && !paused {
            self.control.rejoin.store(true, Ordering::Release);
        }
        self.attend();
    }

    /// Jumps to the current Gop.
    pub fn rejoin(&self) {
        self.control.rejoin.store(true, Ordering::Release);
        self.attend();
    }

    /// Takes the viewer out and hands back its place; `None` if it had ended: see [`Self::rest`].
    pub async fn detach(&self) -> Option<Detached> {
        let (reply, answer) = oneshot::channel();
        self.cell.command(Command::Detach(self.control.clone(), reply), Instant::now());
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

    /// What it was given so far; not quite the newest while it is being given more.
    #[must_use]
    pub fn stats(&self) -> ViewerStats {
        self.cell.show(&self.control);
        self.control.stats()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.cell.command(Command::Leave(self.control.clone()), Instant::now());
    }
}
