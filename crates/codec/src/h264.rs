//! H.264: the decoder configuration record, parameter sets, the picture timing of its SEI.
//!
//! Belongs here: avcC (ISO/IEC 14496-15 5.3.3.1), SPS with VUI and PPS (H.264 7.3.2.1.1, 7.3.2.2,
//! E.1.1), the `avc1` codec string. Must not come here: slices beyond their type.

mod pps;
mod sps;
#[cfg(test)]
mod tests;
mod timing;
pub(crate) mod vui;

pub use pps::Pps;
pub use sps::Sps;
pub use timing::PicTiming;
pub use vui::{HrdLengths, Restriction, Vui};

use crate::{
    Chroma, Description, Hdr, PictureKind, RandomAccess, RecordError, VideoShape,
    nal::{Framing, LengthSize, NalUnits, starts_with_code},
    sei,
};
use manycast_bits::{BitReader, Reader, unescape_rbsp};
use manycast_media::Codec;

const NAL_SEI: u8 = 6;
pub(crate) const NAL_SPS: u8 = 7;

/// Parameter sets of one type that are looked at in byte-stream form; a record has 31 at most.
const MAX_UNITS: usize = 32;

/// `nal_unit_type` of a NAL unit (H.264 7.3.1).
pub(crate) fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|b| b & 0x1F)
}

/// Whether a NAL unit is a slice, or the first partition of one.
pub(crate) fn is_slice(unit: &[u8]) -> bool {
    matches!(unit_type(unit), Some(1 | 2 | 5))
}

/// Where decoding can start: an IDR picture, or one behind a recovery point (H.264 D.2.8). `None`
/// without a slice.
pub(crate) fn random_access(payload: &[u8]) -> Option<RandomAccess> {
    let mut recovery = None;
    for unit in NalUnits::detect(payload) {
        match unit_type(unit)? {
            NAL_SEI => recovery = recovery.or(sei::recovery_frames(Codec::H264, unit)),
            1..=4 => return Some(RandomAccess::of_recovery(recovery)),
            5 => return Some(RandomAccess::Clean),
            _ => {}
        }
    }
    None
}

/// `slice_type` of a slice (H.264 7.3.3, table 7-6).
pub(crate) fn picture_kind(slice: &[u8]) -> Option<PictureKind> {
    let raw = unescape_rbsp(slice.get(..slice.len().min(16))?);
    let mut bits = BitReader::new(&raw);
    bits.skip(8).ok()?;
    bits.ue().ok()?; // first_mb_in_slice
    match bits.ue().ok()? % 5 {
        1 => Some(PictureKind::Bidirectional),
        2 | 4 => Some(PictureKind::Intra),
        _ => Some(PictureKind::Predicted),
    }
}

/// AVCDecoderConfigurationRecord, as far as it is the same in all profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig<'a> {
    /// `profile_idc`, `profile_compatibility` and `level_idc`.
    pub profile: [u8; 3],
    /// How the NAL units of the Frames are framed.
    pub framing: Framing,
    /// Sequence parameter sets, NAL header included. May be empty: then they come in band.
    pub sps: Vec<&'a [u8]>,
    /// Picture parameter sets, NAL header included.
    pub pps: Vec<&'a [u8]>,
}

impl<'a> AvcConfig<'a> {
    /// Reads a record. Reserved bits and the tail of the high profiles are not looked at, and a
    /// record in byte-stream form, as some encoders send it, is taken as its parameter sets.
    ///
    /// # Errors
    /// [`RecordError`] when it ends early or has lengths of three bytes.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        if starts_with_code(record) {
            return Self::from_byte_stream(record);
        }
        let mut reader = Reader::new(record);
        reader.skip(1)?;
        let profile = reader.array()?;
        let size = LengthSize::from_bytes((reader.u8()? & 3).saturating_add(1))
            .ok_or(RecordError::OutOfRange("lengthSizeMinusOne"))?;
        let count = reader.u8()? & 0x1F;
        let sps = parameter_sets(&mut reader, count)?;
        let count = reader.u8().unwrap_or(0);
        let pps = parameter_sets(&mut reader, count)?;
        Ok(Self { profile, framing: Framing::Length(size), sps, pps })
    }

    fn from_byte_stream(record: &'a [u8]) -> Result<Self, RecordError> {
        let of_type = |wanted: u8| {
            NalUnits::new(Framing::StartCode, record)
                .filter(move |unit| unit.first().is_some_and(|b| b & 0x1F == wanted))
                .take(MAX_UNITS)
                .collect::<Vec<_>>()
        };
        let sps = of_type(NAL_SPS);
        let first = sps.first().ok_or(RecordError::Missing("SPS"))?;
        let profile = first.get(1..4).and_then(|bytes| bytes.try_into().ok());
        let profile = profile.ok_or(RecordError::OutOfRange("SPS length"))?;
        Ok(Self { profile, framing: Framing::StartCode, pps: of_type(8), sps })
    }

    /// The `codecs` parameter: `avc1.` and three bytes in hex (RFC 6381 3.3).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        codec_string(self.profile)
    }
}

