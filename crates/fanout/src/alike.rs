//! The pass over viewers with writers of their own.
//!
//! Most of them stand at the same place and write the same bytes: sessions that were told the same
//! number their messages alike, and headers tell differences of time. The first of them then writes
//! for all that stand as it did.
//!
//! Belongs here: one batch for writers. Must not come here: what bytes mean.

use crate::batch::{JOIN_FOR, JOIN_UP_TO, rest};
use crate::viewer::{Flow, MAX_ITEMS, MAX_SLICES, Stand, Viewer, Writer};
use bytes::Bytes;
use manycast_hub::{Cursor, Item, Stream};
use std::io::IoSlice;
use std::time::{Duration, Instant};

/// What is new from a place on, and the bytes of it that the first writer made.
pub(crate) struct Alike {
    items: Vec<Item>,
    /// Where a reader stands after all of it.
    pub(crate) after: Cursor,
    common: Option<Common>,
    /// So many may want the same bytes.
    viewers: usize,
}

struct Common {
    before: Stand,
    after: Stand,
    frames: u64,
    pieces: Vec<Bytes>,
}

impl Alike {
    /// What is new for readers that stand there; `None` if it is each one's own affair.
    pub(crate) fn read(
        stream: &Stream,
        front: &Cursor,
        now: Instant,
        viewers: usize,
    ) -> Option<Self> {
        let mut alike = Self { items: Vec::new(), after: front.clone(), common: None, viewers };
        stream.read(&mut alike.after, now, MAX_ITEMS, &mut alike.items);
        let frames = |item: &Item| matches!(item, Item::Entry(entry) if entry.frame().is_some());
        (!alike.items.is_empty() && alike.items.iter().all(frames)).then_some(alike)
    }

    /// Writes it to a viewer that stands where it begins; whether all of it was taken.
    pub(crate) fn give(&mut self, viewer: &mut Viewer, now: Instant) -> bool {
        let Some(mut writer) = viewer.writer.take() else { return false };
        let own;
        let pieces = if self.make(&mut *writer, &mut viewer.stats.frames) {
            self.common.as_ref().map_or(&[][..], |common| &common.pieces)
        } else {
            own = self.write(&mut *writer, &mut viewer.stats.frames).pieces;
            &own
        };
        viewer.writer = Some(writer);
        viewer.cursor.follow(&self.after);
        viewer.stats.lag = Duration::ZERO;
        let all = give(viewer, pieces, now);
        if !all {
            viewer.note_begun(&self.items);
        }
        all
    }

    /// Whether the common bytes are this writer's; makes them if nobody has.
    fn make(&mut self, writer: &mut dyn Writer, frames: &mut u64) -> bool {
        let Some(stand) = writer.stand() else { return false };
        if let Some(common) = &self.common {
            if common.before != stand {
                return false;
            }
            writer.follow(&common.after);
            *frames += common.frames;
            return true;
        }
        let made = self.write(writer, frames);
        let common = made.common.then(|| writer.stand()).flatten();
        let after = common.unwrap_or(stand);
        // Kept in any case: these are the bytes of the one that made them.
        let before = if common.is_some() { stand } else { Stand::NOBODY };
        let pieces = self.join(made.pieces);
        self.common = Some(Common { before, after, frames: made.frames, pieces });
        true
    }

    fn write(&self, writer: &mut dyn Writer, frames: &mut u64) -> Made {
        let mut made = Made { pieces: Vec::new(), frames: 0, common: true };
        for item in &self.items {
            let written = writer.write(item, &mut made.pieces);
            made.frames += written.frames;
            made.common &= written.common;
        }
        *frames += made.frames;
        made
    }

    /// One piece costs the kernel less than many, for each that gets them.
    fn join(&self, pieces: Vec<Bytes>) -> Vec<Bytes> {
        let len: usize = pieces.iter().map(Bytes::len).sum();
        if self.viewers < JOIN_FOR || len > JOIN_UP_TO {
            return pieces;
        }
        let mut joined = Vec::with_capacity(len);
        pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
        vec![joined.into()]
    }
}

struct Made {
    pieces: Vec<Bytes>,
    frames: u64,
    common: bool,
}

/// Writes pieces of which the rest has to go out before anything else; whether all were taken.
fn give(viewer: &mut Viewer, pieces: &[Bytes], now: Instant) -> bool {
    let len: usize = pieces.iter().map(Bytes::len).sum();
    let written = match pieces {
        [] => 0,
        [one] => viewer.write(&[IoSlice::new(one)], now),
        many => {
            let some = many.iter().take(MAX_SLICES);
            let slices: Vec<_> = some.map(|piece| IoSlice::new(piece)).collect();
            viewer.write(&slices, now)
        }
    };
    if written == len {
        return viewer.flush(now) == Flow::Clear;
    }
    viewer.queue(rest(pieces, written));
    viewer.block(now);
    false
}
