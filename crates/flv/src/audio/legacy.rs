//! Audio tags that name their codec by a number of four bits (FLV E.4.2).
//!
//! ```text
//! u4 sound format | u2 rate | u1 size | u1 stereo | AAC: u8 packet type | data
//! ```
//! Rate, size and stereo lie in many streams (AAC, Speex, G.711); the coded data rules.

use bytes::{BufMut, Bytes, BytesMut};
use manycast_bits::Reader;
use manycast_media::Codec;

/// SoundFormat of AAC.
pub const AAC: u8 = 10;

/// The first byte that every AAC tag should have: 44 kHz, 16 bits, stereo, whatever is true.
pub const AAC_FLAGS: u8 = 0xAF;

/// A legacy audio tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyAudio {
    /// The first byte.
    pub flags: u8,
    /// What follows it.
    pub body: LegacyAudioBody,
}

/// What follows the first byte of a legacy audio tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegacyAudioBody {
    /// AACPacketType 0: an AudioSpecificConfig.
    SequenceStart(Bytes),
    /// AACPacketType 1: a raw frame; empty when it stands for silence.
    CodedFrames(Bytes),
    /// A codec without packet types, or AAC with none.
    Coded(Bytes),
}

impl LegacyAudio {
    /// Reads a body whose sound format is not that of enhanced tags.
    #[must_use]
    pub fn read(body: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(body);
        let flags = reader.u8().ok()?;
        if flags >> 4 != AAC || reader.is_empty() {
            return Some(Self {
                flags,
                body: LegacyAudioBody::Coded(body.slice_ref(reader.rest())),
            });
        }
        let packet_type = reader.u8().ok()?;
        let data = body.slice_ref(reader.rest());
        let body = match packet_type {
            0 => LegacyAudioBody::SequenceStart(data),
            1 => LegacyAudioBody::CodedFrames(data),
            _ => return None,
        };
        Some(Self { flags, body })
    }

    /// Writes the body.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let (packet_type, data) = match &self.body {
            LegacyAudioBody::SequenceStart(data) => (Some(0), data),
            LegacyAudioBody::CodedFrames(data) => (Some(1), data),
            LegacyAudioBody::Coded(data) => (None, data),
        };
        let mut out = BytesMut::with_capacity(data.len().saturating_add(2));
        out.put_u8(self.flags);
        if let Some(packet_type) = packet_type {
            out.put_u8(packet_type);
        }
        out.put_slice(data);
        out.freeze()
    }

    /// The codec that its number names.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        codec(self.flags >> 4)
    }
}

/// The codec of a SoundFormat; [`Codec::Opaque`] for one that means different things to different
/// senders.
#[must_use]
pub const fn codec(sound_format: u8) -> Codec {
    match sound_format {
        0 | 3 => Codec::Pcm,
        1 => Codec::Adpcm,
        2 | 14 => Codec::Mp3,
        4..=6 => Codec::Nellymoser,
        7 => Codec::G711A,
        8 => Codec::G711U,
        AAC => Codec::Aac,
        11 => Codec::Speex,
        _ => Codec::Opaque,
    }
}
