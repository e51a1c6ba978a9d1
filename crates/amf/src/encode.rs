//! AMF0 values to bytes.
//!
//! Belongs here: the AMF0 grammar in writing. Must not come here: AMF3, commands' meanings.

use manycast_bits::Writer;

use crate::decode::{OBJECT_TERMINATOR, marker};
use crate::{Text, Value, amf3};

/// Appends `value` to `out`.
///
/// Keys and class names have 16-bit lengths: what is beyond 65,535 bytes is cut off. Longer string
/// values become long strings.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(marker::NUMBER);
            Writer::new(out).f64_be(*number);
        }
        Value::Boolean(flag) => out.extend([marker::BOOLEAN, u8::from(*flag)]),
        Value::String(text) => string(text, out),
        Value::Object(members) => {
            out.push(marker::OBJECT);
            properties(members, out);
        }
        Value::Null => out.push(marker::NULL),
        Value::Undefined => out.push(marker::UNDEFINED),
        Value::Reference(index) => {
            out.push(marker::REFERENCE);
            Writer::new(out).u16_be(*index);
        }
        Value::EcmaArray(members) => {
            out.push(marker::ECMA_ARRAY);
            Writer::new(out).u32_be(wire_count(members.len()));
            properties(members, out);
        }
        Value::StrictArray(elements) => {
            out.push(marker::STRICT_ARRAY);
            Writer::new(out).u32_be(wire_count(elements.len()));
            elements.iter().for_each(|element| encode(element, out));
        }
        Value::Date { millis, zone } => {
            out.push(marker::DATE);
            Writer::new(out).f64_be(*millis);
            out.extend(zone.to_be_bytes());
        }
        Value::Xml(text) => {
            out.push(marker::XML);
            long_text(text, out);
        }
        Value::TypedObject { class, properties: members } => {
            out.push(marker::TYPED_OBJECT);
            short_text(class, out);
            properties(members, out);
        }
        Value::Unsupported => out.push(marker::UNSUPPORTED),
        Value::Amf3(value) => {
            out.push(marker::AVM_PLUS);
            amf3::encode(value, out);
        }
    }
}

/// Appends the values one after another: the body of a command or data message.
pub fn encode_all<'a>(values: impl IntoIterator<Item = &'a Value>, out: &mut Vec<u8>) {
    values.into_iter().for_each(|value| encode(value, out));
}

/// The body of a command message: name, transaction id and arguments, of which the first is the
/// command object or null (RTMP 7.2.1).
pub fn encode_command(name: &str, transaction: f64, arguments: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    string(&name.into(), &mut out);
    encode(&Value::Number(transaction), &mut out);
    encode_all(arguments, &mut out);
    out
}

/// A length or count as its u32 on the wire. What does not fit cannot be built in memory here.
pub(crate) fn wire_count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn string(text: &Text, out: &mut Vec<u8>) {
    if text.len() > usize::from(u16::MAX) {
        out.push(marker::LONG_STRING);
        long_text(text, out);
    } else {
        out.push(marker::STRING);
        short_text(text, out);
    }
}

fn short_text(text: &Text, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    Writer::new(out).u16_be(length);
    out.extend(text.iter().take(usize::from(length)));
}

fn long_text(text: &Text, out: &mut Vec<u8>) {
    Writer::new(out).u32_be(wire_count(text.len()));
    out.extend_from_slice(text);
}

fn properties(members: &[(Text, Value)], out: &mut Vec<u8>) {
    for (key, value) in members {
        short_text(key, out);
        encode(value, out);
    }
    out.extend(OBJECT_TERMINATOR);
}
