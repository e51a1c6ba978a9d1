//! Usability information of the sequence parameter set (H.264 E.1.1, E.1.2).

use crate::{
    Colour, Ratio, RecordError,
    picture::{frame_rate, sample_aspect},
};
use manycast_bits::BitReader;

/// `vui_parameters()`, as far as it tells anything outside a decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vui {
    /// Width of a sample over its height.
    pub sample_aspect: Option<Ratio>,
    /// Colour and range.
    pub colour: Colour,
    /// `num_units_in_tick` and `time_scale`; a tick is a field.
    pub timing: Option<(u32, u32)>,
    /// `fixed_frame_rate_flag`.
    pub fixed_frame_rate: bool,
    /// Widths of fields in SEI messages, where a buffer model is described.
    pub hrd: Option<HrdLengths>,
    /// `pic_struct_present_flag`: `pic_timing` tells the structure and time of pictures.
    pub picture_structure: bool,
    /// `bitstream_restriction`.
    pub restriction: Option<Restriction>,
}

/// Widths, in bits, of fields in `pic_timing` (H.264 E.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HrdLengths {
    /// `cpb_removal_delay`: 1 to 32.
    pub cpb_removal_delay: u8,
    /// `dpb_output_delay`: 1 to 32.
    pub dpb_output_delay: u8,
    /// `time_offset`: 0 to 31.
    pub time_offset: u8,
}

/// What the encoder promises not to do (H.264 E.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// `max_num_reorder_frames`: 0 to 16.
    pub reorder_frames: u8,
    /// `max_dec_frame_buffering`: 0 to 16.
    pub frame_buffering: u8,
}

impl Vui {
    /// Reads it from its first bit. What comes after the timing may be damaged or missing: then it
    /// is left out.
    pub(super) fn read(bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        let mut vui = Self { sample_aspect: aspect(bits)?, ..Self::default() };
        if bits.flag()? {
            bits.skip(1)?; // overscan_appropriate_flag
        }
        vui.colour = video_signal(bits)?;
        if bits.flag()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        if bits.flag()? {
            vui.timing = Some((bits.bits(32)?, bits.bits(32)?));
            vui.fixed_frame_rate = bits.flag()?;
        }
        let whole = vui;
        Ok(vui.read_rest(bits).unwrap_or(whole))
    }

    fn read_rest(mut self, bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        let nal = if bits.flag()? { Some(HrdLengths::read(bits)?) } else { None };
        let vcl = if bits.flag()? { Some(HrdLengths::read(bits)?) } else { None };
        self.hrd = nal.or(vcl);
        if self.hrd.is_some() {
            bits.skip(1)?; // low_delay_hrd_flag
        }
        self.picture_structure = bits.flag()?;
        if bits.flag()? {
            bits.skip(1)?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                bits.ue()?; // sizes of pictures, macroblocks and motion vectors
            }
            self.restriction = Restriction::read(bits).ok();
        }
        Ok(self)
    }

    /// Frames per second, where the timing is that of pictures.
    #[must_use]
    pub fn fps(&self) -> Option<f64> {
        let (units_in_tick, time_scale) = self.timing?;
        frame_rate(time_scale, units_in_tick).map(|fields| fields / 2.0)
    }
}

/// `aspect_ratio_info`, the same in H.264 and H.265.
pub(crate) fn aspect(bits: &mut BitReader<'_>) -> Result<Option<Ratio>, RecordError> {
    const EXTENDED_SAR: u32 = 255;
    if !bits.flag()? {
        return Ok(None);
    }
    match bits.bits(8)? {
        EXTENDED_SAR => Ok(Ratio::new(bits.bits(16)?, bits.bits(16)?)),
        code => Ok(sample_aspect(code)),
    }
}

/// `video_signal_type`, the same in H.264 and H.265.
pub(crate) fn video_signal(bits: &mut BitReader<'_>) -> Result<Colour, RecordError> {
    if !bits.flag()? {
        return Ok(Colour::default());
    }
    bits.skip(3)?; // video_format
    let full_range = bits.flag()?;
    let mut colour = Colour::default();
    if bits.flag()? {
        let mut code = || bits.bits(8).map(|code| u8::try_from(code).unwrap_or(2));
        colour = Colour::from_codes(code()?, code()?, code()?);
    }
    Ok(colour.with_range(full_range))
}

impl HrdLengths {
    fn read(bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        let count = bits.ue()?;
        if count > 31 {
            return Err(RecordError::OutOfRange("cpb_cnt_minus1"));
        }
        bits.skip(8)?; // bit_rate_scale, cpb_size_scale
        for _ in 0..=count {
            bits.ue()?; // bit_rate_value_minus1
            bits.ue()?; // cpb_size_value_minus1
            bits.skip(1)?; // cbr_flag
        }
        bits.skip(5)?; // initial_cpb_removal_delay_length_minus1
        let mut width = || bits.bits(5).map(|n| u8::try_from(n).unwrap_or(0));
        Ok(Self {
            cpb_removal_delay: width()?.saturating_add(1),
            dpb_output_delay: width()?.saturating_add(1),
            time_offset: width()?,
        })
    }
}

impl Restriction {
    fn read(bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        let mut frames = || {
            let frames = u8::try_from(bits.ue()?).ok().filter(|frames| *frames <= 16);
            frames.ok_or(RecordError::OutOfRange("max_num_reorder_frames"))
        };
        Ok(Self { reorder_frames: frames()?, frame_buffering: frames()? })
    }
}
