//! The AMF0 and AMF3 grammars, their tolerances (traps A1 to A11) and their bounds (bar A2).

mod amf3;
mod bounds;
mod round_trip;
mod traps;

use crate::{Decoded, Limits, Value, decode_all};

/// Decodes with the default limits.
fn decode(message: &[u8]) -> Decoded {
    decode_all(message, Limits::default())
}

/// The values of a message that must be entirely readable.
fn values(message: &[u8]) -> Vec<Value> {
    let decoded = decode(message);
    assert_eq!(decoded.stopped, None, "{message:02x?}");
    decoded.values
}

/// `key` with its 16-bit length.
fn key(key: &str) -> Vec<u8> {
    let mut out = u16::try_from(key.len()).unwrap().to_be_bytes().to_vec();
    out.extend(key.as_bytes());
    out
}

/// The pieces as one message.
fn join(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}
