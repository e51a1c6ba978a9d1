//! From a Publisher's clock to the Stream's timeline.
//!
//! The Stream's time never goes back on a Track and never leaps: encoders restart their clocks,
//! wrap them, or set them right in mid-stream, and viewers and platforms must not see it. A clock
//! that leaps is followed by one new shift for all Tracks, so that picture and sound stay together.

use manycast_media::{TimeDelta, Timestamp, TrackId};
use smallvec::SmallVec;

/// A leap to more than this beyond all that came is a new clock. A pause is none: the other Tracks
/// went on meanwhile.
const MAX_FORWARD: TimeDelta = TimeDelta::from_millis(10_000);
/// A step back of less than this is jitter and is levelled; of more, a new clock.
const MAX_BACKWARD: TimeDelta = TimeDelta::from_millis(1_000);
/// Where a new clock goes on after the last Frame.
const STEP: TimeDelta = TimeDelta::from_millis(20);

/// What was wrong with a time stamp, and mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// Nothing.
    None,
    /// It stepped back a little; the Frame keeps the time of the one before.
    Levelled,
    /// It leapt; the clock was shifted.
    Rebased,
}

#[derive(Debug)]
struct TrackClock {
    track: TrackId,
    shift: TimeDelta,
    last: Timestamp,
}

/// The clock of one Run.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Where the Run begins on the Stream's timeline; `None`: keep the Publisher's own time.
    begin: Option<Timestamp>,
    /// The newest shift, which other Tracks adopt.
    shift: Option<TimeDelta>,
    tracks: SmallVec<[TrackClock; 2]>,
    newest: Timestamp,
}

impl Timeline {
    pub(crate) fn new(begin: Option<Timestamp>) -> Self {
        Self { begin, shift: None, tracks: SmallVec::new(), newest: begin.unwrap_or_default() }
    }

    /// The latest time given out.
    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Places a Frame whose own clock says `local`.
    pub(crate) fn place(&mut self, track: TrackId, local: Timestamp) -> (Timestamp, ClockFault) {
        let first_shift = || self.begin.map_or(TimeDelta::ZERO, |begin| begin - local);
        let shift = *self.shift.get_or_insert_with(first_shift);
        let Some(clock) = self.tracks.iter_mut().find(|c| c.track == track) else {
            return self.first_of(track, local, shift);
        };
        let newest = self.newest;
        let fits = |shift| {
            let at = local + shift;
            at - clock.last >= -MAX_BACKWARD && at - newest <= MAX_FORWARD
        };
        let mut fault = ClockFault::None;
        if !fits(clock.shift) {
            fault = ClockFault::Rebased;
            clock.shift = if fits(shift) { shift } else { clock.last + STEP - local };
            self.shift = Some(clock.shift);
        }
        let mut at = local + clock.shift;
        if at < clock.last {
            at = clock.last;
            if fault == ClockFault::None {
                fault = ClockFault::Levelled;
            }
        }
        clock.last = at;
        self.newest = self.newest.max(at);
        (at, fault)
    }

    fn first_of(
        &mut self,
        track: TrackId,
        local: Timestamp,
        shift: TimeDelta,
    ) -> (Timestamp, ClockFault) {
        let (mut at, mut fault, mut shift) = (local + shift, ClockFault::None, shift);
        let ahead = at - self.newest;
        if !self.tracks.is_empty() && (ahead > MAX_FORWARD || ahead < -MAX_FORWARD) {
            // A Track on a clock of its own: it begins now.
            shift = self.newest - local;
            at = self.newest;
            fault = ClockFault::Rebased;
            self.shift = Some(shift);
        }
        if let Some(begin) = self.begin.filter(|begin| at < *begin) {
            at = begin;
        }
        self.tracks.push(TrackClock { track, shift, last: at });
        self.newest = self.newest.max(at);
        (at, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: TrackId = TrackId::VIDEO;
    const A: TrackId = TrackId::AUDIO;

    fn check(begin: Option<i64>, steps: &[(TrackId, i64, i64, ClockFault)]) {
        let mut line = Timeline::new(begin.map(Timestamp::from_millis));
        for (n, &(track, local, want, fault)) in steps.iter().enumerate() {
            let got = line.place(track, Timestamp::from_millis(local));
            assert_eq!((got.0.as_millis(), got.1), (want, fault), "step {n}");
        }
    }

    #[test]
    fn the_first_run_keeps_the_publishers_time() {
        use ClockFault::None;
        check(Option::None, &[(V, 5000, 5000, None), (A, 4990, 4990, None), (V, 5040, 5040, None)]);
    }

    #[test]
    fn a_later_run_goes_on_where_it_is_told() {
        use ClockFault::None;
        check(Some(9000), &[(A, 10, 9000, None), (V, 30, 9020, None), (A, 33, 9023, None)]);
    }

    #[test]
    fn e6_small_steps_back_are_levelled() {
        use ClockFault::{Levelled, None};
        check(Option::None, &[(V, 100, 100, None), (V, 60, 100, Levelled), (V, 140, 140, None)]);
    }

    #[test]
    fn e6_frozen_time_stays() {
        use ClockFault::None;
        check(Option::None, &[(V, 7, 7, None), (V, 7, 7, None), (V, 7, 7, None)]);
    }

    #[test]
    fn e1_a_leap_shifts_picture_and_sound_alike() {
        use ClockFault::{None, Rebased};
        check(
            Option::None,
            &[
                (V, 1000, 1000, None),
                (A, 1010, 1010, None),
                (V, 3_600_000, 1020, Rebased),
                (A, 3_600_010, 1030, Rebased),
                (V, 3_600_040, 1060, None),
                (A, 3_600_031, 1051, None),
            ],
        );
    }

    /// A camera that is unplugged, a muted input, a Track that ends and appears again.
    #[test]
    fn e1_a_track_that_paused_while_others_went_on_keeps_its_place() {
        use ClockFault::{None, Rebased};
        for (paused, other) in [(V, A), (A, V)] {
            check(
                Option::None,
                &[
                    (paused, 4000, 4000, None),
                    (other, 9000, 9000, None),
                    (other, 16_000, 16_000, None),
                    (paused, 16_010, 16_010, None),
                    (other, 60_000, 16_020, Rebased),
                    (paused, 60_010, 16_030, Rebased),
                ],
            );
        }
    }

    #[test]
    fn e1_a_clock_that_restarts_goes_on() {
        use ClockFault::{None, Rebased};
        check(
            Option::None,
            &[(V, 50_000, 50_000, None), (V, 0, 50_020, Rebased), (V, 40, 50_060, None)],
        );
    }

    #[test]
    fn sound_on_a_clock_of_its_own_begins_now() {
        use ClockFault::{None, Rebased};
        check(
            Option::None,
            &[(V, 0, 0, None), (A, 90_000_000, 0, Rebased), (A, 90_000_021, 21, None)],
        );
    }
}
