//! Every header form, read and written back.

use super::{
    enhanced::{EnhancedVideoBody, has_composition_time},
    *,
};
use crate::{FourCc, enhanced::Layout, limits, testing::bytes};
use manycast_media::Codec;
use proptest::prelude::*;

const UNDERSTOOD: &[&str] = &[
    // legacy
    "17 00 000000 01640028",
    "17 01 000000 00000001 65",
    "27 01 000028 00000001 41",
    "27 01 FFFFD8 00000001 41",
    "17 02 000000",
    "17 02",
    "57 00",
    "51 01",
    "1C 00 000000 01",
    "1C 01 000010 00000002 2601",
    "1D 01 000000 0A01",
    "12 0000",
    "24 00 01",
    "16",
    // single track
    "90 'hvc1' 01",
    "91 'hvc1' 000000 00000002 2601",
    "A1 'avc1' FFFFFE 00000001 41",
    "93 'hvc1' 00000002 2601",
    "92 'hvc1'",
    "91 'av01' 0A01",
    "93 'av01' 0A01",
    "91 'vp09' 82",
    "94 'hvc1' 02 0009 'colorInfo' 03 000009",
    "D4 'hvc1' 02 0009 'colorInfo' 06",
    "95 'av01' 80 04 81 00",
    "80 'vvc1' 01",
    "91 'zzzz' 01 02",
    // commands
    "D0 00",
    "D1 01",
    "D7 02 000001 01 00",
    // multitrack: one track, many tracks, many codecs
    "96 01 'hvc1' 01 000000 00000002 2601",
    "96 00 'avc1' 02 0164",
    "96 10 'avc1' 00 000002 0164 01 000003 016400",
    "96 21 'avc1' 00 000005 000000 6501 'hvc1' 01 000002 0000",
    "96 20 'avc1' 00 000000 'av01' FF 000001 81",
    // ModEx: nanosecond offset, unknown kind, long size, several
    "97 02 0003E8 01 'avc1' 000000 65",
    "97 00 AA 31 'hvc1' 000000 26",
    "97 FF 0000 BB 01 'hvc1' 000000 26",
    "97 02 000001 07 02 000002 06 01 'hvc1' 03 000000 26",
];

#[test]
fn what_is_read_is_written_back() {
    for notation in UNDERSTOOD {
        let body = bytes(notation);
        let tag = VideoTag::read(&body).unwrap_or_else(|| panic!("{notation} is understood"));
        assert_eq!(tag.write(), body, "{notation}");
    }
}

#[test]
fn what_is_reserved_or_cut_is_not_understood() {
    for notation in [
        "",
        "17",
        "17 00",
        "17 01 0000",
        "17 03 000000",
        "90",
        "90 'hv'",
        "98 'hvc1'",
        "9F 'hvc1'",
        "96",
        "96 31 'hvc1' 00 000001 00",
        "96 06 'hvc1' 01",
        "96 01 'hvc1'",
        "96 11 'hvc1' 00 0000",
        "97",
        "97 02 000001",
        "97 FF 00",
    ] {
        assert_eq!(VideoTag::read(&bytes(notation)), None, "{notation}");
    }
}

fn enhanced(notation: &str) -> EnhancedVideo {
    match VideoTag::read(&bytes(notation)) {
        Some(VideoTag::Enhanced(tag)) => tag,
        other => panic!("{notation}: {other:?}"),
    }
}

#[test]
fn commands_start_and_end_a_seek() {
    for (notation, want) in [
        ("57 00", Some(VideoCommand::StartSeek)),
        ("5C 01", Some(VideoCommand::EndSeek)),
        ("D0 00", Some(VideoCommand::StartSeek)),
        ("D6 01", Some(VideoCommand::EndSeek)),
        ("D7 02 000001 01 00", Some(VideoCommand::StartSeek)),
        ("57 02", None),
        ("57", None),
        ("D1", None),
        ("D4 'hvc1' 00", None),
        ("17 01 000000 00", None),
    ] {
        let tag = VideoTag::read(&bytes(notation)).unwrap();
        assert_eq!(tag.command(), want, "{notation}");
    }
}

