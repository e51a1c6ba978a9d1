//! Audio tags that name their codec by a FourCC (E-RTMP v2 "Enhanced Audio").
//!
//! ```text
//! 1001 | u4 packet type | ModEx ... | multitrack header? | FourCC | body
//! ```

use super::EX_HEADER;
use crate::enhanced::{MOD_EX, ModExes, Tracks, header_room, nanos, read_mod_ex, write_mod_ex};
use bytes::{BufMut, Bytes, BytesMut};
use manycast_bits::Reader;

/// Not the number that video has for it.
pub(crate) const MULTITRACK: u8 = 5;

/// AudioPacketType, without the two that only say how the header goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPacketType {
    /// A decoder configuration record.
    SequenceStart,
    /// A coded frame.
    CodedFrames,
    /// The sequence ends, or silence begins.
    SequenceEnd,
    /// The order of the channels.
    MultichannelConfig,
}

impl AudioPacketType {
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::SequenceStart),
            1 => Some(Self::CodedFrames),
            2 => Some(Self::SequenceEnd),
            4 => Some(Self::MultichannelConfig),
            _ => None,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::SequenceStart => 0,
            Self::CodedFrames => 1,
            Self::SequenceEnd => 2,
            Self::MultichannelConfig => 4,
        }
    }
}

/// An enhanced audio tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnhancedAudio {
    /// What modifies this message.
    pub mod_ex: ModExes,
    /// What it carries.
    pub packet_type: AudioPacketType,
    /// Whose it is.
    pub tracks: Tracks,
}

impl EnhancedAudio {
    /// Reads a body whose sound format is 9.
    #[must_use]
    pub fn read(body: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(body);
        let first = reader.u8().ok()?;
        let (mod_ex, packet_type) = read_mod_ex(body, &mut reader, first & 0x0F)?;
        let (tracks, packet_type) = if packet_type == MULTITRACK {
            Tracks::read_multi(body, reader)?
        } else {
            (Tracks::read_single(body, reader)?, packet_type)
        };
        Some(Self { mod_ex, packet_type: AudioPacketType::from_code(packet_type)?, tracks })
    }

    /// Writes the body.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let multi = self.tracks.layout.code().is_some();
        let packet_type = if multi { MULTITRACK } else { self.packet_type.code() };
        let mut out = BytesMut::with_capacity(header_room(&self.mod_ex, &self.tracks));
        let first = if self.mod_ex.is_empty() { packet_type } else { MOD_EX };
        out.put_u8(EX_HEADER << 4 | first);
        write_mod_ex(&self.mod_ex, packet_type, &mut out);
        self.tracks.write(self.packet_type.code(), &mut out);
        out.freeze()
    }

    /// Nanoseconds to add to the presentation time.
    #[must_use]
    pub fn nanos(&self) -> u32 {
        nanos(&self.mod_ex)
    }
}
