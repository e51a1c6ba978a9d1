//! Supplemental enhancement information: the messages in SEI NAL units of H.264, H.265 and H.266.
//!
//! Belongs here: walking the messages, those that mean the same in all three standards (captions,
//! HDR), where they are found. Must not come here: messages that need a parameter set to be read.

mod captions;
mod timecode;

pub use captions::{CaptionPresence, CcKind, CcTriplet};
pub use timecode::Timecode;

use crate::{ContentLight, Hdr, MasteringDisplay};
use manycast_bits::{Reader, UnexpectedEnd, unescape_rbsp};
use manycast_media::Codec;

/// `payloadType` of the messages read here (H.264 table D.1.1, H.265 D.2.1).
pub(crate) const PIC_TIMING: u32 = 1;
pub(crate) const REGISTERED_T35: u32 = 4;
pub(crate) const RECOVERY_POINT: u32 = 6;
pub(crate) const TIME_CODE: u32 = 136;
pub(crate) const MASTERING_DISPLAY: u32 = 137;
pub(crate) const CONTENT_LIGHT: u32 = 144;
pub(crate) const ALTERNATIVE_TRANSFER: u32 = 147;

/// The messages of one SEI RBSP (H.264 7.3.2.3.1), as (`payloadType`, payload). Ends at the stop bit
/// and where a size runs past the end.
#[derive(Clone, Debug)]
pub struct SeiMessages<'a> {
    rest: Reader<'a>,
}

impl<'a> SeiMessages<'a> {
    /// Walks an RBSP: the NAL unit without header, emulation prevention taken out.
    #[must_use]
    pub const fn new(rbsp: &'a [u8]) -> Self {
        Self { rest: Reader::new(rbsp) }
    }

    fn read(&mut self) -> Result<(u32, &'a [u8]), UnexpectedEnd> {
        let kind = self.coded()?;
        let size = usize::try_from(self.coded()?).map_err(|_| UnexpectedEnd)?;
        Ok((kind, self.rest.take(size)?))
    }

    /// Bytes of 255 and a last one, added up.
    fn coded(&mut self) -> Result<u32, UnexpectedEnd> {
        let mut value = 0_u32;
        loop {
            let byte = self.rest.u8()?;
            value = value.saturating_add(byte.into());
            if byte != 0xFF {
                return Ok(value);
            }
        }
    }
}

impl<'a> Iterator for SeiMessages<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // a message of type 128 opens with the stop bit's byte, but never ends with it
        if self.rest.remaining() < 2 {
            return None;
        }
        let message = self.read().ok();
        if message.is_none() {
            self.rest = Reader::new(&[]);
        }
        message
    }
}

/// The part of a NAL unit behind its header, if it is an SEI unit of this codec.
pub(crate) fn body(codec: Codec, unit: &[u8]) -> Option<&[u8]> {
    let first = *unit.first()?;
    match codec {
        Codec::H264 if first & 0x1F == 6 => unit.get(1..),
        Codec::H265 if matches!(first >> 1 & 0x3F, 39 | 40) => unit.get(2..),
        Codec::H266 if matches!(unit.get(1)? >> 3, 23 | 24) => unit.get(2..),
        _ => None,
    }
}

/// Calls `each` with the messages of a NAL unit, if it is an SEI unit of this codec.
pub(crate) fn messages(codec: Codec, unit: &[u8], mut each: impl FnMut(u32, &[u8])) {
    let Some(body) = body(codec, unit) else { return };
    let rbsp = unescape_rbsp(body);
    for (kind, payload) in SeiMessages::new(&rbsp) {
        each(kind, payload);
    }
}

/// Takes what a message tells of the dynamic range.
pub(crate) fn note_hdr(hdr: &mut Hdr, kind: u32, payload: &[u8]) {
    match kind {
        MASTERING_DISPLAY => {
            hdr.mastering = MasteringDisplay::from_sei(payload).ok().or(hdr.mastering);
        }
        CONTENT_LIGHT => hdr.light = ContentLight::from_bytes(payload).ok().or(hdr.light),
        _ => {}
    }
}

/// `preferred_transfer_characteristics` (H.265 D.2.38): how HLG is marked for players that know it
/// in streams that others take for BT.2020.
pub(crate) fn preferred_transfer(kind: u32, payload: &[u8]) -> Option<u8> {
    if kind == ALTERNATIVE_TRANSFER { payload.first().copied() } else { None }
}

/// Recovery frames of an SEI unit of this codec (H.264 D.2.8, H.265 D.2.8): how many frames after
/// this one are needed until pictures are right. `None` without such a message.
pub(crate) fn recovery_frames(codec: Codec, unit: &[u8]) -> Option<u32> {
    let mut found = None;
    messages(codec, unit, |kind, payload| {
        if kind == RECOVERY_POINT {
            let mut bits = manycast_bits::BitReader::new(payload);
            found = match codec {
                Codec::H264 => bits.ue().ok(),
                _ => bits.se().ok().map(|count| u32::try_from(count).unwrap_or(0)),
            };
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(rbsp: &[u8]) -> Vec<(u32, usize)> {
        SeiMessages::new(rbsp).map(|(kind, payload)| (kind, payload.len())).collect()
    }

    #[test]
    fn messages_are_walked_to_where_they_make_sense() {
        assert_eq!(walked(&[6, 1, 0xC4, 0x80]), [(6, 1)]);
        assert_eq!(walked(&[6, 1, 0xC4, 5, 2, 1, 2, 0x80]), [(6, 1), (5, 2)]);
        // sizes and types beyond 254
        let long = [&[0xFF, 0x01, 0xFF, 0x02][..], &[9; 257], &[0x80]].concat();
        assert_eq!(walked(&long), [(256, 257)]);
        // a size that runs past the end
        assert_eq!(walked(&[6, 9, 0xC4, 0x80]), []);
        assert_eq!(walked(&[0xFF; 300]), []);
        assert_eq!(walked(&[]), []);
    }

    #[test]
    fn only_sei_units_are_looked_at() {
        assert_eq!(recovery_frames(Codec::H264, &[0x06, 6, 1, 0xC4, 0x80]), Some(0));
        assert_eq!(recovery_frames(Codec::H264, &[0x06, 6, 2, 0x19, 0x10, 0x80]), Some(11));
        assert_eq!(recovery_frames(Codec::H264, &[0x07, 6, 1, 0xC4, 0x80]), None);
        assert_eq!(recovery_frames(Codec::H265, &[0x4E, 1, 6, 1, 0xC0, 0x80]), Some(0));
        assert_eq!(recovery_frames(Codec::H266, &[0, 0xB9, 6, 1, 0xC0, 0x80]), Some(0));
    }
}
