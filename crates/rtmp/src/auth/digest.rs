//! MD5 as both dialects use it, and the two ways in which its result is written.
//!
//! Belongs here: sums over parts, base64, hexadecimal. Must not come here: what is summed.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// MD5 of the parts, one after the other.
pub(super) fn md5(parts: &[&str]) -> [u8; 16] {
    let mut sum = Md5::new();
    for part in parts {
        sum.update(part.as_bytes());
    }
    sum.finalize().into()
}

/// Base64 with padding (RFC 4648 4).
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().unwrap_or(0);
        let bits = u32::from_be_bytes([0, byte(0), byte(1), byte(2)]);
        for place in 0..4_u32 {
            let shift = 18_u32.saturating_sub(place.saturating_mul(6));
            let six = bits.checked_shr(shift).unwrap_or(0) & 0x3f;
            let index = usize::try_from(six).unwrap_or(0);
            let used = usize::try_from(place).unwrap_or(0) <= group.len();
            let letter = ALPHABET.get(index).copied().filter(|_| used).unwrap_or(b'=');
            out.push(char::from(letter));
        }
    }
    out
}

/// Two digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}"); // a String takes everything
        out
    })
}

/// A token that only who has the key can make.
#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
pub(super) fn token(key: &[u8; 32], what: &str, bucket: u64, user: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length of key");
    for part in [what.as_bytes(), &bucket.to_be_bytes(), user.as_bytes()] {
        mac.update(part);
    }
    hex(mac.finalize().into_bytes().get(..12).unwrap_or_default())
}

/// Whether two texts are the same, without telling where they differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
