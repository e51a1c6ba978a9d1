//! The sequence parameter set (H.265 7.3.2.2.1).

use super::{ProfileTierLevel, vui::Vui};
use crate::{Chroma, RecordError, picture::MAX_SIDE};
use manycast_bits::{BitReader, Reader, unescape_rbsp};

/// What a sequence parameter set says about the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Sps {
    /// Profile, tier and level.
    pub profile: ProfileTierLevel,
    /// `sps_seq_parameter_set_id`.
    pub id: u8,
    /// How much chroma there is.
    pub chroma: Chroma,
    /// Shown width in pixels.
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Bits per luma sample.
    pub bit_depth: u8,
    /// `sps_max_num_reorder_pics` of the highest temporal layer: frames that may have to be decoded
    /// before one that is shown earlier.
    pub reorder: Option<u8>,
    /// Usability information, where it is there and everything before it makes sense.
    pub vui: Option<Vui>,
}

impl Sps {
    /// Reads a NAL unit of type 33, its header of two bytes included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the bit depth or has a size out of range. What follows
    /// may be damaged: then `reorder` and `vui` are left out.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        let raw = unescape_rbsp(unit);
        let mut reader = Reader::new(&raw);
        reader.skip(2)?;
        let max_sub_layers_minus1 = reader.u8()? >> 1 & 7;
        let profile = ProfileTierLevel::read(&mut reader)?;
        let mut bits = BitReader::new(reader.rest());
        skip_sub_layers(&mut bits, max_sub_layers_minus1)?;
        let id = u8::try_from(bits.ue()?).ok().filter(|id| *id < 16);
        let id = id.ok_or(RecordError::OutOfRange("sps_seq_parameter_set_id"))?;
        let idc = bits.ue()?;
        let chroma = Chroma::from_idc(idc).ok_or(RecordError::OutOfRange("chroma_format_idc"))?;
        let separate = idc == 3 && bits.flag()?;
        let coded = (side(bits.ue()?)?, side(bits.ue()?)?);
        let units = if separate { (1, 1) } else { chroma.units() };
        let (width, height) = windowed(&mut bits, coded, units)?;
        let bit_depth = bit_depth(&mut bits)?;
        let mut sps =
            Self { profile, id, chroma, width, height, bit_depth, reorder: None, vui: None };
        // Absent or damaged, this part changes nothing.
        let _ = sps.read_rest(&mut bits, max_sub_layers_minus1);
        Ok(sps)
    }

    /// From the chroma bit depth to the VUI.
    fn read_rest(&mut self, bits: &mut BitReader<'_>, sub_layers: u8) -> Result<(), RecordError> {
        bit_depth(bits)?;
        let order_bits = bits.ue()?.saturating_add(4); // log2_max_pic_order_cnt_lsb_minus4
        let layers = if bits.flag()? { sub_layers } else { 0 };
        let mut reorder = 0;
        for _ in 0..=layers {
            bits.ue()?; // sps_max_dec_pic_buffering_minus1
            reorder = bits.ue()?;
            bits.ue()?; // sps_max_latency_increase_plus1
        }
        self.reorder = u8::try_from(reorder).ok().filter(|depth| *depth <= 16);
        for _ in 0..6 {
            bits.ue()?; // sizes of coding blocks and transform blocks, depths of hierarchy
        }
        if bits.flag()? && bits.flag()? {
            scaling_lists(bits)?;
        }
        bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
        if bits.flag()? {
            bits.skip(8)?; // pcm bit depths
            bits.ue()?;
            bits.ue()?;
            bits.skip(1)?; // pcm_loop_filter_disabled_flag
        }
        short_term_sets(bits)?;
        if bits.flag()? {
            let count = bits.ue()?;
            if count > 32 {
                return Err(RecordError::OutOfRange("num_long_term_ref_pics_sps"));
            }
            for _ in 0..count {
                bits.skip(u64::from(order_bits).saturating_add(1))?;
            }
        }
        bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
        if bits.flag()? {
            self.vui = Some(Vui::read(bits)?);
        }
        Ok(())
    }
}

fn bit_depth(bits: &mut BitReader<'_>) -> Result<u8, RecordError> {
    let minus8 = u8::try_from(bits.ue()?).ok().filter(|minus8| *minus8 <= 8);
    Ok(minus8.ok_or(RecordError::OutOfRange("bit depth"))?.saturating_add(8))
}

/// The part of `profile_tier_level()` that speaks of lower temporal layers (H.265 7.3.3).
pub(super) fn skip_sub_layers(bits: &mut BitReader<'_>, max_minus1: u8) -> Result<(), RecordError> {
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

/// `scaling_list_data()` (H.265 7.3.4), read to be passed over.
fn scaling_lists(bits: &mut BitReader<'_>) -> Result<(), RecordError> {
    for size in 0..4_u32 {
        let matrices = if size == 3 { 2 } else { 6 };
        for _ in 0..matrices {
            if !bits.flag()? {
                bits.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            if size > 1 {
                bits.se()?; // scaling_list_dc_coef_minus8
            }
            for _ in 0..if size == 0 { 16 } else { 64 } {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// All `st_ref_pic_set()` (H.265 7.3.7), read to be passed over. A set that is predicted has as many
/// flags as the set before it has pictures.
fn short_term_sets(bits: &mut BitReader<'_>) -> Result<(), RecordError> {
    let count = bits.ue()?;
    if count > 64 {
        return Err(RecordError::OutOfRange("num_short_term_ref_pic_sets"));
    }
    let mut pictures = 0_u32;
    for index in 0..count {
        if index > 0 && bits.flag()? {
            bits.skip(1)?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            let mut kept = 0_u32;
            for _ in 0..=pictures {
                // used_by_curr_pic_flag, else use_delta_flag
                if bits.flag()? || bits.flag()? {
                    kept = kept.saturating_add(1);
                }
            }
            pictures = kept;
        } else {
            let (negative, positive) = (bits.ue()?, bits.ue()?);
            if negative > 16 || positive > 16 {
                return Err(RecordError::OutOfRange("st_ref_pic_set"));
            }
            pictures = negative.saturating_add(positive);
            for _ in 0..pictures {
                bits.ue()?; // delta_poc_minus1
                bits.skip(1)?; // used_by_curr_pic_flag
            }
        }
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
pub(crate) fn windowed(
    bits: &mut BitReader<'_>,
    coded: (u32, u32),
    (unit_x, unit_y): (u32, u32),
) -> Result<(u32, u32), RecordError> {
    if !bits.flag()? {
        return Ok(coded);
    }
    let mut edge = |unit: u32| bits.ue().map(|n| n.saturating_mul(unit));
    let (left, right, top, bottom) = (edge(unit_x)?, edge(unit_x)?, edge(unit_y)?, edge(unit_y)?);
    let rest = |side: u32, a: u32, b: u32| {
        side.checked_sub(a.saturating_add(b))
            .filter(|side| *side > 0)
            .ok_or(RecordError::OutOfRange("conformance_window"))
    };
    Ok((rest(coded.0, left, right)?, rest(coded.1, top, bottom)?))
}
