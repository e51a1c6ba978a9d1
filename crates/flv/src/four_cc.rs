//! The codec names of enhanced tags (E-RTMP v2, "Enhanced Audio" and "Enhanced Video").

use manycast_media::Codec;
use std::fmt;

/// Four characters that name a codec. Case matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// The video codec that it names; [`Codec::Opaque`] for one that has no name here.
    #[must_use]
    pub const fn video_codec(self) -> Codec {
        match &self.0 {
            b"avc1" => Codec::H264,
            b"hvc1" => Codec::H265,
            b"vvc1" => Codec::H266,
            b"av01" => Codec::Av1,
            b"vp08" => Codec::Vp8,
            b"vp09" => Codec::Vp9,
            _ => Codec::Opaque,
        }
    }

    /// The audio codec that it names; [`Codec::Opaque`] for one that has no name here.
    #[must_use]
    pub const fn audio_codec(self) -> Codec {
        match &self.0 {
            b"mp4a" => Codec::Aac,
            b"Opus" => Codec::Opus,
            b"fLaC" => Codec::Flac,
            b"ac-3" => Codec::Ac3,
            b"ec-3" => Codec::Eac3,
            b".mp3" => Codec::Mp3,
            _ => Codec::Opaque,
        }
    }

    /// The name of a codec, if enhanced tags can carry it.
    #[must_use]
    pub const fn of(codec: Codec) -> Option<Self> {
        Some(Self(*match codec {
            Codec::H264 => b"avc1",
            Codec::H265 => b"hvc1",
            Codec::H266 => b"vvc1",
            Codec::Av1 => b"av01",
            Codec::Vp8 => b"vp08",
            Codec::Vp9 => b"vp09",
            Codec::Aac => b"mp4a",
            Codec::Opus => b"Opus",
            Codec::Flac => b"fLaC",
            Codec::Ac3 => b"ac-3",
            Codec::Eac3 => b"ec-3",
            Codec::Mp3 => b".mp3",
            _ => return None,
        }))
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}
