//! What is told about a stream: the verdict, lines for people, one JSON object for programs.
//!
//! The names in the JSON object are documented in `docs/tools.md` and do not change.

use super::track::TrackWatch;
use super::watch::Watch;
use crate::tool::Endpoint;
use crate::tool::format::{bitrate, grouped, millis};
use manycast_codec::Shape;
use manycast_media::TrackKind;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Why the watching ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The time was over.
    Time,
    /// By order.
    Interrupted,
    /// The server closed, in these words.
    Closed(String),
    /// There was nothing to watch, in these words.
    Refused(String),
}

impl End {
    fn name(&self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Interrupted => "interrupted",
            Self::Closed(_) => "closed",
            Self::Refused(_) => "refused",
        }
    }

    fn words(&self) -> Option<&str> {
        match self {
            Self::Time | Self::Interrupted => None,
            Self::Closed(words) | Self::Refused(words) => Some(words),
        }
    }
}

/// What a viewer got. `Display` gives lines for people.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    url: String,
    watch: Watch,
    took: Duration,
    end: End,
    problems: Vec<String>,
}

impl Report {
    pub(super) fn new(endpoint: &Endpoint, watch: Watch, took: Duration, end: End) -> Self {
        let mut problems: Vec<_> = watch.tracks.iter().filter_map(TrackWatch::problem).collect();
        if let End::Refused(words) = &end {
            problems.push(words.clone());
        } else if watch.tracks.is_empty() {
            problems.push("nothing came: does an encoder publish this stream?".to_owned());
        }
        if let End::Closed(words) = &end {
            problems.push(format!("ended early: {words}"));
        }
        Self { url: endpoint.to_string(), watch, took, end, problems }
    }

    /// Whether configuration and a key frame of every track came, at least one track did, and the
    /// server did not end it early.
    pub(crate) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// One object.
    pub(crate) fn json(&self) -> Value {
        let watch = &self.watch;
        let first = |of: fn(&TrackWatch) -> Option<Duration>| {
            watch.tracks.iter().filter_map(of).min().map(millis)
        };
        let pictures = watch.tracks.iter().filter(|track| track.id.kind == TrackKind::Video);
        let first_picture = pictures.filter_map(|track| track.first_key_frame).min().map(millis);
        json!({
            "url": self.url,
            "ok": self.is_good(),
            "problems": self.problems,
            "end": self.end.name(),
            "end_words": self.end.words(),
            "watched_ms": millis(self.took),
            "connect_ms": watch.connected.map(millis),
            "first_message_ms": watch.first_message.map(millis),
            "first_frame_ms": first(|track| track.first_frame),
            "first_key_frame_ms": first_picture,
            "messages": watch.messages,
            "data_messages": watch.data_messages,
            "frames": watch.frames(),
            "bytes": watch.bytes,
            "bitrate": watch.bitrate(),
            "encoder": watch.metadata.as_ref().and_then(|about| about.encoder.clone()),
            "runs_ended": watch.runs_ended,
            "gaps": {
                "largest_silence_ms": millis(watch.silence),
                "backward_timestamps": watch.backward(),
                "missing_frames": watch.missing(),
            },
            "tracks": watch.tracks.iter().map(track_json).collect::<Vec<_>>(),
        })
    }
}

