//! One thread with its share of the viewers.
//!
//! Belongs here: which groups there are, and when the thread looks at which. Must not come here:
//! what it does with them, see `cell` and `group`.

use crate::FanoutConfig;
use crate::bulk::Bulk;
use crate::cell::{Cell, Command};
use crate::group::Group;
use crate::viewer::ViewerParts;
use manycast_hub::{Lane, LaneId, Listener, Stream};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// The longest sleep.
const IDLE: Duration = Duration::from_secs(5);

/// Whose viewers a group holds: a Stream's, in one lane or writing alone. The group keeps its
/// Stream, so that no other one has this address meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(usize, Option<LaneId>);

impl Key {
    pub(crate) fn of(stream: &Arc<Stream>, lane: Option<&dyn Lane>) -> Self {
        Self(Arc::as_ptr(stream).addr(), lane.map(Lane::id))
    }
}

/// The side of a shard that other threads see.
pub(crate) struct Shard {
    config: FanoutConfig,
    epoch: Instant,
    thread: OnceLock<Thread>,
    stopped: AtomicBool,
    /// There is something to do at once.
    dirty: AtomicBool,
    /// When the thread will look at what is due, on the shard's clock.
    until: AtomicU64,
    cells: Mutex<HashMap<Key, Arc<Cell>>>,
    queue: Mutex<Vec<Arc<Cell>>>,
}

impl Shard {
    pub(crate) fn new(config: FanoutConfig) -> Arc<Self> {
        Arc::new(Self {
            config,
            epoch: Instant::now(),
            thread: OnceLock::new(),
            stopped: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            until: AtomicU64::new(u64::MAX),
            cells: Mutex::default(),
            queue: Mutex::default(),
        })
    }

    /// Starts the thread.
    pub(crate) fn spawn(self: &Arc<Self>, number: usize) -> std::io::Result<JoinHandle<()>> {
        let shard = self.clone();
        std::thread::Builder::new().name(format!("fanout-{number}")).spawn(move || {
            let _ = shard.thread.set(std::thread::current());
            shard.run();
        })
    }

    /// Nanoseconds since this shard began.
    pub(crate) fn clock(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Lets a viewer in; the group then has to be attended to.
    pub(crate) fn admit(
        self: &Arc<Self>,
        key: Key,
        stream: Arc<Stream>,
        lane: Option<Arc<dyn Lane>>,
        parts: ViewerParts,
    ) -> Arc<Cell> {
        let mut cells = self.cells.lock();
        let cell = match cells.entry(key) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let group = Group::new(stream.clone(), lane, self.config);
                place.insert(Cell::new(self, stream, group, self.config.inline)).clone()
            }
        };
        // Under the lock, so that the group is not deserted before its first viewer is in.
        cell.leave_command(Command::Join(Box::new(parts)));
        cell
    }

    pub(crate) fn viewers_of(&self, key: Key) -> usize {
        self.cells.lock().get(&key).map_or(0, |cell| cell.len())
    }

    pub(crate) fn viewers(&self) -> usize {
        self.cells.lock().values().map(|cell| cell.len()).sum()
    }

    /// Whether there is no group, and nothing to do.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        let calm = self.cells.lock().is_empty() && self.queue.lock().is_empty();
        calm && !self.dirty.load(Ordering::SeqCst)
    }

    /// Has the thread look at a group.
    pub(crate) fn queue(&self, cell: Arc<Cell>) {
        self.queue.lock().push(cell);
        self.wake();
    }

    /// Has the thread come back by then.
    pub(crate) fn expect(&self, at: u64) {
        if at < self.until.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.dirty.swap(true, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }

    fn run(&self) {
        let mut bulk = Bulk::new(self.config.bulk);
        while !self.stopped.load(Ordering::Acquire) {
            self.dirty.store(false, Ordering::SeqCst);
            self.until.store(0, Ordering::SeqCst); // awake: it looks at everything before it sleeps
            let queue = std::mem::take(&mut *self.queue.lock());
            for cell in &queue {
                self.serve(cell, &mut bulk);
            }
            drop(queue);
            let wait = self.serve_due(&mut bulk);
            if !self.dirty.load(Ordering::SeqCst) {
                std::thread::park_timeout(wait);
            }
        }
        let cells = std::mem::take(&mut *self.cells.lock());
        for cell in cells.values() {
            self.forget(cell);
            cell.clear();
        }
    }

    fn serve(&self, cell: &Arc<Cell>, bulk: &mut Bulk) {
        cell.queued.swap(false, Ordering::AcqRel); // sees what its caller did before
        cell.turn(bulk);
        if cell.len() > 0 {
            return;
        }
        let mut cells = self.cells.lock();
        if cell.is_deserted() {
            cells.retain(|_, known| !Arc::ptr_eq(known, cell));
            drop(cells);
            self.forget(cell);
        }
    }

    #[expect(clippy::unused_self, reason = "the counterpart of `admit`")]
    fn forget(&self, cell: &Arc<Cell>) {
        let listener: Arc<dyn Listener> = cell.clone();
        cell.stream.unlisten(&listener);
    }

    /// Looks at the groups whose time has come; how long there is nothing more to do.
    fn serve_due(&self, bulk: &mut Bulk) -> Duration {
        // From here on whoever expects the thread at any time wakes it: what is set before is seen.
        self.until.store(u64::MAX, Ordering::SeqCst);
        let now = self.clock(Instant::now());
        let cells = self.cells.lock();
        let due = |cell: &Arc<Cell>| cell.due.load(Ordering::SeqCst);
        let ripe: Vec<_> = cells.values().filter(|cell| due(cell) <= now).cloned().collect();
        let next = cells.values().map(due).filter(|at| *at > now).min().unwrap_or(u64::MAX);
        drop(cells);
        for cell in &ripe {
            self.serve(cell, bulk);
        }
        if !ripe.is_empty() {
            return Duration::ZERO; // what they are due for next is looked at then
        }
        let idle = u64::try_from(IDLE.as_nanos()).unwrap_or(u64::MAX);
        let next = next.min(now.saturating_add(idle));
        self.until.store(next, Ordering::SeqCst);
        Duration::from_nanos(next.saturating_sub(now))
    }
}
