//! One thread with its share of the viewers.

use crate::FanoutConfig;
use crate::fanout::{Control, Detached};
use crate::group::Group;
use crate::viewer::{Viewer, ViewerParts};
use manycast_hub::{Lane, Listener, Stream};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How soon a viewer whose connection took nothing is tried again.
const RETRY: Duration = Duration::from_millis(10);
/// The longest sleep.
const IDLE: Duration = Duration::from_secs(1);

/// What a shard is asked to do.
pub(crate) enum Command {
    Join(Box<Joining>),
    /// Take the viewer out and hand back its place and what it has begun.
    Detach(Arc<Control>, oneshot::Sender<Detached>),
    Leave(Arc<Control>),
}

pub(crate) struct Joining {
    pub(crate) stream: Arc<Stream>,
    pub(crate) lane: Option<Arc<dyn Lane>>,
    pub(crate) viewer: ViewerParts,
}

/// The side of a shard that other threads see.
#[derive(Default)]
pub(crate) struct Shard {
    dirty: AtomicBool,
    stopped: AtomicBool,
    /// Some viewer has control bytes, or is to jump.
    attention: AtomicBool,
    thread: OnceLock<Thread>,
    commands: Mutex<Vec<Command>>,
    pub(crate) viewers: AtomicUsize,
}

impl Listener for Shard {
    fn wake(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

impl Shard {
    pub(crate) fn command(&self, command: Command) {
        self.commands.lock().push(command);
        self.wake();
    }

    /// Has the viewers asked what they want beside the Stream.
    pub(crate) fn attend(&self) {
        self.attention.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }

    /// Starts the thread.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        number: usize,
        config: FanoutConfig,
    ) -> std::io::Result<JoinHandle<()>> {
        let shard = self.clone();
        std::thread::Builder::new().name(format!("fanout-{number}")).spawn(move || {
            let _ = shard.thread.set(std::thread::current());
            Worker { shard, config, groups: Vec::new() }.run();
        })
    }
}

struct Worker {
    shard: Arc<Shard>,
    config: FanoutConfig,
    groups: Vec<Group>,
}

impl Worker {
    fn run(&mut self) {
        while !self.shard.stopped.load(Ordering::Acquire) {
            self.shard.dirty.store(false, Ordering::Release);
            let wait = self.turn(Instant::now());
            if !self.shard.dirty.load(Ordering::Acquire) {
                std::thread::park_timeout(wait);
            }
        }
        self.groups.clear();
        self.shard.viewers.store(0, Ordering::Release);
    }

    /// Does what is due; how long there is nothing more to do.
    fn turn(&mut self, now: Instant) -> Duration {
        self.obey(now);
        let mut wait = IDLE;
        for group in &mut self.groups {
            match group.due(now, &self.config) {
                Some(at) if at <= now => group.pass(Instant::now()),
                _ if group.has_blocked() => group.pass(now),
                _ => {}
            }
            if let Some(at) = group.due(now, &self.config) {
                wait = wait.min(at.saturating_duration_since(now));
            }
            if group.has_blocked() {
                wait = wait.min(RETRY);
            }
        }
        self.groups.retain(|g| !g.viewers.is_empty());
        let viewers = self.groups.iter().map(|g| g.viewers.len()).sum();
        self.shard.viewers.store(viewers, Ordering::Release);
        wait
    }

    fn obey(&mut self, now: Instant) {
        let commands = std::mem::take(&mut *self.shard.commands.lock());
        for command in commands {
            match command {
                Command::Join(joining) => self.join(*joining, now),
                Command::Detach(control, reply) => {
                    if let Some(viewer) = self.remove(&control) {
                        let _ = reply.send(detached(viewer));
                    }
                }
                Command::Leave(control) => drop(self.remove(&control)),
            }
        }
        if !self.shard.attention.swap(false, Ordering::AcqRel) {
            return;
        }
        for group in &mut self.groups {
            group.restless |= group.viewers.iter().any(|v| v.control.wants_attention());
        }
    }

    fn join(&mut self, joining: Joining, now: Instant) {
        let Joining { stream, lane, viewer } = joining;
        let id = |lane: &Option<Arc<dyn Lane>>| lane.as_ref().map(|lane| lane.id());
        let same = |g: &&mut Group| Arc::ptr_eq(&g.stream, &stream) && id(&g.lane) == id(&lane);
        let viewer = Viewer::new(&stream, viewer, now);
        stream.reader_joined();
        if let Some(group) = self.groups.iter_mut().find(same) {
            group.viewers.push(viewer);
            group.restless = true;
            return;
        }
        let listener: Arc<dyn Listener> = self.shard.clone();
        let mut group = Group::new(stream, lane, listener);
        group.viewers.push(viewer);
        self.groups.push(group);
    }

    fn remove(&mut self, control: &Arc<Control>) -> Option<Viewer> {
        self.groups.iter_mut().find_map(|group| group.remove(control))
    }
}

fn detached(mut viewer: Viewer) -> Detached {
    let control = viewer.control.take();
    viewer.queue(control);
    Detached { rest: viewer.take_tail(), cursor: viewer.cursor.clone() }
}
