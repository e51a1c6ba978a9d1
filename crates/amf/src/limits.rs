//! How much a sender may ask of the decoder, and the running account of one message.
//!
//! Belongs here: the bounds of decoding. Must not come here: bounds of the protocol around it.

use crate::DecodeErrorKind;

/// No setting of [`Limits::depth`] goes beyond this: decoding recurses once per level.
const DEEPEST: usize = 32;

/// Bounds of one [`Decoder`](crate::Decoder), that is of one message.
///
/// Memory of a decoded message is at most twice its bytes, plus `string` bytes, plus 300 bytes for
/// each value (of which real messages need 80).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers that may be nested; above 32 counts as 32. Real messages use 3.
    pub depth: usize,
    /// Values in all, nested ones and the names of AMF3 traits counted. A `connect` has about 40.
    pub values: usize,
    /// Bytes of one string; also the bytes that AMF3 string references may copy in all.
    pub string: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 16, values: 1024, string: 65_536 }
    }
}

/// What is left of the limits in the course of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    depth_left: usize,
    values_left: usize,
    longest_string: usize,
    copies_left: usize,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            depth_left: limits.depth.min(DEEPEST),
            values_left: limits.values,
            longest_string: limits.string,
            copies_left: limits.string,
        }
    }

    /// Accounts for one value or name.
    pub(crate) fn value(&mut self) -> Result<(), DecodeErrorKind> {
        self.values_left = self.values_left.checked_sub(1).ok_or(DecodeErrorKind::TooManyValues)?;
        Ok(())
    }

    /// Goes one container deeper. Balanced by [`Self::leave`] unless decoding fails.
    pub(crate) fn enter(&mut self) -> Result<(), DecodeErrorKind> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(DecodeErrorKind::TooDeep)?;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth_left = self.depth_left.saturating_add(1);
    }

    /// Checks the claimed length of a string before it is looked at.
    pub(crate) fn string(&self, length: usize) -> Result<usize, DecodeErrorKind> {
        if length > self.longest_string {
            return Err(DecodeErrorKind::StringTooLong { length });
        }
        Ok(length)
    }

    /// Accounts for bytes copied by a reference, which the message did not pay for with length.
    pub(crate) fn copy(&mut self, length: usize) -> Result<(), DecodeErrorKind> {
        self.copies_left =
            self.copies_left.checked_sub(length).ok_or(DecodeErrorKind::TooManyCopies)?;
        Ok(())
    }
}
