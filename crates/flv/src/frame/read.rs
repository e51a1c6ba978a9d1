//! From a message body to what it means.

use super::{FLV_AUDIO, FLV_DATA_AMF0, FLV_DATA_AMF3, FLV_VIDEO, Unit, Units};
use crate::{
    audio::{AudioPacketType, AudioTag, EnhancedAudio, LegacyAudio, LegacyAudioBody},
    enhanced::{TrackBody, Tracks},
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
        Some(VideoTag::Enhanced(tag)) => enhanced_video(tag, wire),
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

fn config(track: TrackId, codec: Codec, record: Bytes, wire: Option<Wire>) -> Unit {
    if record.is_empty() && codec.needs_config() {
        return Unit::Empty;
    }
    Unit::Config { track, config: CodecConfig { codec, record, wire } }
}

fn legacy_video(tag: LegacyVideo, wire: Wire) -> Unit {
    let codec = tag.codec();
    let track = TrackId::VIDEO;
    let (composition_time, payload) = match tag.body {
        LegacyVideoBody::Command(_) => return Unit::Opaque { track, wire },
        LegacyVideoBody::SequenceEnd(_) => return Unit::SequenceEnd { track, codec },
        LegacyVideoBody::SequenceStart { record, .. } => {
            return config(track, codec, record, Some(wire));
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
        LegacyAudioBody::SequenceStart(record) => return config(track, codec, record, Some(wire)),
        LegacyAudioBody::CodedFrames(data) | LegacyAudioBody::Coded(data) => data,
    };
    if payload.is_empty() {
        return Unit::Empty;
    }
    Unit::Frame { track, codec, pts_offset: TimeDelta::ZERO, key: true, payload, wire }
}

fn enhanced_video(tag: EnhancedVideo, wire: Wire) -> Units {
    let nanos = tag.nanos();
    let EnhancedVideoBody::Tracks { packet_type, tracks } = &tag.body else {
        return smallvec![Unit::Opaque { track: TrackId::VIDEO, wire }];
    };
    match packet_type {
        VideoPacketType::SequenceStart | VideoPacketType::Mpeg2TsSequenceStart => {
            configs(TrackKind::Video, tracks, &wire)
        }
        VideoPacketType::SequenceEnd => sequence_ends(TrackKind::Video, tracks),
        VideoPacketType::Metadata => {
            let is_color_info = |track: &TrackBody| names_color_info(&track.body);
            let known = tracks.list.iter().any(is_color_info).then_some(VIDEO_METADATA);
            about(TrackKind::Video, tracks, known, wire)
        }
        VideoPacketType::CodedFrames | VideoPacketType::CodedFramesX => {
            let timed = *packet_type == VideoPacketType::CodedFrames;
            coded(TrackKind::Video, tracks, wire, |codec, body| {
                let (composition_time, payload) = split_composition_time(codec, timed, body)?;
                let key = is_key(tag.frame_type, codec, &payload);
                Some((offset(composition_time, nanos), key, payload))
            })
        }
    }
}

fn enhanced_audio(tag: &EnhancedAudio, wire: Wire) -> Units {
    let tracks = &tag.tracks;
    match tag.packet_type {
        AudioPacketType::SequenceStart => configs(TrackKind::Audio, tracks, &wire),
        AudioPacketType::SequenceEnd => sequence_ends(TrackKind::Audio, tracks),
        AudioPacketType::MultichannelConfig => {
            about(TrackKind::Audio, tracks, Some(AUDIO_CHANNELS), wire)
        }
        AudioPacketType::CodedFrames => coded(TrackKind::Audio, tracks, wire, |_, body| {
            Some((offset(0, tag.nanos()), true, body.clone()))
        }),
    }
}

const fn track_id(kind: TrackKind, track: &TrackBody) -> TrackId {
    TrackId { kind, index: track.id }
}

fn codec_of(kind: TrackKind, track: &TrackBody) -> Codec {
    match kind {
        TrackKind::Video => track.four_cc.video_codec(),
        TrackKind::Audio => track.four_cc.audio_codec(),
        TrackKind::Data => Codec::Opaque,
    }
}

/// A wire form that configures several Tracks belongs to none of them: sent for each, it would
/// configure all of them as often as there are Tracks.
fn configs(kind: TrackKind, tracks: &Tracks, wire: &Wire) -> Units {
    let own = (tracks.list.len() == 1).then_some(wire);
    let one = |track: &TrackBody| {
        config(track_id(kind, track), codec_of(kind, track), track.body.clone(), own.cloned())
    };
    tracks.list.iter().map(one).collect()
}

fn sequence_ends(kind: TrackKind, tracks: &Tracks) -> Units {
    let one = |track: &TrackBody| Unit::SequenceEnd {
        track: track_id(kind, track),
        codec: codec_of(kind, track),
    };
    tracks.list.iter().map(one).collect()
}

/// A message about Tracks: kept for joiners under `name` if it has one, and passed on as a Frame of
/// the data Track, since it is no picture and no sound and must not make a Track of either.
fn about(kind: TrackKind, tracks: &Tracks, name: Option<&str>, wire: Wire) -> Units {
    let lowest = tracks.list.iter().min_by_key(|track| track.id);
    let (index, payload) = lowest.map_or((0, Bytes::new()), |t| (t.id, t.body.clone()));
    let kept = name.map(|name| sticky(TrackId { kind, index }, name, wire.clone()));
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

/// One Frame for the whole message, on the lowest Track that has something in it; the others are
/// named as travelling within.
fn coded(
    kind: TrackKind,
    tracks: &Tracks,
    wire: Wire,
    read: impl Fn(Codec, &Bytes) -> Option<(TimeDelta, bool, Bytes)>,
) -> Units {
    let mut filled: Units = smallvec![];
    let mut lead = None;
    for track in tracks.list.iter().filter(|track| !track.body.is_empty()) {
        filled.push(Unit::Within { track: track_id(kind, track), codec: codec_of(kind, track) });
        if lead.is_none_or(|lead: &TrackBody| track.id < lead.id) {
            lead = Some(track);
        }
    }
    let Some(lead) = lead else { return smallvec![Unit::Empty] };
    let (track, codec) = (track_id(kind, lead), codec_of(kind, lead));
    let Some((pts_offset, key, payload)) = read(codec, &lead.body) else {
        return smallvec![Unit::Opaque { track, wire }];
    };
    if payload.is_empty() && filled.len() == 1 {
        return smallvec![Unit::Empty];
    }
    filled.retain(|unit| !matches!(unit, Unit::Within { track: other, .. } if *other == track));
    filled.insert(0, Unit::Frame { track, codec, pts_offset, key, payload, wire });
    filled
}

/// Takes the composition time off, in ms, where the codec has one.
fn split_composition_time(codec: Codec, timed: bool, body: &Bytes) -> Option<(i32, Bytes)> {
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
    body.starts_with(b"\x02\x00\x09colorInfo") || body.starts_with(b"\x06\x13colorInfo")
}
