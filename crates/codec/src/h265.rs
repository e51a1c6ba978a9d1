//! H.265: the decoder configuration record and the parameter sets.
//!
//! Belongs here: hvcC (ISO/IEC 14496-15 8.3.3.1), VPS, SPS with VUI and PPS (H.265 7.3.2), the
//! `hvc1` codec string. Must not come here: slices beyond their type.

mod sets;
pub(crate) mod sps;
#[cfg(test)]
mod tests;
mod vui;

pub use sets::{Pps, Vps};
pub use sps::Sps;
pub use vui::Vui;

use crate::{
    Chroma, Description, Hdr, PictureKind, RandomAccess, RecordError, VideoShape,
    nal::{Framing, LengthSize, NalUnits, starts_with_code},
    picture::frame_rate,
    sei,
};
use manycast_bits::{BitReader, Reader, unescape_rbsp};
use manycast_media::Codec;

const NAL_VPS: u8 = 32;
pub(crate) const NAL_SPS: u8 = 33;
pub(crate) const NAL_PPS: u8 = 34;

/// Parameter sets of a record that are looked at; real ones have three to five.
const MAX_UNITS: usize = 256;

/// `nal_unit_type` of a NAL unit (H.265 7.3.1.2).
pub(crate) fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|b| b >> 1 & 0x3F)
}

/// Whether a NAL unit is a slice segment.
pub(crate) fn is_slice(unit: &[u8]) -> bool {
    unit_type(unit).is_some_and(|kind| kind < 32)
}

/// Where decoding can start: BLA and IDR pictures cleanly, CRA pictures with leading pictures that
/// cannot be shown (H.265 table 7-1), others behind a recovery point. `None` without a slice.
pub(crate) fn random_access(payload: &[u8]) -> Option<RandomAccess> {
    let mut recovery = None;
    for unit in NalUnits::detect(payload) {
        match unit_type(unit)? {
            16..=20 => return Some(RandomAccess::Clean),
            21..=23 => return Some(RandomAccess::Open),
            0..=31 => return Some(RandomAccess::of_recovery(recovery)),
            39 => recovery = recovery.or(sei::recovery_frames(Codec::H265, unit)),
            _ => {}
        }
    }
    None
}

/// `slice_type` of the first slice segment of a picture (H.265 7.3.6.1, table 7-7).
pub(crate) fn picture_kind(slice: &[u8], extra_slice_bits: u8) -> Option<PictureKind> {
    let kind = unit_type(slice)?;
    let raw = unescape_rbsp(slice.get(..slice.len().min(16))?);
    let mut bits = BitReader::new(&raw);
    bits.skip(16).ok()?;
    if !bits.flag().ok()? {
        return None; // not the first: its address would have to be read
    }
    bits.skip(u64::from((16..24).contains(&kind))).ok()?; // no_output_of_prior_pics_flag
    bits.ue().ok()?; // slice_pic_parameter_set_id
    bits.skip(extra_slice_bits.into()).ok()?;
    match bits.ue().ok()? {
        0 => Some(PictureKind::Bidirectional),
        1 => Some(PictureKind::Predicted),
        2 => Some(PictureKind::Intra),
        _ => None,
    }
}

/// The general part of `profile_tier_level()` (H.265 7.3.3): 12 bytes that hvcC repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileTierLevel {
    /// `general_profile_space`: 0 in every stream so far.
    pub space: u8,
    /// `general_tier_flag`: high tier.
    pub high_tier: bool,
    /// `general_profile_idc`.
    pub profile_idc: u8,
    /// The 32 compatibility flags, flag 0 first.
    pub compatibility: u32,
    /// The 48 constraint bits.
    pub constraints: [u8; 6],
    /// Thirty times the level.
    pub level_idc: u8,
}

