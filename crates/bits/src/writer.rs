//! Writes integers of the widths wire formats use into any growing buffer.
//!
//! Belongs here: fixed-width writes, the mirror image of the reader.
//! Must not come here: formats, lengths that are patched in later.

use bytes::BufMut;

/// Appends to a growing buffer (`Vec<u8>`, `BytesMut`).
#[derive(Debug)]
pub struct Writer<'a, B: BufMut> {
    out: &'a mut B,
}

impl<'a, B: BufMut> Writer<'a, B> {
    /// Appends to `out`.
    pub const fn new(out: &'a mut B) -> Self {
        Self { out }
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    /// Two bytes, most significant first.
    pub fn u16_be(&mut self, value: u16) {
        self.out.put_u16(value);
    }

    /// Two bytes, least significant first.
    pub fn u16_le(&mut self, value: u16) {
        self.out.put_u16_le(value);
    }

    /// The low 24 bits, most significant byte first; higher bits are dropped.
    pub fn u24_be(&mut self, value: u32) {
        let [_, a, b, c] = value.to_be_bytes();
        self.bytes(&[a, b, c]);
    }

    /// The low 24 bits of the two's complement, most significant byte first.
    pub fn i24_be(&mut self, value: i32) {
        let [_, a, b, c] = value.to_be_bytes();
        self.bytes(&[a, b, c]);
    }

    /// Four bytes, most significant first.
    pub fn u32_be(&mut self, value: u32) {
        self.out.put_u32(value);
    }

    /// Four bytes, least significant first.
    pub fn u32_le(&mut self, value: u32) {
        self.out.put_u32_le(value);
    }

    /// Eight bytes, most significant first.
    pub fn u64_be(&mut self, value: u64) {
        self.out.put_u64(value);
    }

    /// An IEEE 754 double, most significant byte first, bit for bit.
    pub fn f64_be(&mut self, value: f64) {
        self.out.put_f64(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;
    use bytes::BytesMut;

    fn write_all<B: BufMut>(out: &mut B) {
        let mut writer = Writer::new(out);
        writer.u8(0xAB);
        writer.u16_be(0x1234);
        writer.u16_le(0x1234);
        writer.u24_be(0xFF01_0203);
        writer.i24_be(-40);
        writer.u32_be(0xDEAD_BEEF);
        writer.u32_le(0xDEAD_BEEF);
        writer.u64_be(u64::MAX - 1);
        writer.f64_be(-0.5);
        writer.bytes(b"end");
    }

    #[test]
    fn reads_back_what_was_written_to_either_buffer() {
        let (mut vec, mut bytes) = (Vec::new(), BytesMut::new());
        write_all(&mut vec);
        write_all(&mut bytes);
        assert_eq!(vec, bytes);

        let mut reader = Reader::new(&vec);
        assert_eq!(reader.u8(), Ok(0xAB));
        assert_eq!(reader.u16_be(), Ok(0x1234));
        assert_eq!(reader.u16_le(), Ok(0x1234));
        assert_eq!(reader.u24_be(), Ok(0x01_0203));
        assert_eq!(reader.i24_be(), Ok(-40));
        assert_eq!(reader.u32_be(), Ok(0xDEAD_BEEF));
        assert_eq!(reader.u32_le(), Ok(0xDEAD_BEEF));
        assert_eq!(reader.u64_be(), Ok(u64::MAX - 1));
        assert_eq!(reader.f64_be(), Ok(-0.5));
        assert_eq!(reader.rest(), b"end");
    }
}
