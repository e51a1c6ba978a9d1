//! All viewers of one Stream in one lane on one shard, and the pass over them.
//!
//! Nearly all of them stand at the same place, the front: one walk over the viewers gives each the
//! same bytes in one write. Those who do not (newcomers, late ones, blocked ones) are the stragglers;
//! they are served after that, by their places.
//!
//! Belongs here: passes, commands. Must not come here: locks and threads.

use crate::alike::Alike;
use crate::batch::Batch;
use crate::bulk::{Bulk, PART};
use crate::cell::Command;
use crate::control::Control;
use crate::fanout::Detached;
use crate::viewer::{Flow, Viewer};
use crate::{FanoutConfig, ViewerEnd};
use manycast_hub::{Cursor, Item, Lane, LaneBytes, Mark, Stream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Most entries given to one viewer in one write.
const MAX_ENTRIES: usize = 256;
/// Most writes to one viewer in one pass, so that a newcomer with a long Gop delays nobody.
const MAX_ROUNDS: usize = 4;
/// A newcomer is given its first picture, and so many bytes, at once; the rest of a long Gop a moment
/// later. No network takes more in that time, others come to their first picture sooner, and who
/// leaves again at once was not sent what it does not want.
const OPENING: u64 = 64 * 1024;

pub(crate) struct Group {
    stream: Arc<Stream>,
    /// What they share; `None`: each has a writer of its own.
    lane: Option<Arc<dyn Lane>>,
    config: FanoutConfig,
    viewers: Vec<Viewer>,
    /// Where those stand who have had everything.
    front: Option<Cursor>,
    /// The last pass, for `merge`.
    last_pass: Option<Instant>,
    /// Up to here everybody who is not blocked has had everything.
    served: u64,
    /// Up to here viewers are given something in this turn.
    limit: u64,
    /// Somebody has more to read: pass even without news.
    restless: bool,
    /// When somebody who takes nothing is tried again.
    retry_at: Option<Instant>,
    /// What those who are late still want begins here.
    wanted: u64,
    mark: Mark,
    /// Somebody ended.
    ended: bool,
    /// The one that is served has just joined.
    opening: bool,
    /// Kept for their memory.
    stragglers: Vec<usize>,
    again: Vec<usize>,
    order: Vec<(u64, usize)>,
    items: Vec<Item>,
    batch: Vec<Item>,
    joined: Vec<u8>,
}

impl Group {
    pub(crate) fn new(
        stream: Arc<Stream>,
        lane: Option<Arc<dyn Lane>>,
        config: FanoutConfig,
    ) -> Self {
        Self {
            mark: stream.mark(),
            stream,
            lane,
            config,
            viewers: Vec::new(),
            front: None,
            last_pass: None,
            served: 0,
            limit: 0,
            restless: false,
            retry_at: None,
            wanted: u64::MAX,
            ended: false,
            opening: false,
            stragglers: Vec::new(),
            again: Vec::new(),
            order: Vec::new(),
            items: Vec::new(),
            batch: Vec::new(),
            joined: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.viewers.len()
    }

    /// When there is something to do; `None`: nothing before somebody says so.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.viewers.is_empty() {
            return None;
        }
        self.pass_due(now).into_iter().chain(self.retry_at).min()
    }

    fn pass_due(&self, now: Instant) -> Option<Instant> {
        if self.restless || self.stream.is_closed() {
            return Some(now);
        }
        let news = self.stream.announced() > self.served;
        news.then(|| self.last_pass.map_or(now, |last| last + self.config.merge))
    }

    /// Does what is due; `bulk`: what the thread has for writing to many at once.
    pub(crate) fn turn(&mut self, now: Instant, bulk: Option<&mut Bulk>) {
        if self.pass_due(now).is_some_and(|at| at <= now) {
            self.pass(now, bulk);
        } else if self.retry_at.is_some_and(|at| at <= now) {
            self.limit = self.stream.head();
            self.retry_at = None;
            self.wanted = u64::MAX;
            self.stragglers.clear();
            let blocked = (0..self.viewers.len()).filter(|at| self.viewers[*at].is_blocked());
            self.stragglers.extend(blocked);
            self.serve_stragglers(now);
        }
    }

    // === commands

    pub(crate) fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Join(parts) => {
                let viewer = Viewer::new(&self.stream, *parts, now);
                viewer.control.index.store(self.viewers.len(), Ordering::Relaxed);
                self.viewers.push(viewer);
                self.opening = true;
                self.attend(self.viewers.len() - 1, now);
                self.opening = false;
            }
            Command::Attend(control) => {
                if let Some(at) = self.find(&control) {
                    self.attend(at, now);
                }
            }
            Command::Detach(control, reply) => {
                // What came before it is not lost for the sake of a pass that had not been due yet.
                if let Some(at) = self.find(&control) {
                    self.attend(at, now);
                }
                if let Some(at) = self.find(&control) {
                    let _ = reply.send(detached(self.take(at)));
                }
            }
            Command::Leave(control) => {
                if let Some(at) = self.find(&control) {
                    drop(self.take(at));
                }
            }
        }
    }

    fn find(&self, control: &Arc<Control>) -> Option<usize> {
        let at = control.index.load(Ordering::Relaxed);
        let viewer = self.viewers.get(at)?;
        Arc::ptr_eq(&viewer.control, control).then_some(at)
    }

    /// Does what one viewer wants, and gives it what it has not had yet.
    fn attend(&mut self, at: usize, now: Instant) {
        let viewer = &mut self.viewers[at];
        viewer.paused = viewer.control.paused.load(Ordering::Acquire);
        if viewer.control.rejoin.swap(false, Ordering::AcqRel) {
            viewer.rejoin(&self.stream, now);
        }
        self.limit = self.stream.head();
        self.stragglers.clear();
        self.stragglers.push(at);
        self.serve_stragglers(now);
    }

    pub(crate) fn show(&self, control: &Control) {
        let at = control.index.load(Ordering::Relaxed);
        if let Some(viewer) = self.viewers.get(at)
            && std::ptr::eq(&raw const *viewer.control, control)
        {
            viewer.show();
        }
    }

    fn take(&mut self, at: usize) -> Viewer {
        let viewer = self.viewers.swap_remove(at);
        if let Some(moved) = self.viewers.get(at) {
            moved.control.index.store(at, Ordering::Relaxed);
        }
        viewer.show();
        self.stream.reader_left();
        viewer
    }

    /// Ends all viewers.
    pub(crate) fn clear(&mut self) {
        while !self.viewers.is_empty() {
            let viewer = self.take(self.viewers.len() - 1);
            finish(viewer);
        }
    }

    fn drop_ended(&mut self) {
        if !std::mem::take(&mut self.ended) {
            return;
        }
        let mut at = 0;
        while at < self.viewers.len() {
            if self.viewers[at].end.is_some() {
                let viewer = self.take(at);
                finish(viewer);
            } else {
                at += 1;
            }
        }
    }

    // === passes

    /// Gives each viewer whatever it has not had yet.
    fn pass(&mut self, now: Instant, bulk: Option<&mut Bulk>) {
        self.last_pass = Some(now);
        self.restless = false;
        self.served = self.stream.head();
        self.limit = self.served;
        self.retry_at = None;
        self.wanted = u64::MAX;
        let closed = self.stream.is_closed();
        self.stragglers.clear();
        match self.front.clone() {
            Some(front) if self.lane.is_some() => self.serve_front(&front, now, bulk),
            Some(front) => self.serve_alike(&front, now),
            None => self.stragglers.extend(0..self.viewers.len()),
        }
        self.serve_stragglers(now);
        if self.viewers.iter().all(|viewer| viewer.paused) {
            self.front = None; // nobody stands there, and nothing is to be kept for it
            self.mark.set(None);
        }
        if closed {
            for viewer in &mut self.viewers {
                viewer.end.get_or_insert(ViewerEnd::StreamClosed);
            }
            self.ended = true;
            self.drop_ended();
        }
    }

    /// Writes the same bytes to all at the front, and lists the others.
    fn serve_front(&mut self, front: &Cursor, now: Instant, mut bulk: Option<&mut Bulk>) {
        let Some(lane) = self.lane.clone() else { return };
        let Some(batch) = self.read_batch(&*lane, front.clone(), now) else {
            self.stragglers.extend(0..self.viewers.len());
            return;
        };
        let mut joined = std::mem::take(&mut self.joined);
        let slices = batch.slices(&*lane, self.viewers.len(), &mut joined);
        // Many small pieces, or very many bytes, are nothing for that.
        let mut bulk = bulk.take_if(|_| batch.len > 0 && slices.len() == 1);
        for (begin, part) in (0..).step_by(PART).zip(self.viewers.chunks_mut(PART)) {
            let written = bulk.as_mut().map(|bulk| bulk.write(part, front, &slices[0]));
            let mut written = written.into_iter().flatten().peekable();
            for (at, viewer) in part.iter_mut().enumerate() {
                let all = match written.next_if(|(of, _)| *of == at) {
                    Some((_, taken)) => {
                        let taken = viewer.follow_up(taken, &slices, now);
                        note_given(viewer, &*lane, &batch, taken, now)
                    }
                    None if viewer.is_at(front) && viewer.flush(now) == Flow::Clear => {
                        give(viewer, &*lane, &batch, &slices, now)
                    }
                    None => false,
                };
                if !all {
                    self.stragglers.push(begin + at);
                }
            }
        }
        drop(slices);
        self.joined = joined;
        self.move_front(batch.after.clone());
        self.batch = batch.into_items();
    }

    /// The same where each has a writer of its own.
    fn serve_alike(&mut self, front: &Cursor, now: Instant) {
        let viewers = self.viewers.len();
        let Some(mut alike) = Alike::read(&self.stream, front, now, viewers) else {
            self.stragglers.extend(0..viewers);
            return;
        };
        for (at, viewer) in self.viewers.iter_mut().enumerate() {
            let ready = viewer.is_at(front) && viewer.flush(now) == Flow::Clear;
            if !ready || !alike.give(viewer, now) {
                self.stragglers.push(at);
            }
        }
        self.move_front(alike.after);
    }

    fn move_front(&mut self, to: Cursor) {
        self.restless |= to.position().is_some_and(|place| place < self.limit);
        self.front = Some(to);
    }

    /// The bytes from a place on, unless what comes next is a viewer's own affair.
    fn read_batch(&mut self, lane: &dyn Lane, mut cursor: Cursor, now: Instant) -> Option<Batch> {
        let mut batch = Batch::at(&cursor, std::mem::take(&mut self.batch));
        self.stream.read(&mut cursor, now, MAX_ENTRIES, &mut batch.items);
        // Without a place it was too late, and there is no Gop to go on at yet.
        if batch.is_private() || cursor.position().is_none() {
            self.batch = batch.into_items();
            return None;
        }
        batch.fill(lane, if self.opening { OPENING } else { u64::MAX });
        Some(batch)
    }

    /// Serves those in `stragglers`: what they have left over, then what they have not had yet.
    fn serve_stragglers(&mut self, now: Instant) {
        let mut again = std::mem::take(&mut self.again);
        again.clone_from(&self.stragglers);
        for _ in 0..MAX_ROUNDS {
            self.order.clear();
            for &at in &again {
                self.prepare(at, now);
            }
            self.order.sort_unstable();
            again.clear();
            again.extend(self.order.iter().map(|(_, at)| *at));
            let Some(lane) = self.lane.clone().filter(|_| !again.is_empty()) else { break };
            self.serve_places(&*lane, now);
        }
        self.restless |= !again.is_empty();
        self.again = again;
        self.note_blocked(now);
        self.drop_ended();
    }

    /// Looks who of the stragglers is blocked, for how long already, and who ended.
    fn note_blocked(&mut self, now: Instant) {
        for &at in &self.stragglers {
            let viewer = &mut self.viewers[at];
            viewer.judge(now);
            if !viewer.paused {
                self.wanted = self.wanted.min(viewer.cursor.wants());
            }
            self.retry_at = self.retry_at.into_iter().chain(viewer.retry_at()).min();
            self.ended |= viewer.end.is_some();
        }
        let front = self.front.as_ref().map_or(u64::MAX, Cursor::wants);
        self.mark.set(Some(self.wanted.min(front)));
    }

    /// Clears what a viewer has left over; lists it if it can take more.
    fn prepare(&mut self, at: usize, now: Instant) {
        let viewer = &mut self.viewers[at];
        if viewer.end.is_some() {
            return;
        }
        if self.opening {
            // The answer to its request goes out with its first picture, in one write.
            viewer.take_control();
            queue_begin(&self.stream, self.lane.as_deref(), viewer, &mut self.items, now);
        }
        if viewer.retry_at().is_some_and(|retry| retry > now)
            || viewer.clear_tail(now) != Flow::Clear
        {
            viewer.note_lag(&self.stream, now);
            return;
        }
        if viewer.paused {
            return;
        }
        let Some(lane) = self.lane.as_deref() else {
            viewer.serve_alone(&self.stream, now, &mut self.items);
            lead(&mut self.front, &viewer.cursor);
            return;
        };
        if queue_begin(&self.stream, Some(lane), viewer, &mut self.items, now) {
            viewer.clear_tail(now);
        }
        if self.opening && viewer.sent() >= OPENING {
            viewer.pause(now, self.limit);
        }
        match viewer.cursor.position() {
            Some(place) if place < self.limit && !viewer.is_blocked() => {
                self.order.push((place, at));
            }
            _ => {}
        }
    }

    /// Serves those in `order`, all at the same place with the same bytes.
    fn serve_places(&mut self, lane: &dyn Lane, now: Instant) {
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
            let slices = batch.slices(lane, same.len(), &mut joined);
            for &(_, at) in same {
                let viewer = &mut self.viewers[at];
                if give(viewer, lane, &batch, &slices, now) && self.opening {
                    viewer.pause(now, self.limit);
                }
            }
            drop(slices);
            self.joined = joined;
            lead(&mut self.front, &batch.after);
            self.batch = batch.into_items();
        }
        self.order = order;
    }

    fn serve_late(&mut self, lane: &dyn Lane, at: usize, now: Instant) {
        let viewer = &mut self.viewers[at];
        self.items.clear();
        self.stream.read(&mut viewer.cursor, now, 1, &mut self.items);
        queue_items(lane, viewer, &self.items);
        viewer.clear_tail(now);
    }
}

