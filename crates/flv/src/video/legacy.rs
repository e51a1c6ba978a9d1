//! Video tags that name their codec by a number of four bits (FLV E.4.3).
//!
//! ```text
//! u4 frame type | u4 codec id | AVC layout: u8 packet type, si24 composition time | data
//! ```

use super::FrameType;
use bytes::{BufMut, Bytes, BytesMut};
use manycast_bits::{Reader, UnexpectedEnd, Writer};
use manycast_media::Codec;

/// CodecID of H.264.
pub const AVC: u8 = 7;
/// CodecID of H.265 by a practice of several networks; laid out like H.264.
pub const HEVC: u8 = 12;
/// CodecID of AV1 by the same practice; laid out like H.264.
pub const AV1: u8 = 13;

/// A legacy video tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyVideo {
    /// Kind of picture.
    pub frame_type: FrameType,
    /// CodecID, 0 to 15.
    pub codec_id: u8,
    /// What follows the first byte.
    pub body: LegacyVideoBody,
}

/// What follows the first byte of a legacy video tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegacyVideoBody {
    /// Frame type 5: a command, one byte as a rule.
    Command(Bytes),
    /// AVCPacketType 0: a decoder configuration record.
    SequenceStart {
        /// 0 as a rule.
        composition_time: i32,
        /// The record.
        record: Bytes,
    },
    /// AVCPacketType 1: an access unit.
    CodedFrames {
        /// Presentation minus decoding time in ms, 24 bits signed.
        composition_time: i32,
        /// NAL units with lengths before them.
        data: Bytes,
    },
    /// AVCPacketType 2, with the composition time that mostly follows.
    SequenceEnd(Bytes),
    /// A codec without packet types.
    Coded(Bytes),
}

impl LegacyVideo {
    /// Reads a body whose first bit is 0.
    #[must_use]
    pub fn read(body: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(body);
        let first = reader.u8().ok()?;
        let frame_type = FrameType(first >> 4);
        let codec_id = first & 0x0F;
        let rest = body.slice_ref(reader.rest());
        let body = if frame_type == FrameType::COMMAND {
            LegacyVideoBody::Command(rest)
        } else if has_avc_layout(codec_id) {
            read_avc(&rest).ok()??
        } else {
            LegacyVideoBody::Coded(rest)
        };
        Some(Self { frame_type, codec_id, body })
    }

    /// Writes the body.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let (packet_type, composition_time, data) = match &self.body {
            LegacyVideoBody::Command(data) | LegacyVideoBody::Coded(data) => (None, None, data),
            LegacyVideoBody::SequenceStart { composition_time, record } => {
                (Some(0), Some(*composition_time), record)
            }
            LegacyVideoBody::CodedFrames { composition_time, data } => {
                (Some(1), Some(*composition_time), data)
            }
            LegacyVideoBody::SequenceEnd(data) => (Some(2), None, data),
        };
        let mut out = BytesMut::with_capacity(data.len().saturating_add(5));
        out.put_u8(self.frame_type.0 << 4 | self.codec_id & 0x0F);
        if let Some(packet_type) = packet_type {
            out.put_u8(packet_type);
        }
        if let Some(composition_time) = composition_time {
            Writer::new(&mut out).i24_be(composition_time);
        }
        out.put_slice(data);
        out.freeze()
    }

    /// The codec that its number names.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        codec(self.codec_id)
    }
}

/// The codec of a CodecID; [`Codec::Opaque`] for one that means different things to different
/// senders.
#[must_use]
pub const fn codec(codec_id: u8) -> Codec {
    match codec_id {
        2 => Codec::SorensonH263,
        3 | 6 => Codec::ScreenVideo,
        4 | 5 => Codec::Vp6,
        AVC => Codec::H264,
        HEVC => Codec::H265,
        AV1 => Codec::Av1,
        _ => Codec::Opaque,
    }
}

const fn has_avc_layout(codec_id: u8) -> bool {
    matches!(codec_id, AVC | HEVC | AV1)
}

/// FLV E.4.3.1 AVCVIDEOPACKET; `None` for a reserved packet type.
fn read_avc(rest: &Bytes) -> Result<Option<LegacyVideoBody>, UnexpectedEnd> {
    let mut reader = Reader::new(rest);
    let packet_type = reader.u8()?;
    if packet_type == 2 {
        return Ok(Some(LegacyVideoBody::SequenceEnd(rest.slice_ref(reader.rest()))));
    }
    let composition_time = reader.i24_be()?;
    let data = rest.slice_ref(reader.rest());
    Ok(match packet_type {
        0 => Some(LegacyVideoBody::SequenceStart { composition_time, record: data }),
        1 => Some(LegacyVideoBody::CodedFrames { composition_time, data }),
        _ => None,
    })
}
