//! How long to wait after network trouble: 1, 2, 4 ... 30 s, each 20 % up or down.
//!
//! The first step is only ever shortened, so that a session that was reset is retried within a
//! second; the last one likewise, so that the longest wait is what the setting says.

use crate::Timings;
use std::time::Duration;

/// The steps and the place on them.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    rung: u32,
    jitter: Jitter,
}

/// A small seeded generator (splitmix64): one draw per wait, so nothing better is needed.
#[derive(Clone, Debug)]
struct Jitter(u64);

impl Ladder {
    pub(super) fn new(seed: u64) -> Self {
        Self { rung: 0, jitter: Jitter(seed) }
    }

    /// Back to the first step.
    pub(super) fn reset(&mut self) {
        self.rung = 0;
    }

    /// The wait after one more failure.
    pub(super) fn next(&mut self, timings: &Timings) -> Duration {
        let (first, max) = (timings.backoff_first, timings.backoff_max);
        let step = first.saturating_mul(1 << self.rung.min(20)).min(max);
        let rung = self.rung;
        self.rung = self.rung.saturating_add(1);
        let factor = self.jitter.draw(); // -1 to 1
        let factor = if rung == 0 { -factor.abs() } else { factor };
        step.mul_f64(1.0 + 0.2 * factor).min(max)
    }
}

impl Jitter {
    /// A number from -1 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64")]
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let unit = (z >> 11) as f64 / (1u64 << 53) as f64;
        unit * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_the_ladder_is_1_2_4_to_30_seconds_with_20_percent_jitter() {
        let timings = Timings::default();
        let mut spread = Vec::new();
        for seed in 0..500 {
            let mut ladder = Ladder::new(seed);
            for (n, step) in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0].into_iter().enumerate() {
                let wait = ladder.next(&timings).as_secs_f64();
                let most = if n == 0 { 1.0 } else { (step * 1.2f64).min(30.0) };
                assert!((step * 0.799..=most).contains(&wait), "seed {seed} step {n}: {wait}");
                if n == 1 {
                    spread.push(wait);
                }
            }
            ladder.reset();
            assert!(ladder.next(&timings) <= Duration::from_secs(1), "D3");
        }
        let (low, high) = spread.iter().fold((9.0f64, 0.0f64), |(l, h), w| (l.min(*w), h.max(*w)));
        assert!(low < 1.65 && high > 2.35, "the jitter uses its range: {low} to {high}");
    }
}
