//! When the backup address of a Destination is to carry the Stream, as a value.
//!
//! Belongs here: the rule. What the backup does once it is called is a [`crate::machine::Machine`]
//! of its own.

use crate::State;
use std::time::{Duration, Instant};

/// A first attempt of the primary that takes longer than this calls the backup.
const FIRST: Duration = Duration::from_secs(3);
/// The same for a primary that was live and is being dialled again at once.
const AGAIN: Duration = Duration::from_millis(500);
/// A primary that has acknowledged nothing for so long is not waited for any more. The path may
/// still heal before it counts as stalled.
const STUCK: Duration = Duration::from_secs(4);
/// A primary that was live for so long again sends the backup home.
const BACK: Duration = Duration::from_secs(10);

/// Follows the primary and says whether the backup is wanted.
#[derive(Clone, Debug, Default)]
pub struct Failover {
    called: bool,
    was_live: bool,
    missing_since: Option<Instant>,
    well_since: Option<Instant>,
    stuck_since: Option<Instant>,
}

impl Failover {
    /// Takes what the primary is doing now. To be told at each change, at [`Failover::deadline`],
    /// and a few times per second while it is live. `stuck_since`: since when nothing was
    /// acknowledged though there is something to acknowledge.
    pub fn observe(&mut self, now: Instant, primary: State, stuck_since: Option<Instant>) {
        self.stuck_since = stuck_since.filter(|_| primary == State::Live);
        match primary {
            State::Idle | State::Stopped => *self = Self::default(),
            // Nobody is at fault: the next dial has the time of a first one.
            State::Held | State::Draining => {
                *self = Self { called: self.called, ..Self::default() };
            }
            State::Live => self.observe_live(now),
            State::Backoff | State::Stalled | State::Rejected | State::Unfed => {
                self.well_since = None;
                self.missing_since.get_or_insert(now);
                self.called = true;
            }
            State::Resolving
            | State::Connecting
            | State::Securing
            | State::Handshake
            | State::Publishing => {
                self.well_since = None;
                let since = *self.missing_since.get_or_insert(now);
                self.called |= now >= since + self.grace();
            }
        }
    }

    fn observe_live(&mut self, now: Instant) {
        self.was_live = true;
        self.missing_since = None;
        if self.stuck_since.is_some_and(|since| now >= since + STUCK) {
            self.called = true;
            self.well_since = None;
            return;
        }
        let since = *self.well_since.get_or_insert(now);
        self.called &= now < since + BACK;
    }

    fn grace(&self) -> Duration {
        if self.was_live { AGAIN } else { FIRST }
    }

    /// Whether the backup shall be on air.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.called
    }

    /// When to look again, if nothing happens until then.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.called {
            return self.well_since.map(|since| since + BACK);
        }
        let missing = self.missing_since.map(|since| since + self.grace());
        let stuck = self.stuck_since.map(|since| since + STUCK);
        missing.into_iter().chain(stuck).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells what happens at which second, and what is expected after it.
    fn walk(steps: &[(f64, State, Option<f64>, bool)]) -> Failover {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut failover = Failover::default();
        for &(seconds, state, stuck, called) in steps {
            failover.observe(at(seconds), state, stuck.map(at));
            assert_eq!(failover.is_called(), called, "{state} at {seconds}");
            let due = failover.deadline();
            assert!(
                due.is_none_or(|due| due > at(seconds)),
                "{state} at {seconds}: a past deadline"
            );
        }
        failover
    }

    #[test]
    fn d11_a_primary_that_breaks_calls_the_backup_at_once_and_sends_it_home_when_well() {
        walk(&[
            (0.0, State::Resolving, None, false),
            (0.5, State::Live, None, false),
            (60.0, State::Backoff, None, true),
            (60.5, State::Connecting, None, true),
            (61.0, State::Live, None, true),
            (70.9, State::Live, None, true),
            (71.0, State::Live, None, false),
        ]);
    }

    #[test]
    fn d11_a_slow_first_attempt_calls_it_after_three_seconds_a_failed_one_at_once() {
        let failover =
            walk(&[(0.0, State::Resolving, None, false), (2.9, State::Connecting, None, false)]);
        assert!(failover.deadline().is_some());
        walk(&[(0.0, State::Resolving, None, false), (3.0, State::Connecting, None, true)]);
        walk(&[(0.0, State::Resolving, None, false), (0.1, State::Rejected, None, true)]);
    }

    #[test]
    fn d11_a_redial_without_trouble_has_half_a_second() {
        walk(&[
            (0.0, State::Live, None, false),
            (5.0, State::Resolving, None, false),
            (5.4, State::Publishing, None, false),
            (5.5, State::Publishing, None, true),
        ]);
    }

    #[test]
    fn d11_a_primary_that_is_stuck_calls_it_before_it_counts_as_stalled() {
        walk(&[
            (0.0, State::Live, None, false),
            (3.0, State::Live, Some(1.0), false),
            (5.0, State::Live, Some(1.0), true),
            (6.0, State::Live, None, true),
            (15.9, State::Live, None, true),
            (16.0, State::Live, None, false),
        ]);
    }

    #[test]
    fn c5_a_hold_calls_nobody_and_sends_nobody_home() {
        walk(&[
            (0.0, State::Live, None, false),
            (1.0, State::Held, None, false),
            (9.0, State::Resolving, None, false),
            (11.9, State::Connecting, None, false),
            (12.0, State::Backoff, None, true),
            (13.0, State::Held, None, true),
            (20.0, State::Live, None, true),
            (21.0, State::Idle, None, false),
        ]);
    }

    #[test]
    fn a_primary_that_flaps_keeps_the_backup() {
        for n in 0..20 {
            let at = f64::from(n) * 6.0;
            walk(&[
                (at, State::Backoff, None, true),
                (at + 1.0, State::Live, None, true),
                (at + 5.9, State::Live, None, true),
            ]);
        }
    }
}
