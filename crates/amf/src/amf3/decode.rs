//! AMF3 bytes to values, bounded by the same account as the AMF0 around them.
//!
//! Belongs here: the AMF3 grammar and its three reference tables. Must not come here: AMF0.
//!
//! The tables live for one value: after the AVM+ marker everything starts anew (Errata 7.2).

use manycast_bits::Reader;

use super::{Value, marker};
use crate::limits::Budget;
use crate::{DecodeError, DecodeErrorKind, Limits, Text};

type Result<T, E = DecodeErrorKind> = std::result::Result<T, E>;

/// Reads the AMF3 value at the start of `bytes`; also returns how many bytes it took.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<(Value, usize), DecodeError> {
    let mut reader = Reader::new(bytes);
    let result = decode_within(&mut reader, &mut Budget::new(limits));
    let offset = bytes.len().saturating_sub(reader.remaining());
    result.map(|value| (value, offset)).map_err(|kind| DecodeError { offset, kind })
}

/// Reads one value on the account of the message it is part of.
pub(crate) fn decode_within(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Value> {
    let mut decoder =
        Decoder { reader: *reader, budget, strings: Vec::new(), traits: Vec::new(), objects: 0 };
    let result = decoder.value();
    *reader = decoder.reader;
    result
}

/// The class of an object (AMF3 3.12).
#[derive(Clone)]
struct Traits<'a> {
    class: &'a [u8],
    dynamic: bool,
    names: Vec<&'a [u8]>,
}

struct Decoder<'a, 'b> {
    reader: Reader<'a>,
    budget: &'b mut Budget,
    strings: Vec<&'a [u8]>,
    traits: Vec<Traits<'a>>,
    /// How many objects came so far. They are not kept: references to them stay references.
    objects: u32,
}

/// What the first U29 of an object says (AMF3 1.3.1).
enum Header {
    Reference(u32),
    /// The remaining bits: a length or a count.
    Inline(u32),
}

