//! The exclusive write handle of a Stream, and one Run of it.

use crate::flow::Flow;
use crate::stats::RunCounters;
use crate::stream::Stream;
use crate::timeline::Timeline;
use crate::tracks::{Cutter, TrackBook};
use crate::{Content, Lease, LeaseHolder, RunEnd};
use manycast_media::{CodecConfig, Frame, Sticky, Timestamp, TrackId, TrackSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sound and data ride with the next picture, since each transmission costs more than its bytes.
/// Where pictures come at least this often, they wait for it ...
const FREQUENT: Duration = Duration::from_millis(45);
/// ... and for so long beyond the time when it is due; ...
const GRACE: Duration = Duration::from_millis(8);
/// ... where pictures are rarer, or there are none, they wait for this long only.
const RIDE: Duration = Duration::from_millis(15);

/// What happens when somebody publishes to a Stream that has a Publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takeover {
    /// The new one is refused until the old one has been silent for 2 s.
    #[default]
    WhenSilent,
    /// The new one displaces the old one at once.
    Always,
}

/// This Publisher lost its Stream to another one, or by order; nothing it sends is taken any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream was taken over")]
pub struct Displaced;

/// The state of the Run that is on air.
#[derive(Debug)]
pub(crate) struct RunState {
    pub(crate) number: u64,
    pub(crate) who: String,
    pub(crate) began: Instant,
    pub(crate) last_heard: Instant,
    pub(crate) book: TrackBook,
    pub(crate) timeline: Timeline,
    pub(crate) holder: LeaseHolder,
    pub(crate) counters: RunCounters,
    cutter: Cutter,
    flow: Flow,
    /// As readers were told last.
    without_first: bool,
    /// The Track that cuts the Gops, and the revision of the book that says so.
    lead: Option<TrackId>,
    read: u64,
}

/// Writes one Run of a Stream. Dropping it ends the Run as lost; [`Publisher::end`] in good order.
#[derive(Debug)]
pub struct Publisher {
    stream: Arc<Stream>,
    number: u64,
    lease: Lease,
    /// When the oldest entry that nobody was woken for came.
    unseen: Option<Instant>,
    urgent: bool,
    /// Bytes of Frames that nobody was woken for.
    fresh: usize,
    /// When the last picture was handed on, and how far apart they come.
    last_picture: Option<Instant>,
    interval: Duration,
    last_seen: Instant,
    ended: bool,
}

impl RunState {
    pub(crate) fn begin(
        stream: Arc<Stream>,
        number: u64,
        begin: Option<Timestamp>,
        now: Instant,
        who: &str,
    ) -> (Self, Publisher) {
        let holder = LeaseHolder::new();
        let lease = holder.lease();
        let run = Self {
            number,
            who: who.to_owned(),
            began: now,
            last_heard: now,
            book: TrackBook::default(),
            timeline: Timeline::new(begin),
            holder,
            counters: RunCounters::default(),
            cutter: Cutter::default(),
            flow: Flow::default(),
            without_first: false,
            lead: None,
            read: 0,
        };
        let publisher = Publisher {
            stream,
            number,
            lease,
            unseen: None,
            urgent: false,
            fresh: 0,
            last_picture: None,
            interval: Duration::MAX,
            last_seen: now,
            ended: false,
        };
        (run, publisher)
    }

    /// Whether the Track ended, and others of its kind go on.
    fn end_track(&mut self, id: TrackId) -> bool {
        let ended = self.book.end(id);
        if ended {
            self.cutter.end(id);
        }
        ended
    }

    /// Follows the book. Whether the first Track of a kind has ended, if that is news.
    fn read_book(&mut self) -> Option<bool> {
        let revision = self.book.revision();
        if std::mem::replace(&mut self.read, revision) == revision {
            return None;
        }
        let set = self.book.set();
        self.lead = set.lead();
        let without = is_without_first(set);
        (std::mem::replace(&mut self.without_first, without) != without).then_some(without)
    }

    /// Ends the Tracks that have stopped beside this Frame's; whether there are any.
    fn end_silent(&mut self, now: Instant, frame: &Frame) -> bool {
        let silent = self.flow.note(now, frame);
        silent.into_iter().filter(|id| self.end_track(*id)).count() > 0
    }
}

