//! The time of day or of the tape that an encoder stamps on a picture.
//!
//! Belongs here: the clock timestamp of `pic_timing` (H.264 D.1.3) and of `time_code` (H.265
//! D.2.27), which differ in the width of two fields. Must not come here: clocks of our own.

use manycast_bits::{BitReader, UnexpectedEnd};
use std::fmt;

/// A clock timestamp. `None`: unchanged since the picture before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timecode {
    /// 0 to 23.
    pub hours: Option<u8>,
    /// 0 to 59.
    pub minutes: Option<u8>,
    /// 0 to 59.
    pub seconds: Option<u8>,
    /// Frames since the second began.
    pub frames: u16,
    /// Whether numbers of frames are left out, so that 29.97 frames per second keep the clock.
    pub drop_frame: bool,
}

impl Timecode {
    /// The first clock timestamp of a `pic_timing` message of H.264, behind its delays and structure.
    pub(crate) fn read_h264(
        bits: &mut BitReader<'_>,
        timestamps: u8,
    ) -> Result<Option<Self>, UnexpectedEnd> {
        for _ in 0..timestamps {
            if bits.flag()? {
                bits.skip(2)?; // ct_type
                return Self::read(bits, 8).map(Some);
            }
        }
        Ok(None)
    }

    /// The first clock timestamp of a `time_code` message of H.265.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when it ends early.
    pub fn read_h265(payload: &[u8]) -> Result<Option<Self>, UnexpectedEnd> {
        let mut bits = BitReader::new(payload);
        for _ in 0..bits.bits(2)? {
            if bits.flag()? {
                return Self::read(&mut bits, 9).map(Some);
            }
        }
        Ok(None)
    }

    /// The metadata OBU `METADATA_TYPE_TIMECODE` (AV1 5.8.7), which has no field flag.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when it ends early.
    pub fn read_av1(payload: &[u8]) -> Result<Self, UnexpectedEnd> {
        Self::read_counted(&mut BitReader::new(payload), 9)
    }

    fn read(bits: &mut BitReader<'_>, frame_bits: u32) -> Result<Self, UnexpectedEnd> {
        bits.skip(1)?; // nuit_field_based_flag
        Self::read_counted(bits, frame_bits)
    }

    fn read_counted(bits: &mut BitReader<'_>, frame_bits: u32) -> Result<Self, UnexpectedEnd> {
        const DROP_FRAME: u32 = 4;
        let drop_frame = bits.bits(5)? == DROP_FRAME;
        let full = bits.flag()?;
        bits.skip(2)?; // discontinuity_flag, cnt_dropped_flag
        let frames = u16::try_from(bits.bits(frame_bits)?).unwrap_or(u16::MAX);
        // each is there only behind the one before, unless all are
        let mut told = true;
        let mut part = |width: u32| {
            told = told && (full || bits.flag()?);
            if !told {
                return Ok(None);
            }
            bits.bits(width).map(|value| u8::try_from(value).ok())
        };
        let (seconds, minutes, hours) = (part(6)?, part(6)?, part(5)?);
        Ok(Self { hours, minutes, seconds, frames, drop_frame })
    }
}

/// `10:59:30:24`, with a semicolon before the frames where numbers are left out; `--` for what did
/// not change.
impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (between, part) in [("", self.hours), (":", self.minutes), (":", self.seconds)] {
            f.write_str(between)?;
            match part {
                Some(value) => write!(f, "{value:02}")?,
                None => f.write_str("--")?,
            }
        }
        write!(f, "{}{:02}", if self.drop_frame { ';' } else { ':' }, self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BitWriter;

    #[test]
    fn full_and_partial_timestamps() {
        // one timestamp, there; counting type 4, full; frame 29; 59 s, 8 min, 23 h
        let full = BitWriter::new()
            .put(&[
                (1, 2),
                (1, 1),
                (0, 1),
                (4, 5),
                (1, 1),
                (0, 2),
                (29, 9),
                (59, 6),
                (8, 6),
                (23, 5),
            ])
            .finish();
        let read = Timecode::read_h265(&full).unwrap().unwrap();
        assert_eq!(read.to_string(), "23:08:59;29");
        // not full: seconds are told, minutes are not
        let partial = BitWriter::new()
            .put(&[(1, 2), (1, 1), (0, 1), (0, 5), (0, 1), (0, 2), (3, 9), (1, 1), (7, 6), (0, 1)])
            .finish();
        let read = Timecode::read_h265(&partial).unwrap().unwrap();
        assert_eq!(read.to_string(), "--:--:07:03");
        assert_eq!((read.seconds, read.minutes, read.hours), (Some(7), None, None));
        // none there
        assert_eq!(Timecode::read_h265(&[0b0100_0000]), Ok(None));
        assert_eq!(Timecode::read_h265(&full[..3]), Err(UnexpectedEnd));
    }
}
