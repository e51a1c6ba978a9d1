//! The nouns of live media, shared by every crate: what a Stream is called, what its Tracks are,
//! what a Frame is and when it is due.
//!
//! Belongs here: plain, immutable data that every protocol can agree on.
//! Must not come here: parsing, I/O, async, serde, or the name of any protocol.

mod codec;
mod frame;
mod name;
mod timestamp;
mod track;

pub use codec::Codec;
pub use frame::{Dialect, Frame, Wire};
pub use name::{NameError, StreamName};
pub use timestamp::{TICKS_PER_MILLISECOND, TICKS_PER_SECOND, TimeDelta, Timestamp};
pub use track::{CodecConfig, Selection, Sticky, Track, TrackId, TrackKind, TrackSet};
