//! From a message body to what it means.

use super::{FLV_AUDIO, FLV_DATA_AMF0, FLV_DATA_AMF3, FLV_VIDEO, Unit, Units};
use crate::{
    audio::{AudioPacketType, AudioTag, EnhancedAudio, LegacyAudio, LegacyAudioBody},
    enhanced::{ModEx, Tracks, is_repeatable},
    script::{DataMessage, ON_META_DATA},
    video::{
        EnhancedVideo, FrameType, LegacyVideo, LegacyVideoBody, VideoPacketType, VideoTag,
        enhanced::{EnhancedVideoBody, has_composition_time},
    },
};
use bytes::Bytes;
use manycast_bits::Reader;
use manycast_codec::starts_decoding;
use manycast_media::{
    Codec, CodecConfig, Sticky, TICKS_PER_MILLISECOND, TimeDelta, TrackId, TrackKind, Wire,
};
use smallvec::smallvec;

/// Name of the sticky message with the HDR description of a video Track (E-RTMP v2 "Metadata
/// Frame").
pub const VIDEO_METADATA: &str = "video:metadata";

/// Name of the sticky message with the channel order of an audio Track (E-RTMP v2
/// "MultichannelConfig").
pub const AUDIO_CHANNELS: &str = "audio:channels";

/// What the body of a video message holds.
#[must_use]
pub fn read_video(body: &Bytes) -> Units {
    if body.is_empty() {
        return smallvec![Unit::Empty];
    }
    let wire = Wire { dialect: FLV_VIDEO, body: body.clone() };
    match VideoTag::read(body) {
        Some(VideoTag::Legacy(tag)) => smallvec![legacy_video(tag, wire)],
        Some(VideoTag::Enhanced(tag)) => enhanced_video(&tag, wire),
        None => smallvec![Unit::Opaque { track: TrackId::VIDEO, wire }],
    }
}

/// What the body of an audio message holds.
#[must_use]
pub fn read_audio(body: &Bytes) -> Units {
    if body.is_empty() {
        return smallvec![Unit::Empty];
    }
    let wire = Wire { dialect: FLV_AUDIO, body: body.clone() };
    match AudioTag::read(body) {
        Some(AudioTag::Legacy(tag)) => smallvec![legacy_audio(tag, wire)],
        Some(AudioTag::Enhanced(tag)) => enhanced_audio(&tag, wire),
        None => smallvec![Unit::Opaque { track: TrackId::AUDIO, wire }],
    }
}

/// What the body of a data message holds: a Frame of the data Track, and before it the sticky
/// message where it is `onMetaData`. `amf3` says that the message is of type 15.
///
/// `@setDataFrame` is taken off: it is an order to the server, not part of what viewers get.
#[must_use]
pub fn read_data(body: &Bytes, amf3: bool) -> Units {
    let message = DataMessage::read(body, amf3);
    if message.body.is_empty() {
        return smallvec![Unit::Empty];
    }
    let dialect = if message.amf3 { FLV_DATA_AMF3 } else { FLV_DATA_AMF0 };
    let wire = Wire { dialect, body: message.body.clone() };
    let frame = script_frame(message.body.clone(), wire.clone());
    if message.name().is_some_and(|name| name == *ON_META_DATA) {
        return smallvec![sticky(TrackId::DATA, ON_META_DATA, wire), frame];
    }
    smallvec![frame]
}

fn sticky(track: TrackId, name: &str, wire: Wire) -> Unit {
    Unit::Sticky(Sticky { track, name: name.into(), wire })
}

fn config(track: TrackId, codec: Codec, record: Bytes, wire: Wire) -> Unit {
    if record.is_empty() && codec.needs_config() {
        return Unit::Empty;
    }
    Unit::Config { track, config: CodecConfig { codec, record, wire: Some(wire) } }
}

fn legacy_video(tag: LegacyVideo, wire: Wire) -> Unit {
    let codec = tag.codec();
    let track = TrackId::VIDEO;
    let (composition_time, payload) = match tag.body {
        LegacyVideoBody::Command(data) => return script_frame(data, wire),
        LegacyVideoBody::SequenceEnd(_) => return Unit::SequenceEnd { track, codec },
        LegacyVideoBody::SequenceStart { record, .. } => {
            return config(track, codec, record, wire);
        }
        LegacyVideoBody::CodedFrames { composition_time, data } => (composition_time, data),
        LegacyVideoBody::Coded(data) => (0, data),
    };
    if payload.is_empty() {
        return Unit::Empty;
    }
    let key = is_key(tag.frame_type, codec, &payload);
    Unit::Frame { track, codec, pts_offset: offset(composition_time, 0), key, payload, wire }
}

