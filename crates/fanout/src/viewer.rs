//! One viewer: a socket, a place, and the rest of what was begun.

use crate::fanout::{Control, ViewerEnd};
use bytes::{Buf, Bytes};
use manycast_hub::{Bounds, Cursor, Item, Start, Stream};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Most pieces handed to one write (the kernel's limit).
pub(crate) const MAX_SLICES: usize = 1024;
/// Most items written alone before the connection is asked whether it takes them.
const MAX_ITEMS: usize = 64;

/// Where a viewer's bytes go. Must not block.
pub trait Sink: Send + Sync + 'static {
    /// Writes what the connection takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing; anything else ends the viewer.
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Whether the sink may keep bytes that it took, so that [`Sink::try_flush`] has to be called.
    fn keeps_bytes(&self) -> bool {
        true
    }

    /// Pushes on what earlier writes left inside the sink (encryption buffers).
    ///
    /// # Errors
    /// `WouldBlock` when some of it must stay; anything else ends the viewer.
    fn try_flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Has the connection reset when it is closed, so that the kernel keeps nothing of it.
    fn abort(&self);
}

/// Writes a Stream for one viewer alone: headers and a clock of its own over shared payloads.
pub trait Writer: Send + 'static {
    /// Appends the bytes of one item; how many Frames they are.
    fn write(&mut self, item: &Item, out: &mut Vec<Bytes>) -> u64;
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Everything is out.
    Clear,
    /// The connection takes no more now.
    Blocked,
    /// The connection is gone.
    Gone,
}

pub(crate) struct Viewer {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) cursor: Cursor,
    pub(crate) control: Arc<Control>,
    pub(crate) blocked: bool,
    /// Whether the sink has to be flushed.
    flushes: bool,
    /// For one that does not share the lane's bytes.
    writer: Option<Box<dyn Writer>>,
    bounds: Bounds,
    patience: Option<Duration>,
    /// The rest of a message that was begun, and control bytes; to go out before anything else.
    tail: VecDeque<Bytes>,
    last_progress: Instant,
    pub(crate) end: Option<ViewerEnd>,
}

/// What a viewer is made of.
pub(crate) struct ViewerParts {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) control: Arc<Control>,
    pub(crate) writer: Option<Box<dyn Writer>>,
    pub(crate) bounds: Bounds,
    /// How long it may take nothing; `None`: somebody else judges that.
    pub(crate) patience: Option<Duration>,
}

impl Viewer {
    /// Joins at the current Gop of `stream`.
    pub(crate) fn new(stream: &Stream, parts: ViewerParts, now: Instant) -> Self {
        let ViewerParts { sink, control, writer, bounds, patience } = parts;
        Self {
            flushes: sink.keeps_bytes(),
            sink,
            cursor: stream.join(Start::CurrentGop, bounds, now),
            control,
            blocked: false,
            writer,
            bounds,
            patience,
            tail: VecDeque::new(),
            last_progress: now,
            end: None,
        }
    }

    pub(crate) fn queue(&mut self, bytes: impl IntoIterator<Item = Bytes>) {
        self.tail.extend(bytes.into_iter().filter(|b| !b.is_empty()));
    }

