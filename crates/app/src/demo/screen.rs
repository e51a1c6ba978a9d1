//! Where the demo is shown: a terminal that is redrawn in place, or plain lines.

use super::Stage;
use super::snapshot::Snapshot;
use super::view::{self, Look};
use crate::tool::say;
use std::fmt::Write as _;
use tokio::time::{Duration, Instant};

/// A second screen of the terminal without cursor and line wrap, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Everything is drawn anew this often, since terminals that are resized forget lines.
const WHOLE: Duration = Duration::from_secs(5);

/// A terminal. The first screen comes back when this is dropped, whatever the reason.
pub(super) struct Screen {
    look: Look,
    shown: Vec<String>,
    whole: Option<Instant>,
    open: bool,
}

impl Screen {
    pub(super) fn open() -> Self {
        say(ENTER);
        Self { look: Look::of_environment(), shown: Vec::new(), whole: None, open: true }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            say(LEAVE);
        }
    }
}

impl Stage for Screen {
    /// Writes the lines that changed, each at its place, so that a selection elsewhere stays.
    fn show(&mut self, snapshot: &Snapshot) {
        let lines = view::picture(snapshot, self.look);
        let now = Instant::now();
        let whole = self.whole.is_none_or(|at| now - at >= WHOLE) || lines.len() < self.shown.len();
        let mut out = String::new();
        if whole {
            self.whole = Some(now);
            out += "\x1b[2J";
        }
        for (row, line) in lines.iter().enumerate() {
            if whole || self.shown.get(row) != Some(line) {
                let _ = write!(out, "\x1b[{};1H{line}\x1b[K", row + 1);
            }
        }
        self.shown = lines;
        say(&out);
    }

    fn leave(&mut self, last: &Snapshot) {
        self.close();
        say(&(view::picture(last, self.look).join("\n") + "\n\n"));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

/// A pipe or a file: a line per second, without escape codes.
#[derive(Default)]
pub(super) struct Plain {
    seconds: Option<u64>,
}

impl Stage for Plain {
    fn show(&mut self, snapshot: &Snapshot) {
        let seconds = snapshot.elapsed.as_secs();
        let before = self.seconds.replace(seconds);
        if before.is_none() {
            say(&(view::opening(snapshot).join("\n") + "\n"));
        } else if before != Some(seconds) {
            say(&(view::line(snapshot) + "\n"));
        }
    }

    fn leave(&mut self, _: &Snapshot) {}
}
