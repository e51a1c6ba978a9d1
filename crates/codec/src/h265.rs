//! H.265: the decoder configuration record and the sequence parameter set.
//!
//! Belongs here: hvcC (ISO/IEC 14496-15 8.3.3.1), SPS up to the size of the picture (H.265
//! 7.3.2.2.1), the `hvc1` codec string. Must not come here: slices beyond their type.

mod sps;
#[cfg(test)]
mod tests;

pub use sps::Sps;

use crate::{
    Description, RecordError, Shape, VideoShape,
    description::frame_rate,
    nal::{Framing, LengthSize, NalUnits, starts_with_code},
};
use manycast_bits::Reader;

const NAL_SPS: u8 = 33;

/// Parameter sets of a record that are looked at; real ones have three to five.
const MAX_UNITS: usize = 256;

/// `nal_unit_type` of a NAL unit (H.265 7.3.1.2).
fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|b| b >> 1 & 0x3F)
}

/// Whether a NAL unit is a slice of a picture where decoding can start (BLA, IDR, CRA); `None` when
/// it is no slice.
pub(crate) fn slice_is_irap(unit: &[u8]) -> Option<bool> {
    match unit_type(unit)? {
        16..=23 => Some(true),
        0..=31 => Some(false),
        _ => None,
    }
}

/// The general part of `profile_tier_level()` (H.265 7.3.3): 12 bytes that hvcC repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileTierLevel {
    /// `general_profile_space`: 0 in every stream so far.
    pub space: u8,
    /// `general_tier_flag`: high tier.
    pub high_tier: bool,
    /// `general_profile_idc`.
    pub profile_idc: u8,
    /// The 32 compatibility flags, flag 0 first.
    pub compatibility: u32,
    /// The 48 constraint bits.
    pub constraints: [u8; 6],
    /// Thirty times the level.
    pub level_idc: u8,
}

impl ProfileTierLevel {
    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let first = reader.u8()?;
        Ok(Self {
            space: first >> 6,
            high_tier: first & 0x20 != 0,
            profile_idc: first & 0x1F,
            compatibility: reader.u32_be()?,
            constraints: reader.array()?,
            level_idc: reader.u8()?,
        })
    }

    /// The `codecs` parameter (ISO/IEC 14496-15 annex E.3).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        use std::fmt::Write as _;
        let space = ["", "A", "B", "C"].get(usize::from(self.space)).copied().unwrap_or_default();
        let tier = if self.high_tier { 'H' } else { 'L' };
        let compatibility = self.compatibility.reverse_bits();
        let mut text =
            format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", self.profile_idc, self.level_idc);
        let used =
            self.constraints.iter().rposition(|b| *b != 0).map_or(0, |at| at.saturating_add(1));
        for byte in self.constraints.iter().take(used) {
            let _ = write!(text, ".{byte:X}");
        }
        text
    }

    fn profile_name(&self) -> String {
        match self.profile_idc {
            1 => "Main",
            2 => "Main 10",
            3 => "Main Still Picture",
            4 => "Range Extensions",
            9 => "Screen Content",
            other => return other.to_string(),
        }
        .to_owned()
    }

    fn level_name(&self) -> String {
        format!("{}.{}", self.level_idc / 30, self.level_idc % 30 / 3)
    }
}

/// HEVCDecoderConfigurationRecord.
#[derive(Clone, Debug, PartialEq)]
pub struct HevcConfig<'a> {
    /// Profile, tier and level; `None` in a record of byte-stream form.
    pub profile: Option<ProfileTierLevel>,
    /// The average frame rate, where the record tells.
    pub fps: Option<f64>,
    /// How the NAL units of the Frames are framed.
    pub framing: Framing,
    /// All parameter sets and SEI messages, headers included, in their order.
    pub units: Vec<&'a [u8]>,
}

impl<'a> HevcConfig<'a> {
    /// Reads a record. Its version and reserved bits are not looked at, arrays that end early give
    /// what they have, and the parameter sets themselves are not parsed.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the arrays or has lengths of three bytes.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        if starts_with_code(record) {
            let units = NalUnits::new(Framing::StartCode, record).take(MAX_UNITS).collect();
            return Ok(Self { profile: None, fps: None, framing: Framing::StartCode, units });
        }
        let mut reader = Reader::new(record);
        reader.skip(1)?;
        let profile = ProfileTierLevel::read(&mut reader)?;
        reader.skip(6)?; // segmentation, parallelism, chroma, depths
        let fps = frame_rate(u32::from(reader.u16_be()?), 256);
        let size = LengthSize::from_bytes((reader.u8()? & 3).saturating_add(1))
            .ok_or(RecordError::OutOfRange("lengthSizeMinusOne"))?;
        let mut units = Vec::new();
        let _ = arrays(&mut reader, &mut units);
        Ok(Self { profile: Some(profile), fps, framing: Framing::Length(size), units })
    }

    /// The first sequence parameter set.
    #[must_use]
    pub fn sps(&self) -> Option<&'a [u8]> {
        self.units.iter().copied().find(|unit| unit_type(unit) == Some(NAL_SPS))
    }
}

fn arrays<'a>(reader: &mut Reader<'a>, units: &mut Vec<&'a [u8]>) -> Result<(), RecordError> {
    for _ in 0..reader.u8()? {
        reader.skip(1)?; // array_completeness and type: the unit's own header tells
        for _ in 0..reader.u16_be()? {
            if units.len() >= MAX_UNITS {
                return Ok(());
            }
            let length = reader.u16_be()?;
            units.push(reader.take(usize::from(length))?);
        }
    }
    Ok(())
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = HevcConfig::parse(record)?;
    let sps = Sps::parse(config.sps().ok_or(RecordError::Missing("SPS"))?)?;
    let profile = config.profile.unwrap_or(sps.profile);
    Ok(Description {
        shape: Shape::Video(VideoShape {
            width: sps.width,
            height: sps.height,
            fps: config.fps,
            profile: profile.profile_name(),
            level: profile.level_name(),
        }),
        rfc6381: Some(profile.rfc6381()),
    })
}
