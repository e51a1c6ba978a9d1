//! What elementary streams say about themselves.
//!
//! Belongs here: decoder configuration records and parameter sets as far as size, rate, profile and
//! level go, NAL units and their framing, the key-frame test, RFC 6381 codec strings.
//! Must not come here: containers, decoding, I/O.
//!
//! Everything reads untrusted bytes: total, bounded by its input, and lenient where the field is
//! (reserved bits, missing tails, records in byte-stream form).
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

pub mod aac;
pub mod av1;
mod description;
mod error;
pub mod h264;
pub mod h265;
mod key_frame;
pub mod nal;
#[cfg(test)]
mod testing;

pub use description::{AudioShape, Description, Shape, VideoShape, describe};
pub use error::RecordError;
pub use key_frame::starts_decoding;
