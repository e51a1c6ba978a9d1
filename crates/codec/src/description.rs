//! One call that tells what a configuration record describes.
//!
//! Belongs here: the shape that status pages and players' lists show, for every codec.
//! Must not come here: parsing of one codec; that is in its own module.

use crate::{aac, av1, h264, h265};
use manycast_media::Codec;

/// What a configuration record describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Picture or sound, with its measures.
    pub shape: Shape,
    /// The `codecs` parameter of RFC 6381 and the codec's own mapping, such as `avc1.64001F`.
    pub rfc6381: Option<String>,
}

/// Picture or sound.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Pictures.
    Video(VideoShape),
    /// Sound.
    Audio(AudioShape),
}

/// The measures of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoShape {
    /// Shown width in pixels, cropping applied.
    pub width: u32,
    /// Shown height in pixels, cropping applied.
    pub height: u32,
    /// Frames per second, where the bitstream says so.
    pub fps: Option<f64>,
    /// The profile by its name, such as `High`; its number where it has none here.
    pub profile: String,
    /// The level as people write it, such as `3.1`.
    pub level: String,
}

/// The measures of a sound.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioShape {
    /// Samples per second that leave the decoder.
    pub sample_rate: u32,
    /// Channels; `None` when only the coded frames tell.
    pub channels: Option<u8>,
    /// The profile by its name, such as `LC`.
    pub profile: String,
}

/// What `record`, the configuration of a Track of this codec, describes. `None` when it is damaged
/// or when nothing here reads such records.
#[must_use]
pub fn describe(codec: Codec, record: &[u8]) -> Option<Description> {
    match codec {
        Codec::H264 => h264::describe(record).ok(),
        Codec::H265 => h265::describe(record).ok(),
        Codec::Av1 => av1::describe(record).ok(),
        Codec::Aac => aac::describe(record).ok(),
        _ => None,
    }
}

/// Larger pictures are refused: no level of any codec here reaches them.
pub(crate) const MAX_SIDE: u32 = 16_384;

/// Frames per second as `numerator / denominator`, where that is a rate that a picture can have.
pub(crate) fn frame_rate(numerator: u32, denominator: u32) -> Option<f64> {
    let rate = f64::from(numerator) / f64::from(denominator);
    (rate.is_finite() && (0.01..=1000.0).contains(&rate)).then_some(rate)
}
