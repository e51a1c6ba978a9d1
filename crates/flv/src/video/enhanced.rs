//! Video tags that name their codec by a FourCC (E-RTMP v2 "Enhanced Video").
//!
//! ```text
//! 1 | u3 frame type | u4 packet type | ModEx ... | multitrack header? | FourCC | body
//! ```

use super::FrameType;
use crate::enhanced::{MOD_EX, ModExes, Tracks, header_room, nanos, read_mod_ex, write_mod_ex};
use bytes::{BufMut, Bytes, BytesMut};
use manycast_bits::{Reader, Writer};
use manycast_media::Codec;

pub(crate) const MULTITRACK: u8 = 6;

/// VideoPacketType, without the two that only say how the header goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoPacketType {
    /// A decoder configuration record.
    SequenceStart,
    /// An access unit, with composition time where the codec has one.
    CodedFrames,
    /// The sequence ends.
    SequenceEnd,
    /// An access unit whose composition time is zero.
    CodedFramesX,
    /// Name and value pairs in AMF, such as `colorInfo`.
    Metadata,
    /// An AV1 video descriptor of MPEG-2 TS in place of the record.
    Mpeg2TsSequenceStart,
}

impl VideoPacketType {
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::SequenceStart),
            1 => Some(Self::CodedFrames),
            2 => Some(Self::SequenceEnd),
            3 => Some(Self::CodedFramesX),
            4 => Some(Self::Metadata),
            5 => Some(Self::Mpeg2TsSequenceStart),
            _ => None,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::SequenceStart => 0,
            Self::CodedFrames => 1,
            Self::SequenceEnd => 2,
            Self::CodedFramesX => 3,
            Self::Metadata => 4,
            Self::Mpeg2TsSequenceStart => 5,
        }
    }
}

/// An enhanced video tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnhancedVideo {
    /// Kind of picture, 0 to 7.
    pub frame_type: FrameType,
    /// What modifies this message.
    pub mod_ex: ModExes,
    /// What the message carries.
    pub body: EnhancedVideoBody,
}

/// What an enhanced video tag carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnhancedVideoBody {
    /// A command to the player, without codec and picture.
    Command {
        /// The packet type that it came with, which means nothing.
        packet_type: u8,
        /// The command, one byte as a rule.
        data: Bytes,
    },
    /// Something of one or several tracks.
    Tracks {
        /// What it is.
        packet_type: VideoPacketType,
        /// Whose it is.
        tracks: Tracks,
    },
}

impl EnhancedVideo {
    /// Reads a body whose first bit is 1.
    #[must_use]
    pub fn read(body: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(body);
        let first = reader.u8().ok()?;
        let frame_type = FrameType(first >> 4 & 7);
        let (mod_ex, packet_type) = read_mod_ex(body, &mut reader, first & 0x0F)?;
        if frame_type == FrameType::COMMAND && packet_type != VideoPacketType::Metadata.code() {
            let data = body.slice_ref(reader.rest());
            let body = EnhancedVideoBody::Command { packet_type, data };
            return Some(Self { frame_type, mod_ex, body });
        }
        let (tracks, packet_type) = if packet_type == MULTITRACK {
            Tracks::read_multi(body, reader)?
        } else {
            (Tracks::read_single(body, reader)?, packet_type)
        };
        let packet_type = VideoPacketType::from_code(packet_type)?;
        let body = EnhancedVideoBody::Tracks { packet_type, tracks };
        Some(Self { frame_type, mod_ex, body })
    }

    /// Writes the body.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let (packet_type, tracks) = match &self.body {
            EnhancedVideoBody::Command { packet_type, .. } => (*packet_type, None),
            EnhancedVideoBody::Tracks { packet_type, tracks } => {
                let multi = tracks.layout.code().is_some();
                (if multi { MULTITRACK } else { packet_type.code() }, Some(tracks))
            }
        };
        let room = tracks.map_or(64, |tracks| header_room(&self.mod_ex, tracks));
        let mut out = BytesMut::with_capacity(room);
        let first = if self.mod_ex.is_empty() { packet_type } else { MOD_EX };
        out.put_u8(0x80 | (self.frame_type.0 & 7) << 4 | first & 0x0F);
        write_mod_ex(&self.mod_ex, packet_type, &mut out);
        match &self.body {
            EnhancedVideoBody::Command { data, .. } => out.put_slice(data),
            EnhancedVideoBody::Tracks { packet_type, tracks } => {
                tracks.write(packet_type.code(), &mut out);
            }
        }
        out.freeze()
    }

    /// Nanoseconds to add to the presentation time.
    #[must_use]
    pub fn nanos(&self) -> u32 {
        nanos(&self.mod_ex)
    }
}

/// Whether coded frames of this codec start with a composition time (E-RTMP v2, "CodedFrames").
#[must_use]
pub const fn has_composition_time(codec: Codec) -> bool {
    matches!(codec, Codec::H264 | Codec::H265 | Codec::H266)
}

/// Puts a composition time in ms, 24 bits signed, before the data.
#[must_use]
pub fn with_composition_time(composition_time: i32, data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len().saturating_add(3));
    Writer::new(&mut out).i24_be(composition_time);
    out.put_slice(data);
    out.freeze()
}
