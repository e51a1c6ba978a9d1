//! When a message that did not arrive is sent again.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Waits after the first, second ... attempt (Standard Webhooks, Deliverability and reliability):
/// three days and a few hours in all.
const STEPS: [Duration; 9] = [
    Duration::from_secs(5),
    MINUTE.saturating_mul(5),
    MINUTE.saturating_mul(30),
    HOUR.saturating_mul(2),
    HOUR.saturating_mul(5),
    HOUR.saturating_mul(10),
    HOUR.saturating_mul(14),
    HOUR.saturating_mul(20),
    HOUR.saturating_mul(24),
];

/// The longest wait that a receiver may ask for.
pub(crate) const MOST: Duration = HOUR.saturating_mul(24);

/// How long to wait after `attempts` that failed; `None`: that was the last one.
///
/// `chance`, from 0 to 1, spreads what failed at the same moment over a fifth of the wait. `asked` is
/// what the receiver said itself (`Retry-After`).
pub(crate) fn wait(attempts: u32, chance: f64, asked: Option<Duration>) -> Option<Duration> {
    let step = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let step = STEPS.get(step)?.mul_f64(1.0 + chance.clamp(0.0, 1.0) / 5.0);
    Some(step.max(asked.unwrap_or_default().min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let seconds: Vec<_> = (1..=9).map(|n| wait(n, 0.0, None).unwrap().as_secs()).collect();
        assert_eq!(seconds, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(wait(10, 0.0, None), None);
        assert_eq!(wait(u32::MAX, 0.0, None), None);
        assert_eq!(wait(1, 1.0, None), Some(Duration::from_secs(6)));
        assert_eq!(wait(1, 0.5, None), Some(Duration::from_millis(5_500)));
    }

    #[test]
    fn a_receiver_may_ask_for_more_and_not_for_less() {
        let (second, minute) = (Duration::from_secs(1), MINUTE);
        assert_eq!(wait(1, 0.0, Some(minute)), Some(minute));
        assert_eq!(wait(2, 0.0, Some(second)), Some(5 * minute));
        assert_eq!(wait(1, 0.0, Some(HOUR * 1_000)), Some(MOST));
    }
}
