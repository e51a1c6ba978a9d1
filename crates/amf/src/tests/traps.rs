//! One test per trap of real senders.

use super::{decode, join, key, values};
use crate::{DecodeErrorKind, Decoder, Limits, Text, Value, ecma_array, encode_command, object};

const NUMBER_1: &[u8] = &[0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0];
const END: &[u8] = &[0, 0, 9];

#[test]
fn trap_a1_ecma_count_is_only_a_hint() {
    for count in [0_u32, 1, 2, 20, u32::MAX] {
        let message = join(&[&[8], &count.to_be_bytes(), &key("width"), NUMBER_1, END, &[5]]);
        let expected = [ecma_array([("width", 1.0.into())]), Value::Null];
        assert_eq!(values(&message), expected, "count {count}");
    }
}

#[test]
fn trap_a1_missing_terminator_at_the_end_of_the_message() {
    for (head, expected) in [
        (&[3][..], object([("a", 1.0.into())])),
        (&[8, 0, 0, 0, 1], ecma_array([("a", 1.0.into())])),
        (
            &[0x10, 0, 1, b'C'],
            Value::TypedObject { class: "C".into(), properties: vec![("a".into(), 1.0.into())] },
        ),
    ] {
        for cut in 0..=END.len() {
            let message = join(&[head, &key("a"), NUMBER_1, &END[..cut]]);
            assert_eq!(values(&message)[0], expected, "{cut} bytes of the terminator");
        }
    }
}

#[test]
fn trap_a1_missing_terminator_of_a_nested_object_is_an_error() {
    let message = join(&[&[3], &key("a"), &[3], &key("b"), NUMBER_1]);
    let error = decode(&message).stopped.unwrap();
    assert_eq!(error.kind, DecodeErrorKind::UnexpectedEnd);
    assert_eq!(error.offset, message.len());
}

#[test]
fn trap_a2_strict_arrays_are_values() {
    let codes = join(&[&[10, 0, 0, 0, 2], &[2], &key("av01"), &[2], &key("hvc1")]);
    let connect = join(&[&[3], &key("fourCcList"), &codes, END]);
    let expected = Value::from(vec!["av01".into(), "hvc1".into()]);
    assert_eq!(values(&connect)[0].get("fourCcList"), Some(&expected));
}

#[test]
fn trap_a2_huge_strict_array_is_capped() {
    let mut message = vec![10, 0xFF, 0xFF, 0xFF, 0xFF];
    message.extend(NUMBER_1.repeat(2000));
    let error = decode(&message).stopped.unwrap();
    assert_eq!(error.kind, DecodeErrorKind::TooManyValues);
    assert!(error.is_limit());
}

#[test]
fn trap_a3_command_object_of_any_type() {
    let property = join(&[&key("app"), &[2], &key("live"), END]);
    for (head, app) in [
        (&[3][..], Some("live")),
        (&[8, 0, 0, 0, 0], Some("live")),
        (&[0x10, 0, 1, b'C'], Some("live")),
    ] {
        let command = &values(&join(&[head, &property]))[0];
        assert_eq!(command.get("app").and_then(Value::as_str).as_deref(), app);
    }
    for nothing in [&[5][..], &[6], &[0x11, 0], &[0x11, 1]] {
        assert!(values(nothing)[0].is_nothing());
        assert_eq!(values(nothing)[0].get("app"), None);
    }
}

#[test]
fn trap_a3_properties_of_unexpected_type() {
    let metadata = object([
        ("width", "1280".into()),
        ("framerate", " 29.97 ".into()),
        ("stereo", true.into()),
        ("videocodecid", "avc1".into()),
        ("height", 720.into()),
    ]);
    let number = |key| metadata.get(key).and_then(Value::as_number_lenient);
    assert_eq!(number("width"), Some(1280.0));
    assert_eq!(number("framerate"), Some(29.97));
    assert_eq!(number("stereo"), Some(1.0));
    assert_eq!(number("videocodecid"), None);
    assert_eq!(number("height"), Some(720.0));
    assert_eq!(metadata.get("width").and_then(Value::as_number), None);
}

