//! The vault: how secrets are sealed before they reach the database.
//!
//! XChaCha20-Poly1305 with a random nonce per value. What a value belongs to (table, column, row) is
//! authenticated with it, so that one cannot be moved into the place of another. The keys lie in a file apart
//! from the database (`ring.rs`). Not here: SQL, and what is worth sealing.
//!
//! ```text
//! 1 byte   format, 1
//! 8 bytes  id of the key
//! 24 bytes nonce
//! n bytes  ciphertext, then 16 bytes tag
//! ```

mod ring;

pub(crate) use ring::{Key, KeyId, Ring};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use manycast_hub::Secret;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const NONCE: usize = 24;

/// What a sealed value belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub table: &'static str,
    pub column: &'static str,
    pub row: &'a str,
}

impl Place<'_> {
    /// Names of tables and columns hold no zero byte, so no two places are written alike.
    fn data(&self) -> Vec<u8> {
        let row = self.row;
        format!("manycast\0{FORMAT}\0{}\0{}\0{row}", self.table, self.column).into_bytes()
    }
}

/// A sealed column, opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// There is no secret.
    #[default]
    Nothing,
    /// The secret.
    Secret(Secret),
    /// There is one, sealed with a key that the vault has not got, or damaged.
    Unreadable,
}

impl Kept {
    /// Whether there is a secret, readable or not.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::Nothing
    }

    /// The secret, if there is one that can be read.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

impl Ring {
    /// Seals with the key in force.
    pub(crate) fn seal(&self, place: Place<'_>, secret: &Secret) -> Vec<u8> {
        self.seal_bytes(place, secret.expose().as_bytes())
    }

    fn seal_bytes(&self, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let key = self.current();
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: plain, aad: &place.data() };
        let cipher = XChaCha20Poly1305::new((&*key.secret).into());
        // Fails only for texts of 256 GiB and more (RFC 8439 2.8), which no column can hold.
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        let mut out = Vec::with_capacity(1 + 8 + NONCE + sealed.len());
        out.push(FORMAT);
        out.extend_from_slice(&key.id.0);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Opens a sealed value; `None`: no key of ours, another place, or damaged.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let rest = sealed.strip_prefix(&[FORMAT])?;
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let key = self.key(KeyId(*id))?;
        let payload = Payload { msg: sealed, aad: &place.data() };
        let cipher = XChaCha20Poly1305::new((&*key.secret).into());
        cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    /// Opens a column.
    pub(crate) fn kept(&self, place: Place<'_>, sealed: Option<&[u8]>) -> Kept {
        let Some(sealed) = sealed else { return Kept::Nothing };
        let plain = self.open(place, sealed);
        let text = plain.as_ref().and_then(|p| std::str::from_utf8(p).ok());
        text.map_or(Kept::Unreadable, |text| Kept::Secret(Secret::new(text)))
    }

    /// Seals again with the key in force; `None`: it cannot be opened.
    pub(crate) fn reseal(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        self.open(place, sealed).map(|plain| self.seal_bytes(place, &plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: &str) -> Place<'_> {
        Place { table: "destination", column: "key_sealed", row }
    }

    #[test]
    fn j3_a_sealed_value_opens_only_in_its_place_and_unchanged() {
        let ring = Ring::of(vec![Key::new()]);
        let secret = Secret::new("sk_live_canary");
        let sealed = ring.seal(place("1"), &secret);
        assert_eq!(ring.kept(place("1"), Some(&sealed)), Kept::Secret(secret.clone()));
        assert_eq!(ring.kept(place("2"), Some(&sealed)), Kept::Unreadable);
        let other = Place { column: "password_sealed", ..place("1") };
        assert_eq!(ring.kept(other, Some(&sealed)), Kept::Unreadable);
        assert!(!sealed.windows(6).any(|w| w == b"canary"));
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert_eq!(ring.kept(place("1"), Some(&bent)), Kept::Unreadable, "byte {at}");
            assert_eq!(ring.kept(place("1"), Some(&sealed[..at])), Kept::Unreadable);
        }
        assert_eq!(ring.kept(place("1"), None), Kept::Nothing);
        assert_ne!(ring.seal(place("1"), &secret), sealed, "a nonce was used twice");
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let old = Ring::of(vec![Key::new()]);
        let sealed = old.seal(place("1"), &Secret::new("x"));
        let both = old.with(Key::new());
        let again = both.reseal(place("1"), &sealed).unwrap();
        assert_eq!(old.kept(place("1"), Some(&again)), Kept::Unreadable);
        assert_eq!(both.kept(place("1"), Some(&again)), Kept::Secret(Secret::new("x")));
        assert_eq!(both.kept(place("1"), Some(&sealed)), Kept::Secret(Secret::new("x")));
        assert!(format!("{both:?}").contains("redacted"), "{both:?}");
    }
}
