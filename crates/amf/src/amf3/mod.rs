//! AMF3 values, and the envelope in which RTMP carries them.
//!
//! Belongs here: the AMF3 data type and the selector byte of message types 15, 16 and 17.
//! Must not come here: AMF0, classes that write themselves (externalizable).

mod decode;
mod encode;

pub use decode::decode;
pub(crate) use decode::decode_within;
pub use encode::encode;

use crate::Text;

/// First byte of an AMF3 command, data or shared object message: "AMF0 follows" (Errata 7.2).
pub const SELECTOR: u8 = 0;

/// The AMF0 values in the body of a message of type 15, 16 or 17: the body without its selector.
///
/// Some clients omit the selector. A body that does not begin with it is AMF0 from the first byte,
/// which is a string marker (0x02) in every command.
pub fn payload(body: &[u8]) -> &[u8] {
    match body.split_first() {
        Some((&SELECTOR, rest)) => rest,
        _ => body,
    }
}

/// One AMF3 value (AMF3 3.1). String and trait references are resolved; references to objects are
/// kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Undefined,
    /// Nothing, said explicitly.
    Null,
    /// A flag.
    Boolean(bool),
    /// 29 bits, signed: -2^28..2^28. Anything beyond is written as a double.
    Integer(i32),
    /// A double.
    Double(f64),
    /// A string.
    String(Text),
    /// An XML document of the old kind.
    XmlDocument(Text),
    /// An XML document of the E4X kind.
    Xml(Text),
    /// Milliseconds since 1970-01-01 UTC.
    Date(f64),
    /// Both halves of an array. A pair with an empty key is cut off in writing.
    Array {
        /// Elements with names.
        associative: Vec<(Text, Value)>,
        /// Elements with indexes from 0.
        dense: Vec<Value>,
    },
    /// An object with its traits.
    Object {
        /// Class name; empty for an anonymous object.
        class: Text,
        /// The members that the class declares.
        sealed: Vec<(Text, Value)>,
        /// The members added at run time; `None` if the class does not allow any.
        dynamic: Option<Vec<(Text, Value)>>,
    },
    /// Raw bytes.
    ByteArray(Box<[u8]>),
    /// Signed integers.
    VectorInt {
        /// Whether the length may change.
        fixed: bool,
        /// The elements.
        items: Vec<i32>,
    },
    /// Unsigned integers.
    VectorUint {
        /// Whether the length may change.
        fixed: bool,
        /// The elements.
        items: Vec<u32>,
    },
    /// Doubles.
    VectorDouble {
        /// Whether the length may change.
        fixed: bool,
        /// The elements.
        items: Vec<f64>,
    },
    /// Values of one class.
    VectorObject {
        /// Whether the length may change.
        fixed: bool,
        /// Class name of the elements.
        class: Text,
        /// The elements.
        items: Vec<Value>,
    },
    /// Values keyed by values.
    Dictionary {
        /// Whether keys are held weakly.
        weak: bool,
        /// Key and value pairs.
        entries: Vec<(Value, Value)>,
    },
    /// The object with this index among those of the value, counted from 0 in order of appearance.
    Reference(u32),
}

/// Markers of AMF3 3.1.
mod marker {
    pub(super) const UNDEFINED: u8 = 0x00;
    pub(super) const NULL: u8 = 0x01;
    pub(super) const FALSE: u8 = 0x02;
    pub(super) const TRUE: u8 = 0x03;
    pub(super) const INTEGER: u8 = 0x04;
    pub(super) const DOUBLE: u8 = 0x05;
    pub(super) const STRING: u8 = 0x06;
    pub(super) const XML_DOCUMENT: u8 = 0x07;
    pub(super) const DATE: u8 = 0x08;
    pub(super) const ARRAY: u8 = 0x09;
    pub(super) const OBJECT: u8 = 0x0A;
    pub(super) const XML: u8 = 0x0B;
    pub(super) const BYTE_ARRAY: u8 = 0x0C;
    pub(super) const VECTOR_INT: u8 = 0x0D;
    pub(super) const VECTOR_UINT: u8 = 0x0E;
    pub(super) const VECTOR_DOUBLE: u8 = 0x0F;
    pub(super) const VECTOR_OBJECT: u8 = 0x10;
    pub(super) const DICTIONARY: u8 = 0x11;
}
