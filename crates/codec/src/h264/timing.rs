//! The `pic_timing` SEI message (H.264 D.1.3), which cannot be read without the VUI.

use super::Vui;
use crate::Timecode;
use manycast_bits::{BitReader, UnexpectedEnd};

/// What `pic_timing` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PicTiming {
    /// `pic_struct`: 0 a frame, 1 and 2 a field, 3 to 6 fields in turn, 7 and 8 a frame shown twice
    /// or three times.
    pub structure: Option<u8>,
    /// The first clock timestamp.
    pub timecode: Option<Timecode>,
}

/// `NumClockTS` (H.264 table D-1).
const TIMESTAMPS: [u8; 9] = [1, 1, 1, 2, 2, 3, 3, 2, 3];

impl PicTiming {
    /// Reads the payload of a message of type 1 in a stream with this VUI.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when it ends early.
    pub fn read(payload: &[u8], vui: &Vui) -> Result<Self, UnexpectedEnd> {
        let mut bits = BitReader::new(payload);
        if let Some(hrd) = vui.hrd {
            bits.skip(u64::from(hrd.cpb_removal_delay))?;
            bits.skip(u64::from(hrd.dpb_output_delay))?;
        }
        if !vui.picture_structure {
            return Ok(Self::default());
        }
        let structure = u8::try_from(bits.bits(4)?).unwrap_or(u8::MAX);
        let Some(timestamps) = TIMESTAMPS.get(usize::from(structure)) else {
            return Ok(Self::default());
        };
        let timecode = Timecode::read_h264(&mut bits, *timestamps).ok().flatten();
        Ok(Self { structure: Some(structure), timecode })
    }
}
