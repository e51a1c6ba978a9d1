//! Whether a Stream can be watched, told to outlets that come and go with it.
//!
//! Belongs here: the value and nothing else; the Stream keeps it true.

use crate::RunEnd;

/// What a Stream is doing, as far as an outlet needs to know before it joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAir {
    /// Nothing could be joined yet.
    #[default]
    Offline,
    /// This Run can be joined: a Gop of it has begun.
    Live {
        /// Counts the Runs of this Stream from 1.
        run: u64,
    },
    /// The last Run ended, and the next cannot be joined yet.
    Ended(RunEnd),
    /// The Stream was removed; there will be no other change.
    Closed,
}

/// A moment of a Stream's life.
///
/// Followers see the newest value only, so that a Run which ended in good order and the next one
/// may come as a single change: `orderly_ends` tells them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    /// What the Stream is doing.
    pub on_air: OnAir,
    /// How many Runs ended in good order.
    pub orderly_ends: u64,
}
