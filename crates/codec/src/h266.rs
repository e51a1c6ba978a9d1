//! H.266: the decoder configuration record, and the sequence parameter set down to the size.
//!
//! Belongs here: vvcC (ISO/IEC 14496-15 11.2.4.2), the start of the SPS (H.266 7.3.2.4), the `vvc1`
//! codec string. Must not come here: slices beyond their type.

use crate::{
    Chroma, Description, RandomAccess, RecordError, VideoShape,
    h265::sps::windowed,
    nal::{Framing, LengthSize, NalUnits, starts_with_code},
    picture::{MAX_SIDE, frame_rate},
    sei,
};
use manycast_bits::{BitReader, Reader, unescape_rbsp};
use manycast_media::Codec;

const NAL_SPS: u8 = 15;
/// Decoding capability and operating point information: arrays of one unit without a count.
const NAL_OPI: u8 = 12;
const NAL_DCI: u8 = 13;
const MAX_UNITS: usize = 256;

/// `nal_unit_type` of a NAL unit (H.266 7.3.1.2).
pub(crate) fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.get(1).map(|b| b >> 3)
}

/// Whether a NAL unit is a slice.
pub(crate) fn is_slice(unit: &[u8]) -> bool {
    unit_type(unit).is_some_and(|kind| kind < 12)
}

/// Where decoding can start (H.266 table 5): IDR pictures cleanly, CRA pictures with leading
/// pictures that cannot be shown, GDR pictures behind a recovery point. `None` without a slice.
pub(crate) fn random_access(payload: &[u8]) -> Option<RandomAccess> {
    let mut recovery = None;
    for unit in NalUnits::detect(payload) {
        match unit_type(unit)? {
            7 | 8 => return Some(RandomAccess::Clean),
            9 => return Some(RandomAccess::Open),
            0..=6 | 10 | 11 => return Some(RandomAccess::of_recovery(recovery)),
            23 => recovery = recovery.or(sei::recovery_frames(Codec::H266, unit)),
            _ => {}
        }
    }
    None
}

/// Profile, tier and level with the constraints (VvcPTLRecord).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileTierLevel {
    /// `general_profile_idc`: 1 Main 10.
    pub profile_idc: u8,
    /// `general_tier_flag`: high tier.
    pub high_tier: bool,
    /// `general_level_idc`: 16 times the major number, 3 times the minor.
    pub level_idc: u8,
    /// `ptl_frame_only_constraint_flag`, `ptl_multilayer_enabled_flag` and the constraints, from the
    /// first bit on; up to 64 bytes.
    pub constraints: Vec<u8>,
}

impl ProfileTierLevel {
    fn read(reader: &mut Reader<'_>, sub_layers: u8) -> Result<Self, RecordError> {
        let length = reader.u8()? & 0x3F;
        let [profile_tier, level_idc] = reader.array()?;
        let constraints = reader.take(length.into())?.to_vec();
        // one flag for each lower layer, filled up to a byte
        let lower = sub_layers.saturating_sub(1).min(8);
        if lower > 0 {
            let flags = reader.u8()?;
            let told = u32::from(flags).wrapping_shr(u32::from(8_u8.saturating_sub(lower)));
            reader.skip(usize::try_from(told.count_ones()).unwrap_or(0))?;
        }
        let sub_profiles = reader.u8()?;
        reader.skip(usize::from(sub_profiles).saturating_mul(4))?;
        Ok(Self {
            profile_idc: profile_tier >> 1,
            high_tier: profile_tier & 1 != 0,
            level_idc,
            constraints,
        })
    }

    /// The `codecs` parameter (ISO/IEC 14496-15 E.6): constraints in base 32 without trailing zeros.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let tier = if self.high_tier { 'H' } else { 'L' };
        let mut text = format!("vvc1.{}.{tier}{}", self.profile_idc, self.level_idc);
        let used = self.constraints.iter().rposition(|byte| *byte != 0);
        if let Some(bytes) = used.and_then(|last| self.constraints.get(..=last)) {
            text.push_str(".C");
            text.push_str(&base32(bytes));
        }
        text
    }

    fn profile_name(&self) -> String {
        match self.profile_idc {
            1 => "Main 10",
            2 => "Main 12",
            10 => "Main 12 Intra",
            17 => "Multilayer Main 10",
            33 => "Main 10 4:4:4",
            34 => "Main 12 4:4:4",
            35 => "Main 16 4:4:4",
            49 => "Multilayer Main 10 4:4:4",
            65 => "Main 10 Still Picture",
            97 => "Main 10 4:4:4 Still Picture",
            other => return other.to_string(),
        }
        .to_owned()
    }

    fn level_name(&self) -> String {
        format!("{}.{}", self.level_idc / 16, self.level_idc % 16 / 3)
    }
}

