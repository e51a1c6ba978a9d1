//! Bar A2 (trap A5): depth, number and length are bounded, and refusal is cheap.

use super::{decode, join, key};
use crate::{DecodeError, DecodeErrorKind, Limits, Value, decode_all, encode, encode_all};

const LEVELS: usize = 1_000_000;

/// Runs `work` on a stack of 64 kB.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(64 * 1024).spawn(work).unwrap().join().unwrap()
}

fn nested(level: &[u8]) -> Vec<u8> {
    level.repeat(LEVELS)
}

fn refusal(message: Vec<u8>, limits: Limits) -> DecodeError {
    on_a_small_stack(move || decode_all(&message, limits).stopped.unwrap())
}

#[test]
fn trap_a5_bar_a2_a_million_levels_on_a_64_kb_stack() {
    let amf3 = |level: &[u8]| join(&[&[0x11], &nested(level)]);
    for (name, level_length, message) in [
        ("object", 4, nested(&[3, 0, 1, b'a'])),
        ("object with empty keys", 3, nested(&[3, 0, 0])),
        ("ECMA array", 8, nested(&[8, 0, 0, 0, 1, 0, 1, b'a'])),
        ("strict array", 5, nested(&[10, 0, 0, 0, 1])),
        ("typed object", 7, nested(&[0x10, 0, 1, b'C', 0, 1, b'a'])),
        ("AMF3 array", 3, amf3(&[9, 3, 1])),
        ("AMF3 associative array", 4, amf3(&[9, 1, 3, b'a'])),
        ("AMF3 object", 5, amf3(&[10, 0x0B, 1, 3, b'a'])),
        ("AMF3 vector", 4, amf3(&[0x10, 3, 0, 1])),
        ("AMF3 dictionary", 3, amf3(&[0x11, 3, 0])),
    ] {
        let error = refusal(message, Limits::default());
        assert_eq!(error.kind, DecodeErrorKind::TooDeep, "{name}");
        assert!(error.is_limit());
        // cheap: it looked at 17 levels, not at a million
        assert!(error.offset <= 18 * level_length, "{name} read {} bytes", error.offset);
    }
}

#[test]
fn trap_a5_depth_is_counted_across_amf0_and_amf3() {
    let amf0 = [3, 0, 1, b'a'].repeat(10);
    let message = join(&[&amf0, &[0x11], &[9, 3, 1].repeat(10)]);
    assert_eq!(decode(&message).stopped.unwrap().kind, DecodeErrorKind::TooDeep);
}

#[test]
fn trap_a5_sixteen_levels_are_allowed_and_no_setting_goes_beyond_32() {
    for (depth, levels, allowed) in
        [(16, 16, true), (16, 17, false), (1000, 32, true), (1000, 33, false)]
    {
        let mut message = [10, 0, 0, 0, 1].repeat(levels);
        message.push(5);
        let limits = Limits { depth, ..Limits::default() };
        let decoded = on_a_small_stack(move || decode_all(&message, limits));
        assert_eq!(decoded.stopped.is_none(), allowed, "{levels} levels of {depth}");
    }
}

#[test]
fn siblings_do_not_add_to_the_depth() {
    let message = [3, 0, 0, 9].repeat(100);
    assert_eq!(decode(&message).values.len(), 100);
    assert_eq!(decode(&message).stopped, None);
}

#[test]
fn bar_a2_values_are_counted_over_the_whole_message() {
    let nulls = |count| vec![5; count];
    assert_eq!(decode(&nulls(1024)).stopped, None);
    assert_eq!(decode(&nulls(1025)).stopped.unwrap().kind, DecodeErrorKind::TooManyValues);
    let array = join(&[&[10, 0, 0, 2, 0], &nulls(512)]);
    let decoded = decode(&[array.clone(), array].concat());
    assert_eq!(decoded.values.len(), 1);
    assert_eq!(decoded.stopped.unwrap().kind, DecodeErrorKind::TooManyValues);
}

#[test]
fn bar_a2_strings_over_64_kb_are_refused_by_their_claim() {
    for (length, refused) in [(65_536_u32, false), (65_537, true), (u32::MAX, true)] {
        for marker in [0x0C, 0x0F] {
            let message = join(&[&[marker], &length.to_be_bytes()]);
            let length = usize::try_from(length).unwrap();
            let kind = decode(&message).stopped.unwrap().kind;
            let too_long = kind == DecodeErrorKind::StringTooLong { length };
            assert_eq!(too_long, refused, "{kind}");
            assert_eq!(kind == DecodeErrorKind::UnexpectedEnd, !refused);
        }
    }
}

#[test]
fn amf3_references_cannot_multiply_bytes() {
    let long = "x".repeat(60_000);
    let mut message = vec![0x11, 9, 0x07, 1, 6];
    message.extend([0x87, 0xA9, 0x41]); // 60,000 << 1 | 1
    message.extend(long.as_bytes());
    let once = join(&[&message, &[6, 0], &[6, 1]]);
    assert_eq!(decode(&once).stopped, None);
    let twice = join(&[&message, &[6, 0], &[6, 0]]);
    assert_eq!(decode(&twice).stopped.unwrap().kind, DecodeErrorKind::TooManyCopies);
}

#[test]
fn amf3_trait_references_are_counted() {
    // one class of 100 members, then objects of it without any byte for the names
    let mut message = vec![0x11, 9, 0x7F, 1, 10, 0x8C, 0x43, 1];
    for _ in 0..100 {
        message.extend([3, b'n']);
    }
    message.extend([1; 100]);
    for _ in 0..62 {
        message.extend([10, 1]);
        message.extend([1; 100]);
    }
    assert_eq!(decode(&message).stopped.unwrap().kind, DecodeErrorKind::TooManyValues);
}

#[test]
fn memory_follows_bytes_received_not_claims() {
    for message in [
        &[10, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1],
        &[0x0C, 0, 0, 0xFF, 0xFF],
        &[0x11, 9, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        &[0x11, 10, 0xFF, 0xFF, 0xFF, 0xFB, 1],
        &[0x11, 0x0C, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x11, 0x0D, 0xFF, 0xFF, 0xFF, 0xFF, 0],
        &[0x11, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF, 0],
        &[0x11, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1],
        &[0x11, 0x11, 0xFF, 0xFF, 0xFF, 0xFF, 0],
    ] {
        let decoded = decode(message);
        assert_eq!(decoded.values, []);
        assert!(decoded.stopped.is_some(), "{message:02x?}");
    }
}

#[test]
fn keys_beyond_16_bits_are_cut_so_that_the_rest_stays_readable() {
    let long = "k".repeat(70_000);
    let value = crate::object([(long.as_str(), Value::Null)]);
    let mut message = Vec::new();
    encode_all([&value, &Value::Boolean(true)], &mut message);
    let values = super::values(&message);
    assert_eq!(values[0].properties().unwrap()[0].0.len(), 65_535);
    assert_eq!(values[1], Value::Boolean(true));
}

#[test]
fn long_strings_change_their_marker() {
    for (length, marker) in [(0, 2), (65_535, 2), (65_536, 0x0C)] {
        let mut message = Vec::new();
        encode(&"s".repeat(length).into(), &mut message);
        assert_eq!(message[0], marker);
        assert_eq!(super::values(&message)[0].as_text().unwrap().len(), length);
    }
    assert_eq!(key("abc"), [0, 3, b'a', b'b', b'c']);
}
