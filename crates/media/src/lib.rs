//! The nouns of live media, shared by every crate: what a Stream is called, what its Tracks are,
//! what a Frame is and when it is due.
//!
//! Belongs here: plain, immutable data that every protocol can agree on.
//! Must not come here: parsing of wire formats, I/O, async, serde, or the name of any protocol.

mod codec;
mod frame;
mod name;
mod selection;
mod timestamp;
mod track;

pub use codec::Codec;
pub use frame::{Dialect, Frame, Wire};
pub use name::{NameError, StreamName};
pub use selection::{
    Choice, Chooser, Facts, Orientation, PictureRule, RuleError, Selection, Taken, TrackRule,
    TrackRules,
};
pub use timestamp::{TICKS_PER_MILLISECOND, TICKS_PER_SECOND, TimeDelta, Timestamp};
pub use track::{CodecConfig, Sticky, Track, TrackId, TrackKind, TrackSet};
