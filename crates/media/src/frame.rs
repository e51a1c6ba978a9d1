//! One access unit and the wire form it came in.

use crate::{Codec, Timestamp, TrackId};
use bytes::Bytes;

/// Which wire format a [`Wire`] body is written in.
///
/// The number means something only to the crate that writes and reads that format; everybody else
/// compares it for equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dialect(pub u16);

/// The exact bytes in which something arrived, so that it can leave bit-exact in the same dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The format of `body`.
    pub dialect: Dialect,
    /// The body as received, shared.
    pub body: Bytes,
}

impl Wire {
    /// The same in memory of its own.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { body: Bytes::copy_from_slice(&self.body), ..*self }
    }
}

/// One access unit of one Track: immutable, shared, never copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The Track that it belongs to.
    pub track: TrackId,
    /// How `payload` is coded.
    pub codec: Codec,
    /// When it is due for decoding.
    pub dts: Timestamp,
    /// When it is due for presentation.
    pub pts: Timestamp,
    /// Whether decoding can start here.
    pub key: bool,
    /// The coded bytes alone; a slice of `wire` where that is given.
    pub payload: Bytes,
    /// The form it came in, for outlets that speak the same dialect.
    pub wire: Option<Wire>,
}

impl Frame {
    /// The bytes that this Frame keeps alive.
    #[must_use]
    pub fn size(&self) -> usize {
        self.wire.as_ref().map_or(self.payload.len(), |w| w.body.len())
    }
}
