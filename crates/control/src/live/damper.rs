//! Keeps trouble that comes and goes from being told each time.
//!
//! The first trouble is told at once, and so is its end. Trouble that is back within a minute is told
//! too, but from then on its end only once it was well for 10 s, the next time 20 s, and so on up to
//! 5 minutes: what flaps is one trouble. Ten quiet minutes make it as new.

use std::time::{Duration, Instant};

/// Trouble that is back within this is the same one.
const BACK: Duration = Duration::from_secs(60);
/// After so long in good health all is forgotten.
const CALM: Duration = Duration::from_secs(600);
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
const MAX_LEVEL: u32 = 6;

/// The end of a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Since it began.
    pub(crate) away: Duration,
    /// How often it came meanwhile.
    pub(crate) times: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Well { since: Option<Instant> },
    Ill { since: Instant, times: u32, well: Option<Instant> },
}

/// One thing that may be in trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damper {
    level: u32,
    state: State,
}

impl Default for Damper {
    fn default() -> Self {
        Self { level: 0, state: State::Well { since: None } }
    }
}

impl Damper {
    /// It is in trouble. Whether to tell.
    pub(crate) fn trouble(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Well { since } => {
                let quiet = since.map_or(CALM, |since| now.saturating_duration_since(since));
                self.level = match quiet {
                    _ if quiet >= CALM => 0,
                    _ if quiet <= BACK => (self.level + 1).min(MAX_LEVEL),
                    _ => self.level,
                };
                self.state = State::Ill { since: now, times: 1, well: None };
                true
            }
            State::Ill { times, well, .. } => {
                if well.take().is_some() {
                    *times += 1;
                }
                false
            }
        }
    }

    /// It is well. Whether to tell now.
    pub(crate) fn well(&mut self, now: Instant) -> Option<Recovery> {
        if let State::Ill { well, .. } = &mut self.state {
            well.get_or_insert(now);
        }
        self.tick(now)
    }

    /// Whether it has been well for long enough.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Recovery> {
        let State::Ill { since, times, well: Some(well) } = self.state else { return None };
        if now < well + self.patience() {
            return None;
        }
        self.state = State::Well { since: Some(now) };
        Some(Recovery { away: well.saturating_duration_since(since), times })
    }

    /// The trouble is of no matter any more: nothing is to be told of its end.
    pub(crate) fn forget(&mut self, now: Instant) {
        if self.is_ill() {
            self.state = State::Well { since: Some(now) };
        }
    }

    /// Whether trouble was told, and not its end.
    pub(crate) fn is_ill(&self) -> bool {
        matches!(self.state, State::Ill { .. })
    }

    fn patience(&self) -> Duration {
        match self.level {
            0 => Duration::ZERO,
            level => (FIRST * (1 << (level - 1).min(MAX_LEVEL))).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x`: trouble, `o`: well, digits: seconds; returns what was told.
    fn walk(steps: &str) -> String {
        let (mut now, mut damper, mut told) = (Instant::now(), Damper::default(), String::new());
        for step in steps.split(' ') {
            let recovery = match step {
                "x" => {
                    told += if damper.trouble(now) { "x" } else { "" };
                    None
                }
                "o" => damper.well(now),
                seconds => {
                    now += Duration::from_secs(seconds.parse().unwrap());
                    damper.tick(now)
                }
            };
            if let Some(Recovery { times, .. }) = recovery {
                told += &format!("o{times}");
            }
        }
        told
    }

    #[test]
    fn what_flaps_is_told_once() {
        for (steps, want) in [
            ("x 3 o", "xo1"),
            ("o 3 x x x 3 o o", "xo1"),
            ("x 1 o 300 x 1 o", "xo1xo1"),
            ("x 1 o 5 x 1 o", "xo1x"),
            ("x 1 o 5 x 1 o 10", "xo1xo1"),
            ("x 1 o 5 x 1 o 5 x 1 o 5 x 1 o 11", "xo1xo3"),
            ("x 1 o 5 x 1 o 11 5 x 1 o 11", "xo1xo1x"),
            ("x 1 o 5 x 1 o 11 5 x 1 o 11 10", "xo1xo1xo1"),
            ("x 1 o 5 x 1 o 10 601 x 1 o", "xo1xo1xo1"),
        ] {
            assert_eq!(walk(steps), want, "{steps}");
        }
        let flapping = "x 2 o 3 ".repeat(720);
        let told = walk(flapping.trim());
        assert!(told.len() <= 4, "an hour of flapping: {told}");
    }

    #[test]
    fn what_is_forgotten_is_not_told_as_mended() {
        let (now, mut damper) = (Instant::now(), Damper::default());
        assert!(damper.trouble(now) && damper.is_ill());
        damper.forget(now);
        assert!(!damper.is_ill() && damper.well(now).is_none());
    }
}