#[test]
fn multitrack_comes_in_three_forms() {
    for (notation, layout, want) in [
        ("96 01 'hvc1' 05 AABB", Layout::OneTrack, &[(5, b"hvc1", "AABB")][..]),
        (
            "96 11 'avc1' 03 000001 AA 01 000002 BBCC",
            Layout::ManyTracks,
            &[(3, b"avc1", "AA"), (1, b"avc1", "BBCC")],
        ),
        (
            "96 21 'avc1' 00 000001 AA 'av01' 02 000000",
            Layout::ManyTracksManyCodecs,
            &[(0, b"avc1", "AA"), (2, b"av01", "")],
        ),
    ] {
        let EnhancedVideoBody::Tracks { packet_type, tracks } = enhanced(notation).body else {
            panic!("{notation} has tracks")
        };
        assert_eq!((packet_type, tracks.layout), (VideoPacketType::CodedFrames, layout));
        let found: Vec<_> = tracks.list.iter().map(|t| (t.id, t.four_cc, t.body.clone())).collect();
        let want: Vec<_> =
            want.iter().map(|(id, name, body)| (*id, FourCc(**name), bytes(body))).collect();
        assert_eq!(found, want, "{notation}");
    }
}

#[test]
fn mod_ex_gives_the_nanoseconds() {
    for (notation, nanos) in [
        ("97 02 0003E8 01 'avc1' 000000 65", 1000),
        ("97 02 0F423F 01 'avc1' 000000 65", 999_999),
        ("97 02 0F4240 01 'avc1' 000000 65", 0),
        ("97 01 0001 01 'avc1' 000000 65", 0),
        ("97 03 00000100 01 'avc1' 000000 65", 1),
        ("97 02 000009 11 'avc1' 000000 65", 0),
        ("97 00 FF 17 02 000005 01 'avc1' 000000 65", 5),
        // the last one rules
        ("97 02 000007 07 02 000005 01 'avc1' 000000 65", 5),
        ("91 'avc1' 000000 65", 0),
    ] {
        assert_eq!(enhanced(notation).nanos(), nanos, "{notation}");
    }
    let made = crate::enhanced::ModEx::timestamp_offset(2_000_000);
    assert_eq!((made.kind(), made.nanos()), (0, Some(999_999)));
}

/// E-RTMP T6.
#[test]
fn trap_t6_a_track_longer_than_its_message_spoils_that_message_only() {
    assert_eq!(VideoTag::read(&bytes("96 11 'avc1' 00 000002 AA")), None);
    assert_eq!(VideoTag::read(&bytes("96 11 'avc1' 00 FFFFFF")), None);
}

/// E-RTMP T1: which codecs carry a composition time.
#[test]
fn trap_t1_composition_time_is_for_three_codecs_only() {
    for (codec, has) in [
        (Codec::H264, true),
        (Codec::H265, true),
        (Codec::H266, true),
        (Codec::Av1, false),
        (Codec::Vp8, false),
        (Codec::Vp9, false),
        (Codec::Opaque, false),
    ] {
        assert_eq!(has_composition_time(codec), has, "{codec}");
    }
}

#[test]
fn tracks_and_prefixes_are_bounded() {
    let track = [0, 0, 0, 1, 0xAA];
    let message = |n: usize| Bytes::from([&b"\x96\x11avc1"[..], &track.repeat(n)].concat());
    assert!(VideoTag::read(&message(limits::MAX_TRACKS)).is_some());
    assert!(VideoTag::read(&message(limits::MAX_TRACKS + 1)).is_none());
    let prefixed = |n: usize| {
        let again = [0, 0, 7].repeat(n - 1);
        Bytes::from([&[0x97][..], &again, &[0, 0, 1], b"hvc1\0\0\0&"].concat())
    };
    assert!(VideoTag::read(&prefixed(limits::MAX_MOD_EX)).is_some());
    assert!(VideoTag::read(&prefixed(limits::MAX_MOD_EX + 1)).is_none());
}

#[test]
fn long_prefixes_take_the_wide_size() {
    let data = [0xAB; 300];
    let body = [&[0x97, 0xFF, 0x01, 0x2B][..], &data, &[0x11], b"hvc1\0\0\0&"].concat();
    let tag = VideoTag::read(&body.clone().into()).unwrap();
    assert_eq!(tag.write(), body);
}

proptest! {
    #[test]
    fn whatever_is_understood_is_written_back(
        first in prop_oneof![any::<u8>(), 0x90_u8..0x98],
        rest in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4], 0..48),
    ) {
        let body = Bytes::from([&[first][..], &rest].concat());
        if let Some(tag) = VideoTag::read(&body) {
            prop_assert_eq!(tag.write(), body);
        }
    }
}
