//! AMF3 values to bytes.
//!
//! Belongs here: the AMF3 grammar in writing. Strings and traits are always written out, which
//! keeps object references valid: objects are numbered in the same order as in reading.

use manycast_bits::Writer;

use super::{Value, marker};
use crate::Text;
use crate::encode::wire_count;

/// The largest number a U29 can hold.
const U29_MAX: u32 = 0x1FFF_FFFF;

/// Appends the AMF3 `value` to `out`, without the AVM+ marker.
///
/// Integers beyond 29 bits become doubles. Lengths and counts have 28 bits (class members 25);
/// longer values cannot be expressed and are cut off.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Undefined => out.push(marker::UNDEFINED),
        Value::Null => out.push(marker::NULL),
        Value::Boolean(false) => out.push(marker::FALSE),
        Value::Boolean(true) => out.push(marker::TRUE),
        Value::Integer(number) => integer(*number, out),
        Value::Double(number) => double(*number, out),
        Value::String(text) => {
            out.push(marker::STRING);
            bytes(text, out);
        }
        Value::XmlDocument(text) => {
            out.push(marker::XML_DOCUMENT);
            bytes(text, out);
        }
        Value::Xml(text) => {
            out.push(marker::XML);
            bytes(text, out);
        }
        Value::Date(millis) => {
            out.extend([marker::DATE, 1]);
            Writer::new(out).f64_be(*millis);
        }
        Value::ByteArray(raw) => {
            out.push(marker::BYTE_ARRAY);
            bytes(raw, out);
        }
        Value::Reference(index) => {
            out.push(marker::OBJECT); // any marker of the object table will do
            u29(index.wrapping_shl(1), out);
        }
        Value::VectorInt { fixed, items } => {
            vector(marker::VECTOR_INT, *fixed, items, out, |item, out| {
                out.extend(item.to_be_bytes());
            });
        }
        Value::VectorUint { fixed, items } => {
            vector(marker::VECTOR_UINT, *fixed, items, out, |item, out| {
                out.extend(item.to_be_bytes());
            });
        }
        Value::VectorDouble { fixed, items } => {
            vector(marker::VECTOR_DOUBLE, *fixed, items, out, |item, out| {
                out.extend(item.to_be_bytes());
            });
        }
        _ => container(value, out),
    }
}

fn container(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array { associative, dense } => {
            out.push(marker::ARRAY);
            inline(dense.len(), out);
            pairs(associative, out);
            dense.iter().for_each(|item| encode(item, out));
        }
        Value::Object { class, sealed, dynamic } => object(class, sealed, dynamic.as_deref(), out),
        Value::VectorObject { fixed, class, items } => {
            out.push(marker::VECTOR_OBJECT);
            inline(items.len(), out);
            out.push(u8::from(*fixed));
            bytes(class, out);
            items.iter().for_each(|item| encode(item, out));
        }
        Value::Dictionary { weak, entries } => {
            out.push(marker::DICTIONARY);
            inline(entries.len(), out);
            out.push(u8::from(*weak));
            for (key, value) in entries {
                encode(key, out);
                encode(value, out);
            }
        }
        _ => out.push(marker::UNDEFINED), // the other types were written by the caller
    }
}

fn object(
    class: &Text,
    sealed: &[(Text, Value)],
    dynamic: Option<&[(Text, Value)]>,
    out: &mut Vec<u8>,
) {
    out.push(marker::OBJECT);
    let flags = if dynamic.is_some() { 0b1011 } else { 0b0011 };
    u29(wire_count(sealed.len()).wrapping_shl(4) | flags, out);
    bytes(class, out);
    sealed.iter().for_each(|(name, _)| bytes(name, out));
    sealed.iter().for_each(|(_, value)| encode(value, out));
    if let Some(members) = dynamic {
        pairs(members, out);
    }
}

fn pairs(members: &[(Text, Value)], out: &mut Vec<u8>) {
    // an empty key would end the list early and let the values run loose
    for (key, value) in members.iter().filter(|(key, _)| !key.is_empty()) {
        bytes(key, out);
        encode(value, out);
    }
    inline(0, out);
}

fn vector<T: Copy>(
    kind: u8,
    fixed: bool,
    items: &[T],
    out: &mut Vec<u8>,
    write: fn(T, &mut Vec<u8>),
) {
    out.push(kind);
    inline(items.len(), out);
    out.push(u8::from(fixed));
    items.iter().for_each(|item| write(*item, out));
}

fn integer(number: i32, out: &mut Vec<u8>) {
    if (-(1 << 28)..1 << 28).contains(&number) {
        out.push(marker::INTEGER);
        u29(number.cast_unsigned() & U29_MAX, out);
    } else {
        double(number.into(), out);
    }
}

fn double(number: f64, out: &mut Vec<u8>) {
    out.push(marker::DOUBLE);
    Writer::new(out).f64_be(number);
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    inline(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// A length or count with the bit that says "not a reference".
fn inline(count: usize, out: &mut Vec<u8>) {
    u29(wire_count(count).wrapping_shl(1) | 1, out);
}

/// AMF3 1.3.1.
fn u29(value: u32, out: &mut Vec<u8>) {
    let value = value & U29_MAX;
    let [a, b, c, d] = value.to_be_bytes();
    match value {
        0..0x80 => out.push(d),
        0x80..0x4000 => out.extend([0x80 | c << 1 | d >> 7, d & 0x7F]),
        0x4000..0x20_0000 => {
            out.extend([0x80 | b << 2 | c >> 6, 0x80 | c << 1 | d >> 7, d & 0x7F]);
        }
        _ => out.extend([0x80 | a << 2 | b >> 6, 0x80 | b << 1 | c >> 7, 0x80 | c, d]),
    }
}
