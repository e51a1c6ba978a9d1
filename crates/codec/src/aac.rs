//! MPEG-4 audio: the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1).
//!
//! Belongs here: object type, rate and channels, with and without SBR and PS signalled; the `mp4a`
//! codec string. Must not come here: raw frames, ADTS streams.

use crate::{AudioShape, Description, RecordError, Shape};
use manycast_bits::BitReader;

/// `samplingFrequencyIndex` 0 to 12 (ISO/IEC 14496-3 table 1.18).
const SAMPLE_RATES: [u32; 13] =
    [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

const AAC_LC: u8 = 2;
const SBR: u8 = 5;
const ER_BSAC: u8 = 22;
const PS: u8 = 29;

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// The object type of the core coder: 2 for AAC-LC.
    pub object_type: u8,
    /// Samples per second of the core coder.
    pub core_sample_rate: u32,
    /// Samples per second that leave the decoder; twice the core where SBR is signalled.
    pub sample_rate: u32,
    /// Channels that leave the decoder; `None` when a program config element tells (value 0).
    pub channels: Option<u8>,
    /// Spectral band replication is signalled (HE-AAC).
    pub sbr: bool,
    /// Parametric stereo is signalled (HE-AAC v2).
    pub ps: bool,
}

impl AudioSpecificConfig {
    /// Reads a record. What follows the channels is optional and lenient, zero padding included.
    ///
    /// # Errors
    /// [`RecordError`] when it is shorter than its object type, rate and channels, or when those
    /// are reserved values.
    pub fn parse(record: &[u8]) -> Result<Self, RecordError> {
        let mut bits = BitReader::new(record);
        let mut object_type = object_type(&mut bits)?;
        let core_sample_rate = sample_rate(&mut bits)?;
        let channels = channels(bits.bits(4)?)?;
        let mut config = Self {
            object_type,
            core_sample_rate,
            sample_rate: core_sample_rate,
            channels,
            sbr: false,
            ps: false,
        };
        if object_type == SBR || object_type == PS {
            config.ps = object_type == PS;
            config.sbr = true;
            config.sample_rate = sample_rate(&mut bits)?;
            object_type = self::object_type(&mut bits)?;
            config.object_type = object_type;
            if object_type == ER_BSAC {
                bits.skip(4)?; // extensionChannelConfiguration
            }
        } else if matches!(object_type, 1..=4) && config.channels.is_some() {
            // Absent or damaged, this part changes nothing.
            let _ = config.backward_compatible(&mut bits);
        }
        if config.ps && config.channels == Some(1) {
            config.channels = Some(2);
        }
        Ok(config)
    }

    /// GASpecificConfig without a program config element, then the backward compatible signalling
    /// of SBR (0x2B7) and PS (0x548).
    fn backward_compatible(&mut self, bits: &mut BitReader<'_>) -> Result<(), RecordError> {
        bits.skip(1)?; // frameLengthFlag
        if bits.flag()? {
            bits.skip(14)?; // coreCoderDelay
        }
        bits.skip(1)?; // extensionFlag
        if bits.bits(11)? != 0x2B7 || object_type(bits)? != SBR || !bits.flag()? {
            return Ok(());
        }
        self.sample_rate = sample_rate(bits)?;
        self.sbr = true;
        if bits.bits(11)? == 0x548 {
            self.ps = bits.flag()?;
        }
        Ok(())
    }

