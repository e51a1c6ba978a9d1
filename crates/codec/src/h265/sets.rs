//! The video and the picture parameter set (H.265 7.3.2.1, 7.3.2.3.1), as far as anything outside a
//! decoder needs them.

use super::{ProfileTierLevel, sps::skip_sub_layers};
use crate::{RecordError, picture::frame_rate};
use manycast_bits::{BitReader, Reader, unescape_rbsp};

/// What a video parameter set says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vps {
    /// `vps_video_parameter_set_id`.
    pub id: u8,
    /// Temporal layers: 1 to 7.
    pub temporal_layers: u8,
    /// Profile, tier and level.
    pub profile: ProfileTierLevel,
    /// Pictures per second, where the timing is here.
    pub fps: Option<f64>,
}

impl Vps {
    /// Reads a NAL unit of type 32, its header of two bytes included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the level. What follows may be damaged: then the timing
    /// is left out.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        let raw = unescape_rbsp(unit);
        let mut reader = Reader::new(&raw);
        reader.skip(2)?;
        let [first, second] = reader.array()?;
        let sub_layers_minus1 = second >> 1 & 7;
        reader.skip(2)?; // vps_reserved_0xffff_16bits
        let profile = ProfileTierLevel::read(&mut reader)?;
        let mut bits = BitReader::new(reader.rest());
        Ok(Self {
            id: first >> 4,
            temporal_layers: sub_layers_minus1.saturating_add(1),
            profile,
            fps: timing(&mut bits, sub_layers_minus1).ok().flatten(),
        })
    }
}

/// From the sub-layers to the timing.
fn timing(bits: &mut BitReader<'_>, sub_layers_minus1: u8) -> Result<Option<f64>, RecordError> {
    skip_sub_layers(bits, sub_layers_minus1)?;
    let layers = if bits.flag()? { sub_layers_minus1 } else { 0 };
    for _ in 0..=layers {
        bits.ue()?; // vps_max_dec_pic_buffering_minus1
        bits.ue()?; // vps_max_num_reorder_pics
        bits.ue()?; // vps_max_latency_increase_plus1
    }
    let layer_ids = bits.bits(6)?.saturating_add(1);
    let sets = bits.ue()?;
    bits.skip(u64::from(sets).saturating_mul(layer_ids.into()))?;
    if !bits.flag()? {
        return Ok(None);
    }
    let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
    Ok(frame_rate(time_scale, units_in_tick))
}

/// What a picture parameter set says that slice headers need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pps {
    /// `pps_pic_parameter_set_id`.
    pub id: u8,
    /// The sequence parameter set that it refines.
    pub sps_id: u8,
    /// `num_extra_slice_header_bits`.
    pub extra_slice_bits: u8,
}

impl Pps {
    /// Reads a NAL unit of type 34, its header of two bytes included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends early or has an id out of range.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        // ids and five bits: the first bytes are enough
        let raw = unescape_rbsp(unit.get(..unit.len().min(16)).unwrap_or_default());
        let mut bits = BitReader::new(&raw);
        bits.skip(16)?;
        let id = u8::try_from(bits.ue()?).ok().filter(|id| *id < 64);
        let id = id.ok_or(RecordError::OutOfRange("pps_pic_parameter_set_id"))?;
        let sps_id = u8::try_from(bits.ue()?).ok().filter(|id| *id < 16);
        let sps_id = sps_id.ok_or(RecordError::OutOfRange("pps_seq_parameter_set_id"))?;
        bits.skip(2)?; // dependent_slice_segments_enabled_flag, output_flag_present_flag
        let extra_slice_bits = u8::try_from(bits.bits(3)?).unwrap_or(0);
        Ok(Self { id, sps_id, extra_slice_bits })
    }
}
