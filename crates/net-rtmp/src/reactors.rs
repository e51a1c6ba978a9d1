//! Threads that each serve their share of the connections, with an event loop of their own.
//!
//! A connection stays on its thread: what one message makes happen (to read, to parse, to give it to
//! a few viewers) happens there, without waking another thread. Work that takes its time, such as
//! handshakes of TLS, stays with the runtime of the listener, whose threads share what is to do.
//!
//! Belongs here: the threads. Must not come here: connections.

use std::io;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Event loops, one per thread. Dropping them cuts what is left on them.
#[derive(Debug)]
pub struct Reactors {
    handles: Vec<Handle>,
    threads: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Reactors {
    /// Starts so many threads, at least one.
    ///
    /// # Errors
    /// When the system gives no more threads or event queues.
    pub fn start(count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (mut handles, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let mut stopped = stopped.clone();
            let thread = std::thread::Builder::new().name(format!("rtmp-{number}"));
            threads.push(thread.spawn(move || {
                // An error means that the sender is gone, which is an order to stop as well.
                let _ = runtime.block_on(stopped.wait_for(|stop| *stop));
            })?);
        }
        Ok(Self { handles, threads, stop })
    }

    pub(crate) fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.handles.iter()
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