impl<'a> Decoder<'a, '_> {
    fn value(&mut self) -> Result<Value> {
        self.budget.value()?;
        match self.reader.u8()? {
            marker::UNDEFINED => Ok(Value::Undefined),
            marker::NULL => Ok(Value::Null),
            marker::FALSE => Ok(Value::Boolean(false)),
            marker::TRUE => Ok(Value::Boolean(true)),
            marker::INTEGER => Ok(Value::Integer(sign_extend(self.u29()?))),
            marker::DOUBLE => Ok(Value::Double(self.reader.f64_be()?)),
            marker::STRING => Ok(Value::String(self.string()?.into())),
            container => self.object_like(container),
        }
    }

    /// The types that take a place in the object table.
    fn object_like(&mut self, kind: u8) -> Result<Value> {
        if !(marker::XML_DOCUMENT..=marker::DICTIONARY).contains(&kind) {
            return Err(DecodeErrorKind::Marker(kind));
        }
        let bits = match self.header()? {
            Header::Reference(index) => return Ok(Value::Reference(index)),
            Header::Inline(bits) => bits,
        };
        match kind {
            marker::XML_DOCUMENT => Ok(Value::XmlDocument(self.text(bits)?)),
            marker::XML => Ok(Value::Xml(self.text(bits)?)),
            marker::DATE => Ok(Value::Date(self.reader.f64_be()?)),
            marker::BYTE_ARRAY => Ok(Value::ByteArray(self.items(bits, 1)?.into())),
            marker::VECTOR_INT => {
                let fixed = self.reader.u8()? != 0;
                let items = words(self.items(bits, 4)?, i32::from_be_bytes);
                Ok(Value::VectorInt { fixed, items })
            }
            marker::VECTOR_UINT => {
                let fixed = self.reader.u8()? != 0;
                let items = words(self.items(bits, 4)?, u32::from_be_bytes);
                Ok(Value::VectorUint { fixed, items })
            }
            marker::VECTOR_DOUBLE => {
                let fixed = self.reader.u8()? != 0;
                let items = words(self.items(bits, 8)?, f64::from_be_bytes);
                Ok(Value::VectorDouble { fixed, items })
            }
            _ => {
                self.budget.enter()?;
                let value = self.container(kind, bits)?;
                self.budget.leave();
                Ok(value)
            }
        }
    }

    fn container(&mut self, kind: u8, bits: u32) -> Result<Value> {
        match kind {
            marker::ARRAY => {
                let associative = self.pairs()?;
                Ok(Value::Array { associative, dense: self.values(bits)? })
            }
            marker::OBJECT => self.object(bits),
            marker::VECTOR_OBJECT => {
                let fixed = self.reader.u8()? != 0;
                let class = self.string()?.into();
                Ok(Value::VectorObject { fixed, class, items: self.values(bits)? })
            }
            _ => {
                let weak = self.reader.u8()? != 0;
                let mut entries = Vec::new();
                for _ in 0..bits {
                    let key = self.value()?;
                    entries.push((key, self.value()?));
                }
                Ok(Value::Dictionary { weak, entries })
            }
        }
    }

    fn object(&mut self, bits: u32) -> Result<Value> {
        let traits = self.traits(bits)?;
        let mut sealed = Vec::new();
        for name in traits.names {
            let value = self.value()?;
            sealed.push((name.into(), value));
        }
        let dynamic = if traits.dynamic { Some(self.pairs()?) } else { None };
        Ok(Value::Object { class: traits.class.into(), sealed, dynamic })
    }

    /// `bits` is the object's U29 without its lowest bit.
    fn traits(&mut self, bits: u32) -> Result<Traits<'a>> {
        if bits & 1 == 0 {
            let index = bits >> 1;
            let traits = lookup(&self.traits, index)?.clone();
            self.budget.copy(traits.class.len())?;
            for name in &traits.names {
                self.budget.value()?;
                self.budget.copy(name.len())?;
            }
            return Ok(traits);
        }
        if bits & 2 != 0 {
            return Err(DecodeErrorKind::Externalizable);
        }
        let class = self.string()?;
        let mut names = Vec::new();
        for _ in 0..bits >> 3 {
            self.budget.value()?;
            names.push(self.string()?);
        }
        let traits = Traits { class, dynamic: bits & 4 != 0, names };
        self.traits.push(traits.clone());
        Ok(traits)
    }

    /// Pairs up to the empty key.
    fn pairs(&mut self) -> Result<Vec<(Text, Value)>> {
        let mut pairs = Vec::new();
        loop {
            let key = self.string()?;
            if key.is_empty() {
                return Ok(pairs);
            }
            pairs.push((key.into(), self.value()?));
        }
    }

    fn values(&mut self, count: u32) -> Result<Vec<Value>> {
        let mut values = Vec::new(); // not sized by the claim: bar A3
        for _ in 0..count {
            values.push(self.value()?);
        }
        Ok(values)
    }

    /// Counts an object in, or names the one referred to.
    fn header(&mut self) -> Result<Header> {
        let bits = self.u29()?;
        if bits & 1 == 0 {
            let index = bits >> 1;
            let known = index < self.objects;
            return if known {
                Ok(Header::Reference(index))
            } else {
                Err(DecodeErrorKind::Reference(index))
            };
        }
        self.objects = self.objects.saturating_add(1);
        Ok(Header::Inline(bits >> 1))
    }

    /// AMF3 1.3.2. The empty string never enters the table.
    fn string(&mut self) -> Result<&'a [u8]> {
        let bits = self.u29()?;
        if bits & 1 == 0 {
            let string = *lookup(&self.strings, bits >> 1)?;
            self.budget.copy(string.len())?;
            return Ok(string);
        }
        let length = self.budget.string(size(bits >> 1))?;
        let string = self.reader.take(length)?;
        if !string.is_empty() {
            self.strings.push(string);
        }
        Ok(string)
    }

    fn text(&mut self, length: u32) -> Result<Text> {
        let length = self.budget.string(size(length))?;
        Ok(self.reader.take(length)?.into())
    }

    fn items(&mut self, count: u32, width: usize) -> Result<&'a [u8]> {
        let length = size(count).checked_mul(width).ok_or(DecodeErrorKind::UnexpectedEnd)?;
        Ok(self.reader.take(length)?)
    }

    /// AMF3 1.3.1: 7 bits a byte, the fourth byte gives 8.
    fn u29(&mut self) -> Result<u32> {
        let mut value = 0_u32;
        for _ in 0..3 {
            let byte = self.reader.u8()?;
            value = value << 7 | u32::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Ok(value << 8 | u32::from(self.reader.u8()?))
    }
}

fn lookup<T>(table: &[T], index: u32) -> Result<&T> {
    table.get(size(index)).ok_or(DecodeErrorKind::Reference(index))
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn words<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|word| read(*word)).collect()
}

/// Bit 28 is the sign.
const fn sign_extend(bits: u32) -> i32 {
    (bits << 3).cast_signed() >> 3
}
