//! A Stream: the named thing that outlives its Publishers.

use crate::mark::Mark;
use crate::publisher::{Publisher, RunState, Takeover};
use crate::stats::{Counters, PublisherStats, StreamStats};
use crate::subscriber::Subscriber;
use crate::window::Window;
use crate::{Bounds, Content, Cursor, Item, Liveness, OnAir, RunEnd, Start, WindowLimits};
use manycast_media::{StreamName, TimeDelta, Timestamp, TrackSet};
use parking_lot::{Mutex, RwLock};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// A Publisher that has been silent for this long may be displaced by another with the same key.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);
/// The longest pause that is kept on the timeline between two Runs.
const MAX_PAUSE: Duration = Duration::from_secs(1);
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// Is told that there is something to read. Called often and under no lock; must not block.
pub trait Listener: Send + Sync {
    /// New entries are there, Frames of so many bytes since the last time, or the Stream was closed.
    fn wake(&self, bytes: usize);
}

/// Somebody else publishes, and is not silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another encoder is already publishing with this key")]
pub struct Busy {
    /// From when on the other one counts as gone, if nothing is heard of it until then.
    pub silent_at: Instant,
    /// The mark to watch for signs of life, see [`Stream::publisher_stirs`].
    pub heard: u64,
}

pub(crate) struct Inner {
    pub(crate) window: Window,
    pub(crate) run: Option<RunState>,
    pub(crate) runs: u64,
    /// Where the next Run begins, and when the last one ended.
    resume: Option<(Timestamp, Instant)>,
    pub(crate) counters: Counters,
}

/// A named live thing: at most one active Publisher, any number of readers.
pub struct Stream {
    name: StreamName,
    limits: WindowLimits,
    pub(crate) inner: Mutex<Inner>,
    notify: Notify,
    liveness: watch::Sender<Liveness>,
    /// Whether a kind flows of which the first Track has ended.
    firsts_ended: watch::Sender<bool>,
    listeners: RwLock<Vec<Arc<dyn Listener>>>,
    head: AtomicU64,
    /// The head when readers were last woken.
    announced: AtomicU64,
    heard: AtomicU64,
    readers: AtomicU64,
    viewers: AtomicU64,
    closed: AtomicBool,
    idle: AtomicU8,
}

impl Stream {
    pub(crate) fn new(name: StreamName, limits: WindowLimits) -> Arc<Self> {
        Arc::new(Self {
            name,
            limits,
            inner: Mutex::new(Inner {
                window: Window::new(limits),
                run: None,
                runs: 0,
                resume: None,
                counters: Counters::default(),
            }),
            notify: Notify::new(),
            liveness: watch::Sender::default(),
            firsts_ended: watch::Sender::default(),
            listeners: RwLock::default(),
            head: AtomicU64::new(0),
            announced: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            readers: AtomicU64::new(0),
            viewers: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            idle: AtomicU8::new(0),
        })
    }

    /// What viewers ask for.
    #[must_use]
    pub fn name(&self) -> &StreamName {
        &self.name
    }

    pub(crate) fn limits(&self) -> &WindowLimits {
        &self.limits
    }

    // === publishing

