//! Whether decoding can start at an access unit, read from its first bytes.
//!
//! Belongs here: the one question for every codec, without its configuration.
//! Must not come here: parsing beyond the first slice or frame header.

use crate::{av1, h264, h265, nal::NalUnits};
use manycast_media::Codec;

/// Whether decoding can start at this access unit: an IDR picture (H.264), an IRAP picture (H.265,
/// H.266), a key frame (AV1, VP8, VP9). `None` when the payload does not tell.
///
/// Audio always starts anywhere. Streams with intra refresh have no such picture at all, so that
/// their container's flag has to be believed.
#[must_use]
pub fn starts_decoding(codec: Codec, payload: &[u8]) -> Option<bool> {
    match codec {
        Codec::H264 => NalUnits::detect(payload).find_map(h264::slice_is_idr),
        Codec::H265 => NalUnits::detect(payload).find_map(h265::slice_is_irap),
        Codec::H266 => NalUnits::detect(payload).find_map(h266_slice_is_irap),
        Codec::Av1 => av1::starts_with_key_frame(payload),
        Codec::Vp8 => payload.first().map(|b| b & 1 == 0),
        Codec::Vp9 => vp9_is_key(*payload.first()?),
        Codec::Aac | Codec::Mp3 | Codec::Opus | Codec::Flac | Codec::Ac3 | Codec::Eac3 => {
            Some(true)
        }
        _ => None,
    }
}

/// H.266 table 5: 0 to 6 trailing and leading pictures, 7 and 8 IDR, 9 CRA, 10 GDR.
fn h266_slice_is_irap(unit: &[u8]) -> Option<bool> {
    match unit.get(1)? >> 3 {
        0..=6 | 10 => Some(false),
        7..=9 => Some(true),
        _ => None,
    }
}

/// VP9 uncompressed header: marker 2 bits, profile 2 bits (a reserved bit more for profile 3),
/// show_existing_frame, frame_type.
fn vp9_is_key(first: u8) -> Option<bool> {
    if first >> 6 != 0b10 {
        return None;
    }
    let after_profile = if first & 0b0011_0000 == 0b0011_0000 { first << 5 } else { first << 4 };
    Some(after_profile & 0b1100_0000 == 0)
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
}
