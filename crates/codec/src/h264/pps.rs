//! The picture parameter set (H.264 7.3.2.2), as far as it names what it belongs to.

use crate::RecordError;
use manycast_bits::{BitReader, unescape_rbsp};

/// What a picture parameter set says outside a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pps {
    /// `pic_parameter_set_id`.
    pub id: u8,
    /// The sequence parameter set that it refines.
    pub sps_id: u8,
    /// Arithmetic coding, which Baseline does not have.
    pub cabac: bool,
}

impl Pps {
    /// Reads a NAL unit of type 8, its header included.
    ///
    /// # Errors
    /// [`RecordError`] when it ends early or has an id out of range.
    pub fn parse(unit: &[u8]) -> Result<Self, RecordError> {
        // ids and one flag: the first bytes are enough
        let raw = unescape_rbsp(unit.get(..unit.len().min(16)).unwrap_or_default());
        let mut bits = BitReader::new(&raw);
        bits.skip(8)?;
        let id = u8::try_from(bits.ue()?)
            .map_err(|_| RecordError::OutOfRange("pic_parameter_set_id"))?;
        let sps_id = u8::try_from(bits.ue()?).ok().filter(|id| *id < 32);
        let sps_id = sps_id.ok_or(RecordError::OutOfRange("seq_parameter_set_id"))?;
        Ok(Self { id, sps_id, cabac: bits.flag()? })
    }
}