    /// For how long nothing has come from the Publisher; `None` if there is none.
    #[must_use]
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let inner = self.inner.lock();
        inner.run.as_ref().map(|run| now.saturating_duration_since(run.last_heard))
    }

    /// Becomes the Publisher. `who` is shown in the status (never a key).
    ///
    /// # Errors
    /// [`Busy`] when another one publishes and `takeover` does not allow to displace it yet.
    pub fn publish(
        self: &Arc<Self>,
        now: Instant,
        takeover: Takeover,
        who: &str,
    ) -> Result<Publisher, Busy> {
        let mut inner = self.inner.lock();
        if let Some(run) = &inner.run {
            let silent_at = run.last_heard + SILENCE;
            if takeover == Takeover::WhenSilent && now < silent_at {
                return Err(Busy { silent_at, heard: self.heard.load(Ordering::Acquire) });
            }
            self.end_run(&mut inner, RunEnd::Lost, now, "another encoder took over");
            inner.counters.takeovers += 1;
        }
        inner.runs += 1;
        let begin = inner.resume.map(|(newest, ended)| {
            let pause = now.saturating_duration_since(ended).clamp(MIN_PAUSE, MAX_PAUSE);
            newest + TimeDelta::from_millis(i64::try_from(pause.as_millis()).unwrap_or(1000))
        });
        let (run, publisher) = RunState::begin(self.clone(), inner.runs, begin, now, who);
        let started = Content::RunStarted { run: inner.runs };
        inner.window.push(started, now, None);
        inner.run = Some(run);
        inner.counters.runs += 1;
        self.head.store(inner.window.head(), Ordering::Release);
        drop(inner);
        self.wake(0);
        Ok(publisher)
    }

    /// Ends the Run that is in `inner`, if any.
    pub(crate) fn end_run(&self, inner: &mut Inner, end: RunEnd, now: Instant, why: &str) {
        let Some(run) = inner.run.take() else { return };
        run.holder.revoke(why);
        inner.resume = Some((run.timeline.newest(), run.last_heard));
        inner.window.push(Content::RunEnded(end), now, None);
        inner.counters.fold(&run);
        self.liveness.send_modify(|liveness| {
            liveness.on_air = OnAir::Ended(end);
            liveness.orderly_ends += u64::from(end == RunEnd::Orderly);
        });
        self.note_firsts_ended(false);
        self.head.store(inner.window.head(), Ordering::Release);
    }

    /// Resolves once the first Track of a kind (number 0) has ended and another one of the kind goes
    /// on; at once if that is so. Readers that follow just the first ones look for another then.
    /// Cancel-safe.
    pub fn firsts_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.firsts_ended.subscribe();
        async move {
            if ended.wait_for(|ended| *ended).await.is_err() {
                std::future::pending().await
            }
        }
    }

    pub(crate) fn note_firsts_ended(&self, ended: bool) {
        self.firsts_ended.send_if_modified(|now| std::mem::replace(now, ended) != ended);
    }

    /// Resolves once something is heard of the Publisher after the mark in [`Busy`], or it ended.
    /// Cancel-safe.
    pub async fn publisher_stirs(&self, busy: &Busy) {
        self.until(|| self.heard.load(Ordering::Acquire) != busy.heard).await;
    }

    /// Ends the Publisher's session from outside, for example on an operator's order.
    pub fn end_publisher(&self, now: Instant, why: &str) {
        let mut inner = self.inner.lock();
        self.end_run(&mut inner, RunEnd::Lost, now, why);
        drop(inner);
        self.hear();
        self.wake(0);
    }

    /// Notes a sign of life of the Publisher.
    pub(crate) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that this Run can be joined.
    pub(crate) fn is_on_air(&self, run: u64) {
        let on_air = OnAir::Live { run };
        self.liveness.send_if_modified(|now| std::mem::replace(&mut now.on_air, on_air) != on_air);
    }

    /// Follows what the Stream is doing.
    #[must_use]
    pub fn liveness(&self) -> watch::Receiver<Liveness> {
        self.liveness.subscribe()
    }

    pub(crate) fn store_head(&self, head: u64) {
        self.head.store(head, Ordering::Release);
    }

    // === reading

    /// A place to read from.
    #[must_use]
    pub fn join(&self, start: Start, bounds: Bounds, now: Instant) -> Cursor {
        self.inner.lock().window.join(start, bounds, now)
    }

    /// A mark for readers whose cursors are kept elsewhere. While they are late, the Window keeps
    /// what they have not had yet, as far as its limits go.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.inner.lock().window.marks.add()
    }

    /// An async reader.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, start: Start, bounds: Bounds, now: Instant) -> Subscriber {
        self.readers.fetch_add(1, Ordering::AcqRel);
        Subscriber::new(self.clone(), self.join(start, bounds, now))
    }

    /// An async reader that goes on where another one stood.
    #[must_use]
    pub fn subscribe_at(self: &Arc<Self>, cursor: Cursor) -> Subscriber {
        self.readers.fetch_add(1, Ordering::AcqRel);
        let reader = Subscriber::new(self.clone(), cursor);
        reader.keep();
        reader
    }

    /// Appends up to about `max` items from the cursor on, and moves it by just these.
    pub fn read(&self, cursor: &mut Cursor, now: Instant, max: usize, out: &mut Vec<Item>) {
        if self.head() > cursor.next {
            self.inner.lock().window.read(cursor, now, max, out);
        }
    }

    /// Has a reader that cannot read at the moment lose what it is too late for, and tells how far
    /// it is behind then: time and bytes.
    pub fn shed(&self, cursor: &mut Cursor, now: Instant) -> (Duration, u64) {
        let inner = self.inner.lock();
        inner.window.shed(cursor, now);
        inner.window.lag(cursor, now)
    }

    /// How far a reader is behind: time and bytes.
    #[must_use]
    pub fn lag(&self, cursor: &Cursor, now: Instant) -> (Duration, u64) {
        self.inner.lock().window.lag(cursor, now)
    }

    /// The sequence number after the newest entry; costs one atomic read.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The same when readers were last woken: what came since waits for the next picture, and is no
    /// reason to write by itself.
    #[must_use]
    pub fn announced(&self) -> u64 {
        self.announced.load(Ordering::Acquire)
    }

    /// Whether the Stream was removed; its readers end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether somebody publishes.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.inner.lock().run.is_some()
    }

    /// Whether nobody publishes or reads.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.readers.load(Ordering::Acquire) == 0 && !self.is_live()
    }

    /// Somebody asked for it.
    pub(crate) fn mark_used(&self) {
        self.idle.store(0, Ordering::Release);
    }

    /// Counts the sweeps in a row that found it idle.
    pub(crate) fn idle_sweeps(&self) -> u8 {
        if !self.is_idle() {
            self.mark_used();
            return 0;
        }
        let sweeps = self.idle.load(Ordering::Acquire).saturating_add(1);
        self.idle.store(sweeps, Ordering::Release);
        sweeps
    }

    /// Whether a joiner would get a picture (or sound) at once.
    #[must_use]
    pub fn is_joinable(&self) -> bool {
        self.inner.lock().window.joinable()
    }

    /// Counts one more outside reader (a fan-out viewer); see [`Stream::reader_left`].
    pub fn reader_joined(&self) {
        self.readers.fetch_add(1, Ordering::AcqRel);
    }

    /// The outside reader left.
    pub fn reader_left(&self) {
        self.readers.fetch_sub(1, Ordering::AcqRel);
    }

    /// Counts a viewer, for as long as the answer lives. Of all readers only these are an audience.
    #[must_use]
    pub fn viewing(self: &Arc<Self>) -> Viewing {
        self.viewers.fetch_add(1, Ordering::Relaxed);
        Viewing(self.clone())
    }

    /// How many watch or wait to.
    #[must_use]
    pub fn viewers(&self) -> u64 {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Has `listener` woken whenever there is something to read.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.listeners.write().push(listener);
    }

    /// Ends [`Stream::listen`] for this very listener.
    pub fn unlisten(&self, listener: &Arc<dyn Listener>) {
        self.listeners.write().retain(|l| !Arc::ptr_eq(l, listener));
    }

    /// Wakes the readers, for Frames of so many bytes.
    pub(crate) fn wake(&self, bytes: usize) {
        self.announced.store(self.head(), Ordering::Release);
        self.notify.notify_waiters();
        for listener in &*self.listeners.read() {
            listener.wake(bytes);
        }
    }

    /// Waits until `done` holds, looking at each wake-up. Cancel-safe.
    pub(crate) async fn until(&self, done: impl Fn() -> bool) {
        loop {
            let mut woken = std::pin::pin!(self.notify.notified());
            woken.as_mut().enable(); // register first, look second: no wake-up is lost
            if done() {
                return;
            }
            woken.await;
        }
    }

    // === care

    /// Removes the Stream from use: the Publisher and all readers end.
    pub fn close(&self, now: Instant, why: &str) {
        let mut inner = self.inner.lock();
        self.end_run(&mut inner, RunEnd::Orderly, now, why);
        drop(inner);
        self.closed.store(true, Ordering::Release);
        self.liveness.send_modify(|liveness| liveness.on_air = OnAir::Closed);
        self.hear();
        self.wake(0);
    }

    /// Lets go of what a Stream without a Publisher still holds. Call about once per second.
    pub fn sweep(&self, now: Instant) {
        let mut inner = self.inner.lock();
        if inner.run.is_none() {
            inner.window.evict_idle(now);
        }
    }

    /// What the status shows.
    #[must_use]
    pub fn stats(&self, now: Instant) -> StreamStats {
        let inner = self.inner.lock();
        StreamStats {
            name: self.name.clone(),
            live: inner.run.is_some(),
            readers: self.readers.load(Ordering::Acquire),
            viewers: self.viewers.load(Ordering::Relaxed),
            runs: inner.counters.runs,
            takeovers: inner.counters.takeovers,
            frames_in: inner.counters.frames_in(inner.run.as_ref()),
            bytes_in: inner.counters.bytes_in(inner.run.as_ref()),
            frames_dropped: inner.counters.dropped(inner.run.as_ref()),
            clock_levelled: inner.counters.levelled(inner.run.as_ref()),
            clock_rebased: inner.counters.rebased(inner.run.as_ref()),
            frames_late: inner.counters.late(inner.run.as_ref()),
            frames_opaque: inner.counters.opaque(inner.run.as_ref()),
            window_bytes: inner.window.bytes() as u64,
            publisher: inner.run.as_ref().map(|run| PublisherStats::of(run, &inner.window, now)),
        }
    }

    /// The Tracks in force, empty without a Publisher.
    #[must_use]
    pub fn tracks(&self) -> Arc<TrackSet> {
        self.inner.lock().run.as_ref().map(|run| run.book.set().clone()).unwrap_or_default()
    }
}

/// Somebody who watches a Stream.
#[derive(Debug)]
pub struct Viewing(Arc<Stream>);

impl Drop for Viewing {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.name)
    }
}
