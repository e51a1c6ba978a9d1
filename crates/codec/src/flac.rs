//! FLAC: STREAMINFO and the header of a frame.
//!
//! Belongs here: the first metadata block (RFC 9639 8.2) in the three forms it is sent in, the frame
//! header (RFC 9639 9.1). Must not come here: other metadata blocks.

use crate::{AudioShape, ChannelLayout, Description, RecordError};
use manycast_bits::{BitReader, Reader, UnexpectedEnd};

/// What STREAMINFO says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Samples of each channel in the smallest frame but the last.
    pub min_block: u16,
    /// Samples of each channel in the largest frame.
    pub max_block: u16,
    /// Samples per second.
    pub sample_rate: u32,
    /// 1 to 8.
    pub channels: u8,
    /// 4 to 32.
    pub bit_depth: u8,
}

impl StreamInfo {
    /// Reads a record: `fLaC` and the block, the block with its header (with or without the four
    /// bytes of an MP4 box), or its 34 bytes alone.
    ///
    /// # Errors
    /// [`RecordError`] when it ends early, is another block or has no sample rate.
    pub fn parse(record: &[u8]) -> Result<Self, RecordError> {
        const LENGTH: usize = 34;
        let block = match record {
            [b'f', b'L', b'a', b'C', rest @ ..] => rest,
            [0, 0, 0, 0, rest @ ..] if record.len() > LENGTH => rest,
            _ => record,
        };
        let mut reader = Reader::new(block);
        if block.len() < LENGTH {
            return Err(UnexpectedEnd.into());
        }
        if block.len() > LENGTH {
            // the last-block flag, type 0, length 34
            let [kind, length @ ..] = reader.array::<4>()?;
            if kind & 0x7F != 0 || length != [0, 0, 34] {
                return Err(RecordError::Missing("STREAMINFO"));
            }
        }
        let (min_block, max_block) = (reader.u16_be()?, reader.u16_be()?);
        reader.skip(6)?; // sizes of frames
        let mut bits = BitReader::new(reader.take(8)?);
        let sample_rate = bits.bits(20)?;
        if sample_rate == 0 {
            return Err(RecordError::OutOfRange("sample rate"));
        }
        let mut plus_one =
            |width| bits.bits(width).map(|n| u8::try_from(n).unwrap_or(0).saturating_add(1));
        let (channels, bit_depth) = (plus_one(3)?, plus_one(5)?);
        if bit_depth < 4 {
            return Err(RecordError::OutOfRange("bits per sample"));
        }
        Ok(Self { min_block, max_block, sample_rate, channels, bit_depth })
    }
}

/// What the header of a frame says; `None`: as STREAMINFO says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Samples of each channel.
    pub block: u32,
    /// Samples per second.
    pub sample_rate: Option<u32>,
    /// 1 to 8.
    pub channels: u8,
    /// Bits of a sample.
    pub bit_depth: Option<u8>,
}

impl FrameHeader {
    /// Reads the first bytes of a frame; `None` where they are not those of one, checksum included.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(frame);
        let [sync, strategy, sizes, samples] = reader.array().ok()?;
        if sync != 0xFF || strategy & 0xFE != 0xF8 || samples & 1 != 0 {
            return None;
        }
        skip_coded_number(&mut reader)?;
        let block = match sizes >> 4 {
            1 => 192,
            code @ 2..=5 => 144_u32.checked_shl(code.into())?,
            6 => u32::from(reader.u8().ok()?).saturating_add(1),
            7 => u32::from(reader.u16_be().ok()?).saturating_add(1),
            code @ 8..=15 => 1_u32.checked_shl(code.into())?,
            _ => return None,
        };
        let sample_rate = sample_rate(&mut reader, sizes & 15)?;
        let channels = match samples >> 4 {
            independent @ 0..=7 => independent.saturating_add(1),
            8..=10 => 2,
            _ => return None,
        };
        let bit_depth = match samples >> 1 & 7 {
            0 => None,
            1 => Some(8),
            2 => Some(12),
            4 => Some(16),
            5 => Some(20),
            6 => Some(24),
            7 => Some(32),
            _ => return None,
        };
        let header = frame.get(..frame.len().saturating_sub(reader.remaining()))?;
        if crc8(header) != reader.u8().ok()? {
            return None;
        }
        Some(Self { block, sample_rate, channels, bit_depth })
    }
}

/// The number of the frame or sample, coded as UTF-8 extends it (RFC 9639 9.1.5).
fn skip_coded_number(reader: &mut Reader<'_>) -> Option<()> {
    let first = reader.u8().ok()?;
    let more = match first.leading_ones() {
        0 => 0,
        ones @ 2..=7 => usize::try_from(ones.saturating_sub(1)).ok()?,
        _ => return None,
    };
    let rest = reader.take(more).ok()?;
    rest.iter().all(|byte| byte >> 6 == 0b10).then_some(())
}

/// `Some(None)`: as STREAMINFO says (RFC 9639 9.1.2).
fn sample_rate(reader: &mut Reader<'_>, code: u8) -> Option<Option<u32>> {
    const RATES: [u32; 11] =
        [88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
    let rate = match code {
        0 => return Some(None),
        1..=11 => *RATES.get(usize::from(code.saturating_sub(1)))?,
        12 => u32::from(reader.u8().ok()?).saturating_mul(1000),
        13 => reader.u16_be().ok()?.into(),
        14 => u32::from(reader.u16_be().ok()?).saturating_mul(10),
        _ => return None,
    };
    (rate > 0).then_some(Some(rate))
}

/// Polynomial x^8 + x^2 + x + 1 (RFC 9639 9.1.8).
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 7 })
    })
}

/// Loudspeakers by the number of channels (RFC 9639 9.1.3).
const fn layout(channels: u8) -> Option<ChannelLayout> {
    match channels {
        1 => Some(ChannelLayout::MONO),
        2 => Some(ChannelLayout::STEREO),
        3 => Some(ChannelLayout::SURROUND),
        4 => Some(ChannelLayout::QUAD),
        5 => Some(ChannelLayout::FIVE),
        6 => Some(ChannelLayout::FIVE_ONE),
        7 => Some(ChannelLayout::SIX_ONE),
        8 => Some(ChannelLayout::SEVEN_ONE),
        _ => None,
    }
}

fn described(
    sample_rate: u32,
    channels: u8,
    bit_depth: Option<u8>,
    block: Option<u32>,
) -> Description {
    let shape = AudioShape {
        sample_rate,
        channels: Some(channels),
        layout: layout(channels),
        bit_depth,
        frame_samples: block,
        ..AudioShape::default()
    };
    // FLAC in ISO-BMFF: the name of the sample entry
    Description::audio(shape, Some("fLaC".to_owned()))
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let info = StreamInfo::parse(record)?;
    let block = (info.min_block == info.max_block).then(|| u32::from(info.max_block));
    Ok(described(info.sample_rate, info.channels, Some(info.bit_depth), block))
}

pub(crate) fn describe_frame(frame: &[u8]) -> Option<Description> {
    let header = FrameHeader::parse(frame)?;
    Some(described(header.sample_rate?, header.channels, header.bit_depth, Some(header.block)))
}
