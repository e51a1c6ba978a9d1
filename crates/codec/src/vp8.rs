//! VP8: the header of a frame (RFC 6386 9.1).
//!
//! Belongs here: size and version of key frames, the key-frame test.
//! Must not come here: the configuration record, which is that of VP9.

use crate::{Chroma, Description, Ratio, VideoShape, vp9::VpConfig};
use manycast_bits::Reader;

/// What the header of a key frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHeader {
    /// `version`, 0 to 3: how sharp the reconstruction is.
    pub version: u8,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
}

impl KeyHeader {
    /// Reads the first ten bytes of a frame; `None` where they are not those of a key frame.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        const START_CODE: [u8; 3] = [0x9D, 0x01, 0x2A];
        let mut reader = Reader::new(frame);
        let [tag, _, _] = reader.array().ok()?;
        if tag & 1 != 0 || reader.array().ok()? != START_CODE {
            return None;
        }
        // the upper two bits ask the player to scale, which none does
        let (width, height) = (reader.u16_le().ok()? & 0x3FFF, reader.u16_le().ok()? & 0x3FFF);
        (width > 0 && height > 0).then_some(Self { version: tag >> 1 & 7, width, height })
    }
}

/// Whether a frame is a key frame; `None` where it calls itself one without the start code.
pub(crate) fn is_key(frame: &[u8]) -> Option<bool> {
    match frame {
        [tag, ..] if tag & 1 != 0 => Some(false),
        [_, _, _, 0x9D, 0x01, 0x2A, ..] => Some(true),
        _ => None,
    }
}

pub(crate) fn describe_frame(record: Option<&[u8]>, frame: &[u8]) -> Option<Description> {
    let header = KeyHeader::parse(frame)?;
    let config = record.and_then(|record| VpConfig::parse(record).ok());
    let shape = VideoShape {
        width: header.width.into(),
        height: header.height.into(),
        sample_aspect: Some(Ratio::ONE),
        interlaced: Some(false),
        profile: Some(header.version.to_string()),
        level: config.and_then(|config| config.level_name()),
        chroma: Some(Chroma::Yuv420),
        bit_depth: Some(8),
        colour: config.map(|config| config.colour).unwrap_or_default(),
        reorder: Some(0),
        ..VideoShape::default()
    };
    let string = config.map_or_else(|| "vp8".to_owned(), |config| config.rfc6381("vp08"));
    Some(Description::video(shape, Some(string)))
}
