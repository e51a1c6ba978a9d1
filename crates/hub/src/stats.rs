//! Plain copies of what was counted, for status, metrics and logs.

use crate::health::{Health, TrackHealth, TrackMeter, av_offset, duration, ticks};
use crate::publisher::RunState;
use crate::timeline::ClockFault;
use crate::window::Window;
use manycast_media::{Codec, Frame, StreamName, TimeDelta, Timestamp, Track, TrackId, TrackKind};
use std::time::{Duration, Instant};

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

/// What one Track of one Run counted.
#[derive(Debug)]
pub(crate) struct TrackCounters {
    id: TrackId,
    frames: u64,
    bytes: u64,
    keys: u64,
    last: Timestamp,
    meter: TrackMeter,
}

/// What one Run counted.
#[derive(Debug, Default)]
pub(crate) struct RunCounters {
    pub(crate) dropped: u64,
    levelled: u64,
    rebased: u64,
    late: u64,
    opaque: u64,
    frames: u64,
    bytes: u64,
    /// Arrival and time of the first Frame.
    first: Option<(Instant, Timestamp)>,
    clock_fault_at: Option<i64>,
    last_key_at: Option<Instant>,
    keyless: bool,
    tracks: Vec<TrackCounters>,
}

impl RunCounters {
    /// Counts a Frame that was placed on the timeline, with what was wrong with its time.
    pub(crate) fn frame(&mut self, now: Instant, frame: &Frame, fault: ClockFault) {
        let size = frame.size() as u64;
        self.frames += 1;
        self.bytes += size;
        self.opaque += u64::from(frame.codec == Codec::Opaque);
        let (began, origin) = *self.first.get_or_insert((now, frame.dts));
        let at = ticks(now.saturating_duration_since(began));
        let dts = (frame.dts - origin).ticks();
        if fault != ClockFault::None {
            self.clock(at, fault);
        }
        let track = match self.tracks.iter().position(|t| t.id == frame.track) {
            Some(known) => &mut self.tracks[known],
            None => {
                let (id, last) = (frame.track, frame.dts);
                let meter = TrackMeter::new(id, at, dts);
                self.tracks.push(TrackCounters { id, frames: 0, bytes: 0, keys: 0, last, meter });
                self.tracks.last_mut().expect("a track was added just now")
            }
        };
        track.frames += 1;
        track.bytes += size;
        track.last = frame.dts;
        self.late += u64::from(track.meter.frame(at, dts, frame, fault));
        if frame.track.kind == TrackKind::Video {
            self.keyless |= !frame.key && self.last_key_at.is_none();
            if frame.key {
                track.keys += 1;
                self.last_key_at = Some(now);
            }
        }
    }

    fn clock(&mut self, at: i64, fault: ClockFault) {
        self.clock_fault_at = Some(at);
        match fault {
            ClockFault::None => {}
            ClockFault::Levelled => self.levelled += 1,
            ClockFault::Rebased => self.rebased += 1,
        }
    }

    /// Where `now` is on the clock of arrivals.
    fn at(&self, now: Instant) -> i64 {
        self.first.map_or(0, |(began, _)| ticks(now.saturating_duration_since(began)))
    }