fn track_json(track: &TrackWatch) -> Value {
    let described = track.description();
    let (video, audio) = match described.as_ref().map(|described| &described.shape) {
        Some(Shape::Video(shape)) => (Some(shape), None),
        Some(Shape::Audio(shape)) => (None, Some(shape)),
        None => (None, None),
    };
    let profile = video.map(|v| &v.profile).or(audio.map(|a| &a.profile)).cloned().flatten();
    json!({
        "track": track.id.to_string(),
        "kind": track.id.kind.name(),
        "codec": track.codec.name(),
        "rfc6381": described.as_ref().and_then(|described| described.rfc6381.clone()),
        "profile": profile,
        "level": video.and_then(|shape| shape.level.as_ref()),
        "width": video.map(|shape| shape.width),
        "height": video.map(|shape| shape.height),
        "declared_fps": video.and_then(|shape| shape.fps),
        "sample_rate": audio.map(|shape| shape.sample_rate),
        "channels": audio.and_then(|shape| shape.channels),
        "configuration": track.config.is_some(),
        "frames": track.frames,
        "key_frames": track.key_frames,
        "bytes": track.bytes,
        "bitrate": track.bitrate(),
        "frame_rate": track.rate(),
        "gop_ms": track.gop().map(|(mean, _)| mean),
        "largest_gop_ms": track.gop().map(|(_, largest)| largest),
        "first_frame_ms": track.first_frame.map(millis),
        "largest_step_ms": track.largest_step(),
        "backward_timestamps": track.backward,
        "missing_frames": track.missing(),
    })
}

/// Codec, measures and rates of a track in one line.
fn track_line(track: &TrackWatch) -> String {
    let mut parts = vec![track.codec.to_string()];
    match track.description().map(|described| described.shape) {
        Some(Shape::Video(shape)) => {
            let kind: Vec<_> = shape.profile.into_iter().chain(shape.level).collect();
            parts.extend((!kind.is_empty()).then(|| kind.join(" ")));
            parts.push(format!("{}x{}", shape.width, shape.height));
        }
        Some(Shape::Audio(shape)) => {
            parts.extend(shape.profile);
            parts.push(format!("{} Hz", shape.sample_rate));
            parts.extend(shape.channels.map(|channels| match channels {
                1 => "mono".to_owned(),
                2 => "stereo".to_owned(),
                _ => format!("{channels} channels"),
            }));
        }
        None => {}
    }
    parts.extend(track.bitrate().map(bitrate));
    let unit = if track.id.kind == TrackKind::Video { "fps" } else { "frames/s" };
    parts.extend(track.rate().map(|rate| format!("{rate} {unit}")));
    parts.extend(track.gop().map(|(mean, largest)| match largest {
        _ if largest == mean => format!("key frame every {mean} ms"),
        _ => format!("key frame every {mean} ms, {largest} ms at most"),
    }));
    parts.join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watch = &self.watch;
        for track in &watch.tracks {
            writeln!(f, "  {:<8} {}", track.id.to_string(), track_line(track))?;
            let (frames, keys) = (grouped(track.frames), grouped(track.key_frames));
            let config = if track.config.is_some() { "configured" } else { "no configuration" };
            let keys = if track.id.kind == TrackKind::Video {
                format!(", {keys} of them key frames")
            } else {
                String::new()
            };
            writeln!(f, "           {frames} frames{keys}, {config}")?;
        }
        if let Some(encoder) = watch.metadata.as_ref().and_then(|about| about.encoder.as_deref()) {
            writeln!(f, "  encoder  {encoder}")?;
        }
        if !watch.tracks.is_empty() {
            let first = watch.tracks.iter().filter_map(|track| track.first_frame).min();
            let first = millis(first.unwrap_or_default());
            let connect = millis(watch.connected.unwrap_or_default());
            writeln!(
                f,
                "  start    first frame after {first} ms, {connect} ms of them to connect"
            )?;
            let rate = bitrate(watch.bitrate());
            writeln!(f, "  total    {rate}, {} frames", grouped(watch.frames()))?;
            let (back, missing) = (watch.backward(), watch.missing());
            let silence = millis(watch.silence);
            writeln!(
                f,
                "  gaps     longest silence {silence} ms, {back} backward time stamps, {missing} \
                 missing frames"
            )?;
        }
        if watch.runs_ended > 0 {
            writeln!(f, "  encoder  went {} times", watch.runs_ended)?;
        }
        for problem in &self.problems {
            writeln!(f, "  problem  {problem}")?;
        }
        let verdict = if self.is_good() { "ok" } else { "not ok" };
        writeln!(f, "{verdict}: {} s watched", self.took.as_secs())
    }
}