impl ProfileTierLevel {
    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let first = reader.u8()?;
        Ok(Self {
            space: first >> 6,
            high_tier: first & 0x20 != 0,
            profile_idc: first & 0x1F,
            compatibility: reader.u32_be()?,
            constraints: reader.array()?,
            level_idc: reader.u8()?,
        })
    }

    /// The `codecs` parameter (ISO/IEC 14496-15 annex E.3).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        use std::fmt::Write as _;
        let space = ["", "A", "B", "C"].get(usize::from(self.space)).copied().unwrap_or_default();
        let tier = if self.high_tier { 'H' } else { 'L' };
        let compatibility = self.compatibility.reverse_bits();
        let mut text =
            format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", self.profile_idc, self.level_idc);
        let used =
            self.constraints.iter().rposition(|b| *b != 0).map_or(0, |at| at.saturating_add(1));
        for byte in self.constraints.iter().take(used) {
            let _ = write!(text, ".{byte:X}");
        }
        text
    }

    fn profile_name(&self) -> String {
        match self.profile_idc {
            1 => "Main",
            2 => "Main 10",
            3 => "Main Still Picture",
            4 => "Range Extensions",
            5 => "High Throughput",
            9 => "Screen Content",
            11 => "High Throughput Screen Content",
            other => return other.to_string(),
        }
        .to_owned()
    }

    fn level_name(&self) -> String {
        format!("{}.{}", self.level_idc / 30, self.level_idc % 30 / 3)
    }

    /// Whether the source is interlaced (`general_interlaced_source_flag` and the progressive one);
    /// `None` where neither or both are set: then pictures may be either.
    fn interlaced(&self) -> Option<bool> {
        match self.constraints.first()? >> 6 {
            0b10 => Some(false),
            0b01 => Some(true),
            _ => None,
        }
    }
}

/// HEVCDecoderConfigurationRecord.
#[derive(Clone, Debug, PartialEq)]
pub struct HevcConfig<'a> {
    /// Profile, tier and level; `None` in a record of byte-stream form.
    pub profile: Option<ProfileTierLevel>,
    /// The average frame rate, where the record tells.
    pub fps: Option<f64>,
    /// How the NAL units of the Frames are framed.
    pub framing: Framing,
    /// All parameter sets and SEI messages, headers included, in their order.
    pub units: Vec<&'a [u8]>,
}

impl<'a> HevcConfig<'a> {
    /// Reads a record. Its version and reserved bits are not looked at, arrays that end early give
    /// what they have, and the parameter sets themselves are not parsed.
    ///
    /// # Errors
    /// [`RecordError`] when it ends before the arrays or has lengths of three bytes.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        if starts_with_code(record) {
            let units = NalUnits::new(Framing::StartCode, record).take(MAX_UNITS).collect();
            return Ok(Self { profile: None, fps: None, framing: Framing::StartCode, units });
        }
        let mut reader = Reader::new(record);
        reader.skip(1)?;
        let profile = ProfileTierLevel::read(&mut reader)?;
        reader.skip(6)?; // segmentation, parallelism, chroma, depths
        let fps = frame_rate(u32::from(reader.u16_be()?), 256);
        let size = LengthSize::from_bytes((reader.u8()? & 3).saturating_add(1))
            .ok_or(RecordError::OutOfRange("lengthSizeMinusOne"))?;
        let mut units = Vec::new();
        let _ = arrays(&mut reader, &mut units);
        Ok(Self { profile: Some(profile), fps, framing: Framing::Length(size), units })
    }

    /// The first sequence parameter set.
    #[must_use]
    pub fn sps(&self) -> Option<&'a [u8]> {
        self.first(NAL_SPS)
    }

    /// The first video parameter set.
    #[must_use]
    pub fn vps(&self) -> Option<&'a [u8]> {
        self.first(NAL_VPS)
    }

    /// The first picture parameter set.
    #[must_use]
    pub fn pps(&self) -> Option<&'a [u8]> {
        self.first(NAL_PPS)
    }

    /// The rate that the video parameter set or the record itself tells.
    fn rate(&self) -> Option<f64> {
        let timed = self.vps().and_then(|unit| Vps::parse(unit).ok()).and_then(|vps| vps.fps);
        timed.or(self.fps)
    }

    fn first(&self, kind: u8) -> Option<&'a [u8]> {
        self.units.iter().copied().find(|unit| unit_type(unit) == Some(kind))
    }
}