/// Moves the front to a place that is further on.
fn lead(front: &mut Option<Cursor>, place: &Cursor) {
    let further = match (front.as_ref().and_then(Cursor::position), place.position()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(front), Some(place)) => place > front,
    };
    if further {
        *front = Some(place.clone());
    }
}

/// Writes a batch to a viewer that stands where it begins; whether all of it was taken.
fn give(
    viewer: &mut Viewer,
    lane: &dyn Lane,
    batch: &Batch,
    slices: &[std::io::IoSlice<'_>],
    now: Instant,
) -> bool {
    let written = if batch.len == 0 { 0 } else { viewer.write(slices, now) };
    note_given(viewer, lane, batch, written, now)
}

/// Moves a viewer that took so many bytes of a batch; whether that was all.
fn note_given(
    viewer: &mut Viewer,
    lane: &dyn Lane,
    batch: &Batch,
    written: usize,
    now: Instant,
) -> bool {
    if written == batch.len {
        viewer.cursor.follow(&batch.after);
        return viewer.flush(now) == Flow::Clear;
    }
    let rest = batch.split(lane, &mut viewer.cursor, written);
    viewer.queue(rest);
    viewer.block(now);
    false
}

fn finish(mut viewer: Viewer) {
    let control = viewer.control.take();
    viewer.queue(control);
    let rest = viewer.take_tail();
    viewer.control.finish(viewer.end.take().unwrap_or(ViewerEnd::Left), rest);
}

fn detached(mut viewer: Viewer) -> Detached {
    let control = viewer.control.take();
    viewer.queue(control);
    Detached { rest: viewer.take_tail(), cursor: viewer.cursor.clone() }
}

/// Puts into its tail what a viewer without a place begins with, up to its first picture. Whether there was any.
fn queue_begin(
    stream: &Stream,
    lane: Option<&dyn Lane>,
    viewer: &mut Viewer,
    items: &mut Vec<Item>,
    now: Instant,
) -> bool {
    let Some(lane) = lane.filter(|_| viewer.cursor.position().is_none() && !viewer.paused) else {
        return false;
    };
    items.clear();
    stream.read(&mut viewer.cursor, now, 1, items);
    queue_items(lane, viewer, items)
}

/// Puts a viewer's own items into its tail. Whether there were any.
fn queue_items(lane: &dyn Lane, viewer: &mut Viewer, items: &[Item]) -> bool {
    for item in items {
        match item {
            Item::Entry(entry) => viewer.queue(entry.lane(lane).rest(0)),
            Item::Joined { tracks, at } => {
                let mut bytes = LaneBytes::default();
                lane.write_joiner(tracks, *at, &mut bytes);
                viewer.queue(bytes.rest(0));
            }
            Item::Skipped { .. } => viewer.note_skipped(item),
        }
    }
    !items.is_empty()
}
