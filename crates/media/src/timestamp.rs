//! Time on a Stream's timeline: 64-bit ticks at one rate for the whole hub (docs/time.md).

use std::{
    fmt,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
    time::Duration,
};

/// Ticks per second. Divisible by 1,000, 44,100, 48,000 and 90,000, so that the clocks of RTMP,
/// audio and MPEG map to it without rounding: 2^7 x 3^2 x 5^4 x 7^2.
pub const TICKS_PER_SECOND: i64 = 35_280_000;

/// Ticks per millisecond.
pub const TICKS_PER_MILLISECOND: i64 = TICKS_PER_SECOND / 1000;

/// A point on a timeline, in ticks of 1/35,280,000 s. Never wraps in practice: 8,000 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A signed distance between two [`Timestamp`]s, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeDelta(i64);

impl Timestamp {
    /// The start of a timeline.
    pub const ZERO: Self = Self(0);

    /// From raw ticks.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// From milliseconds; saturates far beyond any real time.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(TICKS_PER_MILLISECOND))
    }

    /// Raw ticks.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded towards the past.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(TICKS_PER_MILLISECOND)
    }
}

impl TimeDelta {
    /// No distance.
    pub const ZERO: Self = Self(0);

    /// From raw ticks.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// From milliseconds; saturates far beyond any real time.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(TICKS_PER_MILLISECOND))
    }

    /// Raw ticks.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded towards the past.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(TICKS_PER_MILLISECOND)
    }

    /// The distance as a [`Duration`]; zero when it is negative.
    #[must_use]
    pub fn to_duration(self) -> Duration {
        let micros = u64::try_from(i128::from(self.0) * 1_000_000 / i128::from(TICKS_PER_SECOND));
        Duration::from_micros(micros.unwrap_or(0))
    }
}

impl Add<TimeDelta> for Timestamp {
    type Output = Self;
    fn add(self, d: TimeDelta) -> Self {
        Self(self.0.saturating_add(d.0))
    }
}

impl AddAssign<TimeDelta> for Timestamp {
    fn add_assign(&mut self, d: TimeDelta) {
        *self = *self + d;
    }
}

impl Sub<TimeDelta> for Timestamp {
    type Output = Self;
    fn sub(self, d: TimeDelta) -> Self {
        Self(self.0.saturating_sub(d.0))
    }
}

impl SubAssign<TimeDelta> for Timestamp {
    fn sub_assign(&mut self, d: TimeDelta) {
        *self = *self - d;
    }
}

impl Sub for Timestamp {
    type Output = TimeDelta;
    fn sub(self, earlier: Self) -> TimeDelta {
        TimeDelta(self.0.saturating_sub(earlier.0))
    }
}

impl Add for TimeDelta {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self(self.0.saturating_add(o.0))
    }
}

impl Sub for TimeDelta {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self(self.0.saturating_sub(o.0))
    }
}

impl Neg for TimeDelta {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_clocks_map_without_rounding() {
        for rate in [1_000, 44_100, 48_000, 90_000] {
            assert_eq!(TICKS_PER_SECOND % rate, 0, "{rate}");
        }
    }

    #[test]
    fn milliseconds_round_towards_the_past() {
        assert_eq!(Timestamp::from_ticks(-1).as_millis(), -1);
        assert_eq!(Timestamp::from_millis(-40).as_millis(), -40);
        assert_eq!(TimeDelta::from_millis(1500).to_duration(), Duration::from_millis(1500));
        assert_eq!(TimeDelta::from_millis(-1).to_duration(), Duration::ZERO);
    }
}
