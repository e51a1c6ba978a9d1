//! Writing and reading again gives the same value, for any value and any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{decode, values};
use crate::{Limits, Text, Value, amf3, decode_all, ecma_array, encode, encode_all, object};

#[test]
fn every_amf0_type() {
    for (value, bytes) in [
        (Value::Number(1.0), &[0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0][..]),
        (Value::Boolean(true), &[1, 1]),
        (Value::Boolean(false), &[1, 0]),
        ("hi".into(), &[2, 0, 2, b'h', b'i']),
        (object([("a", Value::Null)]), &[3, 0, 1, b'a', 5, 0, 0, 9]),
        (Value::Null, &[5]),
        (Value::Undefined, &[6]),
        (Value::Reference(258), &[7, 1, 2]),
        (ecma_array([("a", Value::Null)]), &[8, 0, 0, 0, 1, 0, 1, b'a', 5, 0, 0, 9]),
        (vec![Value::Null, Value::Undefined].into(), &[10, 0, 0, 0, 2, 5, 6]),
        (Value::Date { millis: 1.0, zone: -60 }, &[11, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0xFF, 0xC4]),
        (Value::Unsupported, &[13]),
        (Value::Xml("<".into()), &[15, 0, 0, 0, 1, b'<']),
        (
            Value::TypedObject { class: "C".into(), properties: vec![("".into(), true.into())] },
            &[16, 0, 1, b'C', 0, 0, 1, 1, 0, 0, 9],
        ),
        (Value::Amf3(amf3::Value::Integer(3)), &[17, 4, 3]),
    ] {
        let mut encoded = Vec::new();
        encode(&value, &mut encoded);
        assert_eq!(encoded, bytes);
        assert_eq!(values(bytes), [value]);
    }
    assert_eq!(values(&[1, 7]), [Value::Boolean(true)]);
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let twice = object([("a", 1.into()), ("a", 2.into())]);
    assert_eq!(twice.get("a"), Some(&2.into()));
}

fn text() -> impl Strategy<Value = Text> {
    vec(any::<u8>(), 0..6).prop_map(Text::from)
}

fn amf3_value() -> impl Strategy<Value = amf3::Value> {
    use amf3::Value as V;
    let leaf = prop_oneof![
        Just(V::Null),
        (-(1_i32 << 28)..1 << 28).prop_map(V::Integer),
        (-1e9..1e9).prop_map(V::Double),
        text().prop_map(V::String),
        vec(any::<u8>(), 0..5).prop_map(|bytes| V::ByteArray(bytes.into())),
        vec(any::<i32>(), 0..4).prop_map(|items| V::VectorInt { fixed: true, items }),
    ];
    let name = || vec(any::<u8>(), 1..6).prop_map(Text::from);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let pairs = || vec((name(), inner.clone()), 0..3);
        prop_oneof![
            (pairs(), vec(inner.clone(), 0..3))
                .prop_map(|(associative, dense)| V::Array { associative, dense }),
            (text(), vec((text(), inner.clone()), 0..3), prop::option::of(pairs()))
                .prop_map(|(class, sealed, dynamic)| V::Object { class, sealed, dynamic }),
            vec((inner.clone(), inner.clone()), 0..3)
                .prop_map(|entries| V::Dictionary { weak: false, entries }),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-1e12..1e12).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        text().prop_map(Value::String),
        text().prop_map(Value::Xml),
        any::<u16>().prop_map(Value::Reference),
        Just(Value::Undefined),
        amf3_value().prop_map(Value::Amf3),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let pairs = || vec((text(), inner.clone()), 0..4);
        prop_oneof![
            pairs().prop_map(Value::Object),
            pairs().prop_map(Value::EcmaArray),
            vec(inner.clone(), 0..4).prop_map(Value::StrictArray),
            (text(), pairs())
                .prop_map(|(class, properties)| Value::TypedObject { class, properties }),
        ]
    })
}

proptest! {
    #[test]
    fn any_values(list in vec(value(), 0..4)) {
        let mut message = Vec::new();
        encode_all(&list, &mut message);
        let decoded = decode(&message);
        prop_assert_eq!(decoded.stopped, None);
        prop_assert_eq!(decoded.values, list);
    }

    #[test]
    fn any_bytes(message in vec(any::<u8>(), 0..64)) {
        let limits = Limits { values: 4096, ..Limits::default() };
        let mut once = Vec::new();
        encode_all(&decode_all(&message, limits).values, &mut once);
        let again = decode_all(&once, limits);
        prop_assert_eq!(again.stopped, None);
        let mut twice = Vec::new();
        encode_all(&again.values, &mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_cut_message_gives_a_prefix_of_its_values(list in vec(value(), 1..4), cut in 0_usize..64) {
        let mut message = Vec::new();
        encode_all(&list, &mut message);
        let whole = decode(&message[..message.len().saturating_sub(cut)]).values;
        // the last one may lack its terminator
        let sure = whole.len().saturating_sub(1);
        prop_assert_eq!(&whole[..sure], &list[..sure]);
    }
}
