//! Records of real encoders in every form, and what must be refused.

use super::*;
use crate::{describe as describe_any, testing::hex};
use manycast_media::Codec;
use proptest::prelude::*;

/// High, 640x360, 30 fps, with the tail of the high profiles.
const HIGH: &str = "0164001effe1001a6764001eacd940a02ff970110000030001000003003c0f162d9601000668ebe3cb22c0fdf8f800";

#[test]
fn sizes_rates_and_profiles_of_real_records() {
    for (record, width, height, fps, profile, level, string) in [
        (HIGH, 640, 360, 30.0, "High", "3.0", "avc1.64001E"),
        // 320x180 has eight lines cropped
        (
            "0142c00cffe100196742c00cd901419f9f011000000300100000030320f142a48001000568cb83cb20",
            320,
            180,
            25.0,
            "Constrained Baseline",
            "1.2",
            "avc1.42C00C",
        ),
        (
            "0142c028ffe100176742c028da01e0089f97011000003e90000ea600f1832a01000468ce0fc8",
            1920,
            1080,
            30000.0 / 1001.0,
            "Constrained Baseline",
            "4.0",
            "avc1.42C028",
        ),
        (
            "017a001effe1001b677a001eb6cd940d83de6f011000000300100000030300f162d96001000668ebe3cb22c0fefafa00",
            854,
            480,
            24.0,
            "High 4:2:2",
            "3.0",
            "avc1.7A001E",
        ),
        (
            "01f4000dffe1001b67f4000d919b282a33c7c5e022000003000200000300601e28532c01000668ebe3c44844fff8f800",
            322,
            182,
            24.0,
            "High 4:4:4 Predictive",
            "1.3",
            "avc1.F4000D",
        ),
        // interlaced: fields in frames
        (
            "0164001effe100186764001eacd940b424d8088000000300800000190f8a14cb01000668fba3cb22c0fdf8f800",
            720,
            576,
            25.0,
            "High",
            "3.0",
            "avc1.64001E",
        ),
    ] {
        let found = describe_any(Codec::H264, &hex(record)).expect(string);
        assert_eq!(found.rfc6381.as_deref(), Some(string));
        let Shape::Video(video) = found.shape else { panic!("{string} is video") };
        assert_eq!((video.width, video.height), (width, height), "{string}");
        assert!((video.fps.unwrap() - fps).abs() < 1e-9, "{string}: {:?}", video.fps);
        assert_eq!((video.profile.as_str(), video.level.as_str()), (profile, level), "{string}");
    }
}

#[test]
fn records_that_are_tolerated() {
    let plain = hex(HIGH);
    let sps_end = 8 + 0x1a;
    let no_reserved_bits = {
        let mut record = plain.clone();
        record[4] &= 0b11;
        record[5] &= 0x1F;
        record
    };
    let byte_stream =
        [&[0, 0, 0, 1][..], &plain[8..sps_end], &[0, 0, 1], &plain[sps_end + 3..sps_end + 9]]
            .concat();
    for (name, record) in [
        ("reserved bits zero", no_reserved_bits),
        ("no tail of the high profiles", plain[..sps_end + 9].to_vec()),
        ("no PPS at all", plain[..sps_end].to_vec()),
        ("byte stream in place of a record", byte_stream),
    ] {
        let found = describe_any(Codec::H264, &record).expect(name);
        let Shape::Video(video) = found.shape else { panic!("{name} is video") };
        assert_eq!((video.width, video.height), (640, 360), "{name}");
        assert_eq!(found.rfc6381.as_deref(), Some("avc1.64001E"), "{name}");
    }
}

#[test]
fn a_record_without_sps_still_tells_its_string() {
    let record = [1, 0x4D, 0x40, 0x1F, 0xFF, 0xE0, 0];
    let config = AvcConfig::parse(&record).unwrap();
    assert_eq!(config.rfc6381(), "avc1.4D401F");
    assert_eq!(config.framing, Framing::Length(LengthSize::Four));
    assert!(config.sps.is_empty() && config.pps.is_empty());
    assert_eq!(describe(&record), Err(RecordError::Missing("SPS")));
}

#[test]
fn broken_records_are_refused() {
    let three_byte_lengths = [1, 100, 0, 31, 0xFE, 0xE0, 0];
    let overrun = [1, 100, 0, 31, 0xFF, 0xE1, 0, 200, 0x67];
    let huge =
        [&[1, 100, 0, 31, 0xFF, 0xE1, 0, 16][..], &[0x67, 66, 0, 31, 0xF8], &[0; 11]].concat();
    for record in [&[][..], &[1, 100], &three_byte_lengths, &overrun, &huge] {
        assert!(describe(record).is_err(), "{record:02X?}");
    }
}

#[test]
fn level_1b_has_two_spellings() {
    assert_eq!(level_name(66, 0x10, 11), "1b");
    assert_eq!(level_name(100, 0x10, 11), "1.1");
    assert_eq!(level_name(100, 0, 9), "1b");
    assert_eq!(level_name(100, 0, 52), "5.2");
}

proptest! {
    #[test]
    fn damage_never_gives_an_absurd_size(at in 0_usize..47, bit in 0_u8..8, cut in 0_usize..48) {
        let mut record = hex(HIGH);
        record[at] ^= 1 << bit;
        record.truncate(cut);
        if let Ok(Description { shape: Shape::Video(video), .. }) = describe(&record) {
            prop_assert!((1..=16_384).contains(&video.width));
            prop_assert!((1..=16_384).contains(&video.height));
        }
    }
}
