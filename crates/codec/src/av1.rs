//! AV1: the configuration record, the sequence header and the first frame header bits.
//!
//! Belongs here: av1C (AV1 in ISO-BMFF 2.3.3), OBU walk in the low-overhead format (AV1 5.3),
//! sequence header (AV1 5.5), metadata OBUs (AV1 5.8), the `av01` codec string.
//! Must not come here: frame headers beyond their type.

mod colour;

pub use colour::ColourConfig;

use crate::{
    CcTriplet, Chroma, Colour, ContentLight, Description, Hdr, MasteringDisplay, RecordError,
    Timecode, VideoShape,
    picture::{MAX_SIDE, frame_rate},
};
use manycast_bits::{BitReader, Reader};

const OBU_SEQUENCE_HEADER: u8 = 1;
const OBU_FRAME_HEADER: u8 = 3;
const OBU_METADATA: u8 = 5;
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
        codec_string(self.profile, self.level, self.high_tier, self.bit_depth)
    }
}

fn profile_name(profile: u8) -> String {
    match profile {
        0 => "Main".to_owned(),
        1 => "High".to_owned(),
        2 => "Professional".to_owned(),
        other => other.to_string(),
    }
}

/// Level index 0 is 2.0, four steps to each major level (AV1 A.3); 31 is "no limit".
fn level_name(level: u8) -> String {
    match level {
        31 => "max".to_owned(),
        level => format!("{}.{}", (level >> 2).saturating_add(2), level & 3),
    }
}

/// What a sequence header says about the pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SequenceHeader {
    /// `seq_profile`: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// `seq_level_idx` of the first operating point.
    pub level: u8,
    /// High tier.
    pub high_tier: bool,
    /// Largest width in pixels.
    pub width: u32,
    /// Largest height in pixels.
    pub height: u32,
    /// Frames per second, where timing is given and equal.
    pub fps: Option<f64>,
    /// Depth, chroma and colour; `None` where the header ends before them.
    pub colour: Option<ColourConfig>,
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
        let profile = u8::try_from(bits.bits(3)?).unwrap_or(0);
        bits.skip(1)?; // still_picture
        let reduced = bits.flag()?;
        let point = if reduced {
            Operating { level: u8::try_from(bits.bits(5)?).unwrap_or(0), ..Operating::default() }
        } else {
            Operating::read(&mut bits)?
        };
        let (width_bits, height_bits) = (bits.bits(4)?, bits.bits(4)?);
        let mut side = |n: u32| {
            let side = bits.bits(n.saturating_add(1))?.saturating_add(1);
            if side > MAX_SIDE { Err(RecordError::OutOfRange("picture size")) } else { Ok(side) }
        };
        let (width, height) = (side(width_bits)?, side(height_bits)?);
        let colour = skip_tools(&mut bits, reduced)
            .and_then(|()| ColourConfig::read(&mut bits, profile))
            .ok();
        let Operating { level, high_tier, fps } = point;
        Ok(Self { profile, level, high_tier, width, height, fps, colour })
    }

    /// The `codecs` parameter (AV1 in ISO-BMFF clause 5): the optional fields only where they are
    /// not those of BT.709 in 4:2:0.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let depth = self.colour.map_or(8, |colour| colour.bit_depth);
        let short = codec_string(self.profile, self.level, self.high_tier, depth);
        let more = self.colour.and_then(|colour| colour.codec_string());
        more.map_or_else(|| short.clone(), |more| format!("{short}.{more}"))
    }

    fn shape(&self, hdr: Hdr) -> VideoShape {
        VideoShape {
            width: self.width,
            height: self.height,
            fps: self.fps,
            interlaced: Some(false),
            profile: Some(profile_name(self.profile)),
            level: Some(level_name(self.level)),
            high_tier: Some(self.high_tier),
            chroma: self.colour.map(|colour| colour.chroma),
            bit_depth: self.colour.map(|colour| colour.bit_depth),
            colour: self.colour.map(|colour| colour.colour).unwrap_or_default(),
            hdr,
            // each temporal unit shows one picture, in the order in which they come
            reorder: Some(0),
            ..VideoShape::default()
        }
    }
}

