//! How far back a reader still reads.
//!
//! The Window keeps what somebody may still want, within its limits, and no more: readers that are
//! up to date cost the memory of one Gop, which the next joiner starts with.
//!
//! Belongs here: the marks of a Stream's readers. Must not come here: what they read.

use crate::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// One reader's word, or that of several together: entries before it are not wanted any more. At
/// first nothing is; what was let go of a moment ago is kept for as long as it takes to begin.
#[derive(Debug)]
pub struct Mark(Arc<AtomicU64>);

impl Mark {
    /// From here on everything is wanted: where a reader stands, or the last of several.
    pub fn set(&self, place: Option<u64>) {
        self.0.store(place.unwrap_or(u64::MAX), Ordering::Release);
    }

    /// The same for a single reader.
    pub(crate) fn follow(&self, cursor: &Cursor) {
        self.set(Some(cursor.wants()));
    }
}

/// All marks of a Stream.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<Weak<AtomicU64>>);

impl Marks {
    pub(crate) fn add(&mut self) -> Mark {
        let mark = Arc::new(AtomicU64::new(u64::MAX));
        self.0.retain(|mark| mark.strong_count() > 0);
        self.0.push(Arc::downgrade(&mark));
        Mark(mark)
    }

    /// The first entry that anybody wants; `u64::MAX`: nobody wants any.
    pub(crate) fn first(&self) -> u64 {
        let marks = self.0.iter().filter_map(Weak::upgrade);
        marks.map(|mark| mark.load(Ordering::Acquire)).min().unwrap_or(u64::MAX)
    }
}
