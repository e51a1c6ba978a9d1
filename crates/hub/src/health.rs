//! How well a Run comes in, measured from its Frames alone.
//!
//! ```text
//! Publisher::push --Frame, arrival--> TrackMeter (one per Track) --read(now)--> TrackHealth
//!                                       second by second, the last ten kept       |
//!                                     lead video and lead audio ------------> Health
//! ```
//!
//! Belongs here: figures with exact definitions. Must not come here: what is good or bad, which is
//! the coach's, the name of a codec, a clock (time is an argument), an allocation or a lock per
//! Frame: this runs under the Stream's lock.
//!
//! *Transit* of a Frame is its arrival less its decode time, both counted from the first Frame of
//! the Run. Only differences of it mean something: where it rises, Frames come later than their
//! clock says.

mod pictures;
mod second;
mod track;

pub(crate) use track::TrackMeter;

use manycast_media::{TICKS_PER_SECOND, TimeDelta, TrackId, TrackKind};
use std::time::Duration;

/// Full seconds that the figures of a Track look back over, by arrival.
pub const WINDOW_SECONDS: u32 = 10;
/// A Frame is late when its transit exceeds the smallest one of the window by more than this.
pub const LATE: TimeDelta = TimeDelta::from_millis(500);

/// One Run at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Since the first Frame of the Run.
    pub age: Duration,
    /// Since anything was heard of the encoder, Frames or not.
    pub silence: Duration,
    /// Mean transit of the lead audio Track less that of the lead video Track, each over the last
    /// five full seconds: positive when sound arrives after the pictures of the same time.
    pub av_offset: Option<TimeDelta>,
    /// How far `av_offset` moved since the sixth to tenth second of the Run, or of the clock in
    /// force since the last leap.
    pub av_drift: Option<TimeDelta>,
    /// Time stamps of this Run that stepped back a little and were levelled.
    pub clock_levelled: u64,
    /// Leaps of the encoder's clock in this Run that were taken out.
    pub clock_rebased: u64,
    /// How long ago the last of either was.
    pub clock_fault_ago: Option<Duration>,
    /// Each Track that Frames came of, in order of the first Frame.
    pub tracks: Vec<TrackHealth>,
}

/// One Track of a Run at a moment. "Window" is the last ten full seconds by arrival, fewer while
/// the Track is younger.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackHealth {
    /// Which.
    pub id: TrackId,
    /// Full seconds in the window; 0 in the first second.
    pub seconds: u32,
    /// Frames in the window.
    pub frames: u64,
    /// Bits per second.
    pub bitrate: Bitrate,
    /// Frames of the window per second of their own clock; `None` before the first full second and
    /// where that clock stands still.
    pub frame_rate: Option<f64>,
    /// Seconds of media per second of arrival over the window; `None` before the fifth.
    pub speed: Option<f64>,
    /// Largest distance of two Frames in a row on their own clock, within the window.
    pub longest_gap: TimeDelta,
    /// Seconds of the window in which some such distance was more than 2.5 times the mean.
    pub uneven_seconds: u32,
    /// Interarrival jitter, RFC 3550 6.4.1, against the decode time.
    pub jitter: Duration,
    /// Late Frames of the whole Run, see [`LATE`].
    pub late: u64,
    /// Late Frames of the window and of the second that runs.
    pub late_now: u64,
    /// Time stamps that stepped back a little and were levelled, in this Run.
    pub clock_levelled: u64,
    /// Leaps of its clock that were taken out, in this Run.
    pub clock_rebased: u64,
    /// Full seconds in a row, up to now, in which the Frames said nothing: at least four in five of
    /// the delta pictures were near to empty, or of the sound were near to empty or all alike.
    pub still: Duration,
    /// Since its last Frame arrived.
    pub idle: Duration,
    /// It has ended, while others of its kind go on.
    pub ended: bool,
    /// For video.
    pub pictures: Option<Pictures>,
}

/// Bits per second by arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bitrate {
    /// The last full second.
    pub last: u64,
    /// Mean of the window.
    pub mean: u64,
    /// The smallest second of the window.
    pub low: u64,
    /// The largest second of the window.
    pub peak: u64,
}

/// Key frames and order of pictures of one video Track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Distances of key frames, once there were two.
    pub key_frames: Option<KeyFrames>,
    /// Most pictures in a row that are shown before one that was decoded before them, in the
    /// current Gop and the one before: the depth of B-frames.
    pub b_frames: u32,
    /// Largest distance from decoding to showing in the same two Gops.
    pub reorder: TimeDelta,
}

/// Distances of key frames on the Track's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrames {
    /// The last distance, or the time since the last key frame where that is longer already.
    pub now: TimeDelta,
    /// The longest of the Run.
    pub worst: TimeDelta,
    /// The shortest of the last eight.
    pub shortest: TimeDelta,
    /// The longest of the last eight.
    pub longest: TimeDelta,
    /// How many of the last eight there are.
    pub known: u32,
    /// Pictures of the last full Gop.
    pub frames: u32,
}

impl KeyFrames {
    /// By how much the last eight distances differ: 0 for a steady interval.
    #[must_use]
    pub fn drift(&self) -> TimeDelta {
        self.longest - self.shortest
    }
}

impl Health {
    /// The Track of this identity.
    #[must_use]
    pub fn track(&self, id: TrackId) -> Option<&TrackHealth> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// The first Track of a kind that has not ended: the one whose figures stand for the Stream.
    #[must_use]
    pub fn lead(&self, kind: TrackKind) -> Option<&TrackHealth> {
        let own = self.tracks.iter().filter(|track| track.id.kind == kind && !track.ended);
        own.min_by_key(|track| track.id)
    }
}

/// Offset of sound against pictures now, and how far it moved.
pub(crate) fn av_offset(
    video: &TrackMeter,
    audio: &TrackMeter,
    at: i64,
) -> (Option<TimeDelta>, Option<TimeDelta>) {
    let between = |video: Option<i64>, audio: Option<i64>| Some(audio?.saturating_sub(video?));
    let now = between(video.transit(at), audio.transit(at));
    let first = between(video.first_transit(), audio.first_transit());
    let moved = between(first, now).map(TimeDelta::from_ticks);
    (now.map(TimeDelta::from_ticks), moved)
}

/// A time as ticks; a century at most.
pub(crate) fn ticks(time: Duration) -> i64 {
    const CENTURY: u64 = 3_155_760_000;
    let seconds = i64::try_from(time.as_secs().min(CENTURY)).unwrap_or(0);
    // 35,280,000 / 1,000,000,000 = 441 / 12,500
    seconds * TICKS_PER_SECOND + i64::from(time.subsec_nanos()) * 441 / 12_500
}

/// Ticks as a time; zero when negative.
pub(crate) fn duration(ticks: i64) -> Duration {
    TimeDelta::from_ticks(ticks).to_duration()
}

#[cfg(test)]
mod tests;
