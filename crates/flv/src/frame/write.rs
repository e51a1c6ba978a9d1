//! From a Frame or a configuration to a message body.
//!
//! What came in a dialect of ours leaves as it came. What came from elsewhere is built in the form
//! that most peers read: legacy for H.264, AAC and MP3 on Track 0, enhanced for all else.

use super::{FLV_AUDIO, FLV_DATA_AMF0, FLV_VIDEO, tag_kind};
use crate::{
    FourCc, TagKind,
    audio::{
        AudioPacketType, EnhancedAudio, LegacyAudio, LegacyAudioBody, MultichannelConfig,
        legacy::AAC_FLAGS,
    },
    enhanced::{ModExes, Tracks},
    video::{
        ColorInfo, EnhancedVideo, FrameType, LegacyVideo, LegacyVideoBody, VideoPacketType,
        enhanced::{EnhancedVideoBody, has_composition_time, with_composition_time},
        legacy::AVC,
    },
};
use bytes::Bytes;
use manycast_media::{Codec, CodecConfig, Frame, TrackId, TrackKind, Wire};

/// MP3 at 44 kHz, 16 bits, stereo (FLV E.4.2.1); decoders read the frame header.
const MP3_FLAGS: u8 = 0x2F;

/// The body that carries a Frame; `None` when no tag can.
#[must_use]
pub fn write_frame(frame: &Frame) -> Option<Wire> {
    if let Some(wire) = ours(frame.wire.as_ref()) {
        return Some(wire.clone());
    }
    match frame.track.kind {
        TrackKind::Data => (frame.codec == Codec::Script)
            .then(|| Wire { dialect: FLV_DATA_AMF0, body: frame.payload.clone() }),
        _ => legacy_frame(frame).or_else(|| enhanced_frame(frame, ModExes::new())),
    }
}

/// The body that carries a configuration; `None` when no tag can.
#[must_use]
pub fn write_config(config: &CodecConfig, track: TrackId) -> Option<Wire> {
    if let Some(wire) = ours(config.wire.as_ref()) {
        return Some(wire.clone());
    }
    legacy_config(config, track).or_else(|| {
        let record = config.record.clone();
        let types = (VideoPacketType::SequenceStart, AudioPacketType::SequenceStart);
        enhanced(track, config.codec, FrameType::KEY, types, ModExes::new(), record)
    })
}

/// As [`write_frame`], for players that know legacy tags only: `None` for what these cannot carry,
/// which includes every Track but the first.
#[must_use]
pub fn write_legacy_frame(frame: &Frame) -> Option<Wire> {
    if frame.track.index != 0 {
        return None;
    }
    match ours(frame.wire.as_ref()) {
        Some(wire) if is_legacy(wire) => Some(wire.clone()),
        _ => legacy_frame(frame),
    }
}

/// As [`write_config`], for players that know legacy tags only.
#[must_use]
pub fn write_legacy_config(config: &CodecConfig, track: TrackId) -> Option<Wire> {
    if track.index != 0 {
        return None;
    }
    match ours(config.wire.as_ref()) {
        Some(wire) if is_legacy(wire) => Some(wire.clone()),
        _ => legacy_config(config, track),
    }
}

/// The body that says that a sequence ends: to be sent when a Delivery closes, at no other time.
/// `None` for codecs that have no such message.
#[must_use]
pub fn write_sequence_end(track: TrackId, codec: Codec) -> Option<Wire> {
    if track == TrackId::VIDEO && codec == Codec::H264 {
        let body = LegacyVideoBody::SequenceEnd(Bytes::from_static(&[0, 0, 0]));
        return Some(legacy_video(FrameType::KEY, body));
    }
    if track == TrackId::AUDIO && codec == Codec::Aac {
        return None;
    }
    let types = (VideoPacketType::SequenceEnd, AudioPacketType::SequenceEnd);
    enhanced(track, codec, FrameType::KEY, types, ModExes::new(), Bytes::new())
}

/// The body that describes the colours of a Track; `None` when no tag can, which is so for codecs
/// without a FourCC.
#[must_use]
pub fn write_color_info(track: TrackId, codec: Codec, info: &ColorInfo) -> Option<Wire> {
    if track.kind != TrackKind::Video {
        return None;
    }
    let types = (VideoPacketType::Metadata, AudioPacketType::MultichannelConfig);
    enhanced(track, codec, FrameType::KEY, types, ModExes::new(), info.write())
}

