//! A cursor over a byte slice that reads integers of the widths wire formats use.
//!
//! Belongs here: fixed-width reads, taking a sub-slice, looking ahead.
//! Must not come here: variable-length codes of one format, bit fields.

use crate::UnexpectedEnd;

/// Reads from the front of a slice. A read that fails consumes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `input`.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// Bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether every byte was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes not read yet, without consuming them.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next byte, without consuming it.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], UnexpectedEnd> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(UnexpectedEnd)?;
        self.rest = tail;
        Ok(head)
    }

    /// Passes over `n` bytes.
    pub fn skip(&mut self, n: usize) -> Result<(), UnexpectedEnd> {
        self.take(n).map(|_| ())
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], UnexpectedEnd> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(UnexpectedEnd)?;
        self.rest = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, UnexpectedEnd> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Two bytes, most significant first.
    pub fn u16_be(&mut self) -> Result<u16, UnexpectedEnd> {
        self.array().map(u16::from_be_bytes)
    }

    /// Two bytes, least significant first.
    pub fn u16_le(&mut self) -> Result<u16, UnexpectedEnd> {
        self.array().map(u16::from_le_bytes)
    }

    /// Three bytes, most significant first: 0..=0xFF_FFFF.
    pub fn u24_be(&mut self) -> Result<u32, UnexpectedEnd> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Three bytes, most significant first, sign-extended: -0x80_0000..=0x7F_FFFF.
    pub fn i24_be(&mut self) -> Result<i32, UnexpectedEnd> {
        let [a, b, c] = self.array()?;
        let sign = if a & 0x80 == 0 { 0x00 } else { 0xFF };
        Ok(i32::from_be_bytes([sign, a, b, c]))
    }

    /// Four bytes, most significant first.
    pub fn u32_be(&mut self) -> Result<u32, UnexpectedEnd> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes, most significant first, two's complement.
    pub fn i32_be(&mut self) -> Result<i32, UnexpectedEnd> {
        self.array().map(i32::from_be_bytes)
    }

    /// Four bytes, least significant first.
    pub fn u32_le(&mut self) -> Result<u32, UnexpectedEnd> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, most significant first.
    pub fn u64_be(&mut self) -> Result<u64, UnexpectedEnd> {
        self.array().map(u64::from_be_bytes)
    }

    /// An IEEE 754 double, most significant byte first; every bit pattern is kept, NaN too.
    pub fn f64_be(&mut self) -> Result<f64, UnexpectedEnd> {
        self.array().map(f64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_and_orders() {
        let bytes = [0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08];
        let reader = || Reader::new(&bytes);
        assert_eq!(reader().u8(), Ok(0x81));
        assert_eq!(reader().u16_be(), Ok(0x8102));
        assert_eq!(reader().u16_le(), Ok(0x0281));
        assert_eq!(reader().u24_be(), Ok(0x81_0203));
        assert_eq!(reader().u32_be(), Ok(0x8102_0304));
        assert_eq!(reader().u32_le(), Ok(0x0403_0281));
        assert_eq!(reader().u64_be(), Ok(0x8102_0304_0506_0708));
        assert_eq!(reader().f64_be().map(f64::to_bits), Ok(0x8102_0304_0506_0708));
    }

    #[test]
    fn i24_extends_the_sign() {
        for (bytes, value) in [
            ([0x00, 0x00, 0x00], 0),
            ([0x7F, 0xFF, 0xFF], 0x7F_FFFF),
            ([0x80, 0x00, 0x00], -0x80_0000),
            ([0xFF, 0xFF, 0xFF], -1),
            ([0xFF, 0xFF, 0xD8], -40),
        ] {
            assert_eq!(Reader::new(&bytes).i24_be(), Ok(value));
        }
    }

    #[test]
    fn a_failed_read_consumes_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32_be(), Err(UnexpectedEnd));
        assert_eq!(reader.take(4), Err(UnexpectedEnd));
        assert_eq!(reader.take(usize::MAX), Err(UnexpectedEnd));
        assert_eq!(reader.remaining(), 3);
        assert_eq!(reader.u24_be(), Ok(0x01_0203));
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), Err(UnexpectedEnd));
        assert_eq!(reader.take(0), Ok(&[][..]));
    }
}
