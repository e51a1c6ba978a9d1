//! The AMF3 grammar behind the AVM+ marker, and the envelope.

use super::{decode, join, key};
use crate::amf3::{self, Value};
use crate::{DecodeErrorKind, Limits, Value as Amf0};

fn read(bytes: &[u8]) -> Value {
    let (value, consumed) = amf3::decode(bytes, Limits::default()).unwrap();
    assert_eq!(consumed, bytes.len(), "{bytes:02x?}");
    value
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

#[test]
fn every_marker() {
    for (bytes, expected) in [
        (&[0][..], Value::Undefined),
        (&[1], Value::Null),
        (&[2], Value::Boolean(false)),
        (&[3], Value::Boolean(true)),
        (&[4, 0x7F], Value::Integer(127)),
        (&[4, 0x81, 0x00], Value::Integer(128)),
        (&[4, 0xFF, 0xFF, 0xFF, 0xFF], Value::Integer(-1)),
        (&[4, 0xC0, 0x80, 0x80, 0x00], Value::Integer(-(1 << 28))),
        (&[4, 0xBF, 0xFF, 0xFF, 0xFF], Value::Integer((1 << 28) - 1)),
        (&[5, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0], Value::Double(1.5)),
        (&[6, 1], string("")),
        (&[6, 5, b'h', b'i'], string("hi")),
        (&[7, 3, b'x'], Value::XmlDocument("x".into())),
        (&[11, 3, b'x'], Value::Xml("x".into())),
        (&[8, 1, 0x40, 0, 0, 0, 0, 0, 0, 0], Value::Date(2.0)),
        (&[12, 7, 1, 2, 3], Value::ByteArray([1, 2, 3].into())),
        (&[13, 3, 1, 0xFF, 0xFF, 0xFF, 0xFE], Value::VectorInt { fixed: true, items: vec![-2] }),
        (&[14, 3, 0, 0xFF, 0, 0, 0], Value::VectorUint { fixed: false, items: vec![0xFF00_0000] }),
        (
            &[15, 3, 0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0],
            Value::VectorDouble { fixed: false, items: vec![1.0] },
        ),
        (
            &[16, 3, 0, 3, b'C', 1],
            Value::VectorObject { fixed: false, class: "C".into(), items: vec![Value::Null] },
        ),
        (
            &[17, 3, 1, 4, 1, 3],
            Value::Dictionary {
                weak: true,
                entries: vec![(Value::Integer(1), Value::Boolean(true))],
            },
        ),
    ] {
        assert_eq!(read(bytes), expected);
        let mut again = Vec::new();
        amf3::encode(&expected, &mut again);
        assert_eq!(again, bytes);
    }
}

#[test]
fn arrays_have_two_halves() {
    let bytes = [9, 5, 3, b'k', 3, 1, 4, 1, 4, 2];
    let associative = vec![("k".into(), Value::Boolean(true))];
    let dense = vec![Value::Integer(1), Value::Integer(2)];
    assert_eq!(read(&bytes), Value::Array { associative, dense });
}

#[test]
fn objects_with_sealed_and_dynamic_members() {
    let bytes = [10, 0x1B, 3, b'C', 3, b's', 2, 3, b'd', 1, 1];
    let sealed = vec![("s".into(), Value::Boolean(false))];
    let dynamic = Some(vec![("d".into(), Value::Null)]);
    assert_eq!(read(&bytes), Value::Object { class: "C".into(), sealed, dynamic });
    let plain = Value::Object { class: "".into(), sealed: vec![], dynamic: None };
    assert_eq!(read(&[10, 3, 1]), plain);
}

#[test]
fn reference_tables() {
    // two objects of one class: names come from the string table, the class from the traits table
    let bytes = [9, 7, 1, 10, 0x13, 3, b'C', 3, b's', 6, 2, 10, 1, 6, 0, 10, 2];
    let object = |text| Value::Object {
        class: "C".into(),
        sealed: vec![("s".into(), string(text))],
        dynamic: None,
    };
    let dense = vec![object("s"), object("C"), Value::Reference(1)];
    assert_eq!(read(&bytes), Value::Array { associative: vec![], dense });
}

#[test]
fn references_to_nothing_are_refused() {
    for bytes in [&[6, 0][..], &[9, 0], &[10, 1], &[10, 2], &[8, 4], &[9, 3, 1, 9, 4]] {
        let error = amf3::decode(bytes, Limits::default()).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::Reference(_)), "{bytes:02x?}: {error}");
    }
}

