//! MPEG-4 audio: the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) and the ADTS header.
//!
//! Belongs here: object type, rate and channels, with and without SBR and PS signalled; the `mp4a`
//! codec string. Must not come here: raw frames beyond their ADTS header.

mod pce;
#[cfg(test)]
mod tests;

pub use pce::ProgramConfig;

use crate::{AudioShape, ChannelLayout, Description, RecordError};
use manycast_bits::BitReader;

/// `samplingFrequencyIndex` 0 to 12 (ISO/IEC 14496-3 table 1.18).
const SAMPLE_RATES: [u32; 13] =
    [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

const AAC_LC: u8 = 2;
const SBR: u8 = 5;
const ER_BSAC: u8 = 22;
const LD: u8 = 23;
const PS: u8 = 29;
const ELD: u8 = 39;
const USAC: u8 = 42;

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// The object type of the core coder: 2 for AAC-LC.
    pub object_type: u8,
    /// Samples per second of the core coder.
    pub core_sample_rate: u32,
    /// Samples per second that leave the decoder; twice the core where SBR is signalled.
    pub sample_rate: u32,
    /// Channels that leave the decoder; `None` where a program config element has to tell and is
    /// not there.
    pub channels: Option<u8>,
    /// The loudspeakers, where they have names.
    pub layout: Option<ChannelLayout>,
    /// Spectral band replication is signalled (HE-AAC).
    pub sbr: bool,
    /// Parametric stereo is signalled (HE-AAC v2).
    pub ps: bool,
    /// SBR is not ruled out, and the core rate is low enough for it: with implicit signalling
    /// (1.6.5.3) it shows in the frames only, and then the rate doubles.
    pub may_have_sbr: bool,
    /// Samples of each channel in a frame, as they leave the decoder; `None` where the object type
    /// has another way to tell.
    pub frame_samples: Option<u32>,
}

impl AudioSpecificConfig {
    /// Reads a record. What follows the channels is optional and lenient, zero padding included.
    ///
    /// # Errors
    /// [`RecordError`] when it is shorter than its object type, rate and channels, or when those
    /// are reserved values.
    pub fn parse(record: &[u8]) -> Result<Self, RecordError> {
        let mut bits = BitReader::new(record);
        let object_type = object_type(&mut bits)?;
        let core_sample_rate = sample_rate(&mut bits)?;
        let layout = layout(bits.bits(4)?)?;
        let mut config = Self {
            object_type,
            core_sample_rate,
            sample_rate: core_sample_rate,
            channels: layout.map(ChannelLayout::channels),
            layout,
            sbr: false,
            ps: false,
            may_have_sbr: false,
            frame_samples: None,
        };
        if object_type == SBR || object_type == PS {
            config.ps = object_type == PS;
            config.sbr = true;
            config.sample_rate = sample_rate(&mut bits)?;
            config.object_type = self::object_type(&mut bits)?;
            if config.object_type == ER_BSAC {
                bits.skip(4)?; // extensionChannelConfiguration
            }
        }
        // Absent or damaged, these parts change nothing.
        let _ = match config.object_type {
            1..=4 | 6 | 7 | 17 | 19..=LD => config.general_audio(&mut bits),
            ELD => config.low_delay(&mut bits),
            _ => Ok(()),
        };
        if config.ps && config.channels == Some(1) {
            config.channels = Some(2);
            config.layout = Some(ChannelLayout::STEREO);
        }
        Ok(config)
    }

    /// GASpecificConfig (4.4.1), then the backward compatible signalling of SBR and PS.
    fn general_audio(&mut self, bits: &mut BitReader<'_>) -> Result<(), RecordError> {
        let short = bits.flag()?; // frameLengthFlag
        let samples: u32 = match (self.object_type, short) {
            (LD, false) => 512,
            (LD, true) => 480,
            (_, false) => 1024,
            (_, true) => 960,
        };
        let doubled = self.sample_rate > self.core_sample_rate;
        self.frame_samples = Some(if doubled { samples.saturating_mul(2) } else { samples });
        self.may_have_sbr =
            !self.sbr && self.object_type == AAC_LC && self.core_sample_rate <= 24_000;
        if bits.flag()? {
            bits.skip(14)?; // coreCoderDelay
        }
        bits.skip(1)?; // extensionFlag
        if self.channels.is_none() {
            let program = ProgramConfig::read(bits)?;
            self.channels = Some(program.channels);
            self.layout = program.layout;
        }
        if !self.sbr && matches!(self.object_type, 1..=4) {
            self.backward_compatible(bits)?;
        }
        Ok(())
    }

    /// The backward compatible signalling of SBR (0x2B7) and PS (0x548), 1.6.2.1.
    fn backward_compatible(&mut self, bits: &mut BitReader<'_>) -> Result<(), RecordError> {
        if bits.bits(11)? != 0x2B7 || object_type(bits)? != SBR {
            return Ok(());
        }
        self.may_have_sbr = false;
        if !bits.flag()? {
            return Ok(());
        }
        self.sample_rate = sample_rate(bits)?;
        self.sbr = true;
        if self.sample_rate > self.core_sample_rate {
            self.frame_samples = self.frame_samples.map(|samples| samples.saturating_mul(2));
        }
        if bits.bits(11)? == 0x548 {
            self.ps = bits.flag()?;
        }
        Ok(())
    }

    /// ELDSpecificConfig (4.6.20.3) down to SBR.
    fn low_delay(&mut self, bits: &mut BitReader<'_>) -> Result<(), RecordError> {
        let samples: u32 = if bits.flag()? { 480 } else { 512 };
        self.frame_samples = Some(samples);
        bits.skip(3)?; // resilience flags
        if bits.flag()? {
            self.sbr = true;
            if bits.flag()? {
                self.sample_rate = self.core_sample_rate.saturating_mul(2);
                self.frame_samples = Some(samples.saturating_mul(2));
            }
        }
        Ok(())
    }

