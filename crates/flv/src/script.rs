//! Bodies of script tags: RTMP data messages of type 18 (AMF0) and 15 (AMF3).
//!
//! Belongs here: the name of a message, `@setDataFrame` taken off and put on, what `onMetaData`
//! says. Must not come here: AMF itself; trust in what `onMetaData` says.

use crate::{FourCc, audio, video};
use bytes::{BufMut, Bytes, BytesMut};
use manycast_amf::{Decoder, Limits, Text, Value};
use manycast_media::Codec;

#[cfg(test)]
mod tests;

/// The name of the message that describes a Stream.
pub const ON_META_DATA: &str = "onMetaData";

/// `@setDataFrame` as an AMF0 string: what a publisher puts before a message that is to be kept.
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0D@setDataFrame";

/// Names are short; a longer one is no name.
const NAME: Limits = Limits { depth: 1, values: 1, string: 128 };

/// A data message without what only a server needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMessage {
    /// Name and arguments; a slice of what came.
    pub body: Bytes,
    /// Whether `body` opens with the byte of the AMF3 envelope as messages of type 15 do.
    pub amf3: bool,
}

impl DataMessage {
    /// Takes `@setDataFrame` off, if it is there. What follows it is AMF0 in either kind of
    /// message, since the envelope's byte stands before it.
    #[must_use]
    pub fn read(body: &Bytes, amf3: bool) -> Self {
        match without_envelope(body, amf3).strip_prefix(SET_DATA_FRAME) {
            Some(rest) => Self { body: body.slice_ref(rest), amf3: false },
            None => Self { body: body.clone(), amf3 },
        }
    }

    /// The name of the message, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<Text> {
        match Decoder::new(without_envelope(&self.body, self.amf3), NAME).next()?.ok()? {
            Value::String(name) => Some(name),
            value => value.as_text().cloned(),
        }
    }

    /// Puts `@setDataFrame` on, as a publisher sends it.
    #[must_use]
    pub fn with_set_data_frame(&self) -> Bytes {
        let rest = without_envelope(&self.body, self.amf3);
        let room = SET_DATA_FRAME.len().saturating_add(self.body.len()).saturating_add(1);
        let mut out = BytesMut::with_capacity(room);
        if self.amf3 {
            out.put_u8(0);
        }
        out.put_slice(SET_DATA_FRAME);
        out.put_slice(rest);
        out.freeze()
    }

    /// What `onMetaData` says; `None` when this is another message.
    #[must_use]
    pub fn metadata(&self) -> Option<Metadata> {
        Metadata::read(without_envelope(&self.body, self.amf3))
    }
}

/// RTMP Errata 7.2: a message of type 15 opens with a zero byte. Some senders leave it out.
fn without_envelope(body: &[u8], amf3: bool) -> &[u8] {
    match body {
        [0, rest @ ..] if amf3 => rest,
        _ => body,
    }
}

/// What `onMetaData` says. For people to read: senders have announced H.264 while they sent H.265,
/// and pictures of size 0. What decides is the configuration of a Track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Pixels.
    pub width: Option<f64>,
    /// Pixels.
    pub height: Option<f64>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Kilobits per second.
    pub video_data_rate: Option<f64>,
    /// Kilobits per second.
    pub audio_data_rate: Option<f64>,
    /// The video codec.
    pub video_codec: Option<Codec>,
    /// The audio codec.
    pub audio_codec: Option<Codec>,
    /// The name of the encoder, at most 128 characters, none of them a control character.
    pub encoder: Option<String>,
    /// What is said of the video Tracks beside the default one, by their numbers (E-RTMP v2
    /// `videoTrackIdInfoMap`).
    pub video_tracks: Vec<(u8, TrackMetadata)>,
    /// What is said of the audio Tracks beside the default one (E-RTMP v2 `audioTrackIdInfoMap`).
    pub audio_tracks: Vec<(u8, TrackMetadata)>,
}

