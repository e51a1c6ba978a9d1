//! AMF0 bytes to values, bounded in depth, number and length.
//!
//! Belongs here: the AMF0 grammar and its tolerances (traps A1, A4). Must not come here: AMF3.
//!
//! Recursion goes one frame per container level, and the depth limit is checked before each.

use manycast_bits::Reader;

use crate::limits::Budget;
use crate::{DecodeError, DecodeErrorKind, Limits, Text, Value, amf3};

/// Markers of AMF0 2.1.
pub(crate) mod marker {
    pub(crate) const NUMBER: u8 = 0x00;
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const STRING: u8 = 0x02;
    pub(crate) const OBJECT: u8 = 0x03;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const UNDEFINED: u8 = 0x06;
    pub(crate) const REFERENCE: u8 = 0x07;
    pub(crate) const ECMA_ARRAY: u8 = 0x08;
    pub(crate) const OBJECT_END: u8 = 0x09;
    pub(crate) const STRICT_ARRAY: u8 = 0x0A;
    pub(crate) const DATE: u8 = 0x0B;
    pub(crate) const LONG_STRING: u8 = 0x0C;
    pub(crate) const UNSUPPORTED: u8 = 0x0D;
    pub(crate) const XML: u8 = 0x0F;
    pub(crate) const TYPED_OBJECT: u8 = 0x10;
    pub(crate) const AVM_PLUS: u8 = 0x11;
}

/// An empty key and the end marker (AMF0 2.11).
pub(crate) const OBJECT_TERMINATOR: [u8; 3] = [0, 0, marker::OBJECT_END];

/// Reads the values of one message, one after another.
///
/// As an iterator it ends after the first error; [`Self::position`] then still names the end of
/// the last whole value.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    reader: Reader<'a>,
    length: usize,
    budget: Budget,
    failed: bool,
}

/// What [`decode_all`] could read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The whole values up to the end or the first error.
    pub values: Vec<Value>,
    /// Why reading stopped early, if it did.
    pub stopped: Option<DecodeError>,
}

/// Reads as many values as there are, and keeps those when the rest is unreadable (trap A4).
///
/// Whether [`Decoded::stopped`] is fatal is the caller's policy: an exceeded limit
/// ([`DecodeError::is_limit`]) is an attack, an unknown marker in a trailing argument is not.
pub fn decode_all(message: &[u8], limits: Limits) -> Decoded {
    let mut values = Vec::new();
    for result in Decoder::new(message, limits) {
        match result {
            Ok(value) => values.push(value),
            Err(error) => return Decoded { values, stopped: Some(error) },
        }
    }
    Decoded { values, stopped: None }
}

impl<'a> Decoder<'a> {
    /// Reads `message` within `limits`.
    pub fn new(message: &'a [u8], limits: Limits) -> Self {
        Self {
            reader: Reader::new(message),
            length: message.len(),
            budget: Budget::new(limits),
            failed: false,
        }
    }

    /// Bytes consumed by the whole values read so far.
    pub fn position(&self) -> usize {
        self.length.saturating_sub(self.reader.remaining())
    }

    /// The bytes not read yet.
    pub fn remaining(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

impl Iterator for Decoder<'_> {
    type Item = Result<Value, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.reader.is_empty() {
            return None;
        }
        let mut reader = self.reader;
        let result = value(&mut reader, &mut self.budget, Place::Top);
        Some(match result {
            Ok(value) => {
                self.reader = reader;
                Ok(value)
            }
            Err(kind) => {
                self.failed = true;
                Err(DecodeError { offset: self.length.saturating_sub(reader.remaining()), kind })
            }
        })
    }
}

impl std::iter::FusedIterator for Decoder<'_> {}

/// Where a value stands; a container at the top may lack its terminator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Nested,
}

type Result<T, E = DecodeErrorKind> = std::result::Result<T, E>;

fn value(reader: &mut Reader<'_>, budget: &mut Budget, place: Place) -> Result<Value> {
    budget.value()?;
    Ok(match reader.u8()? {
        marker::NUMBER => Value::Number(reader.f64_be()?),
        marker::BOOLEAN => Value::Boolean(reader.u8()? != 0),
        marker::STRING => Value::String(short_text(reader, budget)?),
        marker::OBJECT => Value::Object(properties(reader, budget, place)?),
        marker::NULL => Value::Null,
        marker::UNDEFINED => Value::Undefined,
        marker::REFERENCE => Value::Reference(reader.u16_be()?),
        marker::ECMA_ARRAY => {
            reader.u32_be()?; // the count is only a hint: 20 from OBS, 0 from others (trap A1)
            Value::EcmaArray(properties(reader, budget, place)?)
        }
        marker::STRICT_ARRAY => Value::StrictArray(elements(reader, budget)?),
        marker::DATE => {
            Value::Date { millis: reader.f64_be()?, zone: i16::from_be_bytes(reader.array()?) }
        }
        marker::LONG_STRING => Value::String(long_text(reader, budget)?),
        marker::UNSUPPORTED => Value::Unsupported,
        marker::XML => Value::Xml(long_text(reader, budget)?),
        marker::TYPED_OBJECT => Value::TypedObject {
            class: short_text(reader, budget)?,
            properties: properties(reader, budget, place)?,
        },
        marker::AVM_PLUS => Value::Amf3(amf3::decode_within(reader, budget)?),
        reserved => return Err(DecodeErrorKind::Marker(reserved)),
    })
}

fn short_text(reader: &mut Reader<'_>, budget: &Budget) -> Result<Text> {
    let length = budget.string(usize::from(reader.u16_be()?))?;
    Ok(reader.take(length)?.into())
}

fn long_text(reader: &mut Reader<'_>, budget: &Budget) -> Result<Text> {
    let claimed = usize::try_from(reader.u32_be()?).unwrap_or(usize::MAX);
    Ok(reader.take(budget.string(claimed)?)?.into())
}

/// Trap A1: some writers forget the terminator at the end of the message.
fn ends_without_terminator(reader: &Reader<'_>, place: Place) -> bool {
    place == Place::Top
        && reader.remaining() < OBJECT_TERMINATOR.len()
        && OBJECT_TERMINATOR.starts_with(reader.rest())
}

fn properties(
    reader: &mut Reader<'_>,
    budget: &mut Budget,
    place: Place,
) -> Result<Vec<(Text, Value)>> {
    budget.enter()?;
    let mut properties = Vec::new();
    loop {
        if ends_without_terminator(reader, place) {
            reader.skip(reader.remaining())?;
            break;
        }
        let key = short_text(reader, budget)?;
        if key.is_empty() && reader.peek() == Some(marker::OBJECT_END) {
            reader.u8()?;
            break;
        }
        properties.push((key, value(reader, budget, Place::Nested)?));
    }
    budget.leave();
    Ok(properties)
}

fn elements(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Vec<Value>> {
    budget.enter()?;
    let count = reader.u32_be()?;
    let mut elements = Vec::new(); // not sized by the claim: bar A3
    for _ in 0..count {
        elements.push(value(reader, budget, Place::Nested)?);
    }
    budget.leave();
    Ok(elements)
}
