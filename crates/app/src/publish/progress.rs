//! What is said while a file goes out: a line that renews itself each second on a terminal, a plain
//! line each five seconds elsewhere.

use super::pace::Meter;
use crate::tool::format::{bitrate, clock, grouped, millis};
use crate::tool::say;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Seconds between two plain lines.
const PLAIN: u64 = 5;
/// A delay that is worth a word.
const LATE_MS: u64 = 100;

/// The voice of the tool.
#[derive(Debug)]
pub(crate) struct Progress {
    screen: bool,
    quiet: bool,
    start: Instant,
    seconds: u64,
    before: (Instant, u64),
}

impl Progress {
    /// On a terminal (`screen`) or elsewhere.
    pub(crate) fn start(screen: bool) -> Self {
        let now = Instant::now();
        Self { screen, quiet: false, start: now, seconds: 0, before: (now, 0) }
    }

    /// Says nothing.
    #[cfg(test)]
    pub(crate) fn quiet() -> Self {
        Self { quiet: true, ..Self::start(false) }
    }

    pub(super) fn say(&self, line: &str) {
        if !self.quiet {
            say(&format!("{line}\n"));
        }
    }

    /// Once per second.
    pub(super) fn show(&mut self, meter: &Meter) {
        let seconds = self.seconds;
        self.seconds += 1;
        if self.quiet || seconds == 0 || (!self.screen && !seconds.is_multiple_of(PLAIN)) {
            return;
        }
        let line = self.line(meter);
        if self.screen {
            say(&format!("\r{line}\x1b[K"));
        } else {
            say(&format!("{line}\n"));
        }
    }

    fn line(&mut self, meter: &Meter) -> String {
        let (now, bytes) = (Instant::now(), meter.bytes.load(Ordering::Relaxed));
        let elapsed = millis(now - self.before.0).max(1);
        let rate = (bytes - self.before.1) * 8_000 / elapsed;
        self.before = (now, bytes);
        let time = Duration::from_millis(meter.time.load(Ordering::Relaxed) + 500);
        let frames = grouped(meter.frames.load(Ordering::Relaxed));
        let mut line = format!("{}  {}  {frames} frames", clock(time), bitrate(rate));
        let lag = meter.lag.load(Ordering::Relaxed);
        if lag >= LATE_MS {
            line += &format!("  {lag} ms late: the connection is too slow");
        }
        line
    }

    /// Ends the line that renews itself.
    pub(super) fn end(&self) {
        if self.screen && !self.quiet && self.seconds > 1 {
            say("\n");
        }
    }

    /// What was sent in all.
    pub(super) fn sum(&self, meter: &Meter) -> String {
        let frames = grouped(meter.frames.load(Ordering::Relaxed));
        let bytes = meter.bytes.load(Ordering::Relaxed);
        let took = Instant::now() - self.start;
        let rate = bitrate(bytes * 8_000 / millis(took).max(1));
        format!("sent {frames} frames, {} bytes in {} ({rate})", grouped(bytes), clock(took))
    }
}
