//! A Track followed over its frames: what refines it, what frames carry, what is said of faults.

use manycast_codec::{
    CcKind, CcTriplet, Concern, FrameFault, Inspector, RandomAccess, RecordError, concerns,
    describe, describe_frame, examine, vp9,
};
use manycast_media::Codec;
use std::{fs, path::PathBuf};

fn vector(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)).unwrap()
}

fn with_length(unit: &[u8]) -> Vec<u8> {
    [&u32::try_from(unit.len()).unwrap().to_be_bytes()[..], unit].concat()
}

fn configured(codec: Codec, name: &str) -> Inspector {
    let mut inspector = Inspector::new(codec);
    inspector.configure(&vector(name)).unwrap();
    inspector
}

/// `cc_data` with a start of a 708 packet and two bytes for CC1.
const CAPTIONS: [u8; 17] =
    [0xB5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0xC2, 0xFF, 0xFC, 0x94, 0x2C, 0xFF, 2, 0x21, 0xFF];

#[test]
fn captions_of_every_codec_that_carries_them() {
    let message = [&[4, 17][..], &CAPTIONS, &[0x80]].concat();
    let unit = |header: &[u8]| with_length(&[header, &message[..]].concat());
    let obu = [&[0x2A, 18, 4][..], &CAPTIONS].concat();
    for (codec, sei, rest) in [
        (Codec::H264, unit(&[6]), "h264_high.frame"),
        (Codec::H265, unit(&[0x4E, 1]), "hevc_main.frame"),
        (Codec::H266, unit(&[0, 0xB9]), "vvc_main.frame"),
        (Codec::Av1, obu, "av1_main.frame"),
    ] {
        let mut inspector = Inspector::new(codec);
        let frame = [sei, vector(rest)].concat();
        let info = inspector.frame(&frame);
        let want = [
            CcTriplet { kind: CcKind::Cea608Field1, data: [0x94, 0x2C] },
            CcTriplet { kind: CcKind::Cea708Start, data: [2, 0x21] },
        ];
        assert_eq!(info.captions, want, "{codec}");
        assert_eq!(info.random_access, Some(RandomAccess::Clean), "{codec}");
        let seen = inspector.captions();
        assert_eq!((seen.cea608_field1, seen.cea608_field2, seen.cea708), (true, false, true));
    }
}

