//! What several viewers at the same place are given alike in one write.
//!
//! Belongs here: pieces, where messages end in them. Must not come here: viewers' states.

use crate::viewer::MAX_SLICES;
use bytes::Bytes;
use manycast_hub::{Content, Cursor, Item, Lane};
use smallvec::SmallVec;
use std::io::IoSlice;

/// From so many viewers on, pieces are put together before they are written ...
pub(crate) const JOIN_FOR: usize = 8;
/// ... up to so many bytes.
pub(crate) const JOIN_UP_TO: usize = 256 * 1024;

/// What one write is made of: a picture and its sound take no allocation.
pub(crate) type Slices<'a> = SmallVec<[IoSlice<'a>; 16]>;

/// The bytes from a place on.
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    /// Where a reader stands after all of it.
    pub(crate) after: Cursor,
    pub(crate) len: usize,
}

impl Batch {
    /// Nothing yet, for a reader that stands there. `items` is empty and kept for its memory.
    pub(crate) fn at(cursor: &Cursor, items: Vec<Item>) -> Self {
        Self { items, after: cursor.clone(), len: 0 }
    }

    /// Whether it has what is one reader's own affair: it was late, or a Run begins.
    pub(crate) fn is_private(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Joined { .. } | Item::Skipped { .. } => true,
            Item::Entry(entry) => matches!(entry.content, Content::RunStarted { .. }),
        })
    }

    /// Keeps as many entries as fit one write, and as few as make `most` bytes.
    pub(crate) fn fill(&mut self, lane: &dyn Lane, most: u64) {
        let (mut whole, mut slices) = (0, 0);
        for item in &self.items {
            let Item::Entry(entry) = item else { break };
            let bytes = entry.lane(lane);
            slices += bytes.count();
            if self.len as u64 >= most || (whole > 0 && slices > MAX_SLICES) {
                break;
            }
            self.len += bytes.len();
            self.after.pass(entry);
            whole += 1;
        }
        self.items.truncate(whole);
    }

    /// What to write. For several viewers it is put together first: the kernel then walks one buffer
    /// per viewer, which costs less than the one copy.
    pub(crate) fn slices<'a>(
        &'a self,
        lane: &dyn Lane,
        viewers: usize,
        joined: &'a mut Vec<u8>,
    ) -> Slices<'a> {
        let entries = self.items.iter().filter_map(|item| match item {
            Item::Entry(entry) => Some(entry),
            Item::Joined { .. } | Item::Skipped { .. } => None,
        });
        let parts = entries.flat_map(|entry| entry.lane(lane).parts());
        if viewers < JOIN_FOR || self.len > JOIN_UP_TO {
            return parts.take(MAX_SLICES).map(IoSlice::new).collect();
        }
        joined.clear();
        parts.for_each(|part| joined.extend_from_slice(part));
        SmallVec::from_elem(IoSlice::new(joined), 1)
    }

    /// Moves a reader that took only `written` bytes: it stands after the entry that these end in.
    /// What is missing of that entry has to go out first.
    pub(crate) fn split(&self, lane: &dyn Lane, cursor: &mut Cursor, written: usize) -> Vec<Bytes> {
        let mut left = written;
        for item in &self.items {
            let Item::Entry(entry) = item else { break };
            if left == 0 {
                break;
            }
            let bytes = entry.lane(lane);
            cursor.pass(entry);
            if left >= bytes.len() {
                left -= bytes.len();
                continue;
            }
            return bytes.rest(left);
        }
        Vec::new()
    }

    /// The memory of the items, for the next one.
    pub(crate) fn into_items(mut self) -> Vec<Item> {
        self.items.clear();
        self.items
    }
}

/// What is left of `pieces` after so many bytes.
pub(crate) fn rest(pieces: &[Bytes], mut written: usize) -> Vec<Bytes> {
    let mut rest = Vec::new();
    for piece in pieces {
        if written >= piece.len() {
            written -= piece.len();
        } else {
            rest.push(piece.slice(written..));
            written = 0;
        }
    }
    rest
}
