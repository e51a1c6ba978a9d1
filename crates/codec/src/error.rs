//! Why a configuration record could not be read.

use manycast_bits::{BitError, UnexpectedEnd};

/// A record or parameter set that its sender got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It ends before its own fields do.
    #[error(transparent)]
    UnexpectedEnd(#[from] UnexpectedEnd),
    /// A bit-level code in it is malformed.
    #[error(transparent)]
    Bits(#[from] BitError),
    /// A field has a value that the standard does not allow.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// The parameter set that tells the wanted thing is not in it.
    #[error("no {0} in the record")]
    Missing(&'static str),
}
