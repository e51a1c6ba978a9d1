//! The sequence parameter set (H.264 7.3.2.1.1).

use super::vui::Vui;
use crate::{Chroma, RecordError, picture::MAX_SIDE};
use manycast_bits::{BitReader, unescape_rbsp};

/// What a sequence parameter set says about the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Sps {
    /// `seq_parameter_set_id`.
    pub id: u8,
    /// `profile_idc`, the constraint flags and `level_idc`.
    pub profile: [u8; 3],
    /// How much chroma there is.
    pub chroma: Chroma,
    /// Bits of a luma sample.
    pub bit_depth: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// `pic_order_cnt_type`; 2 says that the order of decoding is that of presentation.
    pub picture_order: u8,
    /// `max_num_ref_frames`.
    pub reference_frames: u32,
    /// Shown width in pixels.
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Whether all pictures are frames, none fields.
    pub progressive: bool,
    /// Usability information, where it is there and makes sense.
    pub vui: Option<Vui>,
}

impl Sps {
    /// Reads a NAL unit of type 7, its header included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the size of the picture or has a size out of range. A
    /// damaged VUI is no error: it is left out.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        let raw = unescape_rbsp(unit);
        let mut bits = BitReader::new(&raw);
        bits.skip(8)?;
        let mut profile = [0_u8; 3];
        for byte in &mut profile {
            *byte = u8::try_from(bits.bits(8)?).unwrap_or(0);
        }
        let id = bits.ue()?;
        let id = u8::try_from(id).ok().filter(|id| *id < 32);
        let id = id.ok_or(RecordError::OutOfRange("seq_parameter_set_id"))?;
        let Samples { chroma, separate, bit_depth, bit_depth_chroma } =
            Samples::read(&mut bits, profile[0])?;
        bits.ue()?; // log2_max_frame_num_minus4
        let picture_order = picture_order_count(&mut bits)?;
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
        let units = if separate { (1, 1) } else { chroma.units() };
        let (width, height) = cropped(&mut bits, coded, (units.0, units.1.saturating_mul(fields)))?;
        let vui = if bits.flag().unwrap_or(false) { Vui::read(&mut bits).ok() } else { None };
        Ok(Self {
            id,
            profile,
            chroma,
            bit_depth,
            bit_depth_chroma,
            picture_order,
            reference_frames,
            width,
            height,
            progressive,
            vui,
        })
    }

    /// Frames per second, where the VUI says so. A tick is a field, so that a frame lasts two.
    #[must_use]
    pub fn fps(&self) -> Option<f64> {
        self.vui.as_ref()?.fps()
    }

    /// Frames that may have to be decoded before one that is shown earlier (`max_num_reorder_frames`,
    /// H.264 E.2.1), or 0 where the profile or the picture order leaves no room for any. `None`:
    /// only the frames tell.
    #[must_use]
    pub fn reorder(&self) -> Option<u8> {
        let told = self.vui.as_ref().and_then(|vui| vui.restriction);
        if let Some(restriction) = told {
            return Some(restriction.reorder_frames);
        }
        let [profile_idc, constraints, _] = self.profile;
        // E.2.1: the profiles for intra pictures infer 0
        let intra_only =
            constraints & 0x10 != 0 && matches!(profile_idc, 44 | 86 | 100 | 110 | 122 | 244);
        (profile_idc == 66 || intra_only || self.picture_order == 2).then_some(0)
    }
}

/// The part that only the high profiles have.
struct Samples {
    chroma: Chroma,
    separate: bool,
    bit_depth: u8,
    bit_depth_chroma: u8,
}

impl Samples {
    fn read(bits: &mut BitReader<'_>, profile_idc: u8) -> Result<Self, RecordError> {
        let plain =
            Self { chroma: Chroma::Yuv420, separate: false, bit_depth: 8, bit_depth_chroma: 8 };
        if !matches!(
            profile_idc,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        ) {
            return Ok(plain);
        }
        let idc = bits.ue()?;
        let chroma = Chroma::from_idc(idc).ok_or(RecordError::OutOfRange("chroma_format_idc"))?;
        let separate = idc == 3 && bits.flag()?;
        let mut depth = || {
            let minus8 = u8::try_from(bits.ue()?).ok().filter(|minus8| *minus8 <= 6);
            let minus8 = minus8.ok_or(RecordError::OutOfRange("bit depth"))?;
            Ok::<_, RecordError>(minus8.saturating_add(8))
        };
        let (bit_depth, bit_depth_chroma) = (depth()?, depth()?);
        bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
        if bits.flag()? {
            let lists = if idc < 3 { 8 } else { 12 };
            for list in 0..lists {
                if bits.flag()? {
                    scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Ok(Self { chroma, separate, bit_depth, bit_depth_chroma })
    }
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

/// `pic_order_cnt_type`, and what belongs to it passed over.
fn picture_order_count(bits: &mut BitReader<'_>) -> Result<u8, RecordError> {
    match bits.ue()? {
        0 => {
            bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
            Ok(0)
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
            Ok(1)
        }
        2 => Ok(2),
        _ => Err(RecordError::OutOfRange("pic_order_cnt_type")),
    }
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
            .ok_or(RecordError::OutOfRange("frame_cropping"))
    };
    Ok((rest(coded.0, left, right)?, rest(coded.1, top, bottom)?))
}