    /// The `codecs` parameter (RFC 6381 3.3): the object type that a player has to support.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let object_type = match (self.sbr && self.object_type != ELD, self.ps) {
            (_, true) => PS,
            (true, false) => SBR,
            (false, false) => self.object_type,
        };
        format!("mp4a.40.{object_type}")
    }

    fn profile_name(&self) -> String {
        match (self.object_type, self.sbr, self.ps) {
            (ELD, ..) => "ELD",
            (_, _, true) => "HE v2",
            (_, true, false) => "HE",
            (1, ..) => "Main",
            (AAC_LC, ..) => "LC",
            (3, ..) => "SSR",
            (4, ..) => "LTP",
            (LD, ..) => "LD",
            (USAC, ..) => "xHE",
            (other, ..) => return other.to_string(),
        }
        .to_owned()
    }
}

fn object_type(bits: &mut BitReader<'_>) -> Result<u8, RecordError> {
    let short = bits.bits(5)?;
    let value = if short == 31 { bits.bits(6)?.saturating_add(32) } else { short };
    match u8::try_from(value) {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(RecordError::OutOfRange("audioObjectType")),
    }
}

fn sample_rate(bits: &mut BitReader<'_>) -> Result<u32, RecordError> {
    let index = bits.bits(4)?;
    if index == 15 {
        let rate = bits.bits(24)?;
        let known = (1..=192_000).contains(&rate);
        return if known { Ok(rate) } else { Err(RecordError::OutOfRange("samplingFrequency")) };
    }
    indexed_rate(index).ok_or(RecordError::OutOfRange("samplingFrequencyIndex"))
}

fn indexed_rate(index: u32) -> Option<u32> {
    usize::try_from(index).ok().and_then(|index| SAMPLE_RATES.get(index)).copied()
}

/// ISO/IEC 14496-3 table 1.19; `None` for 0: a program config element tells.
fn layout(configuration: u32) -> Result<Option<ChannelLayout>, RecordError> {
    match configuration {
        0 => Ok(None),
        1 => Ok(Some(ChannelLayout::MONO)),
        2 => Ok(Some(ChannelLayout::STEREO)),
        3 => Ok(Some(ChannelLayout::SURROUND)),
        4 => Ok(Some(ChannelLayout::FOUR)),
        5 => Ok(Some(ChannelLayout::FIVE)),
        6 => Ok(Some(ChannelLayout::FIVE_ONE)),
        // 7.1 with two more in front
        7 => Ok(Some(ChannelLayout::of(&[0, 1, 2, 3, 4, 5, 6, 7]))),
        11 => Ok(Some(ChannelLayout::of(&[0, 1, 2, 3, 4, 5, 8]))),
        12 => Ok(Some(ChannelLayout::SEVEN_ONE)),
        // 5.1 with two above the front
        14 => Ok(Some(ChannelLayout::of(&[0, 1, 2, 3, 4, 5, 12, 14]))),
        _ => Err(RecordError::OutOfRange("channelConfiguration")),
    }
}

fn described(config: &AudioSpecificConfig) -> Description {
    let shape = AudioShape {
        sample_rate: config.sample_rate,
        channels: config.channels,
        layout: config.layout,
        profile: Some(config.profile_name()),
        frame_samples: config.frame_samples,
        ..AudioShape::default()
    };
    Description::audio(shape, Some(config.rfc6381()))
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    Ok(described(&AudioSpecificConfig::parse(record)?))
}

/// The header that some encoders put before raw frames (1.A.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdtsHeader {
    /// 1 Main, 2 LC, 3 SSR, 4 LTP.
    pub object_type: u8,
    /// Samples per second of the core coder.
    pub sample_rate: u32,
    /// The loudspeakers; `None`: a program config element in the frame tells.
    pub layout: Option<ChannelLayout>,
    /// Bytes before the raw frame: 7, or 9 with a checksum.
    pub header_length: usize,
}

impl AdtsHeader {
    /// Reads the header of a frame that is `frame` as a whole; `None` where it has none. Raw frames
    /// can open with the same sync word, but not with their own length too.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(frame);
        let sync = bits.bits(12).ok()?;
        bits.skip(1).ok()?; // ID
        let layer = bits.bits(2).ok()?;
        let no_checksum = bits.flag().ok()?;
        let object_type = u8::try_from(bits.bits(2).ok()?).ok()?.saturating_add(1);
        let sample_rate = indexed_rate(bits.bits(4).ok()?)?;
        bits.skip(1).ok()?; // private_bit
        let layout = layout(bits.bits(3).ok()?).ok()?;
        bits.skip(4).ok()?;
        let length = usize::try_from(bits.bits(13).ok()?).ok()?;
        let header_length = if no_checksum { 7 } else { 9 };
        let fits = sync == 0xFFF && layer == 0 && length == frame.len() && length >= header_length;
        fits.then_some(Self { object_type, sample_rate, layout, header_length })
    }
}

/// Only a frame with an ADTS header tells anything by itself.
pub(crate) fn describe_frame(frame: &[u8]) -> Option<Description> {
    let header = AdtsHeader::parse(frame)?;
    Some(described(&AudioSpecificConfig {
        object_type: header.object_type,
        core_sample_rate: header.sample_rate,
        sample_rate: header.sample_rate,
        channels: header.layout.map(ChannelLayout::channels),
        layout: header.layout,
        sbr: false,
        ps: false,
        may_have_sbr: header.sample_rate <= 24_000,
        frame_samples: Some(1024),
    }))
}
