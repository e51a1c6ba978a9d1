//! The log: to standard error, as text or JSON, bounded in rate.
//!
//! Belongs here: format, level, and the budget that keeps a flood of bad connections from filling a
//! disk (B14). Must not come here: what is logged.

use crate::config::{Log, LogFormat};
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// What may come at once, in bytes.
const BURST: u64 = 250_000;
/// Bytes per second beside it: together at most 1 MB in any minute.
const RATE: u64 = (1_000_000 - BURST) / 60;

/// The log of this process.
pub(super) struct Logging {
    level: reload::Handle<Targets, Registry>,
    budget: Arc<Budget>,
}

impl Logging {
    /// Begins to log. A second call in one process (tests) leaves the first in force.
    pub(super) fn start(log: &Log) -> Self {
        let budget = Arc::new(Budget::new(log.level));
        let (filter, level) = reload::Layer::new(targets(log.level));
        let writer = Writer(budget.clone());
        let registry = tracing_subscriber::registry().with(filter);
        let _ = match log.format {
            LogFormat::Text => {
                let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
                registry.with(layer).try_init()
            }
            LogFormat::Json => {
                let layer = tracing_subscriber::fmt::layer().json().with_writer(writer);
                registry.with(layer.flatten_event(true)).try_init()
            }
        };
        Self { level, budget }
    }

    /// Says nothing, for a server inside a tool that has the terminal for itself.
    pub(super) fn silent(log: &Log) -> Self {
        let (_, level) = reload::Layer::new(targets(log.level));
        Self { level, budget: Arc::new(Budget::new(log.level)) }
    }

    /// Changes the level.
    pub(super) fn set_level(&self, level: Level) {
        self.budget.set_level(level);
        let _ = self.level.reload(targets(level));
    }

    /// Says how many lines were left out since the last call, if any.
    pub(super) fn tell_suppressed(&self) {
        let lines = self.budget.untold.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::error!(lines, "log lines were left out: more than 1 MB per minute");
        }
    }
}

/// Our own crates at this level; the libraries below only when something is wrong.
fn targets(level: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::from_level(level.min(Level::WARN)))
        .with_target("manycast", level)
}

/// How much may still be written.
struct Budget {
    /// Whoever asks for debug or trace gets everything.
    unbounded: AtomicBool,
    /// Bytes left, and when they were last topped up.
    left: Mutex<(u64, Instant)>,
    untold: AtomicU64,
}

/// Lines left out since the start of the process.
static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// Lines left out since the start of the process.
pub(super) fn suppressed() -> u64 {
    SUPPRESSED.load(Ordering::Relaxed)
}

impl Budget {
    fn new(level: Level) -> Self {
        Self {
            unbounded: AtomicBool::new(level > Level::INFO),
            left: Mutex::new((BURST, Instant::now())),
            untold: AtomicU64::new(0),
        }
    }

    fn set_level(&self, level: Level) {
        self.unbounded.store(level > Level::INFO, Ordering::Relaxed);
    }

    /// Whether a line of this size may be written now.
    fn take(&self, now: Instant, bytes: u64) -> bool {
        if self.unbounded.load(Ordering::Relaxed) {
            return true;
        }
        let mut guard = self.left.lock();
        let (left, topped_up) = &mut *guard;
        let ms = now.saturating_duration_since(*topped_up).as_millis();
        let earned = u64::try_from(ms).unwrap_or(u64::MAX).saturating_mul(RATE) / 1000;
        if earned > 0 {
            *left = left.saturating_add(earned).min(BURST);
            *topped_up = now;
        }
        let enough = *left >= bytes;
        if enough {
            *left -= bytes;
        } else {
            self.untold.fetch_add(1, Ordering::Relaxed);
            SUPPRESSED.fetch_add(1, Ordering::Relaxed);
        }
        enough
    }
}

#[derive(Clone)]
struct Writer(Arc<Budget>);

/// One line on its way to standard error.
struct Line<'a> {
    budget: &'a Budget,
    /// Errors are ours, not a stranger's; they are never left out.
    free: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.free || self.budget.take(Instant::now(), bytes.len() as u64) {
            io::stderr().lock().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { budget: &self.0, free: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        Line { budget: &self.0, free: *meta.level() == Level::ERROR }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn b14_a_flood_is_cut_to_a_megabyte_per_minute() {
        let budget = Budget::new(Level::INFO);
        let start = Instant::now();
        let mut written = 0;
        for minute in 1..=2 {
            for ms in (minute - 1) * 60_000..minute * 60_000 {
                let now = start + Duration::from_millis(ms);
                written += (0..10).filter(|_| budget.take(now, 200)).count() * 200;
            }
            let (least, most) = (700_000 * minute, 1_000_000 * minute);
            let written = u64::try_from(written).unwrap();
            assert!((least..=most).contains(&written), "{written} bytes in {minute} minutes");
        }
        assert!(budget.untold.load(Ordering::Relaxed) > 1_000_000);
    }

    #[test]
    fn whoever_asks_for_everything_gets_it() {
        let budget = Budget::new(Level::DEBUG);
        assert!((0..10_000).all(|_| budget.take(Instant::now(), 200)));
        budget.set_level(Level::INFO);
        assert!(!(0..10_000).all(|_| budget.take(Instant::now(), 200)));
    }
}
