//! One viewer: a socket, a place, and the rest of what was begun.

use crate::batch::rest;
use crate::control::Control;
use crate::{ViewerEnd, ViewerStats};
use bytes::{Buf, Bytes};
use manycast_hub::{Bounds, Cursor, Item, Start, Stream};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Most pieces handed to one write (the kernel's limit).
pub(crate) const MAX_SLICES: usize = 1024;
/// Most items written alone before the connection is asked whether it takes them.
pub(crate) const MAX_ITEMS: usize = 64;
/// Most bytes handed to one such write, beside those of one item: what a connection does not take
/// of them cannot be left out any more.
const MAX_ALONE: usize = 64 * 1024;

/// How soon a viewer whose connection takes nothing is tried again, and at the latest: one that
/// stands still for long is asked less and less often.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// This part of the time that it stands still already.
const RETRY_PART: u32 = 8;

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

    /// The socket, if bytes may be handed to it past the sink now: one that keeps no bytes, and is
    /// not known to have no room. Whoever does so without success asks the sink, which then knows.
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Has the connection reset when it is closed, so that the kernel keeps nothing of it.
    fn abort(&self);
}

/// What the bytes of a [`Writer`]'s next Frames depend on beside these Frames, in the writer's own
/// terms. Writers of equal stands write alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand(pub [u64; 5]);

impl Stand {
    /// Where no writer stands.
    pub(crate) const NOBODY: Self = Self([u64::MAX; 5]);
}

/// What [`Writer::write`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Frames.
    pub frames: u64,
    /// Every writer that stood alike would have written the very same bytes.
    pub common: bool,
}

