//! Random text and its hash: the only place where a secret of ours is born.
//!
//! The generator is the operating system's, through the thread's own that is seeded by it. Text is
//! base32 in the alphabet of Crockford: digits and small letters without i, l, o and u, so that it
//! survives being read aloud and typed; 5 bits per character.

use manycast_hub::Secret;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The SHA-256 of a secret, which is what the database keeps of it.
pub(crate) type Hash = [u8; 32];

/// Random text of `LENGTH` characters, 5 bits each.
pub(crate) fn text<const LENGTH: usize>() -> String {
    let bytes: [u8; LENGTH] = rand::random();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// 128 random bits in hexadecimal, for links.
pub(crate) fn link() -> Secret {
    let bytes: [u8; 16] = rand::random();
    Secret::new(&data_encoding::HEXLOWER.encode(&bytes))
}

/// 256 random bits in base64url, for cookies: 43 characters.
pub(crate) fn cookie() -> Secret {
    let bytes: [u8; 32] = rand::random();
    Secret::new(&data_encoding::BASE64URL_NOPAD.encode(&bytes))
}

/// The hash under which a secret is kept. Secrets of ours hold 80 bits or more, so that one round
/// without salt is enough; passwords never come here.
#[must_use]
pub(crate) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn secrets_have_their_bits_and_no_look_alikes() {
        let texts: HashSet<String> = (0..1000).map(|_| text::<26>()).collect();
        assert_eq!(texts.len(), 1000);
        let letters: HashSet<char> = texts.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(letters.len(), 32, "every letter of the alphabet occurs");
        assert!("iloul".chars().all(|look_alike| !letters.contains(&look_alike)));
        assert!(texts.iter().all(|text| text.len() == 26));
        assert_eq!(link().expose().len(), 32);
        assert_eq!(cookie().expose().len(), 43);
    }

    #[test]
    fn the_hash_is_sha_256() {
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(data_encoding::HEXLOWER.encode(&hash("abc")), want);
    }
}
