//! Two watches on how a peer's bytes arrive: messages that trickle, and chunks that are all header.
//!
//! Belongs here: the arithmetic of bars A4 and B6.
//! Must not come here: the other deadlines, which belong to the state that waits.

use std::time::{Duration, Instant};

use crate::chunk::OpenMessage;

/// Chunks that a peer may send at once beyond its rate.
const CHUNK_BURST: u64 = 50_000;
/// Chunks per millisecond on top of one for each [`BYTES_PER_CHUNK`]: half a percent of a core.
const CHUNKS_PER_MILLISECOND: u64 = 50;
/// A stream of 64-byte chunks never meets the limit, whatever its rate: the protocol's default is 128.
const BYTES_PER_CHUNK: u64 = 64;

/// `wait` after `now`.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}

/// The earlier of two instants that may be missing.
pub(crate) fn sooner(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A message that stays open has to arrive at a rate, bar B6.
///
/// It looks at the message that has been open longest, so that small messages beside it change
/// nothing.
#[derive(Clone, Debug)]
pub(crate) struct SlowWatch {
    window: Duration,
    least: usize,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    /// Which message it is.
    sequence: u64,
    /// Since when this window runs, and what had come of the message then.
    since: Instant,
    received: usize,
}

impl SlowWatch {
    /// Wants `bytes_per_second` on average over each `window`.
    pub(crate) fn new(window: Duration, bytes_per_second: u32) -> Self {
        let least = u64::from(bytes_per_second).saturating_mul(window.as_secs());
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        Self { window, least, open: None }
    }

    /// Tells where the reader stands after a read.
    pub(crate) fn note(&mut self, now: Instant, message: Option<OpenMessage>) {
        self.open = match (self.open, message) {
            (_, None) => None,
            (Some(open), Some(message)) if open.sequence == message.sequence => Some(open),
            (_, Some(message)) => {
                Some(Open { sequence: message.sequence, since: now, received: message.received })
            }
        };
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.and_then(|open| open.since.checked_add(self.window))
    }

    /// Whether the open message came too slowly. A window that was passed starts the next one.
    pub(crate) fn is_too_slow(&mut self, now: Instant, message: Option<OpenMessage>) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        let Some((open, message)) = self.open.as_mut().zip(message).filter(|_| due) else {
            return false;
        };
        let slow = message.received.saturating_sub(open.received) < self.least;
        open.since = now;
        open.received = message.received;
        slow
    }
}

/// A peer may choose chunks of one byte (RTMP 5.4.1), but not burn a core with them, bar A4: a bucket
/// that each chunk fills, and that time and payload empty.
#[derive(Clone, Debug)]
pub(crate) struct ChunkBudget {
    since: Instant,
    chunks: u64,
    bytes: u64,
    /// In 64ths of a chunk, so that payload counts by the byte.
    level: u64,
}

impl ChunkBudget {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, chunks: 0, bytes: 0, level: 0 }
    }

    /// Takes the totals of chunks and bytes so far; tells whether they came too densely.
    pub(crate) fn is_exceeded(&mut self, now: Instant, chunks: u64, bytes: u64) -> bool {
        let elapsed = now.saturating_duration_since(self.since).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.since = self.since.checked_add(Duration::from_millis(elapsed)).unwrap_or(now);
        let relief = elapsed.saturating_mul(CHUNKS_PER_MILLISECOND).saturating_mul(BYTES_PER_CHUNK);
        let fresh = chunks.saturating_sub(self.chunks).saturating_mul(BYTES_PER_CHUNK);
        let payload = bytes.saturating_sub(self.bytes);
        self.level =
            self.level.saturating_sub(relief).saturating_add(fresh).saturating_sub(payload);
        self.chunks = chunks;
        self.bytes = bytes;
        self.level > CHUNK_BURST.saturating_mul(BYTES_PER_CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ChunkBudget, SlowWatch};
    use crate::{
        chunk::OpenMessage,
        message::{ChunkStreamId, MessageType},
        session::origin,
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn message(sequence: u64, received: usize) -> Option<OpenMessage> {
        let (chunk_stream, kind) = (ChunkStreamId(4), MessageType::VIDEO);
        Some(OpenMessage { sequence, chunk_stream, kind, length: 60_000, received })
    }

    #[test]
    fn b6_one_byte_per_second_is_too_slow_after_eight_seconds() {
        let start = origin();
        let mut watch = SlowWatch::new(8 * SECOND, 1000);
        watch.note(start, message(1, 100));
        for second in 1..8 {
            let now = start + second * SECOND;
            let open = message(1, 100 + usize::try_from(second).expect("small"));
            watch.note(now, open);
            assert!(!watch.is_too_slow(now, open));
        }
        assert_eq!(watch.deadline(), Some(start + 8 * SECOND));
        assert!(watch.is_too_slow(start + 8 * SECOND, message(1, 108)));
    }

    #[test]
    fn b6_a_message_at_one_kilobyte_per_second_passes_and_the_next_window_counts_anew() {
        let start = origin();
        let mut watch = SlowWatch::new(8 * SECOND, 1000);
        watch.note(start, message(1, 0));
        assert!(!watch.is_too_slow(start + 8 * SECOND, message(1, 8000)));
        assert_eq!(watch.deadline(), Some(start + 16 * SECOND));
        assert!(watch.is_too_slow(start + 16 * SECOND, message(1, 15_999)));
    }

    #[test]
    fn b6_another_message_restarts_the_watch_and_none_stops_it() {
        let start = origin();
        let mut watch = SlowWatch::new(8 * SECOND, 1000);
        watch.note(start, message(1, 0));
        watch.note(start + 5 * SECOND, message(2, 10));
        assert_eq!(watch.deadline(), Some(start + 13 * SECOND));
        watch.note(start + 6 * SECOND, None);
        assert_eq!(watch.deadline(), None);
    }

    /// Feeds `seconds` of `chunks` and `bytes` per second, by tenths; tells when it was cut.
    fn cut_after(seconds: u32, chunks: u64, bytes: u64) -> Option<u32> {
        let start = origin();
        let mut budget = ChunkBudget::new(start);
        (1..=seconds * 10).find(|&tenth| {
            let now = start + tenth * SECOND / 10;
            budget.is_exceeded(now, u64::from(tenth) * chunks / 10, u64::from(tenth) * bytes / 10)
        })
    }

    #[test]
    fn a4_chunks_of_one_byte_are_allowed_slowly_and_cut_at_five_megabits() {
        assert_eq!(cut_after(10, 312_500, 625_000), Some(2), "5 Mb/s: cut in 0.2 s");
        assert_eq!(cut_after(600, 10_000, 20_000), None, "160 kb/s: ten minutes");
    }

    #[test]
    fn a4_a_quiet_hour_buys_no_flood() {
        let start = origin();
        let mut budget = ChunkBudget::new(start);
        assert!(!budget.is_exceeded(start + 3600 * SECOND, 10, 1000));
        assert!(budget.is_exceeded(start + 3600 * SECOND, 60_000, 121_000));
    }

    #[test]
    fn a4_default_chunks_at_any_rate_are_within_the_budget() {
        assert_eq!(cut_after(60, 1_000_000, 129_000_000), None);
    }
}
