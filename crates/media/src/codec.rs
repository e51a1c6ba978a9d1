//! The codecs that Manycast can tell apart.

use std::fmt;

/// How the payload of a Track is coded.
///
/// A codec that nobody here understands is [`Codec::Opaque`]: its Frames travel untouched to
/// outlets that speak the dialect they came in, and are skipped by all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Codec {
    /// AVC, ITU-T H.264.
    H264,
    /// HEVC, ITU-T H.265.
    H265,
    /// VVC, ITU-T H.266.
    H266,
    /// AOMedia AV1.
    Av1,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// Sorenson Spark, a dialect of H.263.
    SorensonH263,
    /// Screen video, versions 1 and 2.
    ScreenVideo,
    /// On2 VP6, with or without alpha.
    Vp6,
    /// MPEG-4 audio (AAC-LC, HE-AAC, ...).
    Aac,
    /// MPEG-1/2 layer III.
    Mp3,
    /// Opus.
    Opus,
    /// FLAC.
    Flac,
    /// AC-3.
    Ac3,
    /// E-AC-3.
    Eac3,
    /// Speex.
    Speex,
    /// Nellymoser Asao.
    Nellymoser,
    /// G.711 A-law.
    G711A,
    /// G.711 mu-law.
    G711U,
    /// Linear PCM.
    Pcm,
    /// ADPCM in its Flash form.
    Adpcm,
    /// Script data: metadata, cue points, captions.
    Script,
    /// Something that is carried, not understood.
    Opaque,
}

impl Codec {
    /// The short, stable name used in logs, the status API and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::H266 => "h266",
            Self::Av1 => "av1",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::SorensonH263 => "h263",
            Self::ScreenVideo => "screen",
            Self::Vp6 => "vp6",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Flac => "flac",
            Self::Ac3 => "ac3",
            Self::Eac3 => "eac3",
            Self::Speex => "speex",
            Self::Nellymoser => "nellymoser",
            Self::G711A => "g711a",
            Self::G711U => "g711u",
            Self::Pcm => "pcm",
            Self::Adpcm => "adpcm",
            Self::Script => "script",
            Self::Opaque => "opaque",
        }
    }

    /// Whether a decoder of this codec is lost without its out-of-band configuration.
    #[must_use]
    pub const fn needs_config(self) -> bool {
        matches!(self, Self::H264 | Self::H265 | Self::H266 | Self::Aac)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
