//! Records of a real encoder, and what must be tolerated or refused.

use super::*;
use crate::testing::hex;
use proptest::prelude::*;

const MAIN: &str = "0101600000009000000000005df000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003005d959409a10001002b42010101600000030090000003000003005da00280802d16595952930bc05a020000030002000003003c10a2000100064401c073c189";
const MAIN_10: &str = "0102200000009000000000007bf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003007b959409a10001002d42010102200000030090000003000003007ba003c080110752b6595952930bc05a020000030002000003006410a2000100064401c073c189";

fn video(record: &[u8]) -> (VideoShape, String) {
    let found = describe(record).unwrap();
    (found.as_video().unwrap().clone(), found.rfc6381.unwrap())
}

#[test]
fn sizes_and_profiles_of_real_records() {
    for (record, size, fps, profile, level, string) in [
        (MAIN, (1280, 720), 30.0, "Main", "3.1", "hvc1.1.6.L93.90"),
        // 1918x1080 has a window in 1920x1080
        (MAIN_10, (1918, 1080), 50.0, "Main 10", "4.1", "hvc1.2.4.L123.90"),
    ] {
        let (video, found) = video(&hex(record));
        assert_eq!((video.width, video.height), size);
        let names = (video.profile.as_deref(), video.level.as_deref());
        assert_eq!(names, (Some(profile), Some(level)));
        assert_eq!((found.as_str(), video.fps), (string, Some(fps)));
        assert_eq!((video.reorder, video.interlaced), (Some(2), Some(false)));
    }
}

/// E-RTMP T9: records that once broke a parser that wanted to know everything.
#[test]
fn trap_t9_records_are_parsed_leniently() {
    let plain = hex(MAIN);
    let sps_at = 23 + 5 + 24 + 5;
    let own = Some(30.0);
    let mut old_version = plain.clone();
    old_version[0] = 0;
    let mut more_arrays = plain.clone();
    more_arrays[22] = 9;
    let mut broken_pps = plain.clone();
    let end = broken_pps.len();
    broken_pps[end - 4..].fill(0xFF);
    let mut average_rate = plain.clone();
    average_rate[19..21].copy_from_slice(&(25 * 256_u16).to_be_bytes());
    let byte_stream = [&[0, 0, 0, 1][..], &plain[sps_at..sps_at + 0x2B]].concat();
    for (name, record, fps) in [
        ("version 0", old_version, own),
        ("fewer arrays than announced", more_arrays, own),
        ("PPS that makes no sense", broken_pps, own),
        ("another average frame rate", average_rate, own),
        ("byte stream in place of a record", byte_stream, own),
    ] {
        let (video, found) = video(&record);
        assert_eq!((video.width, video.height, video.fps), (1280, 720, fps), "{name}");
        assert_eq!(found, "hvc1.1.6.L93.90", "{name}");
    }
}

#[test]
fn broken_records_are_refused() {
    let plain = hex(MAIN);
    let mut three_byte_lengths = plain.clone();
    three_byte_lengths[21] = 0x0E;
    for record in [&[][..], &plain[..20], &plain[..60], &three_byte_lengths] {
        assert!(describe(record).is_err(), "{record:02X?}");
    }
}

#[test]
fn empty_units_without_end_are_not_collected() {
    let mut record = hex(MAIN)[..23].to_vec();
    record[22] = 255;
    for _ in 0..255 {
        record.extend([33, 0xFF, 0xFF]);
        record.extend(vec![0; 2 * 0xFFFF]);
    }
    assert_eq!(HevcConfig::parse(&record).unwrap().units.len(), MAX_UNITS);
    let stream = [0, 0, 1, 0x42].repeat(1000);
    assert_eq!(HevcConfig::parse(&stream).unwrap().units.len(), MAX_UNITS);
}

#[test]
fn lower_temporal_layers_are_passed_over() {
    // two sub-layers, the lower with profile and level of its own: 88 + 8 bits
    let general = [0x02, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x5D];
    let mut unit = vec![0x42, 0x01, 0x03];
    unit.extend(general);
    unit.extend([0b1100_0000, 0]);
    unit.extend([0x55; 12]);
    // ids 0, 4:2:0, 16 x 8, no window, 8 bits
    unit.extend([0b1010_0000, 0b1000_1000, 0b1001_0100, 0x80]);
    let sps = Sps::parse(&unit).unwrap();
    assert_eq!((sps.width, sps.height, sps.bit_depth), (16, 8, 8));
}

proptest! {
    #[test]
    fn damage_never_gives_an_absurd_size(at in 0_usize..100, bit in 0_u8..8, cut in 0_usize..112) {
        let mut record = hex(MAIN);
        record[at] ^= 1 << bit;
        record.truncate(cut);
        if let Some(video) = describe(&record).ok().as_ref().and_then(Description::as_video) {
            prop_assert!((1..=16_384).contains(&video.width));
            prop_assert!((1..=16_384).contains(&video.height));
        }
    }
}
