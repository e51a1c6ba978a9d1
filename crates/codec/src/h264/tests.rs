//! Records of real encoders in every form, and what must be refused.

use super::*;
use crate::{
    describe as describe_any,
    testing::{BitWriter, hex},
};
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
        let video = found.as_video().unwrap();
        assert_eq!((video.width, video.height), (width, height), "{string}");
        assert!((video.fps.unwrap() - fps).abs() < 1e-9, "{string}: {:?}", video.fps);
        let names = (video.profile.as_deref(), video.level.as_deref());
        assert_eq!(names, (Some(profile), Some(level)), "{string}");
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
        let video = found.as_video().unwrap();
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

/// A VUI that nothing but the timing and a restriction is in.
fn sps_with_vui(vui: BitWriter) -> Vec<u8> {
    let start = BitWriter::new().put(&[(0x67, 8), (77, 8), (0, 8), (31, 8)]);
    // id, frame_num, picture order 0, one reference; 16 x 16 pixels, frames only, no cropping
    let start = start.ue(&[0, 0, 0, 0, 1]).put(&[(0, 1)]).ue(&[0, 0]);
    start.put(&[(1, 1), (1, 1), (0, 1), (1, 1)]).append(vui).put(&[(1, 1)]).finish()
}

#[test]
fn the_vui_is_read_to_its_end() {
    let nothing = [(0, 1), (0, 1), (0, 1), (0, 1)];
    // timing 1001/60000, fixed; both buffer models, then structure, then restriction
    let hrd = || {
        let one = BitWriter::new().ue(&[0]).put(&[(0, 8)]).ue(&[1000, 1000]);
        one.put(&[(0, 1), (23, 5), (15, 5), (7, 5), (24, 5)])
    };
    let vui = BitWriter::new()
        .put(&nothing)
        .put(&[(1, 1), (1001, 32), (60000, 32), (1, 1), (1, 1)])
        .append(hrd())
        .put(&[(1, 1)])
        .append(hrd())
        .put(&[(0, 1), (1, 1), (1, 1), (1, 1)])
        .ue(&[0, 0, 10, 10, 2, 4]);
    let sps = Sps::parse(&sps_with_vui(vui)).unwrap();
    let vui = sps.vui.unwrap();
    assert!((sps.fps().unwrap() - 29.97).abs() < 0.001 && vui.fixed_frame_rate);
    let lengths = HrdLengths { cpb_removal_delay: 16, dpb_output_delay: 8, time_offset: 24 };
    assert_eq!((vui.hrd, vui.picture_structure), (Some(lengths), true));
    assert_eq!(vui.restriction, Some(Restriction { reorder_frames: 2, frame_buffering: 4 }));
    assert_eq!(sps.reorder(), Some(2));
    // nothing but flags: then the frames tell
    let flags = BitWriter::new().put(&nothing).put(&[(0, 1); 5]);
    let sps = Sps::parse(&sps_with_vui(flags)).unwrap();
    assert_eq!((sps.fps(), sps.reorder()), (None, None));
    // a buffer model with too many parts: what stands before it counts
    let broken = BitWriter::new().put(&nothing).put(&[(1, 1), (1, 32), (50, 32), (0, 1), (1, 1)]);
    let sps = Sps::parse(&sps_with_vui(broken.ue(&[32]))).unwrap();
    assert_eq!((sps.fps(), sps.vui.unwrap().hrd), (Some(25.0), None));
}

#[test]
fn a_clock_timestamp_is_found_behind_the_delays() {
    let hrd = HrdLengths { cpb_removal_delay: 24, dpb_output_delay: 24, time_offset: 24 };
    let vui = Vui { hrd: Some(hrd), picture_structure: true, ..Vui::default() };
    // delays, structure 0; there, progressive, drop frame, full, frame 12, 30 s, 59 min, 10 h
    let payload = BitWriter::new()
        .put(&[(1, 24), (2, 24), (0, 4), (1, 1), (0, 2), (1, 1), (4, 5), (1, 1), (0, 2)])
        .put(&[(12, 8), (30, 6), (59, 6), (10, 5), (0, 24)])
        .finish();
    let timing = PicTiming::read(&payload, &vui).unwrap();
    assert_eq!(timing.timecode.unwrap().to_string(), "10:59:30;12");
    assert_eq!(timing.structure, Some(0));
    // without structure there is no time, whatever the bytes
    let silent = Vui { picture_structure: false, ..vui };
    assert_eq!(PicTiming::read(&payload, &silent), Ok(PicTiming::default()));
    // a structure that does not exist
    let plain = Vui { hrd: None, ..vui };
    assert_eq!(PicTiming::read(&[0xF0; 9], &plain), Ok(PicTiming::default()));
    assert!(PicTiming::read(&payload[..5], &vui).is_err());
}

#[test]
fn picture_parameter_sets_name_what_they_refine() {
    let record = hex(HIGH);
    let config = AvcConfig::parse(&record).unwrap();
    assert_eq!(Pps::parse(config.pps[0]), Ok(Pps { id: 0, sps_id: 0, cabac: true }));
    assert!(Pps::parse(&[0x68]).is_err());
    // sequence parameter set 32 does not exist
    let beyond = BitWriter::new().put(&[(0x68, 8)]).ue(&[0, 32]).put(&[(1, 1)]).finish();
    assert_eq!(Pps::parse(&beyond), Err(RecordError::OutOfRange("seq_parameter_set_id")));
}

#[test]
fn kinds_of_slices() {
    for (slice_type, kind) in [
        (0, PictureKind::Predicted),
        (1, PictureKind::Bidirectional),
        (2, PictureKind::Intra),
        (5, PictureKind::Predicted),
        (6, PictureKind::Bidirectional),
        (7, PictureKind::Intra),
    ] {
        let slice = BitWriter::new().put(&[(0x41, 8)]).ue(&[0, slice_type]).finish();
        assert_eq!(picture_kind(&slice), Some(kind), "slice_type {slice_type}");
    }
    assert_eq!(picture_kind(&[0x41]), None);
}

proptest! {
    #[test]
    fn damage_never_gives_an_absurd_size(at in 0_usize..47, bit in 0_u8..8, cut in 0_usize..48) {
        let mut record = hex(HIGH);
        record[at] ^= 1 << bit;
        record.truncate(cut);
        if let Some(video) = describe(&record).ok().as_ref().and_then(Description::as_video) {
            prop_assert!((1..=16_384).contains(&video.width));
            prop_assert!((1..=16_384).contains(&video.height));
        }
    }
}