fn parameter_sets<'a>(reader: &mut Reader<'a>, n: u8) -> Result<Vec<&'a [u8]>, RecordError> {
    let mut sets = Vec::new();
    for _ in 0..n {
        let length = reader.u16_be()?;
        sets.push(reader.take(usize::from(length))?);
    }
    Ok(sets)
}

/// The name of a profile (H.264 annex A), by `profile_idc` and its constraint flags.
fn profile_name(profile_idc: u8, constraints: u8) -> String {
    match (profile_idc, constraints) {
        (66, c) if c & 0x40 != 0 => "Constrained Baseline",
        (66, _) => "Baseline",
        (77, _) => "Main",
        (88, _) => "Extended",
        (100, c) if c & 0x0C == 0x0C => "Constrained High",
        (100, c) if c & 0x08 != 0 => "Progressive High",
        (100, _) => "High",
        (110, _) => "High 10",
        (122, _) => "High 4:2:2",
        (244, _) => "High 4:4:4 Predictive",
        (44, _) => "CAVLC 4:4:4 Intra",
        (other, _) => return other.to_string(),
    }
    .to_owned()
}

/// `level_idc` is ten times the level; 11 with constraint_set3 is level 1b (H.264 A.3.1).
fn level_name(profile_idc: u8, constraints: u8, level_idc: u8) -> String {
    let baseline = matches!(profile_idc, 66 | 77 | 88);
    if level_idc == 9 || (level_idc == 11 && baseline && constraints & 0x10 != 0) {
        return "1b".to_owned();
    }
    format!("{}.{}", level_idc / 10, level_idc % 10)
}

/// The shape of pictures of this parameter set.
pub(crate) fn shape(sps: &Sps, hdr: Hdr) -> VideoShape {
    let [profile_idc, constraints, level_idc] = sps.profile;
    let vui = sps.vui.unwrap_or_default();
    let rgb = sps.chroma == Chroma::Yuv444 && vui.colour.matrix == Some(0);
    VideoShape {
        width: sps.width,
        height: sps.height,
        sample_aspect: vui.sample_aspect,
        fps: sps.fps(),
        interlaced: Some(!sps.progressive),
        profile: Some(profile_name(profile_idc, constraints)),
        level: Some(level_name(profile_idc, constraints, level_idc)),
        high_tier: None,
        chroma: Some(if rgb { Chroma::Rgb } else { sps.chroma }),
        bit_depth: Some(sps.bit_depth),
        colour: vui.colour,
        hdr,
        reorder: sps.reorder(),
    }
}

/// The `codecs` parameter of a stream with this parameter set.
pub(crate) fn codec_string([profile, compatibility, level]: [u8; 3]) -> String {
    format!("avc1.{profile:02X}{compatibility:02X}{level:02X}")
}

pub(crate) fn describe(record: &[u8]) -> Result<Description, RecordError> {
    let config = AvcConfig::parse(record)?;
    let sps = Sps::parse(config.sps.first().ok_or(RecordError::Missing("SPS"))?)?;
    Ok(Description::video(shape(&sps, Hdr::default()), Some(config.rfc6381())))
}

/// The parameter set of a frame, else that of the record, with the HDR messages of the frame;
/// `None` where the frame has neither.
pub(crate) fn describe_frame(record: Option<&[u8]>, payload: &[u8]) -> Option<Description> {
    let mut own = None;
    let mut hdr = Hdr::default();
    for unit in NalUnits::detect(payload).take_while(|unit| !is_slice(unit)) {
        if unit_type(unit) == Some(NAL_SPS) && own.is_none() {
            own = Sps::parse(unit).ok();
        }
        sei::messages(Codec::H264, unit, |kind, payload| sei::note_hdr(&mut hdr, kind, payload));
    }
    if own.is_none() && hdr.is_empty() {
        return None;
    }
    let recorded = || Sps::parse(AvcConfig::parse(record?).ok()?.sps.first()?).ok();
    let sps = own.or_else(recorded)?;
    Some(Description::video(shape(&sps, hdr), Some(codec_string(sps.profile))))
}