/// RFC 4648 6, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = BitReader::new(bytes);
    let mut text = String::new();
    while bits.remaining_bits() > 0 {
        let width = u32::try_from(bits.remaining_bits().min(5)).unwrap_or(5);
        let value = bits.bits(width).unwrap_or(0).wrapping_shl(5_u32.saturating_sub(width));
        let letter = usize::try_from(value).ok().and_then(|at| LETTERS.get(at));
        text.extend(letter.map(|letter| char::from(*letter)));
    }
    text
}

/// VvcDecoderConfigurationRecord.
#[derive(Clone, Debug, PartialEq)]
pub struct VvcConfig<'a> {
    /// What the record says of the pictures; it may leave that to the parameter sets.
    pub native: Option<Native>,
    /// How the NAL units of the Frames are framed.
    pub framing: Framing,
    /// Parameter sets and SEI messages, headers included, in their order.
    pub units: Vec<&'a [u8]>,
}

/// The part of the record that speaks of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// Profile, tier, level and constraints.
    pub profile: ProfileTierLevel,
    /// How much chroma there is.
    pub chroma: Chroma,
    /// Bits per sample; 7 for "not told" is left out.
    pub bit_depth: Option<u8>,
    /// Largest width before cropping.
    pub width: u16,
    /// Largest height before cropping.
    pub height: u16,
    /// The average frame rate, where the record tells.
    pub fps: Option<f64>,
}

impl<'a> VvcConfig<'a> {
    /// Reads a record, with the four bytes of an MP4 box before it or without. Arrays that end early
    /// give what they have.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the arrays or has lengths of three bytes.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        if starts_with_code(record) {
            let units = NalUnits::new(Framing::StartCode, record).take(MAX_UNITS).collect();
            return Ok(Self { native: None, framing: Framing::StartCode, units });
        }
        let bare = record.strip_prefix(&[0; 4]).unwrap_or(record);
        let mut reader = Reader::new(bare);
        let first = reader.u8()?;
        let size = LengthSize::from_bytes((first >> 1 & 3).saturating_add(1))
            .ok_or(RecordError::OutOfRange("lengthSizeMinusOne"))?;
        let native = if first & 1 != 0 { Some(Native::read(&mut reader)?) } else { None };
        let mut units = Vec::new();
        let _ = arrays(&mut reader, &mut units);
        Ok(Self { native, framing: Framing::Length(size), units })
    }

    /// The first sequence parameter set.
    #[must_use]
    pub fn sps(&self) -> Option<&'a [u8]> {
        self.units.iter().copied().find(|unit| unit_type(unit) == Some(NAL_SPS))
    }
}

impl Native {
    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut bits = BitReader::new(reader.take(3)?);
        bits.skip(9)?; // ols_idx
        let sub_layers = u8::try_from(bits.bits(3)?).unwrap_or(0);
        bits.skip(2)?; // constant_frame_rate
        let chroma = Chroma::from_idc(bits.bits(2)?);
        let minus8 = u8::try_from(bits.bits(3)?).unwrap_or(0);
        let profile = ProfileTierLevel::read(reader, sub_layers)?;
        let (width, height) = (reader.u16_be()?, reader.u16_be()?);
        Ok(Self {
            profile,
            chroma: chroma.ok_or(RecordError::OutOfRange("chroma_format_idc"))?,
            bit_depth: (minus8 <= 2).then(|| minus8.saturating_add(8)),
            width,
            height,
            fps: frame_rate(reader.u16_be()?.into(), 256),
        })
    }
}

fn arrays<'a>(reader: &mut Reader<'a>, units: &mut Vec<&'a [u8]>) -> Result<(), RecordError> {
    for _ in 0..reader.u8()? {
        let kind = reader.u8()? & 0x1F;
        let count = if matches!(kind, NAL_OPI | NAL_DCI) { 1 } else { reader.u16_be()? };
        for _ in 0..count {
            if units.len() >= MAX_UNITS {
                return Ok(());
            }
            let length = reader.u16_be()?;
            units.push(reader.take(usize::from(length))?);
        }
    }
    Ok(())
}

/// What the sequence parameter set says of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// How much chroma there is.
    pub chroma: Chroma,
    /// Shown width in pixels.
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Bits per sample; `None` where it stands behind a division of the picture.
    pub bit_depth: Option<u8>,
}

