//! VP9: the configuration record and the uncompressed header of a key frame.
//!
//! Belongs here: vpcC (VP codec ISO media file format binding 2.2), which VP8 shares, the `vp09`
//! codec string, the uncompressed header down to the size (VP9 6.2). Must not come here: the
//! compressed header.

use crate::{Chroma, Colour, Description, RecordError, VideoShape, picture::MAX_SIDE};
use manycast_bits::{BitReader, Reader};

/// VPCodecConfigurationRecord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VpConfig {
    /// 0 to 3.
    pub profile: u8,
    /// Ten times the level; 0 where it is not told.
    pub level: u8,
    /// 8, 10 or 12.
    pub bit_depth: u8,
    /// How much chroma there is.
    pub chroma: Chroma,
    /// `chromaSubsampling` as a number.
    chroma_code: u8,
    /// Colour and range.
    pub colour: Colour,
}

impl VpConfig {
    /// Reads a record, with the four bytes of an MP4 box before it or without (E-RTMP T13b: both
    /// are sent).
    ///
    /// # Errors
    /// [`RecordError`] when it is shorter than six bytes or has values out of range.
    pub fn parse(record: &[u8]) -> Result<Self, RecordError> {
        let bare = match record {
            [1, 0, 0, 0, rest @ ..] if rest.len() >= 8 => rest,
            _ => record,
        };
        let [profile, level, flags, primaries, transfer, matrix] = Reader::new(bare).array()?;
        let bit_depth = flags >> 4;
        if profile > 3 || !matches!(bit_depth, 8 | 10 | 12) {
            return Err(RecordError::OutOfRange("profile or bit depth"));
        }
        let chroma_code = flags >> 1 & 7;
        let chroma = match chroma_code {
            0 | 1 => Chroma::Yuv420,
            2 => Chroma::Yuv422,
            3 => Chroma::Yuv444,
            4 => Chroma::Yuv440,
            _ => return Err(RecordError::OutOfRange("chromaSubsampling")),
        };
        let colour = Colour::from_codes(primaries, transfer, matrix).with_range(flags & 1 != 0);
        Ok(Self { profile, level, bit_depth, chroma, chroma_code, colour })
    }

    /// The `codecs` parameter (VP codec binding, "Codecs Parameter String"): the last five fields
    /// only where they are not those of BT.709 in 4:2:0.
    #[must_use]
    pub fn rfc6381(&self, entry: &str) -> String {
        let short = format!("{entry}.{:02}.{:02}.{:02}", self.profile, self.level, self.bit_depth);
        let codes = [self.colour.primaries, self.colour.transfer, self.colour.matrix];
        let full = self.colour.full_range == Some(true);
        let usual = matches!(self.chroma_code, 0 | 1)
            && codes.iter().all(|code| matches!(code, None | Some(1)))
            && !full;
        if usual {
            return short;
        }
        let [primaries, transfer, matrix] = codes.map(|code| code.unwrap_or(2));
        let range = u8::from(full);
        format!(
            "{short}.{:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}",
            self.chroma_code
        )
    }

    /// The level as people write it.
    pub(crate) fn level_name(&self) -> Option<String> {
        (self.level > 0).then(|| format!("{}.{}", self.level / 10, self.level % 10))
    }
}

/// What the uncompressed header of a key frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHeader {
    /// 0 to 3.
    pub profile: u8,
    /// 8, 10 or 12.
    pub bit_depth: u8,
    /// How much chroma there is.
    pub chroma: Chroma,
    /// Matrix and range; VP9 has no codes for the rest.
    pub colour: Colour,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The size that the picture is made for, where it is another.
    pub render: Option<(u32, u32)>,
}

impl KeyHeader {
    /// Reads the header of a frame, or of the first of a superframe; `None` where it is not that of
    /// a key frame.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        const SYNC_CODE: u32 = 0x49_83_42;
        let mut bits = BitReader::new(frame);
        let (profile, true) = start(&mut bits)? else { return None };
        bits.skip(2).ok()?; // show_frame, error_resilient_mode
        if bits.bits(24).ok()? != SYNC_CODE {
            return None;
        }
        let bit_depth = match profile {
            0 | 1 => 8,
            _ if bits.flag().ok()? => 12,
            _ => 10,
        };
        let (chroma, colour) = colour(&mut bits, profile)?;
        let mut side = || Some(bits.bits(16).ok()?.saturating_add(1));
        let (width, height) = (side()?, side()?);
        if width > MAX_SIDE || height > MAX_SIDE {
            return None;
        }
        let render = if bits.flag().unwrap_or(false) {
            let mut side = || bits.bits(16).map(|side| side.saturating_add(1));
            side().ok().zip(side().ok())
        } else {
            None
        };
        Some(Self { profile, bit_depth, chroma, colour, width, height, render })
    }
}

