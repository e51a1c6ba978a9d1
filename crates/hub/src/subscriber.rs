//! An async reader of a Stream: a cursor that can wait.

use crate::mark::Mark;
use crate::{Bounds, Cursor, Item, Start, Stream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads a Stream for one outlet. It is a place, not a queue: it costs the same whether it is early
/// or late, and whoever is too late gets [`Item::Skipped`] and goes on at a key frame.
#[derive(Debug)]
pub struct Subscriber {
    stream: Arc<Stream>,
    cursor: Cursor,
    /// Everything up to here was looked at.
    looked: u64,
    /// Nothing is wanted before the first read: some subscribe only to hand their place on.
    mark: Mark,
}

impl Subscriber {
    pub(crate) fn new(stream: Arc<Stream>, cursor: Cursor) -> Self {
        let mark = stream.mark();
        Self { stream, cursor, looked: 0, mark }
    }

    /// The Stream that this reads.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// How far behind this may fall before it loses Gops.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.cursor.bounds
    }

    /// Waits until there may be something to read, or the Stream was closed. Cancel-safe.
    pub async fn ready(&self) {
        self.stream.until(|| self.has_news()).await;
    }

    /// Whether there may be something to read, or the Stream was closed.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.stream.is_closed() || self.stream.head() > self.looked
    }

    /// As [`Subscriber::ready`], as a future of its own.
    pub fn readiness(&self) -> impl Future<Output = ()> + Send + use<> {
        let (stream, looked) = (self.stream.clone(), self.looked);
        async move { stream.until(|| stream.is_closed() || stream.head() > looked).await }
    }

    /// Goes on at the current Gop, for example after a pause.
    pub fn rejoin(&mut self, now: Instant) {
        let bounds = self.cursor.bounds;
        self.cursor = self.stream.join(Start::CurrentGop, bounds, now);
        self.looked = 0;
        self.keep();
    }

    /// Has the Window keep what this has not had yet.
    pub(crate) fn keep(&self) {
        self.mark.follow(&self.cursor);
    }

    /// Appends up to about `max` items and returns whether there may be more at once. After a
    /// [`Subscriber::ready`] it may still find nothing, for example while waiting for a key frame.
    pub fn read(&mut self, now: Instant, max: usize, out: &mut Vec<Item>) -> bool {
        let head = self.stream.head();
        let before = out.len();
        self.stream.read(&mut self.cursor, now, max, out);
        self.keep();
        let more = out.len() - before >= max;
        if !more {
            self.looked = head;
        }
        more
    }

    /// Whether the Stream was closed and everything read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.stream.is_closed() && self.stream.head() <= self.looked
    }

    /// How far this is behind: time and bytes.
    #[must_use]
    pub fn lag(&self, now: Instant) -> (Duration, u64) {
        self.stream.lag(&self.cursor, now)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stream.reader_left();
    }
}
