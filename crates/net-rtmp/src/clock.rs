//! The 32-bit millisecond clock of RTMP, and the 64-bit timeline.

use manycast_media::Timestamp;

/// Extends the wire's clock over its wraps: a step under half the range counts as signed
/// (RTMP 5.3.1: 32-bit serial arithmetic).
#[derive(Debug, Default)]
pub(crate) struct Unwrapper {
    last: Option<i64>,
}

impl Unwrapper {
    /// The time of a media message.
    pub(crate) fn unwrap(&mut self, wire: u32) -> Timestamp {
        let ms = self.near(wire);
        self.last = Some(ms);
        Timestamp::from_millis(ms)
    }

    /// The time of a message that does not move the clock: data messages come with 0 in mid-stream.
    pub(crate) fn peek(&self, wire: u32) -> Timestamp {
        const NEAR_MS: i64 = 10_000;
        let ms = self.near(wire);
        let last = self.last.unwrap_or(ms);
        Timestamp::from_millis(if (ms - last).abs() > NEAR_MS { last } else { ms })
    }

    fn near(&self, wire: u32) -> i64 {
        let Some(last) = self.last else { return i64::from(wire) };
        let low = u32::try_from(last.rem_euclid(1 << 32)).unwrap_or(0);
        last + i64::from(wire.wrapping_sub(low).cast_signed())
    }
}

/// The wire's clock of a time: milliseconds modulo 2^32.
pub(crate) fn wire_millis(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().rem_euclid(1 << 32)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_the_clock_goes_on_over_every_wrap() {
        let mut clock = Unwrapper::default();
        for (wire, want) in [
            (0x00ff_fff0, 0x00ff_fff0),
            (0x0100_0010, 0x0100_0010),
            (0x7fff_fff0, 0x7fff_fff0),
            (0x8000_0010, 0x8000_0010),
            (0xffff_fff0, 0xffff_fff0),
            (0x0000_0010, 0x1_0000_0010),
            (0xffff_fff8, 0xffff_fff8),
        ] {
            let got = clock.unwrap(wire);
            assert_eq!(got.as_millis(), want, "{wire:#x}");
            assert_eq!(wire_millis(got), wire);
        }
    }

    #[test]
    fn data_with_time_zero_does_not_move_the_clock() {
        let mut clock = Unwrapper::default();
        clock.unwrap(3_600_000);
        assert_eq!(clock.peek(0).as_millis(), 3_600_000);
        assert_eq!(clock.peek(3_600_100).as_millis(), 3_600_100);
    }

    #[test]
    fn times_below_zero_wrap_on_the_wire() {
        assert_eq!(wire_millis(Timestamp::from_millis(-40)), 0xffff_ffd8);
    }
}
