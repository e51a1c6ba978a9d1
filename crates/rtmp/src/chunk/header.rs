//! Chunk headers as bytes (RTMP 5.3.1).
//!
//! Belongs here: the three parts of a header, reading and writing, without any memory of headers
//! before. Must not come here: what a header means for its chunk stream.

use bytes::BufMut;
use manycast_bits::{Reader, UnexpectedEnd, Writer};

use crate::message::{ChunkStreamId, MessageStreamId, MessageType};
use crate::quirks::EXTENDED_FROM;

/// The longest header: 3 bytes of basic header, 11 of message header, 4 of extended timestamp.
pub(super) const LONGEST: usize = 18;

/// Lowest id of the two long forms of the basic header.
const LONG_FROM: u32 = 64;
/// Lowest id that needs three bytes.
const LONGER_FROM: u32 = 320;

/// A basic header and the message header after it, with the extended timestamp merged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) chunk_stream: ChunkStreamId,
    pub(super) message: MessageHeader,
}

/// RTMP 5.3.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageHeader {
    /// Type 0.
    Full { timestamp: Time, length: u32, kind: MessageType, stream: MessageStreamId },
    /// Type 1: the message stream is that of the message before.
    SameStream { delta: Time, length: u32, kind: MessageType },
    /// Type 2: length and type are so, too.
    SameLength { delta: Time },
    /// Type 3: all is, or the message goes on. The extended timestamp that may follow can only be
    /// told from payload by who knows the chunk stream.
    Continuation,
}

/// A timestamp or delta, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) value: u32,
    /// Whether it came in the extended field.
    pub(super) extended: bool,
}

impl Header {
    /// Reads all of a header but the extended timestamp after type 3.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, UnexpectedEnd> {
        let first = reader.u8()?;
        let chunk_stream = ChunkStreamId(match u32::from(first & 0x3F) {
            0 => u32::from(reader.u8()?).saturating_add(LONG_FROM),
            1 => u32::from(reader.u16_le()?).saturating_add(LONG_FROM), // Errata 4
            id => id,
        });
        let message = match first >> 6 {
            0 => {
                let time = reader.u24_be()?;
                let length = reader.u24_be()?;
                let kind = MessageType(reader.u8()?);
                let stream = MessageStreamId(reader.u32_le()?); // Errata 4
                MessageHeader::Full { timestamp: Time::read(time, reader)?, length, kind, stream }
            }
            1 => {
                let time = reader.u24_be()?;
                let length = reader.u24_be()?;
                let kind = MessageType(reader.u8()?);
                MessageHeader::SameStream { delta: Time::read(time, reader)?, length, kind }
            }
            2 => {
                let time = reader.u24_be()?;
                MessageHeader::SameLength { delta: Time::read(time, reader)? }
            }
            _ => MessageHeader::Continuation,
        };
        Ok(Self { chunk_stream, message })
    }

    /// Writes the header. Times of [`EXTENDED_FROM`] and more take the extended field.
    pub(super) fn write(&self, writer: &mut Writer<'_, impl BufMut>) {
        write_basic(self.message.format(), self.chunk_stream, writer);
        match self.message {
            MessageHeader::Full { timestamp, length, kind, stream } => {
                writer.u24_be(timestamp.value.min(EXTENDED_FROM));
                writer.u24_be(length);
                writer.u8(kind.0);
                writer.u32_le(stream.0);
                timestamp.write_extended(writer);
            }
            MessageHeader::SameStream { delta, length, kind } => {
                writer.u24_be(delta.value.min(EXTENDED_FROM));
                writer.u24_be(length);
                writer.u8(kind.0);
                delta.write_extended(writer);
            }
            MessageHeader::SameLength { delta } => {
                writer.u24_be(delta.value.min(EXTENDED_FROM));
                delta.write_extended(writer);
            }
            MessageHeader::Continuation => {}
        }
    }
}

impl MessageHeader {
    /// The header type: 0 to 3.
    pub(super) const fn format(&self) -> u8 {
        match self {
            Self::Full { .. } => 0,
            Self::SameStream { .. } => 1,
            Self::SameLength { .. } => 2,
            Self::Continuation => 3,
        }
    }
}

impl Time {
    /// A time to be written.
    pub(super) const fn new(value: u32) -> Self {
        Self { value, extended: value >= EXTENDED_FROM }
    }

    /// RTMP 5.3.1.3: all ones in the 24-bit `field` mean that four bytes follow the header.
    fn read(field: u32, reader: &mut Reader<'_>) -> Result<Self, UnexpectedEnd> {
        Ok(if field == EXTENDED_FROM {
            Self { value: reader.u32_be()?, extended: true }
        } else {
            Self { value: field, extended: false }
        })
    }

    /// The extended field, if there is one. Also to be repeated after each type 3 header.
    pub(super) fn write_extended(self, writer: &mut Writer<'_, impl BufMut>) {
        if self.extended {
            writer.u32_be(self.value);
        }
    }
}

/// RTMP 5.3.1.1, in the shortest form. Ids that do not exist become the nearest that does.
fn write_basic(format: u8, chunk_stream: ChunkStreamId, writer: &mut Writer<'_, impl BufMut>) {
    let id = chunk_stream.0.clamp(ChunkStreamId::CONTROL.0, ChunkStreamId::MAX.0);
    let [.., middle, low] = id.saturating_sub(LONG_FROM).to_be_bytes();
    let high_bits = format << 6;
    if id < LONG_FROM {
        let [.., short] = id.to_be_bytes();
        writer.u8(high_bits | short);
    } else if id < LONGER_FROM {
        writer.u8(high_bits);
        writer.u8(low);
    } else {
        writer.u8(high_bits | 1);
        writer.u8(low);
        writer.u8(middle);
    }
}