fn legacy_audio(tag: LegacyAudio, wire: Wire) -> Unit {
    let codec = tag.codec();
    let track = TrackId::AUDIO;
    let payload = match tag.body {
        LegacyAudioBody::SequenceStart(record) => return config(track, codec, record, wire),
        LegacyAudioBody::CodedFrames(data) | LegacyAudioBody::Coded(data) => data,
    };
    if payload.is_empty() {
        return Unit::Empty;
    }
    Unit::Frame { track, codec, pts_offset: TimeDelta::ZERO, key: true, payload, wire }
}

fn enhanced_video(tag: &EnhancedVideo, wire: Wire) -> Units {
    let (packet_type, tracks) = match &tag.body {
        EnhancedVideoBody::Command { data, .. } => {
            return smallvec![script_frame(data.clone(), wire)];
        }
        EnhancedVideoBody::Tracks { packet_type, tracks } => (*packet_type, tracks),
    };
    let Some(track) = tracks.only() else {
        let alone = |tracks| {
            let body = EnhancedVideoBody::Tracks { packet_type, tracks };
            read_video(&EnhancedVideo { body, ..tag.clone() }.write())
        };
        return apart(TrackId::VIDEO, &tag.mod_ex, tracks, wire, alone);
    };
    let id = TrackId { kind: TrackKind::Video, index: track.id };
    let codec = track.four_cc.video_codec();
    match packet_type {
        VideoPacketType::SequenceStart => {
            smallvec![config(id, codec, track.body.clone(), wire)]
        }
        VideoPacketType::Mpeg2TsSequenceStart => {
            smallvec![config(id, codec, descriptor_record(codec, &track.body), wire)]
        }
        VideoPacketType::SequenceEnd => smallvec![Unit::SequenceEnd { track: id, codec }],
        VideoPacketType::Metadata => {
            let known = names_color_info(&track.body).then_some(VIDEO_METADATA);
            about(id, known, track.body.clone(), wire)
        }
        VideoPacketType::CodedFrames | VideoPacketType::CodedFramesX => {
            let timed = packet_type == VideoPacketType::CodedFrames;
            let coded = split_composition_time(codec, timed, &track.body);
            smallvec![coded_unit(id, codec, coded, wire, |composition_time, payload| {
                let key = is_key(tag.frame_type, codec, payload);
                (offset(composition_time, tag.nanos()), key)
            })]
        }
    }
}

fn enhanced_audio(tag: &EnhancedAudio, wire: Wire) -> Units {
    let Some(track) = tag.tracks.only() else {
        let alone = |tracks| read_audio(&EnhancedAudio { tracks, ..tag.clone() }.write());
        return apart(TrackId::AUDIO, &tag.mod_ex, &tag.tracks, wire, alone);
    };
    let id = TrackId { kind: TrackKind::Audio, index: track.id };
    let codec = track.four_cc.audio_codec();
    let body = track.body.clone();
    match tag.packet_type {
        AudioPacketType::SequenceStart => smallvec![config(id, codec, body, wire)],
        AudioPacketType::SequenceEnd => smallvec![Unit::SequenceEnd { track: id, codec }],
        AudioPacketType::MultichannelConfig => about(id, Some(AUDIO_CHANNELS), body, wire),
        AudioPacketType::CodedFrames => {
            let offset = offset(0, tag.nanos());
            smallvec![coded_unit(id, codec, Some((0, body)), wire, |_, _| (offset, true))]
        }
    }
}

/// A message with several Tracks becomes one message for each, so that a Track can go on without
/// the others, in the order of their numbers: whatever came, the default Track is the first. This
/// is a normal form (docs/enhanced-rtmp.md), and costs a copy of the message; all else in it stays
/// as it was. What is empty is left out where something else is not.
fn apart(
    fallback: TrackId,
    mod_ex: &[ModEx],
    tracks: &Tracks,
    wire: Wire,
    alone: impl Fn(Tracks) -> Units,
) -> Units {
    if !is_repeatable(mod_ex) {
        return smallvec![Unit::Opaque { track: fallback, wire }];
    }
    let mut units: Units = tracks.apart().into_iter().flat_map(alone).collect();
    units.retain(|unit| *unit != Unit::Empty);
    if units.is_empty() {
        units.push(Unit::Empty);
    }
    units
}

