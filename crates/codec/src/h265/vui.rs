//! Usability information of the sequence parameter set (H.265 E.2.1).

use crate::{
    Colour, Ratio, RecordError,
    h264::vui::{aspect, video_signal},
    picture::frame_rate,
};
use manycast_bits::BitReader;

/// `vui_parameters()` down to the timing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vui {
    /// Width of a sample over its height.
    pub sample_aspect: Option<Ratio>,
    /// Colour and range.
    pub colour: Colour,
    /// `field_seq_flag`: pictures are fields.
    pub fields: bool,
    /// `vui_num_units_in_tick` and `vui_time_scale`; a tick is a picture.
    pub timing: Option<(u32, u32)>,
}

impl Vui {
    pub(super) fn read(bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        let sample_aspect = aspect(bits)?;
        if bits.flag()? {
            bits.skip(1)?; // overscan_appropriate_flag
        }
        let colour = video_signal(bits)?;
        if bits.flag()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        bits.skip(1)?; // neutral_chroma_indication_flag
        let fields = bits.flag()?;
        bits.skip(1)?; // frame_field_info_present_flag
        if bits.flag()? {
            for _ in 0..4 {
                bits.ue()?; // default display window
            }
        }
        let timing = if bits.flag().unwrap_or(false) {
            Some((bits.bits(32)?, bits.bits(32)?))
        } else {
            None
        };
        Ok(Self { sample_aspect, colour, fields, timing })
    }

    /// Frames per second, where the timing is that of pictures.
    #[must_use]
    pub fn fps(&self) -> Option<f64> {
        let (units_in_tick, time_scale) = self.timing?;
        let pictures = frame_rate(time_scale, units_in_tick)?;
        Some(if self.fields { pictures / 2.0 } else { pictures })
    }
}
