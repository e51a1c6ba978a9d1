//! Whether a Stream is wanted on air: people's press, and what the encoder's coming and going makes
//! of it. A value; time is an argument.
//!
//! ```text
//! auto    wanted from the start; `end` switches off until the encoder's next start
//! manual  off from the start; `go live` switches on until `end`, or until the encoder stays away
//! ```
//! An encoder that comes back within the reconnect window after it was lost has not started anew:
//! what a person ended stays ended over a hiccup of the network, and over a restart of the server.

use crate::def::Start;
use manycast_hub::RunEnd;
use std::time::{Duration, Instant};

/// A person's press waits this long for an encoder that was not there.
pub(crate) const ARMED: Duration = Duration::from_secs(600);

/// What became of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// An encoder sends.
    Here { since: Instant },
    Away {
        since: Instant,
        end: RunEnd,
        /// Whether an encoder has been there since a person pressed.
        came: bool,
    },
}

/// Whether one Stream is wanted on air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Air {
    start: Start,
    wanted: bool,
    input: Input,
}

impl Air {
    /// Of a server that starts at `now`, with what was chosen before that. An encoder that was there
    /// may come back as after a loss.
    pub(crate) fn new(start: Start, chosen: Option<bool>, now: Instant) -> Self {
        let wanted = chosen.unwrap_or(start == Start::Auto);
        Self { start, wanted, input: Input::Away { since: now, end: RunEnd::Lost, came: true } }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// What has to be remembered over a restart: nothing while all is as it starts.
    pub(crate) fn chosen(&self) -> Option<bool> {
        (self.wanted != (self.start == Start::Auto)).then_some(self.wanted)
    }

    /// The definition changed. Whoever makes a Stream manual does not take it off air by that, nor
    /// does it go on air by being made automatic before its encoder's next start.
    pub(crate) fn set_start(&mut self, start: Start) {
        self.start = start;
    }

    /// A person's press. Whether that changes anything.
    pub(crate) fn press(&mut self, wanted: bool, now: Instant) -> bool {
        if let Input::Away { since, came, .. } = &mut self.input
            && wanted
        {
            (*since, *came) = (now, false);
        }
        std::mem::replace(&mut self.wanted, wanted) != wanted
    }

    /// An encoder came. Whether the wish changed by that.
    pub(crate) fn came(&mut self, now: Instant, window: Duration) -> bool {
        let anew = match self.input {
            Input::Here { .. } => false,
            Input::Away { since, end, .. } => {
                end == RunEnd::Orderly || now.saturating_duration_since(since) > window
            }
        };
        if !matches!(self.input, Input::Here { .. }) {
            self.input = Input::Here { since: now };
        }
        let rises = anew && self.start == Start::Auto && !self.wanted;
        self.wanted |= rises;
        rises
    }

    /// The encoder went.
    pub(crate) fn went(&mut self, now: Instant, end: RunEnd) {
        match &mut self.input {
            Input::Here { .. } => self.input = Input::Away { since: now, end, came: true },
            // Whoever took over from a lost one may have ended in order before we looked.
            Input::Away { end: before, .. } if end == RunEnd::Orderly => *before = end,
            Input::Away { .. } => {}
        }
    }

    /// When [`Air::tick`] is due.
    pub(crate) fn deadline(&self, window: Duration) -> Option<Instant> {
        match self.input {
            Input::Away { since, came, .. } if self.wanted && self.start == Start::Manual => {
                Some(since + if came { window } else { ARMED.max(window) })
            }
            _ => None,
        }
    }

    /// Takes it off air when the encoder stayed away. Whether it did.
    pub(crate) fn tick(&mut self, now: Instant, window: Duration) -> bool {
        let over = self.deadline(window).is_some_and(|at| now >= at);
        self.wanted &= !over;
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    /// Steps are seconds or words; the result is `wanted` after each word.
    fn walk(start: Start, chosen: Option<bool>, steps: &str) -> String {
        let mut now = Instant::now();
        let mut air = Air::new(start, chosen, now);
        let mut seen = Vec::new();
        for step in steps.split(' ') {
            if let Ok(seconds) = step.parse() {
                now += Duration::from_secs(seconds);
                air.tick(now, WINDOW);
                continue;
            }
            match step {
                "live" => drop(air.press(true, now)),
                "end" => drop(air.press(false, now)),
                "comes" => drop(air.came(now, WINDOW)),
                "lost" => air.went(now, RunEnd::Lost),
                "stops" => air.went(now, RunEnd::Orderly),
                "look" => {}
                other => panic!("{other}"),
            }
            seen.push(if air.is_wanted() { "on" } else { "off" });
        }
        seen.join(" ")
    }

    #[test]
    fn what_people_and_encoders_make_of_it() {
        use Start::{Auto, Manual};
        for (start, chosen, steps, want) in [
            (Auto, None, "look comes lost 40 comes", "on on on on"),
            (Auto, None, "comes end 5 look lost 10 comes", "on off off off off"),
            (Auto, None, "comes end lost 31 comes", "on off off on"),
            (Auto, None, "comes end stops 1 comes", "on off off on"),
            (Auto, None, "comes end live", "on off on"),
            (Auto, Some(false), "look 10 comes", "off off"),
            (Auto, Some(false), "look 31 comes", "off on"),
            (Manual, None, "look comes 100 look live", "off off off on"),
            (Manual, None, "comes live lost 29 look comes 100 look", "off on on on on on"),
            (Manual, None, "comes live lost 31 look comes", "off on on off off"),
            (Manual, None, "comes live stops 31 look", "off on on off"),
            (Manual, None, "comes live end lost 31 comes", "off on off off off"),
            (Manual, None, "live 599 look comes lost 31 look", "on on on on off"),
            (Manual, None, "live 601 look", "on off"),
            (Manual, None, "live end comes", "on off off"),
            (Manual, Some(true), "look 29 comes 100 look", "on on on"),
            (Manual, Some(true), "look 31 look comes", "on off off"),
        ] {
            assert_eq!(walk(start, chosen, steps), want, "{start:?} {chosen:?}: {steps}");
        }
    }

    #[test]
    fn only_what_differs_from_the_start_is_remembered() {
        let now = Instant::now();
        let mut air = Air::new(Start::Auto, None, now);
        assert_eq!(air.chosen(), None);
        assert!(air.press(false, now) && !air.press(false, now));
        assert_eq!(air.chosen(), Some(false));
        air.set_start(Start::Manual);
        assert_eq!((air.chosen(), air.is_wanted()), (None, false));
        air.press(true, now);
        assert_eq!(air.chosen(), Some(true));
    }
}
