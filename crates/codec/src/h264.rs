//! H.264: the decoder configuration record and the sequence parameter set.
//!
//! Belongs here: avcC (ISO/IEC 14496-15 5.3.3.1), SPS up to the timing of the VUI (H.264 7.3.2.1.1
//! and E.1.1), the `avc1` codec string. Must not come here: slices beyond their type.

mod sps;
#[cfg(test)]
mod tests;

pub use sps::Sps;

use crate::{
    Description, RecordError, Shape, VideoShape,
    nal::{Framing, LengthSize, NalUnits, starts_with_code},
};
use manycast_bits::Reader;

const NAL_SPS: u8 = 7;

/// Parameter sets of one type that are looked at in byte-stream form; a record has 31 at most.
const MAX_UNITS: usize = 32;

/// Whether a NAL unit is a slice of an IDR picture; `None` when it is no slice.
pub(crate) fn slice_is_idr(unit: &[u8]) -> Option<bool> {
    match unit.first()? & 0x1F {
        1..=4 => Some(false),
        5 => Some(true),
        _ => None,
    }
}

/// AVCDecoderConfigurationRecord, as far as it is the same in all profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig<'a> {
    /// `profile_idc`, `profile_compatibility` and `level_idc`.
    pub profile: [u8; 3],
    /// How the NAL units of the Frames are framed.
    pub framing: Framing,
    /// Sequence parameter sets, NAL header included. May be empty: then they come in band.
    pub sps: Vec<&'a [u8]>,
    /// Picture parameter sets, NAL header included.
    pub pps: Vec<&'a [u8]>,
}

impl<'a> AvcConfig<'a> {
    /// Reads a record. Reserved bits and the tail of the high profiles are not looked at, and a
    /// record in byte-stream form, as some encoders send it, is taken as its parameter sets.
    ///
    /// # Errors
    /// [`RecordError`] when it ends early or has lengths of three bytes.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        if starts_with_code(record) {
            return Self::from_byte_stream(record);
        }
        let mut reader = Reader::new(record);
        reader.skip(1)?;
        let profile = reader.array()?;
        let size = LengthSize::from_bytes((reader.u8()? & 3).saturating_add(1))
            .ok_or(RecordError::OutOfRange("lengthSizeMinusOne"))?;
        let count = reader.u8()? & 0x1F;
        let sps = parameter_sets(&mut reader, count)?;
        let count = reader.u8().unwrap_or(0);
        let pps = parameter_sets(&mut reader, count)?;
        Ok(Self { profile, framing: Framing::Length(size), sps, pps })
    }

    fn from_byte_stream(record: &'a [u8]) -> Result<Self, RecordError> {
        let of_type = |wanted: u8| {
            NalUnits::new(Framing::StartCode, record)
                .filter(move |unit| unit.first().is_some_and(|b| b & 0x1F == wanted))
                .take(MAX_UNITS)
                .collect::<Vec<_>>()
        };
        let sps = of_type(NAL_SPS);
        let first = sps.first().ok_or(RecordError::Missing("SPS"))?;
        let profile = first.get(1..4).and_then(|bytes| bytes.try_into().ok());
        let profile = profile.ok_or(RecordError::OutOfRange("SPS length"))?;
        Ok(Self { profile, framing: Framing::StartCode, pps: of_type(8), sps })
    }

    /// The `codecs` parameter: `avc1.` and three bytes in hex (RFC 6381 3.3).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let [profile, compatibility, level] = self.profile;
        format!("avc1.{profile:02X}{compatibility:02X}{level:02X}")
    }
}

fn parameter_sets<'a>(reader: &mut Reader<'a>, n: u8) -> Result<Vec<&'a [u8]>, RecordError> {
    let mut sets = Vec::new();
    for _ in 0..n {
        let length = reader.u16_be()?;
        sets.push(reader.take(usize::from(length))?);
    }
    Ok(sets)
}

/// The name of a profile (H.264 annex A), by `profile_idc` and its constraint flags.
fn profile_name(profile_idc: u8, constraints: u8) -> String {
    match (profile_idc, constraints) {
        (66, c) if c & 0x40 != 0 => "Constrained Baseline",
        (66, _) => "Baseline",
        (77, _) => "Main",
        (88, _) => "Extended",
        (100, c) if c & 0x0C == 0x0C => "Constrained High",
        (100, c) if c & 0x08 != 0 => "Progressive High",
        (100, _) => "High",
        (110, _) => "High 10",
        (122, _) => "High 4:2:2",
        (244, _) => "High 4:4:4 Predictive",
        (44, _) => "CAVLC 4:4:4 Intra",
        (other, _) => return other.to_string(),
    }
    .to_owned()
}

/// `level_idc` is ten times the level; 11 with constraint_set3 is level 1b (H.264 A.3.1).
fn level_name(profile_idc: u8, constraints: u8, level_idc: u8) -> String {
    let baseline = matches!(profile_idc, 66 | 77 | 88);
    if level_idc == 9 || (level_idc == 11 && baseline && constraints & 0x10 != 0) {
        return "1b".to_owned();
    }
    format!("{}.{}", level_idc / 10, level_idc % 10)
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = AvcConfig::parse(record)?;
    let sps = Sps::parse(config.sps.first().ok_or(RecordError::Missing("SPS"))?)?;
    let [profile_idc, constraints, level_idc] = sps.profile;
    Ok(Description {
        shape: Shape::Video(VideoShape {
            width: sps.width,
            height: sps.height,
            fps: sps.fps,
            profile: profile_name(profile_idc, constraints),
            level: level_name(profile_idc, constraints, level_idc),
        }),
        rfc6381: Some(config.rfc6381()),
    })
}
