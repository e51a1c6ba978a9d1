//! All viewers of one Stream in one lane on one shard, and the pass over them.

use crate::fanout::Control;
use crate::viewer::{Flow, MAX_SLICES, Viewer};
use crate::{FanoutConfig, ViewerEnd};
use bytes::Bytes;
use manycast_hub::{Content, Cursor, Item, Lane, Listener, Stream};
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Most entries given to one viewer in one write.
const MAX_ENTRIES: usize = 256;
/// Most writes to one viewer in one pass, so that a newcomer with a long Gop delays nobody.
const MAX_ROUNDS: usize = 4;

/// From so many viewers on, pieces are put together before they are written ...
const JOIN_FOR: usize = 8;
/// ... up to so many bytes.
const JOIN_UP_TO: usize = 256 * 1024;

pub(crate) struct Group {
    pub(crate) stream: Arc<Stream>,
    /// What they share; `None`: each writes alone.
    pub(crate) lane: Option<Arc<dyn Lane>>,
    pub(crate) listener: Arc<dyn Listener>,
    pub(crate) viewers: Vec<Viewer>,
    /// The last pass, for `merge`.
    last_pass: Option<Instant>,
    /// Up to here everybody who is not blocked has had everything.
    served: u64,
    /// Somebody joined, has control bytes or more to read: pass even without news.
    pub(crate) restless: bool,
    order: Vec<(u64, usize)>,
    items: Vec<Item>,
    joined: Vec<u8>,
}

/// Bytes that several viewers at the same place get alike.
struct Batch {
    items: Vec<Item>,
    pieces: Vec<Bytes>,
    /// The cursor after all of it.
    after: Cursor,
    len: usize,
}

impl Group {
    pub(crate) fn new(
        stream: Arc<Stream>,
        lane: Option<Arc<dyn Lane>>,
        listener: Arc<dyn Listener>,
    ) -> Self {
        stream.listen(listener.clone());
        Self {
            stream,
            lane,
            listener,
            viewers: Vec::new(),
            last_pass: None,
            served: 0,
            restless: true,
            order: Vec::new(),
            items: Vec::new(),
            joined: Vec::new(),
        }
    }

    /// When the next pass is due; `None`: there is nothing to do.
    pub(crate) fn due(&self, now: Instant, config: &FanoutConfig) -> Option<Instant> {
        if self.restless {
            return Some(now);
        }
        let news = self.stream.announced() > self.served || self.stream.is_closed();
        news.then(|| self.last_pass.map_or(now, |last| last + config.merge))
    }

    pub(crate) fn has_blocked(&self) -> bool {
        self.viewers.iter().any(|v| v.blocked)
    }

    /// Gives each viewer whatever it has not had yet.
    pub(crate) fn pass(&mut self, now: Instant) {
        self.last_pass = Some(now);
        self.restless = false;
        self.served = self.stream.head();
        let closed = self.stream.is_closed();
        for _ in 0..MAX_ROUNDS {
            self.collect(now);
            let Some(lane) = self.lane.clone().filter(|_| !self.order.is_empty()) else { break };
            self.serve(&*lane, now);
        }
        self.restless |= !self.order.is_empty();
        for viewer in &mut self.viewers {
            viewer.judge(now);
            if closed && viewer.end.is_none() {
                viewer.end = Some(ViewerEnd::StreamClosed);
            }
        }
        self.drop_ended();
    }

    /// Clears what viewers have left over, and lists those who can take more, by their place.
    fn collect(&mut self, now: Instant) {
        self.order.clear();
        let mut items = std::mem::take(&mut self.items);
        for (at, viewer) in self.viewers.iter_mut().enumerate() {
            if viewer.end.is_some() {
                continue;
            }
            if viewer.clear_tail(now) != Flow::Clear {
                viewer.note_lag(&self.stream, now);
                continue;
            }
            if viewer.control.paused.load(Ordering::Acquire) {
                continue;
            }
            let control = &viewer.control;
            if control.rejoin.load(Ordering::Acquire)
                && control.rejoin.swap(false, Ordering::AcqRel)
            {
                viewer.rejoin(&self.stream, now);
            }
            let Some(lane) = self.lane.as_deref().filter(|_| !viewer.writes_alone()) else {
                viewer.serve_alone(&self.stream, now, &mut items);
                continue;
            };
            if viewer.cursor.position().is_none() {
                items.clear();
                self.stream.read(&mut viewer.cursor, now, 1, &mut items);
                if !queue_items(lane, viewer, &items) {
                    continue;
                }
                viewer.clear_tail(now);
            }
            match viewer.cursor.position() {
                Some(place) if place < self.served && !viewer.blocked => {
                    self.order.push((place, at));
                }
                _ => {}
            }
        }
        self.items = items;
        if !self.order.is_sorted() {
            self.order.sort_unstable();
        }
    }