#[test]
fn the_empty_string_is_not_in_the_table() {
    let bytes = [9, 7, 1, 6, 1, 6, 3, b'a', 6, 0];
    let dense = vec![string(""), string("a"), string("a")];
    assert_eq!(read(&bytes), Value::Array { associative: vec![], dense });
}

#[test]
fn unknown_markers_and_externalizable_objects_are_refused() {
    for (bytes, kind) in [
        (&[0x12][..], DecodeErrorKind::Marker(0x12)),
        (&[0xFF], DecodeErrorKind::Marker(0xFF)),
        (&[10, 7, 3, b'C', 1], DecodeErrorKind::Externalizable),
        (&[], DecodeErrorKind::UnexpectedEnd),
        (&[4, 0x80, 0x80], DecodeErrorKind::UnexpectedEnd),
    ] {
        assert_eq!(amf3::decode(bytes, Limits::default()).unwrap_err().kind, kind);
    }
}

#[test]
fn the_switch_to_amf3_is_not_sticky() {
    let message = join(&[&[2], &key("f"), &[0x11, 4, 5], &[5], &[0x11, 6, 3, b'x']]);
    let decoded = decode(&message);
    assert_eq!(decoded.stopped, None);
    let amf3 = |value| Amf0::Amf3(value);
    let expected = ["f".into(), amf3(Value::Integer(5)), Amf0::Null, amf3(string("x"))];
    assert_eq!(decoded.values, expected);
    assert_eq!(decoded.values[1].as_number(), Some(5.0));
    assert_eq!(decoded.values[3].as_str().as_deref(), Some("x"));
}

#[test]
fn tables_start_anew_after_each_switch() {
    let decoded = decode(&[0x11, 6, 3, b'x', 0x11, 6, 0]);
    assert_eq!(decoded.values.len(), 1);
    assert_eq!(decoded.stopped.unwrap().kind, DecodeErrorKind::Reference(0));
}

#[test]
fn the_selector_byte_may_be_missing() {
    let name = join(&[&[2], &key("publish")]);
    let with_selector = join(&[&[amf3::SELECTOR], &name]);
    assert_eq!(amf3::payload(&with_selector), name);
    assert_eq!(amf3::payload(&name), name);
    assert_eq!(amf3::payload(&[]), []);
}

#[test]
fn integers_beyond_29_bits_become_doubles() {
    for number in [i32::MAX, i32::MIN, 1 << 28, -(1 << 28) - 1] {
        let mut bytes = Vec::new();
        amf3::encode(&Value::Integer(number), &mut bytes);
        assert_eq!(read(&bytes), Value::Double(number.into()));
    }
}

#[test]
fn amf0_counterparts() {
    let metadata = Value::Array {
        associative: vec![("width".into(), Value::Integer(1280))],
        dense: vec![Value::Xml("<x/>".into())],
    };
    let wrapped = crate::object([("a", Amf0::Amf3(metadata))]).into_amf0();
    let inner = wrapped.get("a").unwrap();
    assert_eq!(inner.get("width"), Some(&1280.into()));
    assert_eq!(inner.get("0"), Some(&Amf0::Xml("<x/>".into())));

    let object = Value::Object {
        class: "".into(),
        sealed: vec![("s".into(), Value::Double(0.5))],
        dynamic: Some(vec![("d".into(), Value::VectorUint { fixed: true, items: vec![7] })]),
    };
    let expected = crate::object([("s", 0.5.into()), ("d", vec![7.into()].into())]);
    assert_eq!(Amf0::Amf3(object).into_amf0(), expected);
}
