//! Which Tracks have stopped while others of their kind go on.
//!
//! A Track that is the only one of its kind pauses; one beside others has ended. What counts is how
//! long the others have flowed since, by their own time and by arrival: a pause of the whole encoder,
//! a stall of the network and a sender that bundles seconds of each Track end nothing.
//!
//! Belongs here: that judgement. Must not come here: what becomes of a Track that ended.

use manycast_media::{Frame, TimeDelta, Timestamp, TrackId, TrackKind};
use smallvec::SmallVec;
use std::time::{Duration, Instant};

/// For so long others of the kind flow before a silent Track has ended, by their own time ...
const PATIENCE: TimeDelta = TimeDelta::from_millis(5_000);
/// ... and by arrival.
const ARRIVALS: Duration = Duration::from_secs(5);
/// Two Frames that are further apart have a pause between them, in which nothing flowed.
const PAUSE: TimeDelta = TimeDelta::from_millis(1_000);

/// The Tracks of one Run that are heard of, by kind.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    video: Kind,
    audio: Kind,
}

#[derive(Debug, Default)]
struct Kind {
    newest: Option<Timestamp>,
    /// How long Frames of this kind have flowed, pauses left out.
    flowed: TimeDelta,
    tracks: SmallVec<[Heard; 1]>,
}

/// A Track when its last Frame came.
#[derive(Debug)]
struct Heard {
    id: TrackId,
    flowed: TimeDelta,
    arrived: Instant,
}

impl Flow {
    /// Notes a Frame that was placed on the Stream's timeline; the Tracks that have ended by now,
    /// each once.
    pub(crate) fn note(&mut self, now: Instant, frame: &Frame) -> Vec<TrackId> {
        match frame.track.kind {
            TrackKind::Video => self.video.note(now, frame),
            TrackKind::Audio => self.audio.note(now, frame),
            TrackKind::Data => Vec::new(),
        }
    }
}

impl Kind {
    fn note(&mut self, now: Instant, frame: &Frame) -> Vec<TrackId> {
        let newest = *self.newest.get_or_insert(frame.dts);
        self.flowed = self.flowed + (frame.dts - newest).max(TimeDelta::ZERO).min(PAUSE);
        self.newest = Some(newest.max(frame.dts));
        let heard = Heard { id: frame.track, flowed: self.flowed, arrived: now };
        match self.tracks.iter_mut().find(|track| track.id == frame.track) {
            Some(track) => *track = heard,
            None => self.tracks.push(heard),
        }
        let (flowed, mut ended) = (self.flowed, Vec::new());
        self.tracks.retain(|track| {
            let is_over = flowed - track.flowed >= PATIENCE
                && now.saturating_duration_since(track.arrived) >= ARRIVALS;
            ended.extend(is_over.then_some(track.id));
            !is_over
        });
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use manycast_media::Codec;

    /// Frames of video Tracks: when they arrive and what their clock says, in milliseconds.
    struct Bench {
        flow: Flow,
        began: Instant,
    }

    impl Bench {
        #[allow(clippy::disallowed_methods, reason = "any instant will do")]
        fn new() -> Self {
            Self { flow: Flow::default(), began: Instant::now() }
        }

        fn frame(&mut self, index: u8, arrival: u64, time: i64) -> Vec<u8> {
            let dts = Timestamp::from_millis(time);
            let track = TrackId { index, ..TrackId::VIDEO };
            let (codec, payload) = (Codec::H264, Bytes::new());
            let frame = Frame { track, codec, dts, pts: dts, key: false, payload, wire: None };
            let ended = self.flow.note(self.began + Duration::from_millis(arrival), &frame);
            ended.into_iter().map(|id| id.index).collect()
        }
    }

    #[test]
    fn a_track_ends_after_five_seconds_of_the_others() {
        let mut bench = Bench::new();
        for index in [0, 1, 2] {
            assert_eq!(bench.frame(index, 0, 0), []);
        }
        for second in 1..5 {
            assert_eq!(bench.frame(0, second * 1000, second.cast_signed() * 1000), []);
        }
        assert_eq!(bench.frame(2, 4_500, 4_500), []);
        assert_eq!(bench.frame(0, 5_000, 5_000), [1]);
        assert_eq!(bench.frame(0, 6_000, 6_000), [], "told once");
        // It comes back, and ends again.
        bench.frame(1, 6_500, 6_500);
        let ends: Vec<_> =
            (7..13).map(|s| bench.frame(0, s * 1000, s.cast_signed() * 1000)).collect();
        assert_eq!(ends.concat(), [2, 1]);
    }

    #[test]
    fn pauses_of_all_and_bundles_end_nothing() {
        let mut bench = Bench::new();
        bench.frame(1, 0, 0);
        bench.frame(0, 40, 40);
        assert_eq!(bench.frame(0, 9_040, 9_040), [], "nothing flowed in between");
        assert_eq!(bench.frame(1, 9_050, 9_000), []);
        // Four seconds of one, then four seconds of the other.
        for (index, at, from) in [(0, 9_100, 10), (1, 9_200, 10), (0, 13_100, 14), (1, 13_200, 14)]
        {
            for second in from..from + 4 {
                assert_eq!(bench.frame(index, at, second * 1_000), [], "{index} {second}");
            }
        }
        // A stall of the network: six seconds at once, one Track a little before the other.
        for second in 18..24 {
            assert_eq!(bench.frame(0, 20_000, second * 1_000), []);
            assert_eq!(bench.frame(1, 20_001, second * 1_000), []);
        }
    }
}
