//! Helpers of this crate's tests.

use bytes::Bytes;

/// Bytes from hexadecimal digits in groups, and from texts in quotes.
pub(crate) fn bytes(notation: &str) -> Bytes {
    let mut out = Vec::new();
    for word in notation.split_whitespace() {
        match word.strip_prefix('\'') {
            Some(text) => out.extend(text.trim_end_matches('\'').bytes()),
            None => {
                let pair = |at| u8::from_str_radix(&word[at..at + 2], 16).unwrap();
                out.extend((0..word.len()).step_by(2).map(pair));
            }
        }
    }
    out.into()
}
