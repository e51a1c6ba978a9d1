//! A cursor over single bits, most significant bit first, with exponential Golomb codes.
//!
//! Belongs here: bit fields, `ue(v)` and `se(v)` of ITU-T H.264 clause 9.1, the end-of-data test.
//! Must not come here: the meaning of any field.

use crate::UnexpectedEnd;

/// A bit-level read that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitError {
    /// The input ended before the value was complete.
    #[error(transparent)]
    UnexpectedEnd(#[from] UnexpectedEnd),
    /// An exponential Golomb code of more than 32 bits, which no field may have.
    #[error("exponential Golomb code exceeds 32 bits")]
    CodeTooLong,
}

/// Reads bits from the front of a slice, most significant bit first.
#[derive(Clone, Copy, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits of the first byte of `bytes` that are consumed: 0..=7.
    used: u8,
}

impl<'a> BitReader<'a> {
    /// Starts at the first bit of `input`.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { bytes: input, used: 0 }
    }

    /// Bits not read yet.
    pub fn remaining_bits(&self) -> u64 {
        u64::try_from(self.bytes.len())
            .unwrap_or(u64::MAX)
            .saturating_mul(8)
            .saturating_sub(u64::from(self.used))
    }

    /// Whether the next bit is the first of a byte.
    pub const fn is_aligned(&self) -> bool {
        self.used == 0
    }

    /// One bit as a flag.
    pub fn flag(&mut self) -> Result<bool, UnexpectedEnd> {
        let (first, rest) = self.bytes.split_first().ok_or(UnexpectedEnd)?;
        let bit = (first << self.used) & 0x80 != 0;
        if self.used >= 7 {
            self.used = 0;
            self.bytes = rest;
        } else {
            self.used = self.used.wrapping_add(1);
        }
        Ok(bit)
    }

    /// An unsigned field of `n` bits; `n` above 32 keeps the low 32 bits.
    pub fn bits(&mut self, n: u32) -> Result<u32, UnexpectedEnd> {
        if u64::from(n) > self.remaining_bits() {
            return Err(UnexpectedEnd);
        }
        let mut value = 0_u32;
        for _ in 0..n {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    /// Passes over `n` bits.
    pub fn skip(&mut self, n: u64) -> Result<(), UnexpectedEnd> {
        if n > self.remaining_bits() {
            return Err(UnexpectedEnd);
        }
        let target = n.saturating_add(u64::from(self.used));
        let whole = usize::try_from(target / 8).map_err(|_| UnexpectedEnd)?;
        self.bytes = self.bytes.get(whole..).ok_or(UnexpectedEnd)?;
        self.used = u8::try_from(target % 8).unwrap_or(0);
        Ok(())
    }

    /// Passes to the next byte boundary and returns the bytes from there.
    pub fn into_aligned(self) -> &'a [u8] {
        let whole = usize::from(self.used > 0);
        self.bytes.get(whole..).unwrap_or_default()
    }

    /// An unsigned exponential Golomb code, `ue(v)`: 0..=u32::MAX - 1 (H.264 9.1).
    pub fn ue(&mut self) -> Result<u32, BitError> {
        let mut zeros = 0_u32;
        while !self.flag()? {
            zeros = zeros.saturating_add(1);
            if zeros > 31 {
                return Err(BitError::CodeTooLong);
            }
        }
        let suffix = self.bits(zeros)?;
        let base = 1_u32.wrapping_shl(zeros).wrapping_sub(1);
        Ok(base.wrapping_add(suffix))
    }

    /// A signed exponential Golomb code, `se(v)` (H.264 9.1.1): 1, -1, 2, -2 …
    pub fn se(&mut self) -> Result<i32, BitError> {
        let code = self.ue()?;
        let magnitude = i32::try_from(code.div_ceil(2)).map_err(|_| BitError::CodeTooLong)?;
        Ok(if code % 2 == 1 { magnitude } else { magnitude.wrapping_neg() })
    }

    /// Whether data follows before the stop bit and its zero padding (`more_rbsp_data()`, H.264
    /// 7.2). Input without any stop bit has no more data.
    pub fn more_rbsp_data(&self) -> bool {
        let Some(last) = self.bytes.iter().rposition(|byte| *byte != 0) else { return false };
        let stop =
            self.bytes.get(last).map_or(0, |byte| 7_u32.saturating_sub(byte.trailing_zeros()));
        last > 0 || stop > u32::from(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_cross_byte_boundaries() {
        let mut reader = BitReader::new(&[0b1010_1100, 0b0101_0011, 0xFF]);
        assert_eq!(reader.flag(), Ok(true));
        assert_eq!(reader.bits(3), Ok(0b010));
        assert_eq!(reader.bits(8), Ok(0b1100_0101));
        assert!(!reader.is_aligned());
        assert_eq!(reader.into_aligned(), &[0xFF]);
        assert_eq!(reader.bits(4), Ok(0b0011));
        assert!(reader.is_aligned());
        assert_eq!(reader.bits(9), Err(UnexpectedEnd));
        assert_eq!(reader.bits(8), Ok(0xFF));
        assert_eq!(reader.flag(), Err(UnexpectedEnd));
        assert_eq!(reader.bits(0), Ok(0));
    }

    #[test]
    fn golomb_codes_of_the_standard() {
        // H.264 table 9-2 and 9-3
        for (bytes, ue, se) in [
            ([0b1000_0000], 0, 0),
            ([0b0100_0000], 1, 1),
            ([0b0110_0000], 2, -1),
            ([0b0010_0000], 3, 2),
            ([0b0010_1000], 4, -2),
            ([0b0011_1000], 6, -3),
            ([0b0001_0000], 7, 4),
        ] {
            assert_eq!(BitReader::new(&bytes).ue(), Ok(ue));
            assert_eq!(BitReader::new(&bytes).se(), Ok(se));
        }
    }

    #[test]
    fn golomb_codes_at_the_edges() {
        let largest = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE];
        assert_eq!(BitReader::new(&largest).ue(), Ok(u32::MAX - 1));
        assert_eq!(BitReader::new(&largest).se(), Ok(-i32::MAX));
        assert_eq!(BitReader::new(&[0; 8]).ue(), Err(BitError::CodeTooLong));
        assert_eq!(BitReader::new(&[0; 3]).ue(), Err(UnexpectedEnd.into()));
        assert_eq!(BitReader::new(&[0b0001_0000][..]).skip(8), Ok(()));
        assert_eq!(BitReader::new(&[0b0000_0001]).ue(), Err(UnexpectedEnd.into()));
    }

    #[test]
    fn stop_bit_ends_the_data() {
        for (bytes, skip, more) in [
            (&[0b1000_0000][..], 0, false),
            (&[0b1100_0000], 0, true),
            (&[0b1100_0000], 1, false),
            (&[0xFF, 0x80], 7, true),
            (&[0xFF, 0x80], 8, false),
            (&[0xFF, 0x80, 0x00], 8, false),
            (&[0x00, 0x00], 0, false),
            (&[], 0, false),
        ] {
            let mut reader = BitReader::new(bytes);
            reader.skip(skip).unwrap();
            assert_eq!(reader.more_rbsp_data(), more, "{bytes:?} after {skip}");
        }
    }

    proptest! {
        #[test]
        fn skip_equals_reading(bytes in prop::collection::vec(any::<u8>(), 0..12), n in 0_u32..32) {
            let (mut skipped, mut read) = (BitReader::new(&bytes), BitReader::new(&bytes));
            prop_assert_eq!(skipped.skip(n.into()), read.bits(n).map(|_| ()));
            prop_assert_eq!(skipped.remaining_bits(), read.remaining_bits());
            prop_assert_eq!(skipped.bits(5), read.bits(5));
        }
    }
}
