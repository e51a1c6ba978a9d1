//! The keys of the vault and the file that they lie in.
//!
//! A text file of one line per key, `ID KEY` in hexadecimal digits, the newest last; lines with `#` are
//! remarks. It is replaced as a whole: written beside, synced, renamed.

use crate::disk;
use crate::error::{Error, Result};
use data_encoding::HEXLOWER;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use zeroize::Zeroizing;

const HEADER: &str = "# The keys of Manycast's vault. Whoever has this file and the database can read all secrets\n\
                      # in it; without this file nobody can. Back it up apart from the database.\n";

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl KeyId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// A key, wiped when the last copy goes.
#[derive(Clone)]
pub(crate) struct Key {
    pub id: KeyId,
    pub secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, redacted)", self.id)
    }
}

impl Key {
    /// A new one, from the system's randomness.
    pub(crate) fn new() -> Self {
        Self { id: KeyId(rand::random()), secret: Zeroizing::new(rand::random()) }
    }

    fn parse(line: &str) -> Option<Self> {
        let (id, secret) = line.split_once(' ')?;
        let id = KeyId::parse(id)?;
        let bytes = Zeroizing::new(HEXLOWER.decode(secret.trim().as_bytes()).ok()?);
        let secret: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self { id, secret: Zeroizing::new(secret) })
    }
}

/// All keys that can open, the last of which seals. Never empty.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    keys: Vec<Key>,
    current: usize,
}

impl Ring {
    /// The last key seals.
    ///
    /// # Panics
    /// Without a key: callers make one first.
    pub(crate) fn of(keys: Vec<Key>) -> Self {
        assert!(!keys.is_empty(), "a ring without a key cannot seal");
        let current = keys.len() - 1;
        Self { keys, current }
    }

    /// The key that seals.
    pub(crate) fn current(&self) -> &Key {
        &self.keys[self.current]
    }

    /// A key by its id.
    pub(crate) fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|k| k.id == id)
    }

    /// The same with one more, which seals from now on.
    pub(crate) fn with(&self, key: Key) -> Self {
        let mut keys = self.keys.clone();
        keys.push(key);
        Self::of(keys)
    }

    /// The same, sealing with this key if it is there.
    pub(crate) fn sealing_with(mut self, id: KeyId) -> Option<Self> {
        self.current = self.keys.iter().position(|k| k.id == id)?;
        Some(self)
    }

    /// The same without these keys, never without the one that seals.
    pub(crate) fn without(&self, retired: &[KeyId]) -> Self {
        let current = self.current().id;
        let mut keys = self.keys.clone();
        keys.retain(|k| k.id == current || !retired.contains(&k.id));
        let at = keys.iter().position(|k| k.id == current).unwrap_or(0);
        Self { keys, current: at }
    }

    /// These keys and those of `other`; the one of `self` seals.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for key in &other.keys {
            if joined.key(key.id).is_none() {
                joined.keys.push(key.clone());
            }
        }
        joined
    }

    /// The ids of all keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|k| k.id)
    }

    /// How many keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Reads a key file; `None`: there is none.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>> {
        let bad = |why: &str| Error::VaultKey { file: file.to_owned(), why: why.to_owned() };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad(&error.to_string())),
        };
        if disk::readable_by_others(file) {
            tracing::warn!(file = %file.display(), "other users of this machine can read the vault's key file");
        }
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            keys.push(Key::parse(line).ok_or_else(|| {
                bad("a line of it is not `ID KEY` with 16 and 64 hexadecimal digits")
            })?);
        }
        if keys.is_empty() { Err(bad("there is no key in it")) } else { Ok(Some(Self::of(keys))) }
    }

    /// Replaces the key file, for this user alone, and returns once it is on disk.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut text = Zeroizing::new(String::with_capacity(256 + 96 * self.keys.len()));
        text.push_str(HEADER);
        // The one that seals comes last, whatever the order was.
        let last = std::iter::once(self.current());
        let others = self.keys.iter().filter(|k| k.id != self.current().id);
        for key in others.chain(last) {
            let secret = Zeroizing::new(HEXLOWER.encode(key.secret.as_slice()));
            text.push_str(&key.id.to_string());
            text.push(' ');
            text.push_str(&secret);
            text.push('\n');
        }
        disk::replace(file, |out| out.write_all(text.as_bytes())).map_err(|error| Error::VaultKey {
            file: file.to_owned(),
            why: format!("it cannot be written: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_read_as_it_was_written_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vault.key");
        assert!(Ring::read(&file).unwrap().is_none());
        let ring = Ring::of(vec![Key::new()]).with(Key::new());
        ring.write(&file).unwrap();
        let read = Ring::read(&file).unwrap().unwrap();
        assert_eq!(read.current().id, ring.current().id);
        assert_eq!(read.current().secret, ring.current().secret);
        assert_eq!(read.len(), 2);
        #[cfg(unix)]
        assert!(!disk::readable_by_others(&file));
        let first = ring.keys[0].id;
        let back = ring.clone().sealing_with(first).unwrap();
        back.write(&file).unwrap();
        assert_eq!(Ring::read(&file).unwrap().unwrap().current().id, first);
        assert_eq!(ring.without(&[first, ring.current().id]).len(), 1);
    }

    #[test]
    fn a_bent_key_file_is_refused_and_does_not_print() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vault.key");
        for text in ["", "# only a remark\n", "canary", "00 canary\n", "0011223344556677 0011\n"] {
            std::fs::write(&file, text).unwrap();
            let error = Ring::read(&file).unwrap_err();
            assert!(matches!(error, Error::VaultKey { .. }), "{text}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