/// A message about a Track: kept for joiners under `name` if it has one, and passed on as a Frame of
/// the data Track, since it is no picture and no sound and must not make a Track of either.
fn about(track: TrackId, name: Option<&str>, payload: Bytes, wire: Wire) -> Units {
    let kept = name.map(|name| sticky(track, name, wire.clone()));
    let frame = script_frame(payload, wire);
    kept.into_iter().chain([frame]).collect()
}

fn script_frame(payload: Bytes, wire: Wire) -> Unit {
    Unit::Frame {
        track: TrackId::DATA,
        codec: Codec::Script,
        pts_offset: TimeDelta::ZERO,
        key: true,
        payload,
        wire,
    }
}

/// A coded frame; nothing where it is empty, and not understood where its composition time is cut.
fn coded_unit(
    track: TrackId,
    codec: Codec,
    coded: Option<(i32, Bytes)>,
    wire: Wire,
    rest: impl Fn(i32, &[u8]) -> (TimeDelta, bool),
) -> Unit {
    match coded {
        None => Unit::Opaque { track, wire },
        Some((_, payload)) if payload.is_empty() => Unit::Empty,
        Some((composition_time, payload)) => {
            let (pts_offset, key) = rest(composition_time, &payload);
            Unit::Frame { track, codec, pts_offset, key, payload, wire }
        }
    }
}

/// The record inside an AV1 video descriptor of MPEG-2 TS: behind its tag and its length, its four
/// bytes are those of the record, apart from two bits that are reserved there. Some leave tag and
/// length out.
fn descriptor_record(codec: Codec, body: &Bytes) -> Bytes {
    match body.as_ref() {
        [0x80, length, rest @ ..] if codec == Codec::Av1 => {
            let record = rest.get(..usize::from(*length)).unwrap_or(rest);
            body.slice_ref(record)
        }
        _ => body.clone(),
    }
}

/// Takes the composition time off, in ms, where the codec has one.
fn split_composition_time(codec: Codec, timed: bool, body: &Bytes) -> Option<(i32, Bytes)> {
    if body.is_empty() {
        return Some((0, Bytes::new()));
    }
    let misplaced = matches!(codec, Codec::Vp8 | Codec::Vp9) && vp_time_is_misplaced(codec, body);
    if !(timed && has_composition_time(codec) || misplaced) {
        return Some((0, body.clone()));
    }
    let mut reader = Reader::new(body);
    let composition_time = reader.i24_be().ok()?;
    Some((composition_time, body.slice_ref(reader.rest())))
}

/// Quirk: one family of servers writes a composition time before VP8 and VP9 frames, which have
/// none (E-RTMP v2 "CodedFrames"). True when the frame header fits behind it and not before.
fn vp_time_is_misplaced(codec: Codec, body: &[u8]) -> bool {
    let fits = |frame: &[u8]| match (codec, frame) {
        (Codec::Vp9, [first, ..]) => first >> 6 == 0b10,
        // VP8 9.1: inter frame, or the start code of a key frame
        (Codec::Vp8, [first, ..]) => {
            first & 1 == 1 || frame.get(3..6).is_some_and(|code| code == [0x9D, 0x01, 0x2A])
        }
        _ => false,
    };
    !fits(body) && body.get(3..).is_some_and(fits)
}

/// The flag, and where it does not claim a key frame, the bitstream: some senders leave the frame
/// type 0, some call every frame an inter frame. A claim is believed, since streams with intra
/// refresh have no other key frames.
fn is_key(frame_type: FrameType, codec: Codec, payload: &[u8]) -> bool {
    frame_type.claims_key() || starts_decoding(codec, payload).unwrap_or(false)
}

/// 35.28 ticks to the microsecond: nanoseconds are rounded towards the past.
fn offset(composition_time: i32, nanos: u32) -> TimeDelta {
    let ticks = i64::from(nanos).saturating_mul(TICKS_PER_MILLISECOND) / 1_000_000;
    TimeDelta::from_millis(i64::from(composition_time)) + TimeDelta::from_ticks(ticks)
}

/// Whether a metadata packet opens with the string `colorInfo`, in AMF0 or AMF3.
fn names_color_info(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\x11").unwrap_or(body);
    body.starts_with(b"\x02\x00\x09colorInfo") || body.starts_with(b"\x06\x13colorInfo")
}
