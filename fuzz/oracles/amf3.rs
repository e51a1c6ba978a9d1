//! What has to hold for the AMF3 decoder, whatever the bytes.

use manycast_amf::{Limits, Value, amf3};

const GENEROUS: Limits = Limits { depth: 32, values: 1 << 20, string: 1 << 20 };

/// The decoder alone.
pub(crate) fn parse(data: &[u8]) {
    let _ = amf3::decode(data, Limits::default());
}

/// Everything that has to hold.
pub(crate) fn check(data: &[u8]) {
    let (value, length) = match amf3::decode(data, Limits::default()) {
        Ok(decoded) => decoded,
        Err(error) => return assert!(error.offset <= data.len()),
    };
    assert!((1..=data.len()).contains(&length));
    let prefix = amf3::decode(&data[..length], Limits::default());
    assert!(prefix.is_ok_and(|(_, again)| again == length), "bytes after the value matter");
    for shorter in [length - 1, length / 2] {
        assert!(amf3::decode(&data[..shorter], Limits::default()).is_err());
    }

    let mut once = Vec::new();
    amf3::encode(&value, &mut once);
    let (again, length) = amf3::decode(&once, GENEROUS).expect("what was encoded is decoded");
    assert_eq!(length, once.len());
    let mut twice = Vec::new();
    amf3::encode(&again, &mut twice);
    assert_eq!(once, twice, "encoding is not stable");
    let _ = Value::from(value);
}
