//! Acknowledgements and windows of both directions.
//!
//! Belongs here: RTMP 5.4.3 to 5.4.5, as counters.
//! Must not come here: rate control. Nobody on the net obeys these windows; they are answered because
//! some encoders stall without an answer.

use crate::message::LimitType;

/// The smallest step between two Acknowledgements, in bytes: an Acknowledgement costs 16, so that a
/// tiny window cannot make replies larger than what was received.
const SMALLEST_STEP: u64 = 64;

/// What we received and told the peer about.
#[derive(Clone, Debug)]
pub(crate) struct Receipts {
    received: u64,
    acknowledged: u64,
    step: u64,
}

impl Receipts {
    /// Counts from `start`, and acknowledges by `window` until the peer names its own.
    pub(crate) fn new(start: u64, window: u32) -> Self {
        let mut receipts = Self { received: start, acknowledged: start, step: 0 };
        receipts.set_window(window);
        receipts
    }

    /// Window Acknowledgement Size from the peer. Half a window is the step: a peer that counts
    /// strictly would otherwise stand still for a round trip.
    pub(crate) fn set_window(&mut self, window: u32) {
        self.step = u64::from(window / 2).max(SMALLEST_STEP);
    }

    pub(crate) fn receive(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The sequence number to acknowledge now, if one is due. Asked once per read, so that a window
    /// smaller than a read gives one answer and no storm.
    #[allow(clippy::as_conversions, reason = "the sequence number wraps at 2^32, RTMP 5.4.3")]
    pub(crate) fn due(&mut self) -> Option<u32> {
        if self.received.saturating_sub(self.acknowledged) < self.step {
            return None;
        }
        self.acknowledged = self.received;
        Some(self.received as u32)
    }
}

/// What the peer acknowledged of ours.
#[derive(Clone, Debug)]
pub(crate) struct Confirmations {
    confirmed: u64,
}

impl Confirmations {
    pub(crate) fn new(start: u64) -> Self {
        Self { confirmed: start }
    }

    /// Extends a 32-bit sequence number to the count of bytes, by the shortest way forward. Never
    /// more than was `sent` (some servers restart at 0xF0000000), and `None` when it does not move.
    #[allow(clippy::as_conversions, reason = "the sequence number is the count modulo 2^32")]
    pub(crate) fn confirm(&mut self, sequence: u32, sent: u64) -> Option<u64> {
        let step = sequence.wrapping_sub(self.confirmed as u32);
        if step == 0 || step > u32::MAX / 2 {
            return None;
        }
        let confirmed = self.confirmed.saturating_add(u64::from(step)).min(sent);
        let moved = confirmed > self.confirmed;
        self.confirmed = confirmed;
        moved.then_some(confirmed)
    }
}

/// The window that Set Peer Bandwidth asks us to announce.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeerBandwidth {
    announced: Option<u32>,
    hard: bool,
}

impl PeerBandwidth {
    /// Notes a Window Acknowledgement Size that we sent of ourselves.
    pub(crate) fn announce(&mut self, window: u32) {
        self.announced = Some(window);
    }

    /// RTMP 5.4.5: answers with the window to announce, if it differs from the last one.
    pub(crate) fn limit(&mut self, window: u32, kind: LimitType) -> Option<u32> {
        let wanted = match kind {
            LimitType::Hard => window,
            LimitType::Soft => self.announced.map_or(window, |current| current.min(window)),
            LimitType::Dynamic if self.hard || self.announced.is_none() => window,
            _ => return None,
        };
        self.hard = kind == LimitType::Hard || (kind == LimitType::Dynamic && self.hard);
        if wanted == 0 || self.announced == Some(wanted) {
            return None;
        }
        self.announced = Some(wanted);
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::{Confirmations, PeerBandwidth, Receipts};
    use crate::message::LimitType::{self, Dynamic, Hard, Other, Soft};

    #[test]
    fn section4_acknowledges_every_half_window() {
        let mut receipts = Receipts::new(0, 1000);
        receipts.receive(499);
        assert_eq!(receipts.due(), None);
        receipts.receive(1);
        assert_eq!(receipts.due(), Some(500));
        assert_eq!(receipts.due(), None);
    }

    #[test]
    fn section4_the_sequence_number_wraps_at_2_to_the_32() {
        let mut receipts = Receipts::new((1 << 32) - 600, 1000);
        receipts.receive(500);
        assert_eq!(receipts.due(), Some(u32::MAX - 99));
        receipts.receive(600);
        assert_eq!(receipts.due(), Some(500));
    }

    #[test]
    fn section4_a_tiny_window_gives_one_answer_per_read() {
        for window in [0, 1, 2, 128] {
            let mut receipts = Receipts::new(0, window);
            receipts.receive(10_000);
            assert_eq!(receipts.due(), Some(10_000));
            assert_eq!(receipts.due(), None);
            receipts.receive(63);
            assert_eq!(receipts.due(), None, "window {window}");
        }
    }

    #[test]
    fn section4_acknowledged_bytes_unwrap_over_2_to_the_32() {
        let mut ours = Confirmations::new((1 << 32) - 10);
        let sent = (1 << 32) + 990;
        assert_eq!(ours.confirm(u32::MAX, sent), Some((1 << 32) - 1));
        assert_eq!(ours.confirm(90, sent), Some((1 << 32) + 90));
        assert_eq!(ours.confirm(90, sent), None, "repeated");
        assert_eq!(ours.confirm(80, sent), None, "backwards");
        assert_eq!(ours.confirm(5000, sent), Some((1 << 32) + 990), "never more than was sent");
    }

    #[test]
    fn section4_a_restart_at_f0000000_never_confirms_what_was_not_sent() {
        let mut ours = Confirmations::new(0xf000_0000 - 100);
        let sent = 0xf000_0000 + 100;
        assert_eq!(ours.confirm(0xf000_0000, sent), Some(0xf000_0000));
        assert_eq!(ours.confirm(50, sent), Some(0xf000_0000 + 100));
    }

    #[test]
    fn section4_peer_bandwidth_is_answered_when_it_changes_the_window() {
        type Row = (&'static [(u32, LimitType)], &'static [Option<u32>]);
        let rows: [Row; 6] = [
            (&[(5000, Dynamic)], &[Some(5000)]),
            (&[(5000, Hard), (5000, Hard)], &[Some(5000), None]),
            (&[(5000, Hard), (9000, Soft), (4000, Soft)], &[Some(5000), None, Some(4000)]),
            (&[(5000, Hard), (6000, Dynamic)], &[Some(5000), Some(6000)]),
            (&[(5000, Soft), (6000, Dynamic)], &[Some(5000), None]),
            (&[(0, Hard), (7, Other(9))], &[None, None]),
        ];
        for (input, wanted) in rows {
            let mut bandwidth = PeerBandwidth::default();
            let got: Vec<_> = input.iter().map(|&(w, kind)| bandwidth.limit(w, kind)).collect();
            assert_eq!(got, wanted, "{input:?}");
        }
    }
}
