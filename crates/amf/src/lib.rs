//! Action Message Format: the values in RTMP commands and metadata.
//!
//! Belongs here: AMF0 and AMF3 values, their bounded decoding and their encoding, and the
//! tolerances that real encoders need in them. Must not come here: what a command means.
//!
//! [`Decoder`] reads one AMF0 value after another; [`decode_all`] keeps what could be read. AMF3
//! values occur inside AMF0 behind a marker ([`Value::Amf3`]), never on their own on the wire.
//!
//! Sources: AMF0 and AMF3 file format specifications; RTMP Errata 7.2 for the AMF3 envelope.
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

pub mod amf3;

mod decode;
mod encode;
mod error;
mod limits;
mod simplify;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use decode::{Decoded, Decoder, decode_all};
pub use encode::{encode, encode_all, encode_command};
pub use error::{DecodeError, DecodeErrorKind};
pub use limits::Limits;
pub use text::Text;
pub use value::{Value, ecma_array, object};
