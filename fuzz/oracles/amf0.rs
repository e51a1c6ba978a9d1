//! What has to hold for the AMF0 decoder, whatever the bytes.

use manycast_amf::{Decoded, Decoder, Limits, Text, Value, amf3, decode_all, encode_all};

/// Limits under which whatever came out of the decoder can be decoded again: encoding writes out
/// what references stood for.
const GENEROUS: Limits = Limits { depth: 32, values: 1 << 20, string: 1 << 20 };

/// The decoder alone.
pub(crate) fn parse(data: &[u8]) {
    decode_all(data, Limits::default());
}

/// Everything that has to hold.
pub(crate) fn check(data: &[u8]) {
    let limits = Limits::default();
    let decoded = decode_all(data, limits);
    steps_agree(data, limits, &decoded);
    within_limits(data, limits, &decoded.values);

    let mut once = Vec::new();
    encode_all(&decoded.values, &mut once);
    let again = decode_all(&once, GENEROUS);
    assert_eq!(again.stopped, None, "what was encoded cannot be decoded");
    let mut twice = Vec::new();
    encode_all(&again.values, &mut twice);
    assert_eq!(once, twice, "encoding is not stable");

    for value in decoded.values {
        look(&value);
        let simple = value.into_amf0();
        look(&simple);
        assert!(!matches!(simple, Value::Amf3(_)));
    }
    assert!(data.ends_with(amf3::payload(data)));
}

/// One value at a time gives the same, and positions move forward within the input.
fn steps_agree(data: &[u8], limits: Limits, decoded: &Decoded) {
    let mut decoder = Decoder::new(data, limits);
    let mut values = 0;
    loop {
        let before = decoder.position();
        match decoder.next() {
            Some(Ok(_)) => values += 1,
            Some(Err(error)) => {
                assert_eq!(decoded.stopped, Some(error));
                assert!(error.offset <= data.len());
                assert_eq!(decoder.position(), before);
                assert!(decoder.next().is_none());
                break;
            }
            None => {
                assert_eq!(decoded.stopped, None);
                assert_eq!(decoder.position(), data.len());
                break;
            }
        }
        assert!(decoder.position() > before);
    }
    assert_eq!(values, decoded.values.len());
}

fn within_limits(data: &[u8], limits: Limits, values: &[Value]) {
    let mut sum = Sum::default();
    values.iter().for_each(|value| sum.amf0(value, 0));
    assert!(sum.values <= limits.values, "{} values", sum.values);
    assert!(sum.depth <= limits.depth, "{} levels", sum.depth);
    assert!(sum.text <= data.len() + limits.string, "{} bytes of text", sum.text);
}

fn look(value: &Value) {
    let _ = (value.get("a"), value.get_ignore_case("A"), value.as_number_lenient());
    let _ = (value.as_str(), value.as_array(), value.is_nothing());
}

#[derive(Default)]
struct Sum {
    values: usize,
    depth: usize,
    text: usize,
}

impl Sum {
    fn one(&mut self, depth: usize) {
        self.values += 1;
        self.depth = self.depth.max(depth);
    }

    fn members(&mut self, members: &[(Text, Value)], depth: usize) {
        for (key, value) in members {
            self.text += key.len();
            self.amf0(value, depth + 1);
        }
        self.depth = self.depth.max(depth + 1);
    }

    fn amf0(&mut self, value: &Value, depth: usize) {
        self.one(depth);
        match value {
            Value::String(text) | Value::Xml(text) => self.text += text.len(),
            Value::Object(members) | Value::EcmaArray(members) => self.members(members, depth),
            Value::TypedObject { class, properties } => {
                self.text += class.len();
                self.members(properties, depth);
            }
            Value::StrictArray(items) => {
                items.iter().for_each(|item| self.amf0(item, depth + 1));
                self.depth = self.depth.max(depth + 1);
            }
            Value::Amf3(value) => self.amf3(value, depth),
            _ => {}
        }
    }

    fn pairs(&mut self, pairs: &[(Text, amf3::Value)], depth: usize) {
        for (key, value) in pairs {
            self.text += key.len();
            self.amf3(value, depth);
        }
    }

    /// The value itself is counted by the marker before it, too, so it may not count here.
    fn amf3(&mut self, value: &amf3::Value, depth: usize) {
        use amf3::Value as V;
        let nested = depth + 1;
        match value {
            V::String(text) | V::XmlDocument(text) | V::Xml(text) => self.text += text.len(),
            V::ByteArray(bytes) => self.text += bytes.len(),
            V::VectorInt { items, .. } => self.text += 4 * items.len(),
            V::VectorUint { items, .. } => self.text += 4 * items.len(),
            V::VectorDouble { items, .. } => self.text += 8 * items.len(),
            V::Array { associative, dense } => {
                self.depth = self.depth.max(nested);
                self.pairs(associative, nested);
                dense.iter().for_each(|item| self.amf3(item, nested));
                self.values += dense.len() + associative.len();
            }
            V::Object { class, sealed, dynamic } => {
                self.depth = self.depth.max(nested);
                self.text += class.len();
                self.pairs(sealed, nested);
                self.pairs(dynamic.as_deref().unwrap_or_default(), nested);
                self.values += sealed.len() + dynamic.as_ref().map_or(0, Vec::len);
            }
            V::VectorObject { class, items, .. } => {
                self.depth = self.depth.max(nested);
                self.text += class.len();
                items.iter().for_each(|item| self.amf3(item, nested));
                self.values += items.len();
            }
            V::Dictionary { entries, .. } => {
                self.depth = self.depth.max(nested);
                for (key, value) in entries {
                    self.amf3(key, nested);
                    self.amf3(value, nested);
                }
                self.values += 2 * entries.len();
            }
            _ => {}
        }
    }
}
