//! Plain copies of what was counted, for status, metrics and logs.

use crate::publisher::RunState;
use crate::window::Window;
use manycast_media::{Codec, Frame, StreamName, TimeDelta, Timestamp, Track, TrackId, TrackKind};
use std::time::{Duration, Instant};

/// Seconds over which rates are taken.
const RATE_SECONDS: usize = 5;
/// A Stream without a key frame for this long is in trouble.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

/// What is wrong with what an encoder sends, in terms of what to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No key frame (or none with a configuration) came yet, or for long: viewers wait.
    WaitingForKeyFrame,
    /// Pictures come without their decoder configuration.
    NoCodecConfig,
    /// A Gop is larger than the Window: joiners wait for the next key frame.
    GopTooLarge,
    /// Nothing came for two seconds.
    Silent,
}

impl Trouble {
    /// The sentence for people: what is wrong and what mends it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::WaitingForKeyFrame => {
                "waiting for a key frame: set the encoder's key frame interval to 2 seconds"
            }
            Self::NoCodecConfig => {
                "the encoder sends pictures without a sequence header: restart its output"
            }
            Self::GopTooLarge => {
                "key frames are too far apart: set the encoder's key frame interval to 2 seconds"
            }
            Self::Silent => "nothing has come from the encoder for more than 2 seconds",
        }
    }
}

/// Bytes per second over the last few whole seconds.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    began: Option<Instant>,
    second: u64,
    ring: [u64; RATE_SECONDS + 1],
}

impl Rate {
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        self.advance(now);
        let at = self.slot(self.second);
        self.ring[at] += bytes as u64;
    }

    fn slot(&self, second: u64) -> usize {
        usize::try_from(second % self.ring.len() as u64).unwrap_or(0)
    }

    fn advance(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let second = now.saturating_duration_since(began).as_secs();
        let steps = (second - self.second.min(second)).min(self.ring.len() as u64);
        for ahead in 1..=steps {
            let at = self.slot(second + 1 - ahead);
            self.ring[at] = 0;
        }
        self.second = self.second.max(second);
    }

    /// Bits per second; before the first second is over, of what came so far.
    pub(crate) fn bits_per_second(&self, now: Instant) -> u64 {
        let Some(began) = self.began else { return 0 };
        let second = now.saturating_duration_since(began).as_secs();
        let full = second.min(RATE_SECONDS as u64);
        if full == 0 {
            return self.ring.iter().sum::<u64>() * 8;
        }
        let sum: u64 = (1..=full)
            .filter_map(|back| second.checked_sub(back))
            .filter(|s| *s <= self.second && self.second - s < self.ring.len() as u64)
            .map(|s| self.ring[self.slot(s)])
            .sum();
        sum * 8 / full
    }
}

/// What one Track of one Run counted.
#[derive(Debug)]
pub(crate) struct TrackCounters {
    id: TrackId,
    frames: u64,
    bytes: u64,
    keys: u64,
    last: Timestamp,
    last_key: Option<Timestamp>,
    gop: Option<TimeDelta>,
    rate: Rate,
}

/// What one Run counted.
#[derive(Debug, Default)]
pub(crate) struct RunCounters {
    pub(crate) dropped: u64,
    pub(crate) levelled: u64,
    pub(crate) rebased: u64,
    frames: u64,
    bytes: u64,
    last_key_at: Option<Instant>,
    keyless: bool,
    tracks: Vec<TrackCounters>,
}

impl RunCounters {
    pub(crate) fn frame(&mut self, now: Instant, frame: &Frame) {
        let size = frame.size();
        self.frames += 1;
        self.bytes += size as u64;
        let at = match self.tracks.iter().position(|t| t.id == frame.track) {
            Some(at) => at,
            None => {
                self.tracks.push(TrackCounters {
                    id: frame.track,
                    frames: 0,
                    bytes: 0,
                    keys: 0,
                    last: frame.dts,
                    last_key: None,
                    gop: None,
                    rate: Rate::default(),
                });
                self.tracks.len() - 1
            }
        };
        let track = &mut self.tracks[at];
        track.frames += 1;
        track.bytes += size as u64;
        track.last = frame.dts;
        track.rate.add(now, size);
        if frame.track.kind == TrackKind::Video {
            self.keyless |= !frame.key && self.last_key_at.is_none();
            if frame.key {
                track.keys += 1;
                track.gop = track.last_key.map(|last| frame.dts - last);
                track.last_key = Some(frame.dts);
                self.last_key_at = Some(now);
            }
        }
    }
}

/// Sums over the Runs that ended.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) runs: u64,
    pub(crate) takeovers: u64,
    frames: u64,
    bytes: u64,
    dropped: u64,
    levelled: u64,
    rebased: u64,
}

