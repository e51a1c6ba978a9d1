//! The bounded ring of recent Gops.
//!
//! ```text
//! first                      gops[0].start        gops[1].start              head
//!   |  (before any key frame)  |  K . . . . . .     |  K . . . . . . . . . .   |
//!   evicted from the left, whole Gops at a time, by bytes and by age
//! ```
//! A reader's place is a sequence number; whoever stands left of `first`, or too far behind, goes
//! on at a start of a Gop. The first Gop of a Run begins with the sound that came before its key
//! frame.

use crate::mark::Marks;
use crate::{Bounds, Content, Cursor, Entry, Item, Start};
use manycast_media::{Frame, TimeDelta, Timestamp, TrackId, TrackKind, TrackSet};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A Gop that nobody wants any more is kept for so long after its end, for readers who are about to
/// begin, or to change the way they are served.
const GRACE: Duration = Duration::from_secs(1);
/// Sound that is older than the first picture by more than this is not heard.
const LEAD_IN: TimeDelta = TimeDelta::from_millis(1000);
/// How far back a Frame is looked for that tells what its Track is.
const SAMPLED: usize = 4096;

/// How much of a Stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimits {
    /// Most bytes of Frames and changed configurations kept per Stream. A Gop that is larger loses its head, and joiners wait
    /// for the next one.
    pub bytes: usize,
    /// Gops that ended longer ago than this are let go, except the current one. It bounds how late
    /// a reader can be: while one is, that costs bitrate x age of memory. Gops that no reader wants
    /// go after a second.
    pub age: Duration,
    /// Streams without pictures are cut into Gops of this length.
    pub audio_gop: TimeDelta,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self {
            bytes: 24 << 20,
            age: Duration::from_secs(6),
            audio_gop: TimeDelta::from_millis(1000),
        }
    }
}

/// Where a Gop begins.
#[derive(Debug)]
struct GopStart {
    start: u64,
    /// Its key frame: `start`, or behind the sound that a Run begins with.
    key: u64,
    at: Timestamp,
    arrived: Instant,
    tracks: Arc<TrackSet>,
    /// Frames and Gops pushed before it, for counting what a skip lost.
    frames_before: u64,
    ordinal: u64,
}

#[derive(Debug)]
pub(crate) struct Window {
    limits: WindowLimits,
    entries: VecDeque<Arc<Entry>>,
    first: u64,
    gops: VecDeque<GopStart>,
    bytes: usize,
    pushed_bytes: u64,
    pushed_frames: u64,
    pushed_gops: u64,
    /// Joiners never start left of this: an earlier Run.
    run_start: u64,
    /// The current Gop lost its head.
    pub(crate) headless: bool,
    /// What readers still want.
    pub(crate) marks: Marks,
}