impl Sps {
    /// Reads a NAL unit of type 15, its header of two bytes included, down to the bit depth.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the size or has a size out of range.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        let raw = unescape_rbsp(unit);
        let mut bits = BitReader::new(&raw);
        bits.skip(24)?; // header, ids
        let sub_layers_minus1 = bits.bits(3)?;
        let chroma = Chroma::from_idc(bits.bits(2)?).unwrap_or(Chroma::Yuv420);
        bits.skip(2)?; // sps_log2_ctu_size_minus5
        if bits.flag()? {
            skip_profile(&mut bits, sub_layers_minus1)?;
        }
        bits.skip(1)?; // sps_gdr_enabled_flag
        if bits.flag()? {
            bits.skip(1)?; // sps_res_change_in_clvs_allowed_flag
        }
        let mut side = || {
            let side = bits.ue()?;
            let good = (1..=MAX_SIDE).contains(&side);
            if good { Ok(side) } else { Err(RecordError::OutOfRange("picture size")) }
        };
        let coded = (side()?, side()?);
        let (width, height) = windowed(&mut bits, coded, chroma.units())?;
        let divided = bits.flag().unwrap_or(true); // sps_subpic_info_present_flag
        let minus8 = if divided { None } else { bits.ue().ok() };
        let bit_depth = minus8.filter(|n| *n <= 8).and_then(|n| u8::try_from(n).ok());
        let bit_depth = bit_depth.map(|n| n.saturating_add(8));
        Ok(Self { chroma, width, height, bit_depth })
    }
}

/// `profile_tier_level( 1, n )` (H.266 7.3.3.1).
fn skip_profile(bits: &mut BitReader<'_>, sub_layers_minus1: u32) -> Result<(), RecordError> {
    bits.skip(18)?; // profile, tier, level, two flags
    // 7.3.3.2: gci_present_flag, 71 flags, then as many as are counted
    if bits.flag()? {
        bits.skip(71)?;
        let additional = bits.bits(8)?;
        bits.skip(additional.into())?;
    }
    align(bits)?;
    let mut told = 0_u64;
    for _ in 0..sub_layers_minus1 {
        told = told.saturating_add(u64::from(bits.flag()?));
    }
    align(bits)?;
    bits.skip(told.saturating_mul(8))?;
    let sub_profiles = bits.bits(8)?;
    bits.skip(u64::from(sub_profiles).saturating_mul(32))?;
    Ok(())
}

fn align(bits: &mut BitReader<'_>) -> Result<(), RecordError> {
    while !bits.is_aligned() {
        bits.skip(1)?;
    }
    Ok(())
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = VvcConfig::parse(record)?;
    let sps = config.sps().map(Sps::parse).transpose();
    described(sps, config.native.as_ref())
}

/// The parameter set of a frame, with what the record says; `None` where the frame has none.
pub(crate) fn describe_frame(record: Option<&[u8]>, payload: &[u8]) -> Option<Description> {
    let mut before = NalUnits::detect(payload).take_while(|unit| !is_slice(unit));
    let sps = Sps::parse(before.find(|unit| unit_type(unit) == Some(NAL_SPS))?).ok()?;
    let config = record.and_then(|record| VvcConfig::parse(record).ok());
    described(Ok(Some(sps)), config.and_then(|config| config.native).as_ref()).ok()
}

fn described(
    sps: Result<Option<Sps>, RecordError>,
    native: Option<&Native>,
) -> Result<Description, RecordError> {
    let (width, height) = match (&sps, native) {
        (Ok(Some(sps)), _) => (sps.width, sps.height),
        (_, Some(native)) if native.width > 0 && native.height > 0 => {
            (native.width.into(), native.height.into())
        }
        (Err(error), _) => return Err(*error),
        (Ok(None), _) => return Err(RecordError::Missing("SPS")),
    };
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(RecordError::OutOfRange("picture size"));
    }
    let sps = sps.ok().flatten();
    let profile = native.map(|native| &native.profile);
    let depth = sps.and_then(|sps| sps.bit_depth);
    let shape = VideoShape {
        width,
        height,
        fps: native.and_then(|native| native.fps),
        profile: profile.map(ProfileTierLevel::profile_name),
        level: profile.map(ProfileTierLevel::level_name),
        high_tier: profile.map(|profile| profile.high_tier),
        chroma: sps.map(|sps| sps.chroma).or(native.map(|native| native.chroma)),
        bit_depth: depth.or(native.and_then(|native| native.bit_depth)),
        ..VideoShape::default()
    };
    Ok(Description::video(shape, profile.map(ProfileTierLevel::rfc6381)))
}