/// What `onMetaData` says of one Track beside the default one. No more to be trusted than the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrackMetadata {
    /// Pixels.
    pub width: Option<f64>,
    /// Pixels.
    pub height: Option<f64>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Kilobits per second.
    pub data_rate: Option<f64>,
    /// The codec.
    pub codec: Option<Codec>,
    /// How many channels it has.
    pub channels: Option<f64>,
    /// Samples per second.
    pub sample_rate: Option<f64>,
}

impl Metadata {
    const ENCODER_CHARS: usize = 128;

    fn read(message: &[u8]) -> Option<Self> {
        let mut values = Decoder::new(message, Limits::default()).map_while(Result::ok);
        if values.next()?.as_text()?.to_str()? != ON_META_DATA {
            return None;
        }
        let about = values.next()?;
        let measure = |key| measure(&about, key);
        Some(Self {
            width: measure("width"),
            height: measure("height"),
            frame_rate: measure("framerate"),
            video_data_rate: measure("videodatarate"),
            audio_data_rate: measure("audiodatarate"),
            video_codec: codec(&about, "videocodecid", video::legacy::codec, FourCc::video_codec),
            audio_codec: codec(&about, "audiocodecid", audio::legacy::codec, FourCc::audio_codec),
            encoder: about.get("encoder").and_then(Value::as_str).map(|text| {
                let shown = text.chars().filter(|c| !c.is_control());
                shown.take(Self::ENCODER_CHARS).collect()
            }),
            video_tracks: tracks(about.get("videoTrackIdInfoMap"), TrackMetadata::video),
            audio_tracks: tracks(about.get("audioTrackIdInfoMap"), TrackMetadata::audio),
        })
    }
}

impl TrackMetadata {
    fn video(about: &Value) -> Self {
        Self {
            width: measure(about, "width"),
            height: measure(about, "height"),
            frame_rate: measure(about, "framerate"),
            data_rate: measure(about, "videodatarate"),
            codec: codec(about, "videocodecid", video::legacy::codec, FourCc::video_codec),
            ..Self::default()
        }
    }

    fn audio(about: &Value) -> Self {
        Self {
            data_rate: measure(about, "audiodatarate"),
            codec: codec(about, "audiocodecid", audio::legacy::codec, FourCc::audio_codec),
            channels: measure(about, "channels").or_else(|| measure(about, "audiochannels")),
            sample_rate: measure(about, "samplerate").or_else(|| measure(about, "audiosamplerate")),
            ..Self::default()
        }
    }
}

fn measure(about: &Value, key: &str) -> Option<f64> {
    let number = about.get(key)?.as_number_lenient()?;
    (number.is_finite() && (0.001..1e9).contains(&number)).then_some(number)
}

/// The Tracks that a map describes, each number once, in order.
fn tracks(map: Option<&Value>, read: fn(&Value) -> TrackMetadata) -> Vec<(u8, TrackMetadata)> {
    let entries = map.and_then(Value::properties).unwrap_or_default();
    let numbered = entries.iter().filter_map(|(key, about)| {
        let number = key.to_str()?.parse::<u8>().ok()?;
        about.properties().map(|_| (number, read(about)))
    });
    let mut tracks: Vec<_> = numbered.collect();
    tracks.sort_by_key(|(number, _)| *number);
    tracks.dedup_by_key(|(number, _)| *number);
    tracks
}

/// A codec id is a legacy number, a FourCC as a number (E-RTMP v2 "onMetaData"), or a FourCC as a
/// string by habit of some senders.
fn codec(
    about: &Value,
    key: &str,
    legacy: fn(u8) -> Codec,
    enhanced: fn(FourCc) -> Codec,
) -> Option<Codec> {
    let id = about.get(key)?;
    if let Some(text) = id.as_text()
        && let Ok(four_cc) = <[u8; 4]>::try_from(text.as_bytes())
    {
        return Some(enhanced(FourCc(four_cc)));
    }
    let number = whole(id.as_number_lenient()?)?;
    Some(match u8::try_from(number) {
        Ok(number) => legacy(number),
        Err(_) => enhanced(FourCc(number.to_be_bytes())),
    })
}

#[allow(clippy::as_conversions, reason = "whole and in range, as checked")]
fn whole(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    fits.then_some(number as u32)
}