impl Window {
    pub(crate) fn new(limits: WindowLimits) -> Self {
        Self {
            limits,
            entries: VecDeque::new(),
            first: 0,
            gops: VecDeque::new(),
            bytes: 0,
            pushed_bytes: 0,
            pushed_frames: 0,
            pushed_gops: 0,
            run_start: 0,
            headless: false,
            marks: Marks::default(),
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The newest Frame of a Track that tells what it is: of pictures one where decoding can start.
    pub(crate) fn sample(&self, id: TrackId) -> Option<&Frame> {
        let recent = self.entries.iter().rev().take(SAMPLED).filter_map(|entry| entry.frame());
        let telling = |frame: &&Frame| frame.key || id.kind != TrackKind::Video;
        recent.filter(|frame| frame.track == id).find(telling)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a joiner would be served at once.
    pub(crate) fn joinable(&self) -> bool {
        self.current_gop().is_some()
    }

    fn current_gop(&self) -> Option<&GopStart> {
        self.gops.back().filter(|g| g.start >= self.run_start)
    }

    /// Appends an entry. `gop` holds the Tracks in force when this Frame opens a Gop.
    pub(crate) fn push(&mut self, content: Content, now: Instant, gop: Option<Arc<TrackSet>>) {
        if matches!(content, Content::RunStarted { .. } | Content::RunEnded(_)) {
            self.run_start = self.head();
            self.headless = false;
        }
        if let (Some(tracks), Content::Frame(frame)) = (gop, &content) {
            self.pushed_gops += 1;
            self.headless = false;
            let (key, lead_in) = (self.head(), self.lead_in(frame.dts));
            let first = self.entries.iter().rev().take(lead_in).next_back();
            let at = first.and_then(|entry| entry.frame()).map_or(frame.dts, |sound| sound.dts);
            self.gops.push_back(GopStart {
                start: key - lead_in as u64,
                key,
                at: at.min(frame.dts),
                arrived: now,
                tracks,
                frames_before: self.pushed_frames - lead_in as u64,
                ordinal: self.pushed_gops,
            });
        }
        let entry = Entry::new(content, now, self.pushed_bytes, self.pushed_gops);
        self.bytes += entry.size();
        self.pushed_bytes += entry.size() as u64;
        self.pushed_frames += u64::from(entry.frame().is_some());
        self.entries.push_back(Arc::new(entry));
        self.evict(now);
    }

    /// How many of the last entries are the sound that the first Gop of a Run begins with. What was
    /// said in between is moved before it: nobody was handed any of it.
    fn lead_in(&mut self, key: Timestamp) -> usize {
        if self.current_gop().is_some() {
            return 0;
        }
        let run = usize::try_from(self.run_start.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let run = self.entries.len().saturating_sub(run);
        let mut frames = self.entries.iter().rev().take(run).filter_map(|entry| entry.frame());
        if frames.any(|frame| frame.track.kind == TrackKind::Video) {
            return 0; // what came are pictures that cannot be decoded, and their sound
        }
        let goes_before = |entry: &&Arc<Entry>| match &entry.content {
            Content::Frame(frame) => key - frame.dts <= LEAD_IN,
            Content::Tracks { .. } => true,
            Content::RunStarted { .. } | Content::RunEnded(_) => false,
        };
        let span = self.entries.iter().rev().take(run).take_while(goes_before).count();
        let from = self.entries.len() - span;
        let is_sound = |entry: &Arc<Entry>| {
            entry.frame().is_some_and(|frame| frame.track.kind == TrackKind::Audio)
        };
        // Stable: false, which is all but sound, comes first.
        self.entries.make_contiguous()[from..].sort_by_key(is_sound);
        self.entries.range(from..).filter(|entry| is_sound(entry)).count()
    }

    /// Lets go of what is too much or too old.
    pub(crate) fn evict(&mut self, now: Instant) {
        let old = |at: Instant, age| now.saturating_duration_since(at) > age;
        while let Some(second) = self.gops.get(1) {
            let to = second.start;
            let unwanted = old(second.arrived, GRACE) && self.marks.first() >= to;
            let too_much = self.bytes > self.limits.bytes || old(second.arrived, self.limits.age);
            if !unwanted && !too_much {
                break;
            }
            self.drop_until(to);
        }
        let keep = self.gops.front().map_or(u64::MAX, |g| g.start);
        while self.first < keep {
            let Some(front) = self.entries.front() else { return };
            if self.bytes <= self.limits.bytes && !old(front.arrived, self.limits.age) {
                return;
            }
            self.drop_until(self.first + 1);
        }
        while self.bytes > self.limits.bytes && self.entries.len() > 1 {
            self.headless = true;
            self.drop_until(self.first + 1);
        }
    }

    /// Without a Publisher nothing is current: everything old goes.
    pub(crate) fn evict_idle(&mut self, now: Instant) {
        while let Some(front) = self.entries.front() {
            if now.saturating_duration_since(front.arrived) <= self.limits.age {
                break;
            }
            self.drop_until(self.first + 1);
        }
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
        }
    }

    fn drop_until(&mut self, seq: u64) {
        while self.first < seq {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.size();
            self.first += 1;
        }
        while self.gops.front().is_some_and(|g| g.start < self.first) {
            self.gops.pop_front();
        }
    }

    pub(crate) fn join(&self, start: Start, bounds: Bounds, now: Instant) -> Cursor {
        let gop = self.current_gop().filter(|_| start == Start::CurrentGop);
        Cursor {
            next: gop.map_or_else(|| self.head(), |g| g.start),
            wants_key: true,
            bounds,
            late: false,
            not_before: 0,
            frames: self.pushed_frames,
            gop: self.pushed_gops,
            joined: Some((now, self.pushed_bytes)),
        }
    }

    /// Hands out up to `max` entries from the cursor on, and moves it by just these.
    pub(crate) fn read(&self, cursor: &mut Cursor, now: Instant, max: usize, out: &mut Vec<Item>) {
        let mut left = max.max(1);
        while left > 0 {
            if !cursor.wants_key && self.is_late(cursor, now) {
                self.skip(cursor, now);
            }
            if cursor.wants_key && !self.resume(cursor, out) {
                return;
            }
            let at = usize::try_from(cursor.next - self.first).unwrap_or(usize::MAX);
            let Some(entry) = self.entries.get(at) else { return };
            cursor.pass(entry);
            left -= 1;
            out.push(Item::Entry(entry.clone()));
        }
    }

    /// Takes from a reader that cannot read at the moment what it is too late for. What it lost it
    /// is told when it goes on.
    pub(crate) fn shed(&self, cursor: &mut Cursor, now: Instant) {
        if (!cursor.wants_key || cursor.late) && self.is_late(cursor, now) {
            self.skip(cursor, now);
        }
    }

    /// What lies between the reader and the newest Frame, judged from the moment it joined.
    pub(crate) fn lag(&self, cursor: &Cursor, now: Instant) -> (Duration, u64) {
        let next = if cursor.wants_key { cursor.not_before } else { cursor.next };
        if next < self.first && !cursor.wants_key {
            return (Duration::MAX, u64::MAX);
        }
        let at = usize::try_from(next.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let Some(entry) = self.entries.get(at) else { return (Duration::ZERO, 0) };
        let (mut since, mut offset) = (entry.arrived, entry.offset);
        if let Some((joined, pushed)) = cursor.joined {
            since = since.max(joined);
            offset = offset.max(pushed);
        }
        (now.saturating_duration_since(since), self.pushed_bytes - offset)
    }

    fn is_late(&self, cursor: &Cursor, now: Instant) -> bool {
        let (age, bytes) = self.lag(cursor, now);
        age > cursor.bounds.age || bytes > cursor.bounds.bytes
    }

    /// Moves a late reader to the current Gop if that is young enough, else to the next.
    fn skip(&self, cursor: &mut Cursor, now: Instant) {
        let (next, bounds) = (cursor.next, cursor.bounds);
        let young = |g: &&GopStart| {
            let behind = self.entries.get(usize::try_from(g.start - self.first).unwrap_or(0));
            let bytes = behind.map_or(0, |e| self.pushed_bytes - e.offset);
            g.start > next
                && now.saturating_duration_since(g.arrived) < bounds.age / 2
                && bytes < bounds.bytes / 2
        };
        if !cursor.late && self.gops.iter().any(|g| g.start == next) {
            cursor.gop += 1; // it had the one before whole
        }
        // What the Runs did in between must still be told, so the place moves in `resume`.
        cursor.next = cursor.next.max(self.first);
        cursor.wants_key = true;
        cursor.late = true;
        cursor.joined = None;
        cursor.not_before = self.gops.back().filter(young).map_or_else(|| self.head(), |g| g.start);
    }

    /// Looks for the start of a Gop for a reader that needs one. False: none yet.
    fn resume(&self, cursor: &mut Cursor, out: &mut Vec<Item>) -> bool {
        cursor.next = cursor.next.max(self.first);
        let from = cursor.next.max(cursor.not_before);
        let gop = self.gops.iter().find(|g| g.key >= from);
        let limit = gop.map_or_else(|| self.head(), |g| g.start);
        while cursor.next < limit {
            let at = usize::try_from(cursor.next - self.first).unwrap_or(usize::MAX);
            let Some(entry) = self.entries.get(at) else { break };
            if matches!(entry.content, Content::RunStarted { .. } | Content::RunEnded(_)) {
                out.push(Item::Entry(entry.clone()));
            }
            cursor.next += 1;
        }
        let Some(gop) = gop else { return false };
        cursor.next = gop.start;
        if cursor.late {
            out.push(Item::Skipped {
                frames: gop.frames_before.saturating_sub(cursor.frames),
                gops: gop.ordinal.saturating_sub(cursor.gop).max(1),
            });
        }
        out.push(Item::Joined { tracks: gop.tracks.clone(), at: gop.at });
        cursor.wants_key = false;
        cursor.late = false;
        cursor.frames = gop.frames_before;
        cursor.gop = gop.ordinal;
        true
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
