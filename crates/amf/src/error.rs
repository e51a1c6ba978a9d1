//! Why decoding stopped, and where.
//!
//! Belongs here: the sender's faults. Nothing here is ever our own.

use manycast_bits::UnexpectedEnd;

/// Decoding stopped at `offset`, counted in bytes from the start of the message. The sender is at
/// fault; whether the message is still usable is the caller's decision (trap A4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("AMF: {kind} at byte {offset}")]
pub struct DecodeError {
    /// Where decoding stopped: within the value that failed.
    pub offset: usize,
    /// What was wrong there.
    pub kind: DecodeErrorKind,
}

impl DecodeError {
    /// Whether a bound was exceeded, as opposed to bytes that make no sense.
    pub const fn is_limit(&self) -> bool {
        matches!(
            self.kind,
            DecodeErrorKind::TooDeep
                | DecodeErrorKind::TooManyValues
                | DecodeErrorKind::StringTooLong { .. }
                | DecodeErrorKind::TooManyCopies
        )
    }
}

/// What was wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The message ended within a value.
    #[error("message ends within a value")]
    UnexpectedEnd,
    /// A marker that stands for no value: reserved, unknown, or an object end out of place.
    #[error("marker {0:#04x} stands for no value")]
    Marker(u8),
    /// More containers within containers than the limit.
    #[error("nested too deeply")]
    TooDeep,
    /// More values than the limit.
    #[error("too many values")]
    TooManyValues,
    /// A string longer than the limit.
    #[error("string of {length} bytes is too long")]
    StringTooLong {
        /// The length it claimed, in bytes.
        length: usize,
    },
    /// AMF3 string references that copy more bytes than the limit.
    #[error("string references copy too much")]
    TooManyCopies,
    /// An AMF3 reference to something that was not there before it.
    #[error("AMF3 reference {0} points at nothing")]
    Reference(u32),
    /// An AMF3 object whose form only its class knows.
    #[error("externalizable AMF3 object cannot be read")]
    Externalizable,
}

impl From<UnexpectedEnd> for DecodeErrorKind {
    fn from(_: UnexpectedEnd) -> Self {
        Self::UnexpectedEnd
    }
}