    fn health(&self, now: Instant, heard: Instant, ended: &[TrackId]) -> Health {
        let at = self.at(now);
        let lead = |kind| {
            let flows = |track: &&TrackCounters| !ended.contains(&track.id);
            let own = self.tracks.iter().filter(flows).filter(|track| track.id.kind == kind);
            own.min_by_key(|track| track.id).map(|track| &track.meter)
        };
        let pair = lead(TrackKind::Video).zip(lead(TrackKind::Audio));
        let (av_offset, av_drift) =
            pair.map_or((None, None), |(video, audio)| av_offset(video, audio, at));
        let read = |track: &TrackCounters| TrackHealth {
            ended: ended.contains(&track.id),
            ..track.meter.read(at)
        };
        Health {
            age: duration(at),
            silence: now.saturating_duration_since(heard),
            av_offset,
            av_drift,
            clock_levelled: self.levelled,
            clock_rebased: self.rebased,
            clock_fault_ago: self.clock_fault_at.map(|fault| duration(at - fault)),
            tracks: self.tracks.iter().map(read).collect(),
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
    late: u64,
    opaque: u64,
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
        self.late += run.counters.late;
        self.opaque += run.counters.opaque;
    }

    total!(frames_in, frames);
    total!(bytes_in, bytes);
    total!(dropped, dropped);
    total!(levelled, levelled);
    total!(rebased, rebased);
    total!(late, late);
    total!(opaque, opaque);
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
    /// Of these, viewers.
    pub viewers: u64,
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
    /// Frames that came late, see [`LATE`](crate::health::LATE).
    pub frames_late: u64,
    /// Frames that nobody here understands; they are passed on as they came.
    pub frames_opaque: u64,
    /// Bytes of Frames and of changed configurations held.
    pub window_bytes: u64,
    /// Who publishes.
    pub publisher: Option<PublisherStats>,
}

/// The Run on air.
#[derive(Clone, Debug)]
pub struct PublisherStats {
    /// Address and software of the encoder: see [`Self::encoder`].
    pub who: String,
    /// When it began.
    pub began: Instant,
    /// Bits per second over the last few seconds.
    pub bitrate: u64,
    /// Its Tracks that flow.
    pub tracks: Vec<TrackStats>,
    /// What is wrong, if anything.
    pub trouble: Option<Trouble>,
    /// How well it comes in.
    pub health: Health,
}

impl PublisherStats {
    /// The encoder; `127.0.0.1:5000 OBS 31`, under TLS `127.0.0.1:5000 (TLS) OBS 31`, as its
    /// connection describes itself.
    #[must_use]
    pub fn encoder(&self) -> Encoder<'_> {
        let (address, rest) = self.who.split_once(' ').unwrap_or((&self.who, ""));
        let inner = rest.strip_prefix("(TLS)");
        Encoder { address, software: inner.unwrap_or(rest).trim(), encrypted: inner.is_some() }
    }
}

/// Who sends a Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder<'a> {
    /// Address and port; empty where nothing is known.
    pub address: &'a str,
    /// What it calls itself; empty where nothing is known.
    pub software: &'a str,
    /// It comes in by TLS.
    pub encrypted: bool,
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
    /// One of its newest Frames; of pictures one where decoding can start. `None`: it is no longer kept.
    pub sample: Option<Frame>,
}

impl PublisherStats {
    pub(crate) fn of(run: &RunState, window: &Window, now: Instant) -> Self {
        let at = run.counters.at(now);
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
                    gop: counted.meter.gop(),
                    last: counted.last,
                    bitrate: counted.meter.bits_per_second(at),
                    sample: window.sample(counted.id).cloned(),
                })
            })
            .collect();
        Self {
            who: run.who.clone(),
            began: run.began,
            bitrate: tracks.iter().map(|t| t.bitrate).sum(),
            trouble: trouble(run, window, now),
            health: run.counters.health(now, run.last_heard, &run.book.set().ended),
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
    use super::Encoder;
    use crate::{Hub, Takeover, WindowLimits};
    use manycast_media::StreamName;
    use std::time::Instant;

    #[test]
    fn address_and_software_of_an_encoder_are_told_apart() {
        let stream = Hub::new().open(&StreamName::new("main").unwrap(), WindowLimits::default());
        for (who, address, software, encrypted) in [
            ("127.0.0.1:5000", "127.0.0.1:5000", "", false),
            ("127.0.0.1:5000 OBS 31", "127.0.0.1:5000", "OBS 31", false),
            ("[::1]:5000 FMLE/3.0 (a; b)", "[::1]:5000", "FMLE/3.0 (a; b)", false),
            ("[::1]:5000 (TLS) FMLE/3.0 (a; b)", "[::1]:5000", "FMLE/3.0 (a; b)", true),
            ("127.0.0.1:5000 (TLS) OBS 31", "127.0.0.1:5000", "OBS 31", true),
            ("", "", "", false),
        ] {
            let _publisher = stream.publish(Instant::now(), Takeover::Always, who).unwrap();
            let publisher = stream.stats(Instant::now()).publisher.unwrap();
            assert_eq!(publisher.encoder(), Encoder { address, software, encrypted }, "{who}");
        }
    }
}
