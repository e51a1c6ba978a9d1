//! A reader's place in a Window: a few words of memory, early or late.

use crate::{Content, Entry};
use std::time::{Duration, Instant};

/// How far a reader may fall behind before it loses Gops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes between the reader and the newest Frame.
    pub bytes: u64,
    /// Time that the reader's next entry has been waiting.
    pub age: Duration,
}

impl Default for Bounds {
    /// 8 MB or 4 s.
    fn default() -> Self {
        Self { bytes: 8_000_000, age: Duration::from_secs(4) }
    }
}

/// Where a reader starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the key frame of the current Gop, if there is one; else at the next.
    CurrentGop,
    /// At the next key frame.
    NextGop,
}

/// A place in a Window. Read with [`crate::Stream::read`]; moves only together with what it returns.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Sequence number of the next entry.
    pub(crate) next: u64,
    /// Nothing is handed out before the next start of a Gop.
    pub(crate) wants_key: bool,
    pub(crate) bounds: Bounds,
    /// It waits for a key frame because it was too slow; what it lost is told when it goes on.
    pub(crate) late: bool,
    /// It goes on at no earlier entry than this.
    pub(crate) not_before: u64,
    /// Frames and Gops pushed up to its place, for counting what a skip lost.
    pub(crate) frames: u64,
    pub(crate) gop: u64,
    /// When it joined, and the bytes pushed by then: the Gop that it was given to start with does
    /// not count as lag.
    pub(crate) joined: Option<(Instant, u64)>,
}

impl Cursor {
    /// Moves past the entry that it stands at.
    pub fn pass(&mut self, entry: &Entry) {
        self.next += 1;
        self.gop = self.gop.max(entry.gop);
        match &entry.content {
            Content::Frame(_) => self.frames += 1,
            Content::RunStarted { .. } => self.wants_key = true,
            Content::Tracks { .. } | Content::RunEnded(_) => {}
        }
    }

    /// Moves to where `other` stands, which started at the same place.
    pub fn follow(&mut self, other: &Self) {
        self.next = other.next;
        self.gop = other.gop;
        self.frames = other.frames;
        self.wants_key = other.wants_key;
    }

    /// Whether both stand at the same entry, wait for no key frame and may be as late as each other:
    /// what one is handed the other is too, unless one of them has just joined.
    #[must_use]
    pub fn stands_with(&self, other: &Self) -> bool {
        self.next == other.next
            && !self.wants_key
            && !other.wants_key
            && self.bounds == other.bounds
    }

    /// The sequence number of the next entry, for grouping readers that stand at the same place;
    /// `None` while the reader waits for a key frame.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        (!self.wants_key).then_some(self.next)
    }
}