fn arrays<'a>(reader: &mut Reader<'a>, units: &mut Vec<&'a [u8]>) -> Result<(), RecordError> {
    for _ in 0..reader.u8()? {
        reader.skip(1)?; // array_completeness and type: the unit's own header tells
        for _ in 0..reader.u16_be()? {
            if units.len() >= MAX_UNITS {
                return Ok(());
            }
            let length = reader.u16_be()?;
            units.push(reader.take(usize::from(length))?);
        }
    }
    Ok(())
}

/// The shape of pictures of this parameter set. `transfer` is what an SEI message prefers, `fps` the
/// rate that stands outside the parameter set.
fn shape(sps: &Sps, told: &Told, fps: Option<f64>) -> VideoShape {
    let vui = sps.vui.unwrap_or_default();
    let mut colour = vui.colour;
    colour.transfer = told.transfer.or(colour.transfer);
    let rgb = sps.chroma == Chroma::Yuv444 && colour.matrix == Some(0);
    VideoShape {
        width: sps.width,
        height: sps.height,
        sample_aspect: vui.sample_aspect,
        fps: vui.fps().or(fps),
        interlaced: sps.profile.interlaced().or(vui.fields.then_some(true)),
        profile: Some(sps.profile.profile_name()),
        level: Some(sps.profile.level_name()),
        high_tier: Some(sps.profile.high_tier),
        chroma: Some(if rgb { Chroma::Rgb } else { sps.chroma }),
        bit_depth: Some(sps.bit_depth),
        colour,
        hdr: told.hdr,
        reorder: sps.reorder,
    }
}

/// What SEI messages tell of the colours.
#[derive(Default)]
struct Told {
    hdr: Hdr,
    transfer: Option<u8>,
}

impl Told {
    fn note(&mut self, unit: &[u8]) {
        sei::messages(Codec::H265, unit, |kind, payload| {
            sei::note_hdr(&mut self.hdr, kind, payload);
            self.transfer = sei::preferred_transfer(kind, payload).or(self.transfer);
        });
    }

    fn is_empty(&self) -> bool {
        self.hdr.is_empty() && self.transfer.is_none()
    }
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = HevcConfig::parse(record)?;
    let sps = Sps::parse(config.sps().ok_or(RecordError::Missing("SPS"))?)?;
    let mut told = Told::default();
    config.units.iter().for_each(|unit| told.note(unit));
    let profile = config.profile.unwrap_or(sps.profile);
    Ok(Description::video(shape(&sps, &told, config.rate()), Some(profile.rfc6381())))
}

/// The parameter set of a frame, else that of the record, with the HDR messages of both; `None`
/// where the frame has neither.
pub(crate) fn describe_frame(record: Option<&[u8]>, payload: &[u8]) -> Option<Description> {
    let mut own = None;
    let mut told = Told::default();
    for unit in NalUnits::detect(payload).take_while(|unit| !is_slice(unit)) {
        if unit_type(unit) == Some(NAL_SPS) && own.is_none() {
            own = Sps::parse(unit).ok();
        }
        told.note(unit);
    }
    if own.is_none() && told.is_empty() {
        return None;
    }
    let config = record.and_then(|record| HevcConfig::parse(record).ok());
    let mut before = Told::default();
    config.iter().flat_map(|config| &config.units).for_each(|unit| before.note(unit));
    told = Told { hdr: told.hdr.or(before.hdr), transfer: told.transfer.or(before.transfer) };
    let recorded = || Sps::parse(config.as_ref()?.sps()?).ok();
    let sps = own.or_else(recorded)?;
    let fps = config.as_ref().and_then(HevcConfig::rate);
    Some(Description::video(shape(&sps, &told, fps), Some(sps.profile.rfc6381())))
}
