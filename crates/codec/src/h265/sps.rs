//! The sequence parameter set up to the size of the picture (H.265 7.3.2.2.1).

use super::ProfileTierLevel;
use crate::{RecordError, description::MAX_SIDE};
use manycast_bits::{BitReader, Reader, unescape_rbsp};

/// What a sequence parameter set says about the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// Profile, tier and level.
    pub profile: ProfileTierLevel,
    /// Shown width in pixels.
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Bits per luma sample.
    pub bit_depth: u32,
}

impl Sps {
    /// Reads a NAL unit of type 33, its header of two bytes included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the bit depth or has a size out of range.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        let raw = unescape_rbsp(unit);
        let mut reader = Reader::new(&raw);
        reader.skip(2)?;
        let max_sub_layers_minus1 = reader.u8()? >> 1 & 7;
        let profile = ProfileTierLevel::read(&mut reader)?;
        let mut bits = BitReader::new(reader.rest());
        skip_sub_layers(&mut bits, max_sub_layers_minus1)?;
        bits.ue()?; // sps_seq_parameter_set_id
        let chroma = bits.ue()?;
        if chroma > 3 {
            return Err(RecordError::OutOfRange("chroma_format_idc"));
        }
        if chroma == 3 {
            bits.skip(1)?; // separate_colour_plane_flag
        }
        let coded = (side(bits.ue()?)?, side(bits.ue()?)?);
        let (width, height) = windowed(&mut bits, coded, chroma)?;
        let bit_depth = bits.ue()?.saturating_add(8);
        Ok(Self { profile, width, height, bit_depth })
    }
}

/// The part of `profile_tier_level()` that speaks of lower temporal layers (H.265 7.3.3).
fn skip_sub_layers(bits: &mut BitReader<'_>, max_minus1: u8) -> Result<(), RecordError> {
    let mut present = [(false, false); 8];
    for layer in present.iter_mut().take(usize::from(max_minus1)) {
        *layer = (bits.flag()?, bits.flag()?);
    }
    if max_minus1 > 0 {
        bits.skip(u64::from(8_u8.saturating_sub(max_minus1)).saturating_mul(2))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 })?;
        bits.skip(if level { 8 } else { 0 })?;
    }
    Ok(())
}

fn side(pixels: u32) -> Result<u32, RecordError> {
    if pixels == 0 || pixels > MAX_SIDE {
        return Err(RecordError::OutOfRange("picture size"));
    }
    Ok(pixels)
}

/// Applies the conformance window, in chroma units (H.265 7.4.3.2.1, table 6-1).
fn windowed(
    bits: &mut BitReader<'_>,
    coded: (u32, u32),
    chroma: u32,
) -> Result<(u32, u32), RecordError> {
    if !bits.flag()? {
        return Ok(coded);
    }
    let (unit_x, unit_y) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let mut edge = |unit: u32| bits.ue().map(|n| n.saturating_mul(unit));
    let (left, right, top, bottom) = (edge(unit_x)?, edge(unit_x)?, edge(unit_y)?, edge(unit_y)?);
    let rest = |side: u32, a: u32, b: u32| {
        side.checked_sub(a.saturating_add(b))
            .filter(|side| *side > 0)
            .ok_or(RecordError::OutOfRange("conformance_window"))
    };
    Ok((rest(coded.0, left, right)?, rest(coded.1, top, bottom)?))
}