/// Timing and the first operating point.
#[derive(Default)]
struct Operating {
    level: u8,
    high_tier: bool,
    fps: Option<f64>,
}

impl Operating {
    /// Timing, decoder model and all operating points.
    fn read(bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        let mut first = Self::default();
        let mut delay_bits = None;
        if bits.flag()? {
            let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
            if bits.flag()? {
                let ticks = bits.ue()?.saturating_add(1);
                first.fps = frame_rate(time_scale, units_in_tick.saturating_mul(ticks));
            }
            if bits.flag()? {
                delay_bits = Some(bits.bits(5)?.saturating_add(1));
                bits.skip(42)?; // num_units_in_decoding_tick and two lengths
            }
        }
        let initial_display_delay = bits.flag()?;
        for point in 0..=bits.bits(5)? {
            bits.skip(12)?; // operating_point_idc
            let level = bits.bits(5)?;
            let high_tier = level > 7 && bits.flag()?;
            if point == 0 {
                first = Self { level: u8::try_from(level).unwrap_or(0), high_tier, ..first };
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
        Ok(first)
    }
}

/// From the size to the colour (AV1 5.5.1): which coding tools may be used.
fn skip_tools(bits: &mut BitReader<'_>, reduced: bool) -> Result<(), RecordError> {
    if !reduced && bits.flag()? {
        bits.skip(7)?; // lengths of frame ids
    }
    bits.skip(3)?; // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if !reduced {
        bits.skip(4)?; // inter-intra, masked compound, warped motion, dual filter
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(2)?; // enable_jnt_comp, enable_ref_frame_mvs
        }
        // seq_choose_screen_content_tools, seq_force_screen_content_tools, then the same for
        // integer motion vectors
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.skip(1)?; // seq_force_integer_mv
        }
        if order_hint {
            bits.skip(3)?; // order_hint_bits_minus_1
        }
    }
    bits.skip(3)?; // enable_superres, enable_cdef, enable_restoration
    Ok(())
}

fn codec_string(profile: u8, level: u8, high_tier: bool, bit_depth: u8) -> String {
    let tier = if high_tier { 'H' } else { 'M' };
    format!("av01.{profile}.{level:02}{tier}.{bit_depth:02}")
}

/// What the metadata OBUs of a temporal unit tell (AV1 5.8.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    pub(crate) hdr: Hdr,
    pub(crate) captions: Vec<CcTriplet>,
    pub(crate) timecode: Option<Timecode>,
}

impl Metadata {
    pub(crate) fn read(obus: &[u8]) -> Self {
        let mut found = Self::default();
        for (_, payload) in Obus::new(obus).filter(|(kind, _)| *kind == OBU_METADATA) {
            let mut reader = Reader::new(payload);
            match leb128(&mut reader) {
                Ok(1) => found.hdr.light = ContentLight::from_bytes(reader.rest()).ok(),
                Ok(2) => found.hdr.mastering = MasteringDisplay::from_obu(reader.rest()).ok(),
                Ok(4) => CcTriplet::read_t35(reader.rest(), &mut found.captions),
                Ok(5) => found.timecode = Timecode::read_av1(reader.rest()).ok(),
                _ => {}
            }
        }
        found
    }
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = Av1Config::parse(record)?;
    let header = SequenceHeader::find(config.obus)?;
    let hdr = Metadata::read(config.obus).hdr;
    Ok(Description::video(header.shape(hdr), Some(header.rfc6381())))
}

pub(crate) fn describe_frame(payload: &[u8]) -> Option<Description> {
    let header = SequenceHeader::find(payload).ok()?;
    let hdr = Metadata::read(payload).hdr;
    Some(Description::video(header.shape(hdr), Some(header.rfc6381())))
}

#[cfg(test)]
mod tests;