    /// The `codecs` parameter (RFC 6381 3.3): the object type that a player has to support.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let object_type = match (self.sbr, self.ps) {
            (_, true) => PS,
            (true, false) => SBR,
            (false, false) => self.object_type,
        };
        format!("mp4a.40.{object_type}")
    }

    fn profile_name(&self) -> String {
        match (self.object_type, self.sbr, self.ps) {
            (_, _, true) => "HE v2",
            (_, true, false) => "HE",
            (1, ..) => "Main",
            (AAC_LC, ..) => "LC",
            (3, ..) => "SSR",
            (4, ..) => "LTP",
            (23, ..) => "LD",
            (39, ..) => "ELD",
            (42, ..) => "xHE",
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
    usize::try_from(index)
        .ok()
        .and_then(|index| SAMPLE_RATES.get(index))
        .copied()
        .ok_or(RecordError::OutOfRange("samplingFrequencyIndex"))
}

/// ISO/IEC 14496-3 table 1.19.
fn channels(configuration: u32) -> Result<Option<u8>, RecordError> {
    match configuration {
        0 => Ok(None),
        1 => Ok(Some(1)),
        2 => Ok(Some(2)),
        3 => Ok(Some(3)),
        4 => Ok(Some(4)),
        5 => Ok(Some(5)),
        6 => Ok(Some(6)),
        7 | 12 | 14 => Ok(Some(8)),
        11 => Ok(Some(7)),
        _ => Err(RecordError::OutOfRange("channelConfiguration")),
    }
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = AudioSpecificConfig::parse(record)?;
    Ok(Description {
        shape: Shape::Audio(AudioShape {
            sample_rate: config.sample_rate,
            channels: config.channels,
            profile: config.profile_name(),
        }),
        rfc6381: Some(config.rfc6381()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asc(
        object_type: u8,
        core_sample_rate: u32,
        sample_rate: u32,
        channels: Option<u8>,
        (sbr, ps): (bool, bool),
    ) -> AudioSpecificConfig {
        AudioSpecificConfig { object_type, core_sample_rate, sample_rate, channels, sbr, ps }
    }

    #[test]
    fn records_of_real_encoders() {
        let plain = (false, false);
        for (record, want, string) in [
            (&[0x11, 0x90][..], asc(2, 48000, 48000, Some(2), plain), "mp4a.40.2"),
            (&[0x12, 0x10], asc(2, 44100, 44100, Some(2), plain), "mp4a.40.2"),
            (&[0x12, 0x10, 0x56, 0xE5, 0x00], asc(2, 44100, 44100, Some(2), plain), "mp4a.40.2"),
            // trailing zero padding
            (&[0x11, 0x88, 0, 0, 0, 0], asc(2, 48000, 48000, Some(1), plain), "mp4a.40.2"),
            // HE-AAC, explicit: core 22050, SBR to 44100
            (&[0x2B, 0x92, 0x08, 0x00], asc(2, 22050, 44100, Some(2), (true, false)), "mp4a.40.5"),
            // HE-AAC v2, explicit: mono core, stereo out
            (&[0xEB, 0x8A, 0x08, 0x00], asc(2, 22050, 44100, Some(2), (true, true)), "mp4a.40.29"),
            // HE-AAC, backward compatible: 24000 core, SBR to 48000
            (
                &[0x13, 0x10, 0x56, 0xE5, 0x98],
                asc(2, 24000, 48000, Some(2), (true, false)),
                "mp4a.40.5",
            ),
            (&[0x11, 0xB0], asc(2, 48000, 48000, Some(6), plain), "mp4a.40.2"),
            (&[0x11, 0x80, 0x04, 0xC8], asc(2, 48000, 48000, None, plain), "mp4a.40.2"),
            // 24-bit rate
            (&[0x17, 0x80, 0x5D, 0xC0, 0x10], asc(2, 48000, 48000, Some(2), plain), "mp4a.40.2"),
        ] {
            let config = AudioSpecificConfig::parse(record).unwrap();
            assert_eq!(config, want, "{record:02X?}");
            assert_eq!(config.rfc6381(), string);
        }
    }

    #[test]
    fn records_too_short_or_reserved_are_refused() {
        for record in
            [&[][..], &[0x12], &[0x16, 0xFF], &[0x17, 0, 0, 0, 0x10], &[0, 0], &[0x11, 0xF8]]
        {
            assert!(AudioSpecificConfig::parse(record).is_err(), "{record:02X?}");
        }
    }
}
