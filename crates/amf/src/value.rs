//! The AMF0 value and how to look into it.
//!
//! Belongs here: the data type, look-ups that tolerate what encoders send, ways to build values.
//! Must not come here: bytes.

use std::borrow::Cow;

use crate::{Text, amf3};

/// One AMF0 value (AMF0 2.1). Properties keep their order and their duplicates.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A double; the only numeric type. NaN keeps its bits (trap A7).
    Number(f64),
    /// A flag.
    Boolean(bool),
    /// A string, short or long.
    String(Text),
    /// An anonymous object.
    Object(Vec<(Text, Value)>),
    /// Nothing, said explicitly.
    Null,
    /// No value.
    Undefined,
    /// The container with this index, counted from 0 in order of appearance in the message. It is
    /// kept, not resolved: resolving would let few bytes stand for many.
    Reference(u16),
    /// An associative array; the count on the wire is only a hint (trap A1).
    EcmaArray(Vec<(Text, Value)>),
    /// An array without keys.
    StrictArray(Vec<Value>),
    /// A moment.
    Date {
        /// Milliseconds since 1970-01-01 UTC.
        millis: f64,
        /// Minutes off UTC; should be 0 and is to be ignored (AMF0 2.13).
        zone: i16,
    },
    /// An XML document, not looked into.
    Xml(Text),
    /// An object of a named class.
    TypedObject {
        /// The registered name of the class.
        class: Text,
        /// Its properties.
        properties: Vec<(Text, Value)>,
    },
    /// A value the sender could not express.
    Unsupported,
    /// An AMF3 value behind the AVM+ marker. The switch holds for this value alone (Errata 7.2).
    Amf3(amf3::Value),
}

impl Value {
    /// The properties of an object, an ECMA array or a typed object (trap A3: a command object may
    /// be any of them).
    pub fn properties(&self) -> Option<&[(Text, Value)]> {
        match self {
            Self::Object(properties)
            | Self::EcmaArray(properties)
            | Self::TypedObject { properties, .. } => Some(properties),
            _ => None,
        }
    }

    /// The property `key`; the last one if it occurs twice, as in the reference players.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.properties()?.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// As [`Self::get`]; if there is none, one whose key differs only in the case of ASCII letters
    /// (trap A6: `tcurl`).
    pub fn get_ignore_case(&self, key: &str) -> Option<&Self> {
        self.get(key).or_else(|| {
            let mut properties = self.properties()?.iter().rev();
            let same = |name: &Text| name.eq_ignore_ascii_case(key.as_bytes());
            properties.find(|(name, _)| same(name)).map(|(_, value)| value)
        })
    }

    /// The number, in AMF0 or AMF3.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) | Self::Amf3(amf3::Value::Double(number)) => Some(*number),
            Self::Amf3(amf3::Value::Integer(number)) => Some(f64::from(*number)),
            _ => None,
        }
    }

    /// The number, also when it was written as a string or a flag (trap A3).
    pub fn as_number_lenient(&self) -> Option<f64> {
        self.as_number().or_else(|| {
            self.as_boolean()
                .map(|flag| f64::from(u8::from(flag)))
                .or_else(|| self.as_text()?.to_str()?.trim().parse().ok())
        })
    }

    /// The flag, in AMF0 or AMF3.
    pub const fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(flag) | Self::Amf3(amf3::Value::Boolean(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// The string, in AMF0 or AMF3.
    pub const fn as_text(&self) -> Option<&Text> {
        match self {
            Self::String(text) | Self::Amf3(amf3::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The string with U+FFFD in place of what is not UTF-8.
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        self.as_text().map(Text::to_string_lossy)
    }

    /// The elements of a strict array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::StrictArray(values) => Some(values),
            _ => None,
        }
    }

    /// Whether this is null or undefined, in AMF0 or AMF3.
    pub const fn is_nothing(&self) -> bool {
        matches!(
            self,
            Self::Null
                | Self::Undefined
                | Self::Amf3(amf3::Value::Null)
                | Self::Amf3(amf3::Value::Undefined)
        )
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::StrictArray(values)
    }
}

/// An anonymous object of these properties.
pub fn object<K: Into<Text>>(properties: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::Object(properties.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// An ECMA array of these properties.
pub fn ecma_array<K: Into<Text>>(properties: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::EcmaArray(properties.into_iter().map(|(key, value)| (key.into(), value)).collect())
}
