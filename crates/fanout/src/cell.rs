//! A group of viewers behind its lock, and everybody who may serve it: the thread of its shard, the
//! Publisher that wakes it, the connections of its viewers.
//!
//! Nobody waits for the lock but the shard's thread. Whoever finds it taken leaves the work to that
//! thread: a task of the runtime is never held up by a pass.
//!
//! Belongs here: who does the work, and when it is to be looked at again. Must not come here: the
//! work, see `group`.

use crate::Inline;
use crate::bulk::Bulk;
use crate::control::Control;
use crate::fanout::{BLOCK, Detached};
use crate::group::Group;
use crate::shard::Shard;
use crate::viewer::ViewerParts;
use manycast_hub::{Listener, Stream};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::oneshot;

/// What a group is asked to do.
pub(crate) enum Command {
    Join(Box<ViewerParts>),
    /// The viewer has control bytes, or is to pause or to jump.
    Attend(Arc<Control>),
    /// Take the viewer out and hand back its place and what it has begun.
    Detach(Arc<Control>, oneshot::Sender<Detached>),
    Leave(Arc<Control>),
}

/// See the module.
pub(crate) struct Cell {
    me: Weak<Self>,
    shard: Weak<Shard>,
    pub(crate) stream: Arc<Stream>,
    group: Mutex<Group>,
    commands: Mutex<Vec<Command>>,
    /// The shard's thread was told of it already.
    pub(crate) queued: AtomicBool,
    /// When it is to be looked at again without a word, on the shard's clock; `u64::MAX`: never.
    pub(crate) due: AtomicU64,
    viewers: AtomicUsize,
    /// Commands that wait: looked at without their lock.
    waiting: AtomicUsize,
    inline: Inline,
}

impl Listener for Cell {
    fn wake(&self, bytes: usize) {
        let viewers = self.viewers.load(Ordering::Relaxed);
        let little = viewers < BLOCK && viewers.saturating_mul(bytes) <= self.inline.bytes;
        let here = viewers <= self.inline.viewers || little;
        if !(here && self.try_turn(Instant::now())) {
            self.rouse();
        }
    }
}

impl Cell {
    pub(crate) fn new(
        shard: &Arc<Shard>,
        stream: Arc<Stream>,
        group: Group,
        inline: Inline,
    ) -> Arc<Self> {
        let cell = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            shard: Arc::downgrade(shard),
            stream,
            group: Mutex::new(group),
            commands: Mutex::default(),
            queued: AtomicBool::new(false),
            due: AtomicU64::new(u64::MAX),
            viewers: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            inline,
        });
        cell.stream.listen(cell.clone());
        cell
    }

    /// Leaves a command for whoever serves next.
    pub(crate) fn leave_command(&self, command: Command) {
        let mut commands = self.commands.lock();
        commands.push(command);
        self.waiting.store(commands.len(), Ordering::Release);
    }

    /// Has a command obeyed, at once if nobody else is at work.
    pub(crate) fn command(&self, command: Command, now: Instant) {
        self.leave_command(command);
        self.attend(now);
    }

    /// Has what waits done, at once if nobody else is at work.
    pub(crate) fn attend(&self, now: Instant) {
        match self.group.try_lock() {
            Some(mut group) => {
                self.obey(&mut group, now);
                self.settle(&group, now);
                self.rouse_if_deserted(&group);
            }
            None => self.rouse(),
        }
    }

    fn try_turn(&self, now: Instant) -> bool {
        let Some(mut group) = self.group.try_lock() else { return false };
        self.work(&mut group, now, None);
        self.rouse_if_deserted(&group);
        true
    }

    /// The shard's thread takes a group away that has lost its last viewer.
    fn rouse_if_deserted(&self, group: &Group) {
        if group.len() == 0 {
            self.rouse();
        }
    }

    /// Does what is due, for the shard's thread.
    pub(crate) fn turn(&self, bulk: &mut Bulk) {
        let mut group = self.group.lock();
        self.work(&mut group, Instant::now(), Some(bulk));
    }

    fn work(&self, group: &mut Group, now: Instant, bulk: Option<&mut Bulk>) {
        self.obey(group, now);
        group.turn(now, bulk);
        self.settle(group, now);
    }

    fn obey(&self, group: &mut Group, now: Instant) {
        while self.waiting.load(Ordering::Acquire) > 0 {
            let commands = {
                let mut commands = self.commands.lock();
                self.waiting.store(0, Ordering::Release);
                std::mem::take(&mut *commands)
            };
            for command in commands {
                group.obey(command, now);
            }
        }
    }

    /// Tells the shard's thread when to come back.
    fn settle(&self, group: &Group, now: Instant) {
        self.viewers.store(group.len(), Ordering::Release);
        let Some(due) = group.due(now) else {
            return self.due.store(u64::MAX, Ordering::SeqCst);
        };
        let Some(shard) = self.shard.upgrade() else { return };
        let at = shard.clock(due);
        self.due.store(at, Ordering::SeqCst);
        if due <= now {
            self.rouse();
        } else {
            shard.expect(at);
        }
    }

    /// Has the shard's thread come.
    fn rouse(&self) {
        if !self.queued.swap(true, Ordering::AcqRel)
            && let (Some(shard), Some(me)) = (self.shard.upgrade(), self.me.upgrade())
        {
            shard.queue(me);
        }
    }

    /// Brings up to date what a viewer is told about itself, unless somebody is at work.
    pub(crate) fn show(&self, control: &Control) {
        if let Some(group) = self.group.try_lock() {
            group.show(control);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.viewers.load(Ordering::Acquire) + self.waiting.load(Ordering::Acquire)
    }

    /// Whether it can go. To be asked under the lock that admits viewers.
    pub(crate) fn is_deserted(&self) -> bool {
        self.group.lock().len() == 0 && self.waiting.load(Ordering::Acquire) == 0
    }

    /// Ends all viewers.
    pub(crate) fn clear(&self) {
        let mut group = self.group.lock();
        self.obey(&mut group, Instant::now());
        group.clear();
        self.viewers.store(0, Ordering::Release);
    }
}
