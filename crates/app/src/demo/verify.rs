//! Whether everything that was sent arrived: bit by bit, in order, once, at its time.
//!
//! Pure. The encoder plays a reel in a loop, so that frame `n` is known without a list of all that
//! was ever sent; content and time stamp together say which frame it is that came.

use super::reel::Reel;
use manycast_media::TrackKind;
use std::sync::Arc;

/// Time stamps travel as whole milliseconds, and the first one is taken off all others.
const TOLERANCE_MS: i64 = 1;

/// What was found wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Never came, or too late to be in order.
    pub(super) missing: u64,
    /// Came again, or after its successors.
    pub(super) doubled: u64,
    /// Other bytes than were sent, or never sent at all.
    pub(super) changed: u64,
    /// The right bytes with another time stamp.
    pub(super) mistimed: u64,
}

/// Follows what one destination receives.
#[derive(Debug)]
pub(super) struct Verifier {
    reel: Arc<Reel>,
    /// The frame that the first one received was.
    first: Option<u64>,
    /// The one after the last that came.
    next: u64,
    /// What time stamps of this Run are relative to: due on the reel's clock minus received.
    shift: Option<i64>,
    /// Frames that came as they were sent, each counted once.
    good: u64,
    faults: Faults,
}

impl Verifier {
    pub(super) fn new(reel: Arc<Reel>) -> Self {
        Self { reel, first: None, next: 0, shift: None, good: 0, faults: Faults::default() }
    }

    /// The destination was dialled anew: it begins again at some key frame.
    pub(super) fn run_started(&mut self) {
        self.shift = None;
    }

    /// A frame came, stamped with `at` ms, when `sent` frames had been sent.
    pub(super) fn frame(&mut self, sent: u64, kind: TrackKind, at: i64, body: &[u8]) {
        let Some(shift) = self.shift else { return self.begin(sent, kind, at, body) };
        let due = at + shift;
        if self.is(self.next, kind, body) && self.is_due(self.next, due) {
            self.take(self.next);
        } else if let Some(found) = self.ahead(sent, |n| self.is(n, kind, body), due) {
            self.take(found);
        } else if self.behind(kind, due, body) {
            self.faults.doubled += 1;
        } else if self.is(self.next, kind, body) {
            self.faults.mistimed += 1;
            self.next += 1;
        } else {
            self.faults.changed += 1;
            let in_place = |n| self.reel.frame(n).0.kind == kind;
            if let Some(place) = self.ahead(sent, in_place, due) {
                self.faults.missing += place - self.next;
                self.next = place + 1;
            }
        }
    }

    /// The first frame of a Run: a key frame of those that were sent, the newest that fits.
    fn begin(&mut self, sent: u64, kind: TrackKind, at: i64, body: &[u8]) {
        let earliest = sent.saturating_sub(self.reel.len());
        let found =
            (earliest..sent).rev().find(|n| self.reel.frame(*n).0.key && self.is(*n, kind, body));
        let Some(found) = found else {
            self.faults.changed += 1;
            return;
        };
        self.shift = Some(self.reel.frame(found).1 - at);
        if self.first.is_none() {
            self.first = Some(found);
            self.next = found;
        }
        if found < self.next {
            // What it was given to start with it had already.
            self.faults.doubled += self.next - found;
            self.good -= (self.next - found).min(self.good);
            self.next = found;
        }
        self.take(found);
    }

    fn take(&mut self, n: u64) {
        self.faults.missing += n - self.next;
        self.good += 1;
        self.next = n + 1;
    }

    fn is(&self, n: u64, kind: TrackKind, body: &[u8]) -> bool {
        let frame = self.reel.frame(n).0;
        frame.kind == kind && frame.body == body
    }

    fn is_due(&self, n: u64, at: i64) -> bool {
        (self.reel.frame(n).1 - at).abs() <= TOLERANCE_MS
    }

    /// A frame that is yet to come and due at this time.
    fn ahead(&self, sent: u64, fits: impl Fn(u64) -> bool, due: i64) -> Option<u64> {
        (self.next..sent).find(|n| self.is_due(*n, due) && fits(*n))
    }

    /// Whether it came already.
    fn behind(&self, kind: TrackKind, due: i64, body: &[u8]) -> bool {
        let first = self.first.unwrap_or(0);
        let earliest = self.next.saturating_sub(2 * self.reel.len()).max(first);
        (earliest..self.next).rev().any(|n| self.is(n, kind, body) && self.is_due(n, due))
    }

    /// Whether nothing more is to come of what was sent.
    pub(super) fn is_settled(&self, sent: u64) -> bool {
        self.first.is_some() && self.next >= sent
    }

    /// Frames that came as they were sent.
    pub(super) fn good(&self) -> u64 {
        self.good
    }

    /// What was wrong so far.
    pub(super) fn faults(&self) -> Faults {
        self.faults
    }

    /// Frames that this destination should have of `sent`: all from its first key frame on, or
    /// simply all if it has none.
    pub(super) fn due(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.first.unwrap_or(0))
    }

    /// Frames missing of `sent`, those included that may still be under way.
    pub(super) fn missing(&self, sent: u64) -> u64 {
        let next = if self.first.is_some() { self.next } else { 0 };
        self.faults.missing + sent.saturating_sub(next)
    }

    /// Whether all of `sent` is here, and nothing else.
    pub(super) fn is_whole(&self, sent: u64) -> bool {
        self.first.is_some() && self.missing(sent) == 0 && self.faults == Faults::default()
    }
}
