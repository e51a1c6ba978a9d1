//! What the machine itself denies everybody: how late a thread that only sleeps is woken. A receiver
//! cannot blame the program for that much of a silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// The longest delay, in microseconds.
    longest: AtomicU64,
}

/// A thread that sleeps and looks at the clock.
pub struct Witness {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Witness {
    fn default() -> Self {
        Self::new()
    }
}

impl Witness {
    /// One that watches from now on.
    #[must_use]
    pub fn new() -> Self {
        let shared = Arc::<Shared>::default();
        let seen = shared.clone();
        let thread = std::thread::spawn(move || {
            while !seen.stop.load(Ordering::Relaxed) {
                let from = Instant::now();
                std::thread::sleep(STEP);
                let late = from.elapsed().saturating_sub(STEP).as_micros();
                seen.longest.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// How late it was woken at most.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.shared.longest.load(Ordering::Relaxed))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