/// Writes a Stream for one viewer alone: headers and a clock of its own over shared payloads.
pub trait Writer: Send + 'static {
    /// Appends the bytes of one item.
    fn write(&mut self, item: &Item, out: &mut Vec<Bytes>) -> Written;

    /// Where it stands; `None`: it writes what nobody else does.
    fn stand(&self) -> Option<Stand> {
        None
    }

    /// What another writer that stood alike has written went out for this one too: it stands now
    /// where that one does.
    fn follow(&mut self, _stand: &Stand) {}
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
    pub(crate) paused: bool,
    blocked: bool,
    /// When it is tried again, while it is blocked.
    retry_at: Instant,
    /// Whether the sink has to be flushed.
    flushes: bool,
    /// For one that does not share the lane's bytes.
    pub(crate) writer: Option<Box<dyn Writer>>,
    bounds: Bounds,
    patience: Option<Duration>,
    /// The rest of a message that was begun, and control bytes; to go out before anything else.
    tail: VecDeque<Bytes>,
    /// When the oldest Frame came of which some may be in `tail`.
    begun: Option<Instant>,
    /// When it took something, or had nothing to take.
    last_progress: Instant,
    pub(crate) stats: ViewerStats,
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
            paused: control.paused.load(Ordering::Acquire),
            control,
            blocked: false,
            retry_at: now,
            writer,
            bounds,
            patience,
            tail: VecDeque::new(),
            begun: None,
            last_progress: now,
            stats: ViewerStats::default(),
            end: None,
        }
    }

    /// Whether it stands there and takes the bytes that are written from there on, as far as is
    /// known without asking.
    pub(crate) fn is_at(&self, front: &Cursor) -> bool {
        self.cursor.stands_with(front)
            && !self.blocked
            && !self.paused
            && self.tail.is_empty()
            && self.end.is_none()
    }

    /// When to try again, if its connection took nothing.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        (self.blocked && self.end.is_none()).then_some(self.retry_at)
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub(crate) fn queue(&mut self, bytes: impl IntoIterator<Item = Bytes>) {
        self.tail.extend(bytes.into_iter().filter(|b| !b.is_empty()));
    }

    pub(crate) fn take_tail(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.tail).into()
    }

    /// Lets control bytes in behind what was begun.
    pub(crate) fn take_control(&mut self) {
        if self.control.is_waiting() {
            let bytes = self.control.take();
            self.queue(bytes);
        }
    }

    /// Sends what must go first. Control bytes are let in between messages.
    pub(crate) fn clear_tail(&mut self, now: Instant) -> Flow {
        self.take_control();
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
                Err(e) => return self.fail(&e, now),
            }
        }
        self.begun = None;
        let flow = self.flush(now);
        self.blocked &= flow != Flow::Clear;
        flow
    }

    /// Pushes on what the sink keeps.
    pub(crate) fn flush(&mut self, now: Instant) -> Flow {
        if !self.flushes {
            return Flow::Clear;
        }
        match self.sink.try_flush() {
            Ok(()) => Flow::Clear,
            Err(e) => self.fail(&e, now),
        }
    }

    /// Writes shared bytes; how many were taken.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>], now: Instant) -> usize {
        let taken = self.sink.try_write_vectored(slices);
        self.note_write(taken, now)
    }

    /// What a write past the sink came to, see [`Sink::socket`]; how many bytes were taken.
    pub(crate) fn follow_up(
        &mut self,
        taken: io::Result<usize>,
        slices: &[IoSlice<'_>],
        now: Instant,
    ) -> usize {
        match taken {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                self.write(slices, now)
            }
            taken => self.note_write(taken, now),
        }
    }

    fn note_write(&mut self, taken: io::Result<usize>, now: Instant) -> usize {
        match taken {
            Ok(written) => {
                self.note_progress(now, written);
                written
            }
            Err(e) => {
                self.fail(&e, now);
                0
            }
        }
    }

    fn note_progress(&mut self, now: Instant, written: usize) {
        self.last_progress = now;
        self.stats.sent += written as u64;
    }

    fn fail(&mut self, error: &io::Error, now: Instant) -> Flow {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => {
                self.block(now);
                Flow::Blocked
            }
            kind => {
                self.end = Some(ViewerEnd::Broken(kind));
                Flow::Gone
            }
        }
    }

    /// Its connection takes no more for now.
    pub(crate) fn block(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.blocked, true) {
            self.last_progress = now;
        }
        let still = now.saturating_duration_since(self.last_progress);
        self.retry_at = now + (still / RETRY_PART).clamp(RETRY.0, RETRY.1);
    }

    /// Bytes that its connection took.
    pub(crate) fn sent(&self) -> u64 {
        self.stats.sent
    }

    /// Has it wait a moment for what it has not had yet, if that is anything before `head`.
    pub(crate) fn pause(&mut self, now: Instant, head: u64) {
        if self.cursor.position().is_some_and(|place| place < head) {
            self.block(now);
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

    /// Goes on at the current Gop.
    pub(crate) fn rejoin(&mut self, stream: &Stream, now: Instant) {
        self.cursor = stream.join(Start::CurrentGop, self.bounds, now);
    }

    /// Writes what is new with headers of its own, as much as the connection takes.
    pub(crate) fn serve_alone(&mut self, stream: &Stream, now: Instant, items: &mut Vec<Item>) {
        let Some(mut writer) = self.writer.take() else { return };
        let mut bytes = Vec::new();
        while self.end.is_none() && !self.blocked {
            let mut len = 0;
            for _ in 0..MAX_ITEMS {
                items.clear();
                stream.read(&mut self.cursor, now, 1, items);
                let made = bytes.len();
                for item in items.iter() {
                    self.stats.frames += writer.write(item, &mut bytes).frames;
                    self.note_skipped(item);
                }
                self.note_begun(items);
                len += bytes[made..].iter().map(Bytes::len).sum::<usize>();
                if items.is_empty() || len >= MAX_ALONE {
                    break;
                }
            }
            if bytes.is_empty() && items.is_empty() {
                break;
            }
            self.write_all(&bytes, now);
            bytes.clear();
        }
        self.writer = Some(writer);
        self.note_lag(stream, now);
    }

    /// Writes bytes of which the rest has to go out before anything else.
    fn write_all(&mut self, bytes: &[Bytes], now: Instant) {
        let slices: Vec<_> =
            bytes.iter().take(MAX_SLICES).map(|piece| IoSlice::new(piece)).collect();
        let written = if slices.is_empty() { 0 } else { self.write(&slices, now) };
        self.queue(rest(bytes, written));
        self.clear_tail(now);
    }

    /// Notes what is about to be written: it may stay in the tail.
    pub(crate) fn note_begun(&mut self, items: &[Item]) {
        let first = items.iter().find_map(|item| match item {
            Item::Entry(entry) => Some(entry.arrived),
            Item::Joined { .. } | Item::Skipped { .. } => None,
        });
        self.begun = self.begun.or(first);
    }

    /// Tells how late it is; one that takes nothing loses what it is too late for all the same.
    pub(crate) fn note_lag(&mut self, stream: &Stream, now: Instant) {
        let late = self.blocked && self.writer.is_some();
        let waits = |since| now.saturating_duration_since(since);
        self.stats.lag = if late {
            let begun = self.begun.map_or(Duration::ZERO, waits);
            stream.shed(&mut self.cursor, now).0.max(begun)
        } else {
            Duration::ZERO
        };
    }

    /// Counts what this viewer lost because it was too slow.
    pub(crate) fn note_skipped(&mut self, item: &Item) {
        if let Item::Skipped { frames, gops } = item {
            self.stats.skipped_frames += *frames;
            self.stats.skipped_gops += *gops;
        }
    }

    /// Ends a viewer that has taken nothing for too long while there was something to send.
    pub(crate) fn judge(&mut self, now: Instant) {
        let stalled = now.saturating_duration_since(self.last_progress);
        if self.blocked && self.patience.is_some_and(|patience| stalled > patience) {
            // The end is told first: the owner sees its socket fail at once.
            self.show();
            self.control.finish(ViewerEnd::Stalled, Vec::new());
            self.sink.abort();
            self.end = Some(ViewerEnd::Stalled);
        }
    }

    /// Brings up to date what its owner can see of it.
    pub(crate) fn show(&self) {
        self.control.show(&self.stats);
    }
}