    pub(crate) fn take_tail(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.tail).into()
    }

    /// Sends what must go first. Control bytes are let in between messages.
    pub(crate) fn clear_tail(&mut self, now: Instant) -> Flow {
        if self.control.waiting.load(Ordering::Acquire) {
            let bytes = self.control.take();
            self.queue(bytes);
        }
        while !self.tail.is_empty() {
            let mut slices = [IoSlice::new(&[]); 64];
            let count = self.tail.len().min(slices.len());
            for (slice, bytes) in slices.iter_mut().zip(&self.tail) {
                *slice = IoSlice::new(bytes);
            }
            match self.sink.try_write_vectored(&slices[..count]) {
                Ok(written) => {
                    self.note_progress(now, written);
                    self.drop_front(written);
                }
                Err(e) => return self.fail(&e),
            }
        }
        if !self.flushes {
            self.blocked = false;
            return Flow::Clear;
        }
        match self.sink.try_flush() {
            Ok(()) => {
                self.blocked = false;
                Flow::Clear
            }
            Err(e) => self.fail(&e),
        }
    }

    /// Writes shared bytes; how many were taken.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>], now: Instant) -> usize {
        match self.sink.try_write_vectored(slices) {
            Ok(written) => {
                self.note_progress(now, written);
                written
            }
            Err(e) => {
                self.fail(&e);
                0
            }
        }
    }

    fn note_progress(&mut self, now: Instant, written: usize) {
        self.last_progress = now;
        // Nobody else writes it: no need for a locked addition.
        let sent = self.control.sent.load(Ordering::Relaxed) + written as u64;
        self.control.sent.store(sent, Ordering::Relaxed);
    }

    fn fail(&mut self, error: &io::Error) -> Flow {
        match error.kind() {
            ErrorKind::WouldBlock => {
                self.blocked = true;
                Flow::Blocked
            }
            ErrorKind::Interrupted => Flow::Blocked,
            kind => {
                self.end = Some(ViewerEnd::Broken(kind));
                Flow::Gone
            }
        }
    }

    fn drop_front(&mut self, mut written: usize) {
        while let Some(front) = self.tail.front_mut() {
            if written < front.len() {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.tail.pop_front();
        }
    }

    /// Whether it has headers of its own.
    pub(crate) fn writes_alone(&self) -> bool {
        self.writer.is_some()
    }

    /// Goes on at the current Gop.
    pub(crate) fn rejoin(&mut self, stream: &Stream, now: Instant) {
        self.cursor = stream.join(Start::CurrentGop, self.bounds, now);
    }

    /// Writes what is new with headers of its own, as much as the connection takes.
    pub(crate) fn serve_alone(&mut self, stream: &Stream, now: Instant, items: &mut Vec<Item>) {
        let Some(mut writer) = self.writer.take() else { return };
        let mut bytes = Vec::new();
        while self.end.is_none() && !self.blocked {
            items.clear();
            stream.read(&mut self.cursor, now, MAX_ITEMS, items);
            if items.is_empty() {
                break;
            }
            let mut frames = 0;
            for item in items.iter() {
                frames += writer.write(item, &mut bytes);
                self.note_skipped(item);
            }
            self.control.frames.fetch_add(frames, Ordering::Relaxed);
            self.queue(bytes.drain(..));
            self.clear_tail(now);
        }
        self.writer = Some(writer);
        self.note_lag(stream, now);
    }

    /// Tells how late it is; one that takes nothing loses what it is too late for all the same.
    pub(crate) fn note_lag(&mut self, stream: &Stream, now: Instant) {
        let blocked = self.blocked && self.writes_alone();
        let lag = if blocked { stream.shed(&mut self.cursor, now).0 } else { Duration::ZERO };
        let lag = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.control.lag_ms.store(lag, Ordering::Relaxed);
    }

    /// Counts what this viewer lost because it was too slow.
    pub(crate) fn note_skipped(&self, item: &Item) {
        if let Item::Skipped { frames, gops } = item {
            self.control.skipped_frames.fetch_add(*frames, Ordering::Relaxed);
            self.control.skipped_gops.fetch_add(*gops, Ordering::Relaxed);
        }
    }

    /// Ends a viewer that has taken nothing for too long while there was something to send.
    pub(crate) fn judge(&mut self, now: Instant) {
        if !self.blocked {
            self.last_progress = now;
            return;
        }
        let stalled = now.saturating_duration_since(self.last_progress);
        if self.patience.is_some_and(|patience| stalled > patience) {
            // The end is told first: the owner sees its socket fail at once.
            self.control.finish(ViewerEnd::Stalled, Vec::new());
            self.sink.abort();
            self.end = Some(ViewerEnd::Stalled);
        }
    }
}
