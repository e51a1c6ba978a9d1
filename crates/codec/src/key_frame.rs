//! Whether decoding can start at an access unit, read from its bitstream.
//!
//! Belongs here: the one question for every codec, without its configuration.
//! Must not come here: parsing beyond the first slice or frame header.

use crate::{av1, h264, h265, h266, vp8, vp9};
use manycast_media::Codec;

/// Whether and how decoding can start at an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RandomAccess {
    /// Everything from here on is right: IDR, BLA, a key frame, any frame of sound.
    Clean,
    /// This picture is right, and all that are shown behind it; some that follow in the stream but
    /// are shown before it are not: CRA, or an H.264 recovery point without recovery frames.
    Open,
    /// Pictures become right after so many frames: intra refresh.
    Gradual {
        /// Frames, or steps of picture order, until pictures are right.
        frames: u32,
    },
    /// Decoding cannot start here.
    No,
}

impl RandomAccess {
    /// Whether a picture can be shown at once.
    #[must_use]
    pub const fn starts_decoding(self) -> bool {
        matches!(self, Self::Clean | Self::Open)
    }

    /// Of a picture that is no IDR, by the count of recovery frames that was announced, if one was.
    pub(crate) const fn of_recovery(frames: Option<u32>) -> Self {
        match frames {
            None => Self::No,
            Some(0) => Self::Open,
            Some(frames) => Self::Gradual { frames },
        }
    }
}

/// How the first slice of a picture is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureKind {
    /// I: from itself only.
    Intra,
    /// P: from pictures decoded before.
    Predicted,
    /// B: from two pictures decoded before, which may be shown later. H.265 encoders write P
    /// pictures in this form, too.
    Bidirectional,
}

/// Whether and how decoding can start at this access unit. `None` when the payload does not tell.
///
/// Every audio codec here starts anywhere.
#[must_use]
pub fn random_access(codec: Codec, payload: &[u8]) -> Option<RandomAccess> {
    let key = |key| if key { RandomAccess::Clean } else { RandomAccess::No };
    match codec {
        Codec::H264 => h264::random_access(payload),
        Codec::H265 => h265::random_access(payload),
        Codec::H266 => h266::random_access(payload),
        Codec::Av1 => av1::starts_with_key_frame(payload).map(key),
        Codec::Vp8 => vp8::is_key(payload).map(key),
        Codec::Vp9 => vp9::is_key(payload).map(key),
        Codec::Aac | Codec::Mp3 | Codec::Opus | Codec::Flac | Codec::Ac3 | Codec::Eac3 => {
            Some(RandomAccess::Clean)
        }
        _ => None,
    }
}

/// Whether a picture can be shown from this access unit on: an IDR picture or a recovery point
/// without recovery frames (H.264), an IRAP picture (H.265, H.266), a key frame (AV1, VP8, VP9).
/// `None` when the payload does not tell.
///
/// Streams with intra refresh have no such picture at all ([`RandomAccess::Gradual`]), so that
/// their container's flag has to be believed.
#[must_use]
pub fn starts_decoding(codec: Codec, payload: &[u8]) -> Option<bool> {
    random_access(codec, payload).map(RandomAccess::starts_decoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slice_decides() {
        for (codec, payload, want) in [
            (Codec::H264, &[0, 0, 0, 1, 9, 0, 0, 0, 2, 0x65, 0x88][..], Some(true)),
            (Codec::H264, &[0, 0, 0, 2, 0x41, 0x9A], Some(false)),
            (Codec::H264, &[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 0x88], Some(true)),
            (Codec::H264, &[0, 0, 0, 1, 0x06], None),
            (Codec::H265, &[0, 0, 0, 3, 0x26, 1, 0xAF], Some(true)),
            (Codec::H265, &[0, 0, 0, 3, 0x2A, 1, 0xAF], Some(true)),
            (Codec::H265, &[0, 0, 0, 3, 0x02, 1, 0xD0], Some(false)),
            (Codec::H266, &[0, 0, 0, 3, 0x00, 0x39, 0], Some(true)),
            (Codec::H266, &[0, 0, 0, 3, 0x00, 0x01, 0], Some(false)),
            (Codec::Av1, &[0x0A, 1, 0, 0x32, 1, 0x10], Some(true)),
            (Codec::Av1, &[0x12, 0, 0x32, 1, 0x30], Some(false)),
            (Codec::Vp8, &[0x50, 0, 0, 0x9D, 1, 0x2A], Some(true)),
            (Codec::Vp8, &[0x51, 0, 0], Some(false)),
            (Codec::Vp8, &[0x50, 0, 0, 1, 2, 3], None),
            (Codec::Vp9, &[0x82, 0x49], Some(true)),
            (Codec::Vp9, &[0x86, 0], Some(false)),
            (Codec::Vp9, &[0x02, 0], None),
            (Codec::Vp9, &[0b1011_0010], Some(false)),
            (Codec::Vp9, &[0b1011_0001], Some(true)),
            (Codec::Aac, &[], Some(true)),
            (Codec::H264, &[], None),
            (Codec::Opaque, &[1, 2, 3], None),
        ] {
            assert_eq!(starts_decoding(codec, payload), want, "{codec} {payload:02X?}");
        }
    }

    #[test]
    fn kinds_of_starts() {
        use RandomAccess::{Clean, Gradual, No, Open};
        let slice_behind = |sei: &[u8], slice: &[u8]| {
            let length = |unit: &[u8]| [0, 0, 0, u8::try_from(unit.len()).unwrap()];
            [&length(sei), sei, &length(slice), slice].concat()
        };
        let inter = [0x41, 0x9A];
        for (codec, payload, want) in [
            (Codec::H264, slice_behind(&[6, 6, 1, 0xC4, 0x80], &inter), Open),
            (
                Codec::H264,
                slice_behind(&[6, 6, 2, 0x19, 0x10, 0x80], &inter),
                Gradual { frames: 11 },
            ),
            // user data is no recovery point
            (Codec::H264, slice_behind(&[6, 5, 1, 0xC4, 0x80], &inter), No),
            (Codec::H264, slice_behind(&[6, 6, 1, 0xC4, 0x80], &[0x65, 0x88]), Clean),
            // BLA, IDR, CRA, trailing picture
            (Codec::H265, slice_behind(&[0x46, 1, 0x50], &[0x20, 1, 0xAF]), Clean),
            (Codec::H265, slice_behind(&[0x46, 1, 0x50], &[0x28, 1, 0xAF]), Clean),
            (Codec::H265, slice_behind(&[0x46, 1, 0x50], &[0x2A, 1, 0xAF]), Open),
            (
                Codec::H265,
                slice_behind(&[0x4E, 1, 6, 1, 0x34, 0x80], &[2, 1, 0xD0]),
                Gradual { frames: 3 },
            ),
            (Codec::H266, slice_behind(&[0, 0xA1, 0], &[0, 0x49, 0]), Open),
        ] {
            assert_eq!(random_access(codec, &payload), Some(want), "{codec} {payload:02X?}");
        }
    }
}
