//! What is known of a Track, for people and for programs, in the same words for every codec.
//!
//! Belongs here: the shape that status pages, the coach and players' lists show, and the calls that
//! make it from a configuration record and from a frame.
//! Must not come here: parsing of one codec; that is in its own module.

use crate::{
    ChannelLayout, Chroma, Colour, DynamicRange, Hdr, Problem, Ratio, RecordError, aac, ac3, av1,
    flac, h264, h265, h266, mp3, opus, vp8, vp9,
};
use manycast_media::Codec;

/// What a Track is, as far as its configuration and its frames tell.
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

/// The measures of a picture. `None` in a field: nothing says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoShape {
    /// Width in samples, cropping applied.
    pub width: u32,
    /// Height in samples, cropping applied.
    pub height: u32,
    /// Width of a sample over its height; 1:1 where samples are square.
    pub sample_aspect: Option<Ratio>,
    /// Frames per second, as the bitstream announces them.
    pub fps: Option<f64>,
    /// Whether pictures may be coded as fields.
    pub interlaced: Option<bool>,
    /// The profile by its name, such as `High`; its number where it has none here.
    pub profile: Option<String>,
    /// The level as people write it, such as `3.1`.
    pub level: Option<String>,
    /// Main or high tier (H.265, H.266, AV1).
    pub high_tier: Option<bool>,
    /// How much chroma there is.
    pub chroma: Option<Chroma>,
    /// Bits of a luma sample.
    pub bit_depth: Option<u8>,
    /// How sample values stand for light.
    pub colour: Colour,
    /// Mastering display and content light.
    pub hdr: Hdr,
    /// Frames that may have to be decoded before one that is shown earlier: the depth of B-frames.
    /// 0: frames are shown in the order in which they come.
    pub reorder: Option<u8>,
}

/// The measures of a sound. `None` in a field: nothing says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioShape {
    /// Samples per second that leave the decoder.
    pub sample_rate: u32,
    /// Channels; `None` when only the coded frames tell.
    pub channels: Option<u8>,
    /// Which loudspeakers they are for.
    pub layout: Option<ChannelLayout>,
    /// The profile by its name, such as `LC`.
    pub profile: Option<String>,
    /// Bits of a sample, where the codec keeps them (FLAC).
    pub bit_depth: Option<u8>,
    /// Bits per second, where the header tells.
    pub bitrate: Option<u32>,
    /// Samples of each channel in a frame, at `sample_rate`.
    pub frame_samples: Option<u32>,
}

impl VideoShape {
    /// Width and height of the picture on a screen with square pixels.
    #[must_use]
    pub fn display_size(&self) -> (u32, u32) {
        let Some(aspect) = self.sample_aspect else { return (self.width, self.height) };
        let scaled = u64::from(self.width)
            .saturating_mul(aspect.numerator.into())
            .saturating_add(u64::from(aspect.denominator / 2))
            .checked_div(aspect.denominator.into());
        (scaled.and_then(|side| u32::try_from(side).ok()).unwrap_or(self.width), self.height)
    }

    /// Standard or high dynamic range.
    #[must_use]
    pub const fn dynamic_range(&self) -> DynamicRange {
        self.colour.dynamic_range()
    }
}

impl Description {
    pub(crate) const fn video(shape: VideoShape, rfc6381: Option<String>) -> Self {
        Self { shape: Shape::Video(shape), rfc6381 }
    }

    pub(crate) const fn audio(shape: AudioShape, rfc6381: Option<String>) -> Self {
        Self { shape: Shape::Audio(shape), rfc6381 }
    }

    /// The measures of the picture, if it is one.
    #[must_use]
    pub const fn as_video(&self) -> Option<&VideoShape> {
        match &self.shape {
            Shape::Video(shape) => Some(shape),
            Shape::Audio(_) => None,
        }
    }

    /// The measures of the sound, if it is one.
    #[must_use]
    pub const fn as_audio(&self) -> Option<&AudioShape> {
        match &self.shape {
            Shape::Audio(shape) => Some(shape),
            Shape::Video(_) => None,
        }
    }
}

/// What `record`, the configuration of a Track of this codec, describes. `None` when it is damaged
/// or when it does not tell; [`examine`] says why.
#[must_use]
pub fn describe(codec: Codec, record: &[u8]) -> Option<Description> {
    examine(codec, record).ok()
}

/// What `record`, the configuration of a Track of this codec, describes, or what is wrong with it.
///
/// VP8, VP9 and AV1 records may leave the size to the frames, AC-3, E-AC-3 and MP3 have no record
/// at all: see [`describe_frame`] and [`crate::Inspector`], which puts both together, and
/// [`Problem::frames_tell`].
///
/// # Errors
/// [`Problem`], which says in a sentence what is wrong and which setting of the encoder mends it.
pub fn examine(codec: Codec, record: &[u8]) -> Result<Description, Problem> {
    match codec {
        Codec::H264 => h264::describe(record),
        Codec::H265 => h265::describe(record),
        Codec::H266 => h266::describe(record),
        Codec::Av1 => av1::describe(record),
        // the record is good, but no size is in it
        Codec::Vp8 | Codec::Vp9 => {
            vp9::VpConfig::parse(record).and(Err(RecordError::Missing("picture size")))
        }
        Codec::Aac => aac::describe(record),
        Codec::Opus => opus::describe(record),
        Codec::Flac => flac::describe(record),
        // E-RTMP defines none for these; what encoders send in its place is empty
        Codec::Ac3 | Codec::Eac3 if record.is_empty() => Err(RecordError::NoRecord),
        Codec::Ac3 => ac3::describe_dac3(record),
        Codec::Eac3 => ac3::describe_dec3(record),
        _ => Err(RecordError::NoRecord),
    }
    .map_err(|error| Problem { codec, error })
}

/// What a frame tells of its Track by itself: parameter sets and sequence headers in band, the
/// headers of VP8 and VP9 key frames, AC-3, E-AC-3, MP3 and FLAC frames, the first byte of Opus
/// packets, ADTS headers. `None` when it does not tell.
///
/// `record` is the configuration, where there is one: VP8 and VP9 have their level and some of
/// their colour in it.
#[must_use]
pub fn describe_frame(codec: Codec, record: Option<&[u8]>, payload: &[u8]) -> Option<Description> {
    match codec {
        Codec::H264 => h264::describe_frame(record, payload),
        Codec::H265 => h265::describe_frame(record, payload),
        Codec::H266 => h266::describe_frame(record, payload),
        Codec::Av1 => av1::describe_frame(payload),
        Codec::Vp8 => vp8::describe_frame(record, payload),
        Codec::Vp9 => vp9::describe_frame(record, payload),
        Codec::Aac => aac::describe_frame(payload),
        Codec::Opus => opus::describe_frame(record, payload),
        Codec::Flac => flac::describe_frame(payload),
        Codec::Ac3 => ac3::describe_frame(payload),
        Codec::Eac3 => ac3::describe_frame(payload),
        Codec::Mp3 => mp3::describe_frame(payload),
        _ => None,
    }
}
