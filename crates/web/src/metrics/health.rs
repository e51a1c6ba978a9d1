//! Health and findings as metrics: of the first video and the first audio Track of each configured
//! Stream, so that no encoder can make the number of series grow (B14).

use super::{Family, Kind, float};
use crate::status::Picture;
use manycast_coach::{Rule, Severity};
use manycast_hub::Health;
use manycast_media::{TimeDelta, TrackKind};

/// The gauges that exist while an encoder publishes.
struct Gauges {
    bitrate: Family,
    frame_rate: Family,
    speed: Family,
    interval: Family,
    b_frames: Family,
    offset: Family,
    jitter: Family,
    still: Family,
}

impl Gauges {
    fn new() -> Self {
        let gauge = |name, help| Family::new(Kind::Gauge, name, help);
        Self {
            bitrate: gauge(
                "stream_track_bits_per_second",
                "What comes in of the first track of a kind, over 10 seconds",
            ),
            frame_rate: gauge(
                "stream_frames_per_second",
                "Frames of the first video track per second of its own clock, over 10 seconds",
            ),
            speed: gauge(
                "stream_speed_ratio",
                "Seconds of media per second of arrival, over 10 seconds",
            ),
            interval: gauge(
                "stream_key_frame_interval_seconds",
                "Distance of key frames: now, worst of this run, drift of the last eight",
            ),
            b_frames: gauge("stream_b_frames", "Most B-frames in a row"),
            offset: gauge(
                "stream_av_offset_seconds",
                "By how much sound arrives after the pictures of the same time",
            ),
            jitter: gauge("stream_jitter_seconds", "Interarrival jitter as in RFC 3550"),
            still: gauge("stream_still_seconds", "For how long a track has said nothing"),
        }
    }

    fn add(&mut self, name: &str, health: &Health) {
        let at = [("stream", name)];
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let Some(track) = health.lead(kind) else { continue };
            let at = [("stream", name), ("kind", kind.name())];
            self.bitrate.add(&at, float(track.bitrate.mean));
            self.jitter.add(&at, track.jitter.as_secs_f64());
            self.still.add(&at, track.still.as_secs_f64());
            if let Some(speed) = track.speed {
                self.speed.add(&at, speed);
            }
        }
        if let Some(offset) = health.av_offset {
            self.offset.add(&at, seconds(offset));
        }
        let Some(video) = health.lead(TrackKind::Video) else { return };
        if let Some(rate) = video.frame_rate {
            self.frame_rate.add(&at, rate);
        }
        let Some(pictures) = video.pictures else { return };
        self.b_frames.add(&at, f64::from(pictures.b_frames));
        let Some(keys) = pictures.key_frames else { return };
        for (figure, value) in [("now", keys.now), ("worst", keys.worst), ("drift", keys.drift())] {
            self.interval.add(&[("stream", name), ("figure", figure)], seconds(value));
        }
    }

    fn into_families(self) -> Vec<Family> {
        vec![
            self.bitrate,
            self.frame_rate,
            self.speed,
            self.interval,
            self.b_frames,
            self.offset,
            self.jitter,
            self.still,
        ]
    }
}

pub(super) fn families(picture: &Picture) -> Vec<Family> {
    let mut gauges = Gauges::new();
    let mut late = Family::new(Kind::Counter, "stream_frames_late", "Frames that came late");
    let help = "Frames that are not understood and passed on";
    let mut opaque = Family::new(Kind::Counter, "stream_frames_opaque", help);
    let mut finding = Family::new(Kind::Gauge, "stream_finding", "1 while the coach finds this");
    let mut findings =
        Family::new(Kind::Gauge, "stream_findings", "What the coach finds, by severity");
    for stream in picture.streams.iter().filter(|stream| stream.configured) {
        let name = stream.stats.name.as_str();
        late.add(&[("stream", name)], float(stream.stats.frames_late));
        opaque.add(&[("stream", name)], float(stream.stats.frames_opaque));
        if let Some(publisher) = &stream.stats.publisher {
            gauges.add(name, &publisher.health);
        }
        let found = stream.findings();
        for rule in Rule::ALL {
            let there = found.iter().any(|one| one.rule == *rule);
            let at = [("stream", name), ("rule", rule.id())];
            finding.add(&at, f64::from(u8::from(there)));
        }
        for severity in Severity::ALL {
            let count = found.iter().filter(|one| one.rule.severity() == severity).count();
            let at = [("stream", name), ("severity", severity.name())];
            findings.add(&at, float(count as u64));
        }
    }
    let mut all = gauges.into_families();
    all.extend([late, opaque, finding, findings]);
    all
}

fn seconds(delta: TimeDelta) -> f64 {
    delta.ticks() as f64 / manycast_media::TICKS_PER_SECOND as f64
}
