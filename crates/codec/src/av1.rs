//! AV1: the configuration record, the sequence header and the first frame header bits.
//!
//! Belongs here: av1C (AV1 in ISO-BMFF 2.3.3), OBU walk in the low-overhead format (AV1 5.3),
//! sequence header up to the frame size (AV1 5.5), the `av01` codec string.
//! Must not come here: frame headers beyond their type.

use crate::{
    Description, RecordError, Shape, VideoShape,
    description::{MAX_SIDE, frame_rate},
};
use manycast_bits::{BitReader, Reader};

const OBU_SEQUENCE_HEADER: u8 = 1;
const OBU_FRAME_HEADER: u8 = 3;
const OBU_FRAME: u8 = 6;

/// The OBUs of a temporal unit, as (type, payload). Ends early where a size runs past the end.
#[derive(Clone, Debug)]
pub struct Obus<'a> {
    rest: Reader<'a>,
}

impl<'a> Obus<'a> {
    /// Walks bytes in the low-overhead format; the last OBU may leave its size out.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Reader::new(bytes) }
    }

    fn read(&mut self) -> Result<(u8, &'a [u8]), RecordError> {
        let header = self.rest.u8()?;
        if header & 0x80 != 0 {
            return Err(RecordError::OutOfRange("obu_forbidden_bit"));
        }
        if header & 0x04 != 0 {
            self.rest.skip(1)?; // temporal and spatial layer
        }
        let size = if header & 0x02 != 0 { leb128(&mut self.rest)? } else { self.rest.remaining() };
        Ok((header >> 3 & 0x0F, self.rest.take(size)?))
    }
}

impl<'a> Iterator for Obus<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let obu = self.read().ok();
        if obu.is_none() {
            self.rest = Reader::new(&[]);
        }
        obu
    }
}

/// AV1 4.10.5; at most eight bytes, and at most 32 bits.
fn leb128(reader: &mut Reader<'_>) -> Result<usize, RecordError> {
    let mut value = 0_u64;
    for index in 0..8_u32 {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7F) << index.saturating_mul(7);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| RecordError::OutOfRange("leb128"))?;
            return usize::try_from(value).map_err(|_| RecordError::OutOfRange("leb128"));
        }
    }
    Err(RecordError::OutOfRange("leb128"))
}

/// Whether the first frame of a temporal unit is a key frame that is shown (AV1 5.9.2); `None`
/// without a frame.
pub(crate) fn starts_with_key_frame(payload: &[u8]) -> Option<bool> {
    Obus::new(payload).find_map(|(kind, obu)| match kind {
        // show_existing_frame 0, frame_type 0, show_frame 1
        OBU_FRAME_HEADER | OBU_FRAME => obu.first().map(|b| b & 0b1111_0000 == 0b0001_0000),
        _ => None,
    })
}

/// AV1CodecConfigurationRecord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Av1Config<'a> {
    /// `seq_profile`: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// `seq_level_idx_0`.
    pub level: u8,
    /// High tier.
    pub high_tier: bool,
    /// Bits per sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// OBUs that follow the fixed part; may be empty.
    pub obus: &'a [u8],
}

impl<'a> Av1Config<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`] when it is shorter than four bytes or does not open with marker and version.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let [marker, profile_level, flags, _delay] = reader.array()?;
        if marker != 0x81 {
            return Err(RecordError::OutOfRange("marker and version"));
        }
        let bit_depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        Ok(Self {
            profile: profile_level >> 5,
            level: profile_level & 0x1F,
            high_tier: flags & 0x80 != 0,
            bit_depth,
            obus: reader.rest(),
        })
    }

    /// The `codecs` parameter (AV1 in ISO-BMFF clause 5), in its short form.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let tier = if self.high_tier { 'H' } else { 'M' };
        format!("av01.{}.{:02}{tier}.{:02}", self.profile, self.level, self.bit_depth)
    }

    fn profile_name(&self) -> String {
        match self.profile {
            0 => "Main".to_owned(),
            1 => "High".to_owned(),
            2 => "Professional".to_owned(),
            other => other.to_string(),
        }
    }

    /// Level index 0 is 2.0, four steps to each major level (AV1 A.3); 31 is "no limit".
    fn level_name(&self) -> String {
        match self.level {
            31 => "max".to_owned(),
            level => format!("{}.{}", (level >> 2).saturating_add(2), level & 3),
        }
    }
}

/// What a sequence header says about the pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SequenceHeader {
    /// Largest width in pixels.
    pub width: u32,
    /// Largest height in pixels.
    pub height: u32,
    /// Frames per second, where timing is given and equal.
    pub fps: Option<f64>,
}

impl SequenceHeader {
    /// The first sequence header among OBUs: those of a record or of a key frame.
    ///
    /// # Errors
    /// [`RecordError`] when there is none or when it ends early.
    pub fn find(obus: &[u8]) -> Result<Self, RecordError> {
        let header = Obus::new(obus).find(|(kind, _)| *kind == OBU_SEQUENCE_HEADER);
        Self::parse(header.ok_or(RecordError::Missing("sequence header"))?.1)
    }

    /// Reads the payload of a sequence header OBU (AV1 5.5.1).
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the size or has a size out of range.
    pub fn parse(payload: &[u8]) -> Result<Self, RecordError> {
        let mut bits = BitReader::new(payload);
        bits.skip(4)?; // seq_profile, still_picture
        let mut fps = None;
        if bits.flag()? {
            bits.skip(5)?; // reduced_still_picture_header: seq_level_idx only
        } else {
            fps = operating_points(&mut bits)?;
        }
        let (width_bits, height_bits) = (bits.bits(4)?, bits.bits(4)?);
        let mut side = |n: u32| {
            let side = bits.bits(n.saturating_add(1))?.saturating_add(1);
            if side > MAX_SIDE { Err(RecordError::OutOfRange("picture size")) } else { Ok(side) }
        };
        Ok(Self { width: side(width_bits)?, height: side(height_bits)?, fps })
    }
}

/// Timing, decoder model and operating points; gives the frame rate.
fn operating_points(bits: &mut BitReader<'_>) -> Result<Option<f64>, RecordError> {
    let mut fps = None;
    let mut delay_bits = None;
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
        if bits.flag()? {
            let ticks = bits.ue()?.saturating_add(1);
            fps = frame_rate(time_scale, units_in_tick.saturating_mul(ticks));
        }
        if bits.flag()? {
            delay_bits = Some(bits.bits(5)?.saturating_add(1));
            bits.skip(42)?; // num_units_in_decoding_tick and two lengths
        }
    }
    let initial_display_delay = bits.flag()?;
    for _ in 0..=bits.bits(5)? {
        bits.skip(12)?; // operating_point_idc
        if bits.bits(5)? > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(n) = delay_bits
            && bits.flag()?
        {
            bits.skip(u64::from(n).saturating_mul(2).saturating_add(1))?;
        }
        if initial_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Ok(fps)
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = Av1Config::parse(record)?;
    let header = SequenceHeader::find(config.obus)?;
    Ok(Description {
        shape: Shape::Video(VideoShape {
            width: header.width,
            height: header.height,
            fps: header.fps,
            profile: config.profile_name(),
            level: config.level_name(),
        }),
        rfc6381: Some(config.rfc6381()),
    })
}

#[cfg(test)]
mod tests;
