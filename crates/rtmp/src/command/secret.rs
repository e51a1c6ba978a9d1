//! Text that may hold a stream key: it never prints itself and is compared in constant time.
//!
//! Belongs here: the type and its comparison.
//! Must not come here: knowledge of where keys stand in a name, see `target.rs`.

use std::{borrow::Cow, fmt};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A stream name, query or URL as a peer sent it, byte for byte: it may hold a key or a token.
///
/// It is bytes, not text, because encoders send names in local encodings (GBK). `Debug` shows the
/// length alone, equality takes the same time for every wrong guess of one length, and the memory
/// is wiped on drop.
#[derive(Clone, Default)]
pub struct StreamKeyText(Zeroizing<Vec<u8>>);

impl StreamKeyText {
    /// Keeps `bytes` as a secret.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for whoever has to check or to send them.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, with a replacement character for whatever is not UTF-8.
    #[must_use]
    pub fn expose(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl PartialEq for StreamKeyText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for StreamKeyText {}

impl From<&str> for StreamKeyText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&[u8]> for StreamKeyText {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for StreamKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamKeyText({} bytes, redacted)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::StreamKeyText;

    #[test]
    fn j1_a_key_never_prints_itself() {
        let key = StreamKeyText::from("live_1234_canary");
        let shown = format!("{key:?} {:?}", Some(&key));
        assert!(!shown.contains("canary") && shown.contains("16 bytes"), "{shown}");
    }

    #[test]
    fn keys_are_equal_by_their_bytes() {
        assert_eq!(StreamKeyText::from("a"), StreamKeyText::new(*b"a"));
        assert_ne!(StreamKeyText::from("a"), StreamKeyText::from("b"));
        assert_ne!(StreamKeyText::from("a"), StreamKeyText::from("aa"));
    }
}
