//! AMF3 values as the AMF0 values that say the same.
//!
//! Belongs here: the mapping for readers of commands and metadata who do not care which of the two
//! a sender chose. Must not come here: anything that is passed on; that stays as it came.

use crate::{Text, Value, amf3};

impl Value {
    /// This value with every AMF3 value in it replaced by its AMF0 counterpart, at any depth.
    ///
    /// Byte arrays and dictionaries have none and become [`Value::Unsupported`]; references within
    /// AMF3 become [`Value::Undefined`].
    #[must_use]
    pub fn into_amf0(self) -> Self {
        match self {
            Self::Object(members) => Self::Object(amf0_members(members)),
            Self::EcmaArray(members) => Self::EcmaArray(amf0_members(members)),
            Self::TypedObject { class, properties } => {
                Self::TypedObject { class, properties: amf0_members(properties) }
            }
            Self::StrictArray(elements) => {
                Self::StrictArray(elements.into_iter().map(Self::into_amf0).collect())
            }
            Self::Amf3(value) => value.into(),
            other => other,
        }
    }
}

fn amf0_members(members: Vec<(Text, Value)>) -> Vec<(Text, Value)> {
    members.into_iter().map(|(key, value)| (key, value.into_amf0())).collect()
}

fn members(members: Vec<(Text, amf3::Value)>) -> Vec<(Text, Value)> {
    members.into_iter().map(|(key, value)| (key, value.into())).collect()
}

fn elements<T: Into<Value>>(items: Vec<T>) -> Value {
    Value::StrictArray(items.into_iter().map(Into::into).collect())
}

impl From<amf3::Value> for Value {
    fn from(value: amf3::Value) -> Self {
        use amf3::Value as Amf3;
        match value {
            Amf3::Undefined | Amf3::Reference(_) => Self::Undefined,
            Amf3::Null => Self::Null,
            Amf3::Boolean(flag) => Self::Boolean(flag),
            Amf3::Integer(number) => number.into(),
            Amf3::Double(number) => Self::Number(number),
            Amf3::String(text) => Self::String(text),
            Amf3::XmlDocument(text) | Amf3::Xml(text) => Self::Xml(text),
            Amf3::Date(millis) => Self::Date { millis, zone: 0 },
            Amf3::Array { associative, dense } if associative.is_empty() => elements(dense),
            Amf3::Array { associative, dense } => {
                let indexed = dense.into_iter().enumerate();
                let named = members(associative).into_iter();
                let indexed = indexed.map(|(index, item)| (index.to_string().into(), item.into()));
                Self::EcmaArray(named.chain(indexed).collect())
            }
            Amf3::Object { class, sealed, dynamic } => {
                let mut properties = members(sealed);
                properties.extend(members(dynamic.unwrap_or_default()));
                if class.is_empty() {
                    Self::Object(properties)
                } else {
                    Self::TypedObject { class, properties }
                }
            }
            Amf3::VectorInt { items, .. } => elements(items),
            Amf3::VectorUint { items, .. } => elements(items),
            Amf3::VectorDouble { items, .. } => elements(items),
            Amf3::VectorObject { items, .. } => elements(items),
            Amf3::ByteArray(_) | Amf3::Dictionary { .. } => Self::Unsupported,
        }
    }
}
