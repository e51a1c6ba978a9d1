//! Opus: the identification header and the first bytes of a packet.
//!
//! Belongs here: `OpusHead` (RFC 7845 5.1) and its form in MP4 (`dOps`), the table-of-contents byte
//! (RFC 6716 3.1). Must not come here: splitting packets of several streams.

use crate::{AudioShape, ChannelLayout, Description, RecordError};
use manycast_bits::Reader;

/// Opus always leaves the decoder at this rate.
pub const SAMPLE_RATE: u32 = 48_000;

/// What the identification header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusHead {
    /// 1 to 255.
    pub channels: u8,
    /// Samples at 48 kHz to throw away at the start.
    pub pre_skip: u16,
    /// The rate before encoding; 0: not told.
    pub input_sample_rate: u32,
    /// `channel mapping family`: 0 mono and stereo, 1 surround, 255 without meaning.
    pub mapping_family: u8,
}

impl OpusHead {
    /// Reads a record: `OpusHead` or the content of a `dOps` box.
    ///
    /// # Errors
    /// [`RecordError`] when it ends early or has no channels.
    pub fn parse(record: &[u8]) -> Result<Self, RecordError> {
        let head = match record.strip_prefix(b"OpusHead") {
            Some(rest) => {
                let mut reader = Reader::new(rest);
                reader.skip(1)?; // version
                let channels = reader.u8()?;
                let (pre_skip, input_sample_rate) = (reader.u16_le()?, reader.u32_le()?);
                reader.skip(2)?; // output gain
                Self { channels, pre_skip, input_sample_rate, mapping_family: reader.u8()? }
            }
            None => {
                let mut reader = Reader::new(record);
                if reader.u8()? != 0 {
                    return Err(RecordError::OutOfRange("dOps version"));
                }
                let channels = reader.u8()?;
                let (pre_skip, input_sample_rate) = (reader.u16_be()?, reader.u32_be()?);
                reader.skip(2)?; // output gain
                Self { channels, pre_skip, input_sample_rate, mapping_family: reader.u8()? }
            }
        };
        if head.channels == 0 {
            return Err(RecordError::OutOfRange("channel count"));
        }
        Ok(head)
    }

    /// The loudspeakers, where the family names them (RFC 7845 5.1.1).
    #[must_use]
    pub const fn layout(&self) -> Option<ChannelLayout> {
        match (self.mapping_family, self.channels) {
            (0 | 1, 1) => Some(ChannelLayout::MONO),
            (0 | 1, 2) => Some(ChannelLayout::STEREO),
            (1, 3) => Some(ChannelLayout::SURROUND),
            (1, 4) => Some(ChannelLayout::QUAD),
            (1, 5) => Some(ChannelLayout::FIVE),
            (1, 6) => Some(ChannelLayout::FIVE_ONE),
            (1, 7) => Some(ChannelLayout::SIX_ONE),
            (1, 8) => Some(ChannelLayout::SEVEN_ONE),
            _ => None,
        }
    }
}

/// What the first bytes of a packet say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toc {
    /// The first stream is stereo.
    pub stereo: bool,
    /// Samples at 48 kHz in the packet: at most 120 ms.
    pub samples: u32,
}

impl Toc {
    /// Reads a packet's first bytes; `None` where it is empty or would last longer than 120 ms.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let first = *packet.first()?;
        let config = first >> 3;
        // RFC 6716 table 2
        let frame: u32 = match (config, config & 3) {
            (0..=11, 0) | (12..=15, 0 | 2) | (16..=31, 2) => 480,
            (0..=11, 1) | (12..=15, _) | (16..=31, 3) => 960,
            (0..=11, 2) => 1920,
            (0..=11, _) => 2880,
            (_, 0) => 120,
            _ => 240,
        };
        let frames: u32 = match first & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => u32::from(packet.get(1)? & 0x3F),
        };
        let samples = frame.saturating_mul(frames);
        (1..=5760).contains(&samples).then_some(Self { stereo: first & 4 != 0, samples })
    }
}

fn shape(head: Option<&OpusHead>, toc: Option<Toc>) -> Description {
    let by_toc = toc.map(|toc| if toc.stereo { 2 } else { 1 });
    let layout = match (head, by_toc) {
        (Some(head), _) => head.layout(),
        (None, Some(2)) => Some(ChannelLayout::STEREO),
        (None, Some(_)) => Some(ChannelLayout::MONO),
        (None, None) => None,
    };
    let shape = AudioShape {
        sample_rate: SAMPLE_RATE,
        channels: head.map(|head| head.channels).or(by_toc),
        layout,
        frame_samples: toc.map(|toc| toc.samples),
        ..AudioShape::default()
    };
    // Encapsulation of Opus in ISO-BMFF 4.3.1: the name of the sample entry
    Description::audio(shape, Some("Opus".to_owned()))
}

/// A record may be empty (E-RTMP v2): then the channels are told elsewhere.
pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    if record.is_empty() {
        return Ok(shape(None, None));
    }
    Ok(shape(Some(&OpusHead::parse(record)?), None))
}

pub(crate) fn describe_frame(record: Option<&[u8]>, packet: &[u8]) -> Option<Description> {
    let head = record.and_then(|record| OpusHead::parse(record).ok());
    Some(shape(head.as_ref(), Some(Toc::parse(packet)?)))
}
