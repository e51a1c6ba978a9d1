//! Readers and writers of bytes and bits: the ground every wire format stands on.
//!
//! Belongs here: integers of odd widths in both byte orders, bit fields, exponential Golomb codes,
//! and the emulation prevention of the video standards' byte streams.
//! Must not come here: any domain word, allocation from a length that was only claimed, I/O.
//!
//! Every function is total: short input is [`UnexpectedEnd`], never a panic.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod bit_reader;
mod rbsp;
mod reader;
mod writer;

pub use bit_reader::{BitError, BitReader};
pub use rbsp::unescape_rbsp;
pub use reader::Reader;
pub use writer::Writer;

/// The input ended before the value that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input ends before the value is complete")]
pub struct UnexpectedEnd;
