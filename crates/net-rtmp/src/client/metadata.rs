//! `onMetaData` for ingests that look at it, where the encoder sent none or too little.
//!
//! Belongs here: what a Delivery says about the Tracks, with the names and values that encoders use.
//! Must not come here: anything that decides; metadata is for people and for platforms' checks.

use bytes::Bytes;
use manycast_amf::{Limits, Text, Value, decode_all, ecma_array, encode_all};
use manycast_codec::{AudioShape, Shape, VideoShape, describe};
use manycast_flv::FourCc;
use manycast_flv::frame::{FLV_DATA_AMF0, FLV_DATA_AMF3};
use manycast_flv::script::{DataMessage, Metadata, ON_META_DATA};
use manycast_media::{Codec, Frame, Sticky, Track, TrackId, TrackSet};
use manycast_rtmp::command::data_name;

/// What encoders say of samples that are compressed anyway (FLV E.5).
const SAMPLE_BITS: f64 = 16.0;

/// Whether a sticky message is the Stream's own metadata.
pub(super) fn is_metadata(sticky: &Sticky) -> bool {
    sticky.track == TrackId::DATA && *sticky.name == *ON_META_DATA
}

/// Whether a Frame is that metadata, on its way to those who are there already.
pub(super) fn is_about_all(frame: &Frame) -> bool {
    let name = data_name(&frame.payload);
    frame.track == TrackId::DATA && name == Some(ON_META_DATA.as_bytes())
}

/// The metadata to send instead of the Stream's own; `None` if that is complete as it is, or if
/// nothing is known that could be said.
pub(super) fn completed(tracks: &TrackSet) -> Option<Bytes> {
    let facts = facts(tracks);
    let own = tracks.sticky.iter().find(|sticky| is_metadata(sticky)).and_then(own);
    let said = own.as_ref().and_then(DataMessage::metadata);
    if facts.is_empty() || said.is_some_and(|said| is_enough(&said, &facts)) {
        return None;
    }
    let mut properties = own.as_ref().map(properties).unwrap_or_default();
    let encoder =
        concat!("Manycast ", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    for (key, value) in facts.into_iter().chain([("encoder", encoder.into())]) {
        match properties.iter_mut().find(|(known, _)| *known == *key) {
            Some((_, known)) if is_usable(known) => {}
            Some((_, known)) => *known = value,
            None => properties.push((key.into(), value)),
        }
    }
    let mut body = Vec::new();
    encode_all(&[ON_META_DATA.into(), ecma_array(properties)], &mut body);
    Some(body.into())
}

fn own(sticky: &Sticky) -> Option<DataMessage> {
    let amf3 = match sticky.wire.dialect {
        FLV_DATA_AMF0 => false,
        FLV_DATA_AMF3 => true,
        _ => return None,
    };
    Some(DataMessage { body: sticky.wire.body.clone(), amf3 })
}

/// What the encoder said, in its order.
fn properties(own: &DataMessage) -> Vec<(Text, Value)> {
    let body = match own.body.as_ref() {
        [0, rest @ ..] if own.amf3 => rest,
        body => body,
    };
    let values = decode_all(body, Limits::default()).values;
    values.get(1).and_then(Value::properties).map(<[_]>::to_vec).unwrap_or_default()
}

/// Whether it names the codecs and the size, as far as these can be known.
fn is_enough(said: &Metadata, facts: &[(&'static str, Value)]) -> bool {
    facts.iter().all(|(key, _)| match *key {
        "width" => said.width.is_some(),
        "height" => said.height.is_some(),
        "videocodecid" => said.video_codec.is_some(),
        "audiocodecid" => said.audio_codec.is_some(),
        _ => true,
    })
}

/// Cameras say 0 for what they do not know.
fn is_usable(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_finite() && *number > 0.0,
        Value::Boolean(_) => true,
        value => value.as_text().is_some_and(|text| !text.as_bytes().is_empty()),
    }
}

/// What the first Tracks of both kinds are, in the order in which encoders write it.
fn facts(tracks: &TrackSet) -> Vec<(&'static str, Value)> {
    let mut facts = Vec::new();
    if let Some(video) = tracks.get(TrackId::VIDEO) {
        if let Some(Shape::Video(VideoShape { width, height, fps, .. })) = shape(video) {
            facts.push(("width", f64::from(width).into()));
            facts.push(("height", f64::from(height).into()));
            facts.extend(fps.map(|fps| ("framerate", fps.into())));
        }
        facts.extend(codec_id(video).map(|id| ("videocodecid", id.into())));
    }
    if let Some(audio) = tracks.get(TrackId::AUDIO) {
        facts.extend(codec_id(audio).map(|id| ("audiocodecid", id.into())));
        if let Some(Shape::Audio(AudioShape { sample_rate, channels, .. })) = shape(audio) {
            facts.push(("audiosamplerate", f64::from(sample_rate).into()));
            facts.push(("audiosamplesize", SAMPLE_BITS.into()));
            if let Some(channels) = channels {
                facts.push(("audiochannels", f64::from(channels).into()));
                facts.push(("stereo", Value::Boolean(channels == 2)));
            }
        }
    }
    facts
}

fn shape(track: &Track) -> Option<Shape> {
    let config = track.config.as_ref()?;
    describe(config.codec, &config.record).map(|description| description.shape)
}

/// The number of a codec: the one in its own legacy header, else that of FLV E.4.2.1 and E.4.3.1,
/// else its FourCC as a number (E-RTMP v2 "onMetaData").
fn codec_id(track: &Track) -> Option<f64> {
    let legacy = match track.codec {
        Codec::H264 => Some(7),
        Codec::Aac => Some(10),
        Codec::Mp3 => Some(2),
        Codec::Speex => Some(11),
        Codec::G711A => Some(7),
        Codec::G711U => Some(8),
        _ => legacy_id(track),
    };
    let enhanced = || FourCc::of(track.codec).map(|four_cc| u32::from_be_bytes(four_cc.0));
    legacy.or_else(enhanced).map(f64::from)
}

/// The codec number in a legacy video header, where the Track was configured by one: H.265 has one
/// by custom.
fn legacy_id(track: &Track) -> Option<u32> {
    let wire = track.config.as_ref()?.wire.as_ref()?;
    let first = *wire.body.first()?;
    let legacy = track.id == TrackId::VIDEO && first & 0x80 == 0;
    legacy.then(|| u32::from(first & 0x0f))
}

#[cfg(test)]
mod tests;
