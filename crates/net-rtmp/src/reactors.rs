//! Threads that each serve their share of the connections, with an event loop of their own.
//!
//! A connection stays on its thread: what one message makes happen (to read, to parse, to give it to
//! a few viewers) happens there, without waking another thread. Work that takes its time, such as
//! handshakes of TLS, stays with the runtime of the listener, whose threads share what is to do.
//!
//! Belongs here: threads and who goes where. Must not come here: connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Event loops, one per thread. Dropping them cuts what is left on them.
#[derive(Debug)]
pub struct Reactors {
    all: Vec<Reactor>,
    threads: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct Reactor {
    handle: Handle,
    connections: Arc<AtomicUsize>,
}

/// A connection's place on a thread.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) handle: Handle,
    connections: Arc<AtomicUsize>,
}

impl Reactors {
    /// Starts so many threads, at least one.
    ///
    /// # Errors
    /// When the system gives no more threads or event queues.
    pub fn start(count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (mut all, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let mut stopped = stopped.clone();
            let thread = std::thread::Builder::new().name(format!("rtmp-{number}"));
            threads.push(thread.spawn(move || {
                // An error means that the sender is gone, which is an order to stop as well.
                let _ = runtime.block_on(stopped.wait_for(|stop| *stop));
            })?);
            all.push(Reactor { handle, connections: Arc::default() });
        }
        Ok(Self { all, threads, stop })
    }

    /// A place where there are the fewest connections.
    pub(crate) fn seat(&self) -> Option<Seat> {
        let few = |reactor: &&Reactor| reactor.connections.load(Ordering::Relaxed);
        let Reactor { handle, connections } = self.all.iter().min_by_key(few)?;
        connections.fetch_add(1, Ordering::Relaxed);
        Some(Seat { handle: handle.clone(), connections: connections.clone() })
    }
}

impl Drop for Reactors {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // The last one to let go may be a connection on one of them.
        let here = std::thread::current().id();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != here) {
            let _ = thread.join();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
