//! What several viewers at the same place are given alike in one write.
//!
//! Belongs here: pieces, where messages end in them. Must not come here: viewers' states.

use crate::viewer::MAX_SLICES;
use bytes::Bytes;
use manycast_hub::{Content, Cursor, Item, Lane};
use std::io::IoSlice;

/// From so many viewers on, pieces are put together before they are written ...
pub(crate) const JOIN_FOR: usize = 8;
/// ... up to so many bytes.
pub(crate) const JOIN_UP_TO: usize = 256 * 1024;

/// The bytes from a place on.
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    pub(crate) pieces: Vec<Bytes>,
    /// Where a reader stands after all of it.
    pub(crate) after: Cursor,
    pub(crate) len: usize,
}

impl Batch {
    /// Nothing yet, for a reader that stands there.
    pub(crate) fn at(cursor: &Cursor) -> Self {
        Self { items: Vec::new(), pieces: Vec::new(), after: cursor.clone(), len: 0 }
    }

    /// Whether it has what is one reader's own affair: it was late, or a Run begins.
    pub(crate) fn is_private(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Joined { .. } | Item::Skipped { .. } => true,
            Item::Entry(entry) => matches!(entry.content, Content::RunStarted { .. }),
        })
    }

    /// Lists the pieces of as many entries as fit one write, and as few as make `most` bytes.
    pub(crate) fn fill(&mut self, lane: &dyn Lane, most: u64) {
        let mut whole = 0;
        for item in &self.items {
            let Item::Entry(entry) = item else { break };
            let bytes = entry.lane(lane);
            let pieces = self.pieces.len() + bytes.pieces.len();
            if self.len as u64 >= most || (whole > 0 && pieces > MAX_SLICES) {
                break;
            }
            self.pieces.extend(bytes.pieces.iter().cloned());
            self.len += bytes.len;
            self.after.pass(entry);
            whole += 1;
        }
        self.items.truncate(whole);
    }

    /// What to write. For several viewers the pieces are put together first: the kernel then walks
    /// one buffer per viewer, which costs less than the one copy.
    pub(crate) fn slices<'a>(
        &'a self,
        viewers: usize,
        joined: &'a mut Vec<u8>,
    ) -> Vec<IoSlice<'a>> {
        if viewers < JOIN_FOR || self.len > JOIN_UP_TO {
            let some = self.pieces.iter().take(MAX_SLICES);
            return some.map(|piece| IoSlice::new(piece)).collect();
        }
        joined.clear();
        self.pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
        vec![IoSlice::new(joined)]
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
            if left >= bytes.len {
                left -= bytes.len;
                continue;
            }
            return rest(&bytes.pieces, left);
        }
        Vec::new()
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