    /// Serves those in `order`, all at the same place with the same bytes.
    fn serve(&mut self, lane: &dyn Lane, now: Instant) {
        let order = std::mem::take(&mut self.order);
        for same in order.chunk_by(|a, b| a.0 == b.0) {
            let cursor = self.viewers[same[0].1].cursor.clone();
            let Some(batch) = self.read_batch(lane, cursor, now) else {
                for &(_, at) in same {
                    self.serve_late(lane, at, now);
                }
                continue;
            };
            let mut joined = std::mem::take(&mut self.joined);
            let slices = batch.slices(same.len(), &mut joined);
            for &(_, at) in same {
                let viewer = &mut self.viewers[at];
                let written = if batch.len == 0 { 0 } else { viewer.write(&slices, now) };
                if written == batch.len {
                    viewer.cursor.follow(&batch.after);
                } else {
                    batch.split(lane, viewer, written);
                }
            }
            drop(slices);
            self.joined = joined;
        }
        self.order = order;
    }

    /// The bytes from a place on, unless what comes next is a viewer's own affair (it was late, or
    /// a Run begins).
    fn read_batch(&self, lane: &dyn Lane, mut cursor: Cursor, now: Instant) -> Option<Batch> {
        let mut batch =
            Batch { items: Vec::new(), pieces: Vec::new(), after: cursor.clone(), len: 0 };
        self.stream.read(&mut cursor, now, MAX_ENTRIES, &mut batch.items);
        if batch.items.iter().any(is_private) {
            return None;
        }
        batch.fill(lane);
        Some(batch)
    }

    fn serve_late(&mut self, lane: &dyn Lane, at: usize, now: Instant) {
        let mut items = std::mem::take(&mut self.items);
        items.clear();
        let viewer = &mut self.viewers[at];
        self.stream.read(&mut viewer.cursor, now, 1, &mut items);
        queue_items(lane, viewer, &items);
        viewer.clear_tail(now);
        self.items = items;
    }

    fn drop_ended(&mut self) {
        let mut at = 0;
        while at < self.viewers.len() {
            if self.viewers[at].end.is_some() {
                let viewer = self.viewers.swap_remove(at);
                self.leave(viewer);
            } else {
                at += 1;
            }
        }
    }

    /// Removes one viewer by its identity.
    pub(crate) fn remove(&mut self, control: &Arc<Control>) -> Option<Viewer> {
        let at = self.viewers.iter().position(|v| Arc::ptr_eq(&v.control, control))?;
        let viewer = self.viewers.swap_remove(at);
        self.stream.reader_left();
        Some(viewer)
    }

    fn leave(&mut self, mut viewer: Viewer) {
        self.stream.reader_left();
        let control = viewer.control.take();
        viewer.queue(control);
        let rest = viewer.take_tail();
        viewer.control.finish(viewer.end.take().unwrap_or(ViewerEnd::Left), rest);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stream.unlisten(&self.listener);
        for viewer in std::mem::take(&mut self.viewers) {
            self.leave(viewer);
        }
    }
}

impl Batch {
    /// What to write. For several viewers the pieces are put together first: the kernel then walks
    /// one buffer per viewer, which costs less than the one copy.
    fn slices<'a>(&'a self, viewers: usize, joined: &'a mut Vec<u8>) -> Vec<IoSlice<'a>> {
        if viewers < JOIN_FOR || self.len > JOIN_UP_TO {
            return self.pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        }
        joined.clear();
        self.pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
        vec![IoSlice::new(joined)]
    }

    /// Lists the pieces of as many entries as fit one write.
    fn fill(&mut self, lane: &dyn Lane) {
        let mut whole = 0;
        for item in &self.items {
            let Item::Entry(entry) = item else { break };
            let bytes = entry.lane(lane);
            if whole > 0 && self.pieces.len() + bytes.pieces.len() > MAX_SLICES {
                break;
            }
            self.pieces.extend(bytes.pieces.iter().cloned());
            self.len += bytes.len;
            self.after.pass(entry);
            whole += 1;
        }
        self.items.truncate(whole);
    }

    /// The viewer took only `written` bytes: it stands after the entry that these end in, and what
    /// is missing of that entry goes out first.
    fn split(&self, lane: &dyn Lane, viewer: &mut Viewer, written: usize) {
        let mut left = written;
        for item in &self.items {
            let Item::Entry(entry) = item else { return };
            if left == 0 {
                return;
            }
            let bytes = entry.lane(lane);
            viewer.cursor.pass(entry);
            if left >= bytes.len {
                left -= bytes.len;
                continue;
            }
            let mut rest = Vec::new();
            for piece in &bytes.pieces {
                if left >= piece.len() {
                    left -= piece.len();
                } else {
                    rest.push(piece.slice(left..));
                    left = 0;
                }
            }
            viewer.queue(rest);
            viewer.blocked = true;
            return;
        }
    }
}

/// Whether an item concerns the one reader only.
fn is_private(item: &Item) -> bool {
    match item {
        Item::Joined { .. } | Item::Skipped { .. } => true,
        Item::Entry(entry) => matches!(entry.content, Content::RunStarted { .. }),
    }
}

/// Puts a viewer's own items into its tail. Whether there were any.
fn queue_items(lane: &dyn Lane, viewer: &mut Viewer, items: &[Item]) -> bool {
    for item in items {
        match item {
            Item::Entry(entry) => viewer.queue(entry.lane(lane).pieces.iter().cloned()),
            Item::Joined { tracks, at } => {
                let mut bytes = Vec::new();
                lane.write_joiner(tracks, *at, &mut bytes);
                viewer.queue(bytes);
            }
            Item::Skipped { .. } => viewer.note_skipped(item),
        }
    }
    !items.is_empty()
}