macro_rules! total {
    ($name:ident, $field:ident) => {
        pub(crate) fn $name(&self, run: Option<&RunState>) -> u64 {
            self.$field + run.map_or(0, |r| r.counters.$field)
        }
    };
}

impl Counters {
    pub(crate) fn fold(&mut self, run: &RunState) {
        self.frames += run.counters.frames;
        self.bytes += run.counters.bytes;
        self.dropped += run.counters.dropped;
        self.levelled += run.counters.levelled;
        self.rebased += run.counters.rebased;
    }

    total!(frames_in, frames);
    total!(bytes_in, bytes);
    total!(dropped, dropped);
    total!(levelled, levelled);
    total!(rebased, rebased);
}

/// One Stream at a moment.
#[derive(Clone, Debug)]
pub struct StreamStats {
    /// Its name.
    pub name: StreamName,
    /// Whether somebody publishes.
    pub live: bool,
    /// Viewers and Deliveries.
    pub readers: u64,
    /// Runs begun since the start.
    pub runs: u64,
    /// Runs that displaced another.
    pub takeovers: u64,
    /// Frames taken in over all Runs.
    pub frames_in: u64,
    /// Bytes of these Frames.
    pub bytes_in: u64,
    /// Frames refused: more Tracks or sticky messages than are kept.
    pub frames_dropped: u64,
    /// Time stamps that stepped back a little and were levelled.
    pub clock_levelled: u64,
    /// Leaps of the encoder's clock that were taken out.
    pub clock_rebased: u64,
    /// Bytes of Frames held.
    pub window_bytes: u64,
    /// Who publishes.
    pub publisher: Option<PublisherStats>,
}

/// The Run on air.
#[derive(Clone, Debug)]
pub struct PublisherStats {
    /// Address and software of the encoder.
    pub who: String,
    /// When it began.
    pub began: Instant,
    /// Bits per second over the last few seconds.
    pub bitrate: u64,
    /// Its Tracks that flow.
    pub tracks: Vec<TrackStats>,
    /// What is wrong, if anything.
    pub trouble: Option<Trouble>,
}

/// One Track of the Run on air.
#[derive(Clone, Debug)]
pub struct TrackStats {
    /// The Track with its configuration.
    pub track: Track,
    /// Frames so far.
    pub frames: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// Key frames so far; for video.
    pub key_frames: u64,
    /// The last distance between two key frames; for video.
    pub gop: Option<TimeDelta>,
    /// Time of the newest Frame on the Stream's timeline.
    pub last: Timestamp,
    /// Bits per second over the last few seconds.
    pub bitrate: u64,
}

impl PublisherStats {
    pub(crate) fn of(run: &RunState, window: &Window, now: Instant) -> Self {
        let tracks: Vec<_> = run
            .counters
            .tracks
            .iter()
            .filter_map(|counted| {
                Some(TrackStats {
                    track: run.book.set().get(counted.id)?.clone(),
                    frames: counted.frames,
                    bytes: counted.bytes,
                    key_frames: counted.keys,
                    gop: counted.gop,
                    last: counted.last,
                    bitrate: counted.rate.bits_per_second(now),
                })
            })
            .collect();
        Self {
            who: run.who.clone(),
            began: run.began,
            bitrate: tracks.iter().map(|t| t.bitrate).sum(),
            trouble: trouble(run, window, now),
            tracks,
        }
    }
}

fn trouble(run: &RunState, window: &Window, now: Instant) -> Option<Trouble> {
    if now.saturating_duration_since(run.last_heard) > crate::stream::SILENCE {
        return Some(Trouble::Silent);
    }
    if window.headless {
        return Some(Trouble::GopTooLarge);
    }
    let video = run.book.set().tracks.iter().find(|t| t.id.kind == TrackKind::Video)?;
    let unconfigured = video.codec.needs_config() && video.config.is_none();
    if unconfigured && video.codec != Codec::Opaque {
        return Some(Trouble::NoCodecConfig);
    }
    let late = |at: Instant| now.saturating_duration_since(at) > KEY_PATIENCE;
    let waits = run.counters.last_key_at.map_or(run.counters.keyless, late);
    waits.then_some(Trouble::WaitingForKeyFrame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_over_whole_seconds() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for ms in (0..10_000).step_by(100) {
            rate.add(start + Duration::from_millis(ms), 1000);
        }
        assert_eq!(rate.bits_per_second(start + Duration::from_millis(9_950)), 80_000);
        assert_eq!(rate.bits_per_second(start + Duration::from_secs(60)), 0);
    }
}
