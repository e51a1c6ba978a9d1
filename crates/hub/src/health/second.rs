//! What came in one second, and the ring of the last of them.

use super::WINDOW_SECONDS;
use manycast_media::TICKS_PER_SECOND;

/// The window, the second that runs and one to spare.
const KEPT: usize = 12;

/// Sums of one second by arrival. Times are ticks since the first Frame of the Run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Second {
    /// Counted from the Track's first Frame.
    pub(super) number: u32,
    pub(super) frames: u32,
    pub(super) bytes: u64,
    pub(super) first_at: i64,
    pub(super) first_dts: i64,
    pub(super) transit_sum: i64,
    pub(super) transit_min: i64,
    pub(super) gap_max: i64,
    pub(super) late: u32,
    /// Frames that could be empty: sound, and pictures that are no key frames.
    pub(super) deltas: u32,
    pub(super) empty: u32,
}

impl Second {
    pub(super) const fn new(number: u32) -> Self {
        Self {
            number,
            frames: 0,
            bytes: 0,
            first_at: 0,
            first_dts: 0,
            transit_sum: 0,
            transit_min: i64::MAX,
            gap_max: 0,
            late: 0,
            deltas: 0,
            empty: 0,
        }
    }

    /// Whether its Frames said nothing; `None` when there were none to tell by.
    pub(super) fn is_still(&self) -> Option<bool> {
        (self.deltas > 0).then(|| u64::from(self.empty) * 5 >= u64::from(self.deltas) * 4)
    }
}

/// The seconds of a Track.
#[derive(Debug)]
pub(crate) struct Seconds {
    start: i64,
    /// When the current one ends.
    ends: i64,
    pub(super) current: Second,
    /// Apart, since each Frame reads what is before it.
    ring: Box<[Second; KEPT]>,
}

impl Seconds {
    pub(super) fn new(start: i64) -> Self {
        let ends = start.saturating_add(TICKS_PER_SECOND);
        let none = Second::new(u32::MAX);
        Self { start, ends, current: Second::new(0), ring: Box::new([none; KEPT]) }
    }

    /// Whether the current second is over.
    pub(super) const fn is_over(&self, at: i64) -> bool {
        at >= self.ends
    }

    /// Begins the second of `at`; hands out the one that is closed.
    pub(super) fn turn(&mut self, at: i64) -> Second {
        let closed = self.current;
        self.ring[slot(closed.number)] = closed;
        let number = self.number(at);
        self.current = Second::new(number);
        let passed = (i64::from(number) + 1).saturating_mul(TICKS_PER_SECOND);
        self.ends = self.start.saturating_add(passed);
        closed
    }

    /// The number of the second that `at` falls into.
    pub(super) fn number(&self, at: i64) -> u32 {
        u32::try_from(at.saturating_sub(self.start) / TICKS_PER_SECOND).unwrap_or(0)
    }

    /// One second by its number, if anything came in it.
    pub(super) fn get(&self, number: u32) -> Option<&Second> {
        let found =
            if number == self.current.number { &self.current } else { &self.ring[slot(number)] };
        (found.number == number && found.frames > 0).then_some(found)
    }

    /// How many full seconds there are before `at`, at most `most`.
    pub(super) fn full(&self, at: i64, most: u32) -> u32 {
        self.number(at).min(most)
    }

    /// The last full seconds before `at`, at most `most`, oldest first; `None` where nothing came.
    pub(super) fn last(&self, at: i64, most: u32) -> impl Iterator<Item = Option<&Second>> {
        let end = self.number(at);
        let most = most.min(WINDOW_SECONDS);
        (end.saturating_sub(most)..end).map(|number| self.get(number))
    }
}

fn slot(number: u32) -> usize {
    usize::try_from(number).unwrap_or(0) % KEPT
}
