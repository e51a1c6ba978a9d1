//! The sequence parameter set (H.264 7.3.2.1.1), up to the timing of its VUI (E.1.1).

use crate::{
    RecordError,
    description::{MAX_SIDE, frame_rate},
};
use manycast_bits::{BitReader, unescape_rbsp};

/// What a sequence parameter set says about the pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sps {
    /// `profile_idc`, the constraint flags and `level_idc`.
    pub profile: [u8; 3],
    /// Shown width in pixels.
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Frames per second, where the VUI says so.
    pub fps: Option<f64>,
    /// `max_num_ref_frames`.
    pub reference_frames: u32,
    /// Whether all pictures are frames, none fields.
    pub progressive: bool,
}

impl Sps {
    /// Reads a NAL unit of type 7, its header included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the size of the picture or has a size out of range. A
    /// damaged VUI is no error: it gives no frame rate.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        let raw = unescape_rbsp(unit);
        let mut bits = BitReader::new(&raw);
        bits.skip(8)?;
        let mut profile = [0_u8; 3];
        for byte in &mut profile {
            *byte = u8::try_from(bits.bits(8)?).unwrap_or(0);
        }
        bits.ue()?; // seq_parameter_set_id
        let chroma = chroma_format(&mut bits, profile[0])?;
        bits.ue()?; // log2_max_frame_num_minus4
        picture_order_count(&mut bits)?;
        let reference_frames = bits.ue()?;
        bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
        let width_in_mbs = side_in_mbs(bits.ue()?)?;
        let height_in_units = side_in_mbs(bits.ue()?)?;
        let progressive = bits.flag()?;
        if !progressive {
            bits.skip(1)?; // mb_adaptive_frame_field_flag
        }
        bits.skip(1)?; // direct_8x8_inference_flag
        let fields = if progressive { 1 } else { 2 };
        let coded = (
            width_in_mbs.saturating_mul(16),
            height_in_units.saturating_mul(16).saturating_mul(fields),
        );
        if coded.1 > MAX_SIDE {
            return Err(RecordError::OutOfRange("picture size"));
        }
        let (width, height) = cropped(&mut bits, coded, chroma, fields)?;
        let fps = vui_frame_rate(&mut bits).ok().flatten();
        Ok(Self { profile, width, height, fps, reference_frames, progressive })
    }
}

/// `chroma_format_idc`, 0 to 3, with 4 standing for three separate colour planes.
fn chroma_format(bits: &mut BitReader<'_>, profile_idc: u8) -> Result<u32, RecordError> {
    if !matches!(
        profile_idc,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    ) {
        return Ok(1);
    }
    let mut chroma = bits.ue()?;
    if chroma > 3 {
        return Err(RecordError::OutOfRange("chroma_format_idc"));
    }
    if chroma == 3 && bits.flag()? {
        chroma = 4;
    }
    bits.ue()?; // bit_depth_luma_minus8
    bits.ue()?; // bit_depth_chroma_minus8
    bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
    if bits.flag()? {
        let lists = if chroma < 3 { 8 } else { 12 };
        for list in 0..lists {
            if bits.flag()? {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(chroma)
}

/// H.264 7.3.2.1.1.1, read to be passed over.
fn scaling_list(bits: &mut BitReader<'_>, size: u32) -> Result<(), RecordError> {
    let mut last = 8_i32;
    let mut next = 8_i32;
    for _ in 0..size {
        if next != 0 {
            let delta = bits.se()?;
            next = last.wrapping_add(delta) & 0xFF;
        }
        if next != 0 {
            last = next;
        }
    }
    Ok(())
}

fn picture_order_count(bits: &mut BitReader<'_>) -> Result<(), RecordError> {
    match bits.ue()? {
        0 => {
            bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.skip(1)?; // delta_pic_order_always_zero_flag
            bits.se()?;
            bits.se()?;
            let cycle = bits.ue()?;
            if cycle > 255 {
                return Err(RecordError::OutOfRange("num_ref_frames_in_pic_order_cnt_cycle"));
            }
            for _ in 0..cycle {
                bits.se()?;
            }
        }
        2 => {}
        _ => return Err(RecordError::OutOfRange("pic_order_cnt_type")),
    }
    Ok(())
}

fn side_in_mbs(minus1: u32) -> Result<u32, RecordError> {
    if minus1 >= MAX_SIDE / 16 {
        return Err(RecordError::OutOfRange("picture size"));
    }
    Ok(minus1.saturating_add(1))
}

/// Applies the cropping rectangle, in the units of H.264 7.4.2.1.1.
fn cropped(
    bits: &mut BitReader<'_>,
    coded: (u32, u32),
    chroma: u32,
    fields: u32,
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
    let (left, right) = (edge(unit_x)?, edge(unit_x)?);
    let unit_y = fields.saturating_mul(unit_y);
    let (top, bottom) = (edge(unit_y)?, edge(unit_y)?);
    let rest = |side: u32, a: u32, b: u32| {
        side.checked_sub(a.saturating_add(b))
            .filter(|side| *side > 0)
            .ok_or(RecordError::OutOfRange("frame_cropping"))
    };
    Ok((rest(coded.0, left, right)?, rest(coded.1, top, bottom)?))
}

/// The VUI down to its timing (H.264 E.1.1). A tick is a field, so that a frame lasts two.
fn vui_frame_rate(bits: &mut BitReader<'_>) -> Result<Option<f64>, RecordError> {
    const EXTENDED_SAR: u32 = 255;
    if !bits.flag()? {
        return Ok(None);
    }
    if bits.flag()? && bits.bits(8)? == EXTENDED_SAR {
        bits.skip(32)?;
    }
    if bits.flag()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.skip(4)?; // video_format, video_full_range_flag
        if bits.flag()? {
            bits.skip(24)?; // colour_primaries, transfer_characteristics, matrix_coefficients
        }
    }
    if bits.flag()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?; // chroma_sample_loc_type_bottom_field
    }
    if !bits.flag()? {
        return Ok(None);
    }
    let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
    Ok(frame_rate(time_scale, units_in_tick).map(|fields| fields / 2.0))
}
