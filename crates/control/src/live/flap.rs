//! Keeps an encoder that starts and stops many times a minute from being told each time.
//!
//! Three starts within a minute, and it flaps: from then on its stop is told only after it stayed away
//! for 30 s, and its next start not at all if it is back before. So starts and stops go on taking turns,
//! the last word is true, and no more than a few are told a minute. It is calm again after 30 s of either.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many starts within this time are too many.
const STARTS: usize = 3;
const WITHIN: Duration = Duration::from_secs(60);
/// It stayed here, or away.
const CALM: Duration = Duration::from_secs(30);

/// A stop that is not told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parted {
    /// When the input ended.
    pub(super) until: Instant,
    /// Why, for people.
    pub(super) reason: String,
    at: Instant,
}

/// What was told of starts and stops, and what is withheld.
#[derive(Clone, Debug, Default)]
pub(super) struct Flap {
    starts: VecDeque<Instant>,
    parted: Option<Parted>,
    /// It flaps; since when it is as it is.
    since: Option<Instant>,
    times: u32,
}

impl Flap {
    /// It starts. Whether to tell.
    pub(super) fn came(&mut self, now: Instant) -> bool {
        if self.starts.len() >= STARTS {
            self.starts.pop_front();
        }
        self.starts.push_back(now);
        if let Some(since) = &mut self.since {
            *since = now;
        }
        let again = self.parted.take().is_some();
        self.times = if again { self.times.saturating_add(1) } else { 1 };
        !again
    }

    /// It stops. Whether to tell now.
    pub(super) fn went(&mut self, now: Instant, until: Instant, reason: &str) -> bool {
        let full = self.starts.len() >= STARTS;
        let first = self.starts.front();
        let often = full && first.is_some_and(|at| now.saturating_duration_since(*at) <= WITHIN);
        if !often && self.since.is_none() {
            return true;
        }
        self.since = Some(now);
        self.parted = Some(Parted { until, reason: reason.to_owned(), at: now });
        false
    }

    /// Whether what follows from starts and stops is withheld too.
    pub(super) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// Starts since the one that was told.
    pub(super) fn times(&self) -> u32 {
        self.times
    }

    /// Whether it is calm by now, and has not been: with the stop that is to be told, if it is away.
    pub(super) fn calm(&mut self, now: Instant) -> Option<Option<Parted>> {
        let since = self.since?;
        if now.saturating_duration_since(since) < CALM {
            return None;
        }
        self.since = None;
        self.starts.clear();
        Some(self.parted.take())
    }
}

impl Parted {
    /// How long it is ago.
    #[cfg(test)]
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+`: starts, `-`: stops, digits: seconds; what was told.
    fn walk(steps: &str) -> String {
        let (mut now, mut flap, mut told) = (Instant::now(), Flap::default(), String::new());
        for step in steps.split(' ') {
            match step {
                "+" => told += if flap.came(now) { "+" } else { "" },
                "-" => told += if flap.went(now, now, "it stopped") { "-" } else { "" },
                seconds => {
                    for _ in 0..seconds.parse::<u64>().unwrap() {
                        now += Duration::from_secs(1);
                        match flap.calm(now) {
                            Some(Some(parted)) => {
                                assert_eq!(parted.age(now), CALM);
                                told += &format!("-{}", flap.times());
                            }
                            Some(None) => told += "=",
                            None => {}
                        }
                    }
                }
            }
        }
        told
    }

    #[test]
    fn starts_and_stops_that_come_seldom_are_told_as_they_come() {
        for (steps, want) in [
            ("+ 100 -", "+-"),
            ("+ 5 - 5 + 5 -", "+-+-"),
            ("+ 30 - 5 + 20 - 30 + 30 - 30 + 30 -", "+-+-+-+-"),
        ] {
            assert_eq!(walk(steps), want, "{steps}");
        }
    }

    #[test]
    fn one_that_flaps_is_told_a_few_times_and_the_last_word_is_true() {
        for (steps, want) in [
            ("+ 1 - 1 + 1 - 1 + 1 - 1 + 1 - 1 + 1 -", "+-+-+"),
            ("+ 1 - 1 + 1 - 1 + 1 - 1 + 1 - 30", "+-+-+-2"),
            ("+ 1 - 1 + 1 - 1 + 1 - 1 + 1 - 1 + 30 100 -", "+-+-+=-"),
            ("+ 1 - 1 + 1 - 1 + 1 - 30 + 1 -", "+-+-+-1+-"),
        ] {
            assert_eq!(walk(steps), want, "{steps}");
        }
        let hour = "+ 2 - 3 ".repeat(720);
        assert_eq!(walk(&(hour + "40")), "+-+-+-718", "an hour of flapping");
    }
}