impl Publisher {
    /// The Stream that this writes to.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    fn with_run<T>(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut RunState) -> T,
    ) -> Result<T, Displaced> {
        let mut inner = self.stream.inner.lock();
        let run = inner.run.as_mut().filter(|run| run.number == self.number).ok_or(Displaced)?;
        run.last_heard = now;
        Ok(act(run))
    }

    /// Notes that the encoder is alive, whatever it sent.
    ///
    /// # Errors
    /// [`Displaced`] when this Publisher lost its Stream.
    pub fn hear(&mut self, now: Instant) -> Result<(), Displaced> {
        self.with_run(now, |_| ())?;
        self.stream.hear();
        Ok(())
    }

    /// Takes the configuration of a Track, in force from its next Frame. What is too large to be kept
    /// is dropped and counted.
    ///
    /// # Errors
    /// [`Displaced`] when this Publisher lost its Stream.
    pub fn configure(
        &mut self,
        now: Instant,
        track: TrackId,
        config: CodecConfig,
    ) -> Result<(), Displaced> {
        self.with_run(now, |run| {
            if !run.book.configure(track, config) {
                run.counters.dropped += 1;
            }
        })
    }

    /// Keeps a message for those who join later; it replaces the last of its name.
    ///
    /// # Errors
    /// [`Displaced`] when this Publisher lost its Stream.
    pub fn stick(&mut self, now: Instant, sticky: Sticky) -> Result<(), Displaced> {
        self.with_run(now, |run| {
            if !run.book.stick(sticky) {
                run.counters.dropped += 1;
            }
        })
    }

    /// Ends a Track while others of its kind go on; a Frame of it brings it back. The end of the only
    /// Track of its kind is the encoder's affair: outlets hold what they have until the Run ends.
    ///
    /// # Errors
    /// [`Displaced`] when this Publisher lost its Stream.
    pub fn end_track(&mut self, now: Instant, track: TrackId) -> Result<(), Displaced> {
        let mut guard = self.stream.inner.lock();
        let inner = &mut *guard;
        let run = inner.run.as_mut().filter(|run| run.number == self.number).ok_or(Displaced)?;
        run.last_heard = now;
        if run.end_track(track) {
            let (set, at) = (run.book.set().clone(), run.timeline.newest());
            inner.window.push(Content::Tracks { set, changed: Arc::from([]), at }, now, None);
            self.stream.store_head(inner.window.head());
            self.unseen.get_or_insert(now);
        }
        drop(guard);
        self.stream.hear();
        Ok(())
    }

    /// The lease of this Run: it is revoked when the Publisher is displaced or ended from outside.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Puts a Frame on the Stream. Its times are the Publisher's own; the Stream places them on
    /// its timeline. Nobody is woken before [`Publisher::commit`].
    ///
    /// # Errors
    /// [`Displaced`] when this Publisher lost its Stream.
    pub fn push(&mut self, now: Instant, mut frame: Frame) -> Result<(), Displaced> {
        let mut guard = self.stream.inner.lock();
        let inner = &mut *guard;
        let run = inner.run.as_mut().filter(|run| run.number == self.number).ok_or(Displaced)?;
        run.last_heard = now;
        let Ok(changed) = run.book.note(frame.track, frame.codec) else {
            run.counters.dropped += 1;
            return Ok(());
        };
        let (dts, fault) = run.timeline.place(frame.track, frame.dts);
        frame.pts = dts + (frame.pts - frame.dts);
        frame.dts = dts;
        run.counters.frame(now, &frame, fault);
        let ended = run.end_silent(now, &frame);
        let opens = run.cutter.opens(&frame, &run.book, self.stream.limits());
        // An encoder that stops ends all its Tracks: only one that goes on is news.
        if let Some(without) = run.read_book() {
            self.stream.note_firsts_ended(without);
        }
        if ended || changed.is_some() {
            let (set, changed) = (run.book.set().clone(), changed.into_iter().collect());
            inner.window.push(Content::Tracks { set, changed, at: dts }, now, None);
        }
        self.urgent |= opens || Some(frame.track) == run.lead;
        self.fresh = self.fresh.saturating_add(frame.size());
        let gop = opens.then(|| run.book.set().clone());
        inner.window.push(Content::Frame(frame), now, gop);
        if opens {
            self.stream.is_on_air(self.number);
        }
        self.stream.store_head(inner.window.head());
        drop(guard);
        self.unseen.get_or_insert(now);
        Ok(())
    }

    /// Wakes the readers if a picture is there or sound has waited long enough. Call after each
    /// batch of pushes, and again at the time it returns.
    pub fn commit(&mut self, now: Instant) -> Option<Instant> {
        let due = self.unseen? + self.ride();
        if !self.urgent && now < due {
            return Some(due);
        }
        if std::mem::take(&mut self.urgent) {
            self.note_picture(now);
        }
        self.unseen = None;
        self.last_seen = now;
        self.stream.hear();
        self.stream.wake(std::mem::take(&mut self.fresh));
        None
    }

    /// How long sound may wait for the next picture.
    fn ride(&self) -> Duration {
        if self.interval <= FREQUENT { self.interval + GRACE } else { RIDE }
    }

    /// Follows the distance of pictures, slowly upwards and at once to a larger gap, so that a
    /// picture that comes early or late changes little.
    fn note_picture(&mut self, now: Instant) {
        if let Some(last) = self.last_picture.replace(now) {
            let gap = now.saturating_duration_since(last);
            let known = if self.interval == Duration::MAX { gap } else { self.interval };
            self.interval = (known * 7 + gap.min(known * 4)) / 8;
        }
    }

    /// Ends the Run.
    pub fn end(mut self, now: Instant, end: RunEnd) {
        self.finish(now, end);
    }

    fn finish(&mut self, now: Instant, end: RunEnd) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let mut inner = self.stream.inner.lock();
        if inner.run.as_ref().is_some_and(|run| run.number == self.number) {
            self.stream.end_run(&mut inner, end, now, "the encoder ended the stream");
        }
        drop(inner);
        self.stream.hear();
        self.stream.wake(0);
    }
}

/// Whether the first Track of a kind has ended. (That of one alone never does.)
fn is_without_first(set: &TrackSet) -> bool {
    set.ended.iter().any(|id| id.index == 0)
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let now = self.last_seen;
        self.finish(now, RunEnd::Lost);
    }
}