#[test]
fn timecodes_of_h264_need_the_record() {
    // delays of the buffer model in `h264_hdr_hrd`, then structure 0 and 10:20:30 frame 5
    let record = vector("h264_hdr_hrd.config");
    let config = manycast_codec::h264::AvcConfig::parse(&record).unwrap();
    let sps = manycast_codec::h264::Sps::parse(config.sps[0]).unwrap();
    let vui = sps.vui.unwrap();
    let hrd = vui.hrd.unwrap();
    assert!(vui.picture_structure);
    let mut bits = vec![false; usize::from(hrd.cpb_removal_delay + hrd.dpb_output_delay)];
    for (value, width) in
        [(0, 4), (1, 1), (0, 2), (1, 1), (0, 5), (1, 1), (0, 2), (5, 8), (30, 6), (20, 6), (10, 5)]
    {
        bits.extend((0..width).rev().map(|at| value >> at & 1_u32 == 1));
    }
    bits.extend(vec![false; usize::from(hrd.time_offset)]);
    let byte = |eight: &[bool]| {
        eight.iter().enumerate().fold(0_u8, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
    };
    let payload: Vec<u8> = bits.chunks(8).map(byte).collect();
    let mut unit = vec![6, 1, u8::try_from(payload.len()).unwrap()];
    for byte in payload {
        // emulation prevention
        if unit.ends_with(&[0, 0]) && byte <= 3 {
            unit.push(3);
        }
        unit.push(byte);
    }
    unit.push(0x80);
    let frame = [with_length(&unit), with_length(&[0x41, 0x9A, 0x02])].concat();
    let mut inspector = configured(Codec::H264, "h264_hdr_hrd.config");
    assert_eq!(inspector.frame(&frame).timecode.unwrap().to_string(), "10:20:30:05");
    assert_eq!(Inspector::new(Codec::H264).frame(&frame).timecode, None);
}

#[test]
fn timecodes_of_h265_and_av1_stand_alone() {
    // one timestamp; full; frame 5; 30 s, 20 min, 10 h
    let payload = [0b0110_0000, 0b0100_0000, 0b0010_1011, 0b1100_1010, 0b0010_1000];
    let unit = [&[0x4E, 1, 136, 5][..], &payload, &[0x80]].concat();
    let frame = [with_length(&unit), vector("hevc_main.frame")].concat();
    let found = Inspector::new(Codec::H265).frame(&frame).timecode.unwrap();
    assert_eq!(found.to_string(), "10:20:30:05");
    // AV1: counting type 0, full, frame 5, 30 s, 20 min, 10 h
    let obu = [0x2A, 6, 5, 0b0000_0100, 0b0000_0010, 0b1011_1100, 0b1010_0010, 0b1000_0000];
    let frame = [&obu[..], &vector("av1_main.frame")].concat();
    let found = Inspector::new(Codec::Av1).frame(&frame).timecode.unwrap();
    assert_eq!(found.to_string(), "10:20:30:05");
}

#[test]
fn a_new_size_in_band_is_seen_at_its_key_frame() {
    let mut inspector = configured(Codec::H264, "h264_high.config");
    let size = |inspector: &Inspector| {
        let video = inspector.description().unwrap().as_video().unwrap().clone();
        (video.width, video.height)
    };
    assert_eq!(size(&inspector), (1920, 1080));
    let other = vector("h264_baseline.config");
    let sps = manycast_codec::h264::AvcConfig::parse(&other).unwrap().sps[0].to_vec();
    let frame = [with_length(&sps), vector("h264_baseline.frame")].concat();
    assert!(inspector.frame(&frame).changed);
    assert_eq!(size(&inspector), (320, 180));
    assert!(!inspector.frame(&frame).changed, "told once");
    // the record comes again and does not agree
    inspector.configure(&vector("h264_high.config")).unwrap();
    assert_eq!(size(&inspector), (1920, 1080));
}

#[test]
fn variable_rates_are_no_change() {
    let mut inspector = Inspector::new(Codec::Mp3);
    assert!(inspector.frame(&[0xFF, 0xFB, 0x92, 0x00]).changed);
    assert!(!inspector.frame(&[0xFF, 0xFB, 0xA2, 0x00]).changed, "another bit rate");
    assert!(inspector.frame(&[0xFF, 0xFB, 0x92, 0xC0]).changed, "mono");
    let mut inspector = Inspector::new(Codec::Opus);
    assert!(inspector.frame(&[0xFC]).changed);
    assert!(!inspector.frame(&[0xF8]).changed, "mono for once");
}

#[test]
fn a_record_that_is_repeated_leaves_what_frames_told() {
    let mut inspector = configured(Codec::H264, "h264_hdr_hrd.config");
    assert!(inspector.frame(&vector("h264_hdr_hrd.frame")).changed);
    let known = inspector.description().cloned();
    inspector.configure(&vector("h264_hdr_hrd.config")).unwrap();
    assert_eq!(inspector.description().cloned(), known, "HDR of the frames stays");
    inspector.configure(&vector("h264_high.config")).unwrap();
    assert!(inspector.description().unwrap().as_video().unwrap().hdr.is_empty());
}

#[test]
fn vp9_takes_level_and_colour_from_its_record_and_the_size_from_its_frames() {
    let mut inspector = configured(Codec::Vp9, "vp9_hdr.config");
    assert_eq!(inspector.description(), None);
    assert!(inspector.frame(&vector("vp9_hdr.frame")).changed);
    let found = inspector.description().unwrap();
    assert_eq!(found.rfc6381.as_deref(), Some("vp09.02.21.10.01.09.16.09.00"));
    assert_eq!(found.as_video().unwrap().colour.primaries, Some(9));
    // without a record the frame has no primaries to tell
    let alone = describe_frame(Codec::Vp9, None, &vector("vp9_hdr.frame")).unwrap();
    let colour = alone.as_video().unwrap().colour;
    assert_eq!((colour.primaries, colour.matrix), (None, Some(9)));
}

/// E-RTMP T13b.
#[test]
fn trap_t13b_vp_records_come_with_and_without_a_box_header() {
    let boxed = [1, 0, 0, 0, 2, 31, 0xA2, 9, 16, 9, 0, 0];
    let config = vp9::VpConfig::parse(&boxed).unwrap();
    assert_eq!(vp9::VpConfig::parse(&boxed[4..]), Ok(config));
    assert_eq!((config.profile, config.level, config.bit_depth), (2, 31, 10));
    assert_eq!(config.rfc6381("vp09"), "vp09.02.31.10.01.09.16.09.00");
    let found =
        describe_frame(Codec::Vp8, Some(&[0, 31, 0x80, 2, 2, 2, 0, 0]), &vector("vp8.frame"));
    assert_eq!(found.unwrap().rfc6381.as_deref(), Some("vp08.00.31.08"));
    for broken in
        [&[][..], &[4, 31, 0x82, 1, 1, 1], &[0, 31, 0x92, 1, 1, 1], &[0, 31, 0x8E, 1, 1, 1]]
    {
        assert!(vp9::VpConfig::parse(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn faults_of_frames_are_told_in_sentences() {
    let adts = [0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x3F, 0xFC, 0x21, 0x10];
    let byte_stream = [&[0, 0, 0, 1][..], &vector("h264_high.frame")[4..]].concat();
    let cut = vector("h264_high.frame")[..900].to_vec();
    let avc = || configured(Codec::H264, "h264_high.config");
    for (inspector, frame, want, word) in [
        (configured(Codec::Aac, "aac_stereo.config"), &adts[..], FrameFault::Adts, "aac_adtstoasc"),
        (avc(), &byte_stream, FrameFault::ByteStream(Codec::H264), "Annex B"),
        (avc(), &cut, FrameFault::Cut(Codec::H264), "loss"),
        (
            Inspector::new(Codec::H265),
            &vector("hevc_main.frame"),
            FrameFault::NoConfig(Codec::H265),
            "global_header",
        ),
        (Inspector::new(Codec::Vp9), &[0, 1, 2], FrameFault::OtherCodec(Codec::Vp9), "codec"),
        (Inspector::new(Codec::Ac3), &[0x0B, 0x78], FrameFault::OtherCodec(Codec::Ac3), "codec"),
    ] {
        assert_eq!(inspector.check(frame), Err(want));
        assert!(want.remedy().contains(word), "{}", want.remedy());
    }
}

#[test]
fn problems_of_records_are_told_in_sentences() {
    for (codec, record, sentence, word) in [
        (
            Codec::H264,
            &[1, 100, 0, 31, 0xFE, 0xE0, 0][..],
            "the h264 configuration announces NAL units with lengths of 3 bytes",
            "4 bytes",
        ),
        (
            Codec::H264,
            &[1, 77, 64, 31, 0xFF, 0xE0, 0],
            "the h264 configuration carries no SPS",
            "global_header",
        ),
        (Codec::H265, &[1, 2], "the h265 configuration ends before it is complete", "encoder"),
        (
            Codec::Aac,
            &[0x16, 0xFF],
            "the aac configuration has a samplingFrequencyIndex that the standard does not allow",
            "AAC-LC",
        ),
        (Codec::Speex, &[1], "speex has no configuration that is read here", "H.264 and AAC"),
    ] {
        let problem = examine(codec, record).unwrap_err();
        assert_eq!(problem.to_string(), sentence);
        assert!(problem.remedy().contains(word), "{}", problem.remedy());
        assert!(!problem.frames_tell());
    }
    let later = examine(Codec::Av1, &[0x81, 5, 0x4C, 0]).unwrap_err();
    assert_eq!(later.error, RecordError::Missing("sequence header"));
    assert!(later.frames_tell());
}

/// E-RTMP v2: AC-3, E-AC-3 and MP3 have no configuration; ffmpeg announces them with an empty one.
#[test]
fn an_empty_record_of_a_codec_without_records_is_no_problem() {
    for codec in [Codec::Ac3, Codec::Eac3, Codec::Mp3] {
        let mut inspector = Inspector::new(codec);
        assert_eq!(inspector.configure(&[]), Ok(()), "{codec}");
        assert_eq!(inspector.description(), None);
    }
    assert!(Inspector::new(Codec::Aac).configure(&[]).is_err());
    assert!(Inspector::new(Codec::Eac3).configure(&[1]).is_err(), "what is there is read");
}

#[test]
fn concerns_follow_from_the_description_alone() {
    use Concern::*;
    for (codec, name, want) in [
        (Codec::H264, "h264_high.config", &[][..]),
        (Codec::H264, "h264_422_10.config", &[Chroma, DeepH264]),
        (Codec::H264, "h264_444_full.config", &[Chroma, FullRange]),
        (Codec::H264, "h264_interlaced.config", &[Interlaced, NotSquare]),
        (Codec::H264, "h264_hdr_hrd.config", &[DeepH264, HdrUnusual]),
        (Codec::H265, "hevc_hdr.config", &[]),
        (Codec::H265, "hevc_422_12.config", &[Chroma, NotSquare]),
        (Codec::Av1, "av1_mono.config", &[Chroma, FullRange]),
        (Codec::Aac, "aac_stereo.config", &[]),
        (Codec::Aac, "aac_51.config", &[ManyChannels]),
        (Codec::Flac, "flac_51_24.config", &[SampleRate, ManyChannels]),
    ] {
        let found = describe(codec, &vector(name)).unwrap();
        assert_eq!(concerns(codec, &found), want, "{name}");
    }
    let he = describe(Codec::Aac, &[0x13, 0x10, 0x56, 0xE5, 0x98]).unwrap();
    assert_eq!(concerns(Codec::Aac, &he), [HighEfficiency]);
    let codes =
        [Chroma, DeepH264, Interlaced, OddSize, DeepReorder, FastPictures].map(Concern::code);
    assert_eq!(
        codes,
        ["chroma", "deep_h264", "interlaced", "odd_size", "deep_reorder", "fast_pictures"]
    );
}

#[test]
fn the_screen_shows_the_shape_that_samples_have() {
    let found = describe(Codec::H264, &vector("h264_interlaced.config")).unwrap();
    assert_eq!(found.as_video().unwrap().display_size(), (1024, 576));
}