/// Profile, and whether it is a key frame; a frame that only shows another is none. `None` where it
/// is no VP9 frame.
fn start(bits: &mut BitReader<'_>) -> Option<(u8, bool)> {
    if bits.bits(2).ok()? != 0b10 {
        return None;
    }
    let profile = u8::from(bits.flag().ok()?) | u8::from(bits.flag().ok()?) << 1;
    if profile == 3 && bits.flag().ok()? {
        return None; // reserved_zero
    }
    let shows_existing = bits.flag().ok()?;
    Some((profile, !shows_existing && !bits.flag().ok()?))
}

/// `color_config()` behind the bit depth (VP9 6.2.2).
fn colour(bits: &mut BitReader<'_>, profile: u8) -> Option<(Chroma, Colour)> {
    const RGB: u32 = 7;
    let space = bits.bits(3).ok()?;
    let told = profile & 1 == 1;
    if space == RGB {
        // 4:4:4 always, so that profiles 0 and 2 cannot have it
        bits.skip(1).ok()?; // reserved_zero
        let colour = Colour { matrix: Some(0), full_range: Some(true), ..Colour::default() };
        return told.then_some((Chroma::Rgb, colour));
    }
    let full_range = Some(bits.flag().ok()?);
    // VP9 table of color_space, in the codes of H.273
    let matrix = match space {
        1 => Some(5),
        2 => Some(1),
        3 => Some(6),
        4 => Some(7),
        5 => Some(9),
        _ => None,
    };
    let mut chroma = Chroma::Yuv420;
    if told {
        chroma = match (bits.flag().ok()?, bits.flag().ok()?) {
            (true, true) => Chroma::Yuv420,
            (true, false) => Chroma::Yuv422,
            (false, true) => Chroma::Yuv440,
            (false, false) => Chroma::Yuv444,
        };
        bits.skip(1).ok()?; // reserved_zero
    }
    Some((chroma, Colour { matrix, full_range, ..Colour::default() }))
}

/// Whether a frame is a key frame (VP9 6.2); `None` where it is no VP9 frame.
pub(crate) fn is_key(frame: &[u8]) -> Option<bool> {
    start(&mut BitReader::new(frame)).map(|(_, key)| key)
}

/// Largest picture, in luma samples, of each level (VP9 levels, "Max Luma Picture Size").
const LEVELS: [(u32, u8); 9] = [
    (36_864, 10),
    (73_728, 11),
    (122_880, 20),
    (245_760, 21),
    (552_960, 30),
    (983_040, 31),
    (2_228_224, 40),
    (8_912_896, 50),
    (35_651_584, 60),
];

/// The lowest level that allows a picture of this size, for players that want one named.
fn lowest_level(width: u32, height: u32) -> u8 {
    let size = width.saturating_mul(height);
    LEVELS.iter().find(|(largest, _)| size <= *largest).map_or(62, |(_, level)| *level)
}

pub(crate) fn describe_frame(record: Option<&[u8]>, frame: &[u8]) -> Option<Description> {
    let header = KeyHeader::parse(frame)?;
    let config = record.and_then(|record| VpConfig::parse(record).ok());
    let colour = config.map(|config| config.colour).unwrap_or_default().or(header.colour);
    let chroma_code = match header.chroma {
        Chroma::Yuv422 => 2,
        Chroma::Yuv440 => 4,
        Chroma::Yuv420 | Chroma::Monochrome => 1,
        Chroma::Yuv444 | Chroma::Rgb => 3,
    };
    let named = VpConfig {
        profile: header.profile,
        level: config
            .map(|config| config.level)
            .filter(|level| *level > 0)
            .unwrap_or_else(|| lowest_level(header.width, header.height)),
        bit_depth: header.bit_depth,
        chroma: header.chroma,
        chroma_code,
        colour,
    };
    let shape = VideoShape {
        width: header.width,
        height: header.height,
        interlaced: Some(false),
        profile: Some(header.profile.to_string()),
        level: config.and_then(|config| config.level_name()),
        chroma: Some(header.chroma),
        bit_depth: Some(header.bit_depth),
        colour,
        reorder: Some(0),
        ..VideoShape::default()
    };
    Some(Description::video(shape, Some(named.rfc6381("vp09"))))
}
