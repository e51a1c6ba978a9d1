//! Records of two real encoders, and the walk over OBUs.

use super::*;
use crate::testing::hex;

#[test]
fn sizes_and_strings_of_real_records() {
    for (record, size, level, string) in [
        ("81050c000a0b0000002d4cffb3c02f8004", (1280, 720), "3.1", "av01.0.05M.08"),
        ("81004c000a0b000000043d06d4daf94040", (322, 182), "2.0", "av01.0.00M.10"),
    ] {
        let found = describe(&hex(record)).unwrap();
        assert_eq!(found.rfc6381.as_deref(), Some(string));
        let video = found.as_video().unwrap();
        assert_eq!((video.width, video.height), size);
        let names = (video.profile.as_deref(), video.level.as_deref());
        assert_eq!(names, (Some("Main"), Some(level)));
    }
}

#[test]
fn records_without_sequence_header_tell_their_string_only() {
    let record = hex("81054c00");
    assert_eq!(Av1Config::parse(&record).unwrap().rfc6381(), "av01.0.05M.10");
    assert_eq!(describe(&record), Err(RecordError::Missing("sequence header")));
    for broken in [&[][..], &[0x81, 5, 0x4C], &[0x01, 5, 0x4C, 0]] {
        assert!(Av1Config::parse(broken).is_err());
    }
}

#[test]
fn timing_and_operating_points_are_read() {
    // profile 0, not still, not reduced; timing 1001/30000, equal, 1 tick; no decoder model; no
    // display delay; one operating point of level 9 (has a tier bit); 10 + 9 bits of size 640x360
    let fields: [(u32, u32); 20] = [
        (0, 3),
        (0, 1),
        (0, 1),
        (1, 1),
        (1001, 32),
        (30000, 32),
        (1, 1),
        (1, 1),
        (0, 1),
        (0, 1),
        (0, 5),
        (0, 12),
        (9, 5),
        (0, 1),
        (9, 4),
        (8, 4),
        (639, 10),
        (359, 9),
        (0, 16),
        (0, 16),
    ];
    let bits: Vec<bool> = fields
        .iter()
        .flat_map(|(value, n)| (0..*n).rev().map(move |at| value >> at & 1 == 1))
        .collect();
    let byte = |eight: &[bool]| eight.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    let payload: Vec<u8> = bits.chunks(8).map(byte).collect();
    let header = SequenceHeader::parse(&payload).unwrap();
    assert_eq!((header.width, header.height), (640, 360));
    assert!((header.fps.unwrap() - 29.97).abs() < 0.001);
    assert!(SequenceHeader::parse(&payload[..10]).is_err());
}

#[test]
fn obus_are_walked_to_where_they_make_sense() {
    let kinds = |bytes| Obus::new(bytes).map(|(kind, obu)| (kind, obu.len())).collect::<Vec<_>>();
    assert_eq!(kinds(&[0x12, 0, 0x0A, 2, 1, 2, 0x30, 9, 9]), [(2, 0), (1, 2), (6, 2)]);
    assert_eq!(kinds(&[0x16, 0xAA, 1, 7, 0x32, 9, 9]), [(2, 1)]);
    assert_eq!(kinds(&[0x80, 0]), []);
    let endless = [0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0];
    assert_eq!(kinds(&endless), []);
    assert_eq!(starts_with_key_frame(&[0x12, 0]), None);
    // a key frame that is not shown is no place to start
    assert_eq!(starts_with_key_frame(&[0x32, 1, 0x00]), Some(false));
}
