//! What a Stream is doing, in one word: a pure function of what is known of it.
//!
//! Belongs here: the words and which of them holds. Must not come here: how the facts are got.

use std::time::Instant;

/// What a Stream is doing. The words are part of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// No encoder, and nothing goes out.
    #[default]
    OffAir,
    /// An encoder sends, and nothing is wanted out: not pressed, or no destination is switched on.
    Ready,
    /// Wanted out, and no destination has accepted yet.
    GoingLive,
    /// A destination has accepted.
    OnAir,
    /// The encoder is away, and destinations are held for it.
    InputLost,
    /// Destinations say goodbye.
    Ending,
}

impl StreamState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::OffAir, Self::Ready, Self::GoingLive, Self::OnAir, Self::InputLost, Self::Ending];

    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OffAir => "off_air",
            Self::Ready => "ready",
            Self::GoingLive => "going_live",
            Self::OnAir => "on_air",
            Self::InputLost => "input_lost",
            Self::Ending => "ending",
        }
    }

    /// Whether viewers of a platform see the Stream, or expect it back.
    #[must_use]
    pub fn is_broadcast(self) -> bool {
        matches!(self, Self::OnAir | Self::InputLost)
    }
}

/// The encoder, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoder {
    /// None, or gone for longer than destinations are held for it.
    #[default]
    None,
    Here,
    /// Away, and expected back.
    Lost,
}

/// What the state follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) encoder: Encoder,
    /// By people: the Stream's air.
    pub(crate) wanted: bool,
    /// Destinations that are switched on.
    pub(crate) enabled: usize,
    /// Destinations that have accepted and acknowledged media.
    pub(crate) live: usize,
    /// Destinations that are held for the encoder.
    pub(crate) held: usize,
    /// Destinations that say goodbye.
    pub(crate) draining: usize,
}

/// The state that follows from the facts. `before` counts in one thing: a Stream that was on air
/// stays so while its destinations are dialled anew.
pub(crate) fn state(facts: &Facts, before: StreamState) -> StreamState {
    let Facts { encoder, wanted, enabled, live, held, draining } = *facts;
    let out = wanted && enabled > 0;
    let leaving = live + held + draining > 0;
    match encoder {
        Encoder::Here if out && (live > 0 || before.is_broadcast()) => StreamState::OnAir,
        Encoder::Here if out => StreamState::GoingLive,
        Encoder::Here if leaving => StreamState::Ending,
        Encoder::Here => StreamState::Ready,
        Encoder::Lost if out && (held > 0 || before.is_broadcast()) => StreamState::InputLost,
        Encoder::Lost | Encoder::None if leaving => StreamState::Ending,
        Encoder::Lost | Encoder::None => StreamState::OffAir,
    }
}

/// The state over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) state: StreamState,
    pub(crate) since: Instant,
    /// Since when a destination had it, through losses of the encoder.
    pub(crate) on_air_since: Option<Instant>,
}

impl Life {
    pub(crate) fn new(now: Instant) -> Self {
        Self { state: StreamState::OffAir, since: now, on_air_since: None }
    }

    /// What it is like with these facts; the same value if nothing changed.
    pub(crate) fn seen(self, facts: &Facts, now: Instant) -> Self {
        let state = state(facts, self.state);
        let on_air_since = match state.is_broadcast() {
            true => self.on_air_since.or(Some(now)),
            false => None,
        };
        let since = if state == self.state { self.since } else { now };
        Self { state, since, on_air_since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_state_follows_from_its_facts() {
        use Encoder::{Here, Lost, None};
        use StreamState::{Ending, GoingLive, InputLost, OffAir, OnAir, Ready};
        // encoder, wanted, enabled, live, held, draining, before
        for (encoder, wanted, enabled, live, held, draining, before, want) in [
            (None, true, 3, 0, 0, 0, OffAir, OffAir),
            (None, false, 0, 0, 0, 0, OffAir, OffAir),
            (None, true, 3, 0, 0, 2, InputLost, Ending),
            (None, true, 3, 0, 0, 0, Ending, OffAir),
            (None, true, 0, 0, 0, 0, OnAir, OffAir),
            (Here, false, 3, 0, 0, 0, OffAir, Ready),
            (Here, true, 0, 0, 0, 0, OffAir, Ready),
            (Here, false, 0, 0, 0, 0, OnAir, Ready),
            (Here, true, 3, 0, 0, 0, OffAir, GoingLive),
            (Here, true, 3, 0, 0, 0, Ready, GoingLive),
            (Here, true, 3, 1, 0, 0, GoingLive, OnAir),
            (Here, true, 3, 0, 0, 0, OnAir, OnAir),
            (Here, true, 3, 0, 2, 0, InputLost, OnAir),
            (Here, true, 3, 2, 0, 1, OnAir, OnAir),
            (Here, false, 3, 2, 0, 0, OnAir, Ending),
            (Here, false, 3, 0, 0, 2, Ending, Ending),
            (Here, false, 3, 0, 0, 0, Ending, Ready),
            (Here, true, 0, 1, 0, 0, OnAir, Ending),
            (Here, true, 3, 0, 0, 1, Ending, GoingLive),
            (Lost, true, 3, 0, 3, 0, OnAir, InputLost),
            (Lost, true, 3, 1, 0, 0, OnAir, InputLost),
            (Lost, true, 3, 0, 1, 0, GoingLive, InputLost),
            (Lost, true, 3, 0, 0, 0, Ready, OffAir),
            (Lost, false, 3, 0, 0, 3, InputLost, Ending),
            (Lost, false, 3, 0, 0, 0, Ready, OffAir),
        ] {
            let facts = Facts { encoder, wanted, enabled, live, held, draining };
            assert_eq!(state(&facts, before), want, "{facts:?} after {before:?}");
        }
    }

    #[test]
    fn the_time_on_air_runs_through_a_loss_and_ends_with_the_broadcast() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let here = Facts { encoder: Encoder::Here, wanted: true, enabled: 1, ..Facts::default() };
        let live = Facts { live: 1, ..here };
        let lost = Facts { encoder: Encoder::Lost, held: 1, ..here };
        let mut life = Life::new(start);
        for (second, facts, state, since, on_air) in [
            (1, here, StreamState::GoingLive, 1, None),
            (2, here, StreamState::GoingLive, 1, None),
            (3, live, StreamState::OnAir, 3, Some(3)),
            (9, lost, StreamState::InputLost, 9, Some(3)),
            (12, live, StreamState::OnAir, 12, Some(3)),
            (20, Facts { wanted: false, ..live }, StreamState::Ending, 20, None),
            (21, Facts { wanted: false, ..here }, StreamState::Ready, 21, None),
            (30, Facts::default(), StreamState::OffAir, 30, None),
        ] {
            life = life.seen(&facts, at(second));
            assert_eq!((life.state, life.since), (state, at(since)), "at {second}");
            assert_eq!(life.on_air_since, on_air.map(at), "at {second}");
        }
    }

    #[test]
    fn state_words_are_stable() {
        let words = StreamState::ALL.map(StreamState::name);
        assert_eq!(words.join(" "), "off_air ready going_live on_air input_lost ending");
    }
}