#[test]
fn trap_a4_values_before_an_unknown_marker_are_kept() {
    for reserved in [0x04, 0x09, 0x0E, 0x12, 0x7F, 0xFF] {
        let message = join(&[&[2], &key("publish"), NUMBER_1, &[5], &[reserved, 1, 2, 3]]);
        let decoded = decode(&message);
        assert_eq!(decoded.values, ["publish".into(), 1.0.into(), Value::Null]);
        let error = decoded.stopped.unwrap();
        assert_eq!(error.kind, DecodeErrorKind::Marker(reserved));
        assert!(!error.is_limit());
    }
}

#[test]
fn trap_a4_position_is_the_end_of_the_last_whole_value() {
    let message = join(&[&[2], &key("name"), &[0xFF]]);
    let mut decoder = Decoder::new(&message, Limits::default());
    assert_eq!(decoder.next(), Some(Ok("name".into())));
    assert_eq!(decoder.position(), 7);
    assert!(decoder.next().unwrap().is_err());
    assert_eq!(decoder.position(), 7);
    assert_eq!(decoder.remaining(), [0xFF]);
    assert_eq!(decoder.next(), None);
}

#[test]
fn trap_a6_keys_in_another_case() {
    let connect = object([("app", "live".into()), ("tcurl", "rtmp://host/live".into())]);
    assert_eq!(connect.get("tcUrl"), None);
    assert_eq!(connect.get_ignore_case("tcUrl"), Some(&"rtmp://host/live".into()));
    let both = object([("tcUrl", "right".into()), ("TCURL", "wrong".into())]);
    assert_eq!(both.get_ignore_case("tcUrl"), Some(&"right".into()));
}

#[test]
fn trap_a7_transaction_ids_are_echoed_to_the_bit() {
    for bits in [0, 1, f64::NAN.to_bits(), 0x7FF4_0000_0000_0001, (-0.0_f64).to_bits(), u64::MAX] {
        let command = join(&[&[0], &bits.to_be_bytes()]);
        let number = values(&command)[0].as_number().unwrap();
        let reply = encode_command("_result", number, &[]);
        assert!(reply.ends_with(&command), "{bits:#018x}");
    }
}

#[test]
fn trap_a8_text_that_is_not_utf8_is_kept() {
    let gbk = [2, 0, 4, 0xD6, 0xB1, 0xB2, 0xA5];
    let text = values(&gbk)[0].as_text().unwrap().clone();
    assert_eq!(text.as_bytes(), [0xD6, 0xB1, 0xB2, 0xA5]);
    assert_eq!(text.to_str(), None);
    assert!(text.to_string_lossy().contains('\u{FFFD}'));
    assert_eq!(format!("{text:?}"), r#"b"\xd6\xb1\xb2\xa5""#);
    assert_ne!(text, "直播");
    let mut again = Vec::new();
    crate::encode(&text.into(), &mut again);
    assert_eq!(again, gbk);
    assert_eq!(Text::from("live"), "live");
}

#[test]
fn trap_a9_numbers_before_the_name_are_values_like_others() {
    let message = join(&[NUMBER_1, NUMBER_1, &[2], &key("@setDataFrame")]);
    let values = values(&message);
    assert_eq!(values.iter().position(|value| value.as_text().is_some()), Some(2));
}

#[test]
fn trap_a10_data_that_is_not_amf_is_an_error_without_values() {
    for message in [&[0, 0, 0, 1][..], &[0, 1, 2, 3], &[0], &[0x41; 16]] {
        let decoded = decode(message);
        assert_eq!(decoded.values, []);
        assert!(decoded.stopped.is_some_and(|error| !error.is_limit()));
    }
}

#[test]
fn trap_a11_encoding_alters_what_it_does_not_understand_so_relays_pass_bytes() {
    // the count of an ECMA array is one thing that decoding does not keep
    let message = join(&[&[8, 0, 0, 0, 20], &key("a"), NUMBER_1, END]);
    let mut again = Vec::new();
    crate::encode(&values(&message)[0], &mut again);
    assert_ne!(again, message);
}
