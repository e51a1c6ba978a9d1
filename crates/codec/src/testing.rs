//! Helpers of this crate's tests.

/// Bytes from their hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// Builds bitstreams field by field.
#[derive(Default)]
pub(crate) struct BitWriter(Vec<bool>);

impl BitWriter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Fields as (value, width).
    pub(crate) fn put(mut self, fields: &[(u32, u32)]) -> Self {
        for (value, width) in fields {
            self.0.extend((0..*width).rev().map(|at| value >> at & 1 == 1));
        }
        self
    }

    /// Exponential Golomb codes, `ue(v)`.
    pub(crate) fn ue(mut self, values: &[u32]) -> Self {
        for value in values {
            let code = value + 1;
            let width = 32 - code.leading_zeros();
            self = self.put(&[(0, width - 1), (code, width)]);
        }
        self
    }

    /// The fields of another.
    pub(crate) fn append(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The bytes, filled up with zero bits.
    pub(crate) fn finish(self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0_u8, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
        };
        self.0.chunks(8).map(byte).collect()
    }
}