/// The body that tells the order of the channels of a Track; `None` when no tag can.
#[must_use]
pub fn write_channels(track: TrackId, codec: Codec, config: &MultichannelConfig) -> Option<Wire> {
    if track.kind != TrackKind::Audio {
        return None;
    }
    let types = (VideoPacketType::Metadata, AudioPacketType::MultichannelConfig);
    enhanced(track, codec, FrameType::KEY, types, ModExes::new(), config.write())
}

pub(super) fn ours(wire: Option<&Wire>) -> Option<&Wire> {
    wire.filter(|wire| tag_kind(wire.dialect).is_some())
}

pub(super) fn is_legacy(wire: &Wire) -> bool {
    let first = wire.body.first().copied().unwrap_or(0);
    match tag_kind(wire.dialect) {
        Some(TagKind::Video) => first & 0x80 == 0,
        Some(TagKind::Audio) => first >> 4 != 9,
        _ => true,
    }
}

fn frame_type(frame: &Frame) -> FrameType {
    if frame.key { FrameType::KEY } else { FrameType::INTER }
}

/// Presentation minus decoding time in ms, cut to 24 bits signed.
fn composition_time(frame: &Frame) -> i32 {
    let ms = (frame.pts - frame.dts).as_millis().clamp(-0x80_0000, 0x7F_FFFF);
    i32::try_from(ms).unwrap_or(0)
}

fn legacy_video(frame_type: FrameType, body: LegacyVideoBody) -> Wire {
    let body = LegacyVideo { frame_type, codec_id: AVC, body }.write();
    Wire { dialect: FLV_VIDEO, body }
}

fn legacy_audio(flags: u8, body: LegacyAudioBody) -> Wire {
    Wire { dialect: FLV_AUDIO, body: LegacyAudio { flags, body }.write() }
}

pub(super) fn legacy_frame(frame: &Frame) -> Option<Wire> {
    let data = frame.payload.clone();
    match (frame.track, frame.codec) {
        (TrackId::VIDEO, Codec::H264) => {
            let composition_time = composition_time(frame);
            let body = LegacyVideoBody::CodedFrames { composition_time, data };
            Some(legacy_video(frame_type(frame), body))
        }
        (TrackId::AUDIO, Codec::Aac) => {
            Some(legacy_audio(AAC_FLAGS, LegacyAudioBody::CodedFrames(data)))
        }
        (TrackId::AUDIO, Codec::Mp3) => Some(legacy_audio(MP3_FLAGS, LegacyAudioBody::Coded(data))),
        _ => None,
    }
}

pub(super) fn legacy_config(config: &CodecConfig, track: TrackId) -> Option<Wire> {
    let record = config.record.clone();
    match (track, config.codec) {
        (TrackId::VIDEO, Codec::H264) => {
            let body = LegacyVideoBody::SequenceStart { composition_time: 0, record };
            Some(legacy_video(FrameType::KEY, body))
        }
        (TrackId::AUDIO, Codec::Aac) => {
            Some(legacy_audio(AAC_FLAGS, LegacyAudioBody::SequenceStart(record)))
        }
        _ => None,
    }
}

pub(super) fn enhanced_frame(frame: &Frame, mod_ex: ModExes) -> Option<Wire> {
    let mut video = VideoPacketType::CodedFramesX;
    let mut body = frame.payload.clone();
    let composition_time = composition_time(frame);
    if has_composition_time(frame.codec) && composition_time != 0 {
        video = VideoPacketType::CodedFrames;
        body = with_composition_time(composition_time, &body);
    } else if !has_composition_time(frame.codec) {
        video = VideoPacketType::CodedFrames;
    }
    let types = (video, AudioPacketType::CodedFrames);
    enhanced(frame.track, frame.codec, frame_type(frame), types, mod_ex, body)
}

/// One Track's message in the enhanced form, of the packet type for its kind.
pub(super) fn enhanced(
    track: TrackId,
    codec: Codec,
    frame_type: FrameType,
    (video, audio): (VideoPacketType, AudioPacketType),
    mod_ex: ModExes,
    body: Bytes,
) -> Option<Wire> {
    let four_cc = FourCc::of(codec)?;
    let tracks = Tracks::one(track.index, four_cc, body);
    match track.kind {
        TrackKind::Video if four_cc.video_codec() == codec => {
            let body = EnhancedVideoBody::Tracks { packet_type: video, tracks };
            let tag = EnhancedVideo { frame_type, mod_ex, body };
            Some(Wire { dialect: FLV_VIDEO, body: tag.write() })
        }
        TrackKind::Audio if four_cc.audio_codec() == codec => {
            let tag = EnhancedAudio { mod_ex, packet_type: audio, tracks };
            Some(Wire { dialect: FLV_AUDIO, body: tag.write() })
        }
        _ => None,
    }
}
