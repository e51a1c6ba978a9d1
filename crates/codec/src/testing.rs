//! Helpers of this crate's tests.

/// Bytes from their hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}
