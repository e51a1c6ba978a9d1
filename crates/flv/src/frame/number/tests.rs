//! One Track out of several, and several put together.

use super::*;
use crate::frame::{Unit, read_audio, read_data, read_video, write_channels, write_color_info};
use crate::testing::bytes;
use crate::{audio::MultichannelConfig, video::ColorInfo};
use bytes::Bytes;
use manycast_media::{Dialect, TimeDelta, Timestamp};

fn units(kind: TrackKind, body: &Bytes) -> Vec<Unit> {
    let units = match kind {
        TrackKind::Video => read_video(body),
        TrackKind::Audio => read_audio(body),
        TrackKind::Data => read_data(body, false),
    };
    units.into_vec()
}

/// Each unit of a message as number `index`, in notation; `-` where no tag can carry it.
fn written(kind: TrackKind, notation: &str, index: u8) -> Vec<Option<Bytes>> {
    let one = |unit: Unit| match unit {
        Unit::Config { track, config } => write_config_as(&config, TrackId { index, ..track }),
        Unit::Sticky(sticky) => write_about_as(&sticky.wire, index),
        Unit::SequenceEnd { .. } | Unit::Empty => None,
        unit => write_frame_as(&unit.into_frame(Timestamp::ZERO).unwrap(), index),
    };
    let wires = units(kind, &bytes(notation)).into_iter().map(one);
    wires.map(|wire| wire.map(|wire| wire.body)).collect()
}

fn assert_written(kind: TrackKind, index: u8, rows: &[(&str, &[Option<&str>])]) {
    for (notation, want) in rows {
        let want: Vec<_> = want.iter().map(|body| body.map(bytes)).collect();
        assert_eq!(written(kind, notation, index), want, "{notation} as {index}");
    }
}

/// E-RTMP v2 "Multitrack", T8: a plain player gets a Track without number, prefixes and neighbours.
#[test]
fn a_track_alone_has_the_form_of_plain_players() {
    assert_written(
        TrackKind::Video,
        0,
        &[
            // H.264 as legacy, whatever it came in
            ("17 01 000000 00000001 65", &[Some("17 01 000000 00000001 65")]),
            ("91 'avc1' 000000 00000001 65", &[Some("17 01 000000 00000001 65")]),
            ("A3 'avc1' 00000001 41", &[Some("27 01 000000 00000001 41")]),
            ("A6 01 'avc1' 02 FFFFD8 00000001 41", &[Some("27 01 FFFFD8 00000001 41")]),
            ("96 00 'avc1' 02 0164", &[Some("17 00 000000 0164")]),
            ("97 02 0003E8 01 'avc1' 000021 00000001 65", &[Some("17 01 000021 00000001 65")]),
            // others enhanced
            ("91 'hvc1' 000000 00000002 2601", &[Some("91 'hvc1' 000000 00000002 2601")]),
            ("1C 01 000000 00000002 2601", &[Some("1C 01 000000 00000002 2601")]),
            ("96 01 'hvc1' 05 000010 00000002 2601", &[Some("91 'hvc1' 000010 00000002 2601")]),
            ("96 03 'hvc1' 05 00000002 2601", &[Some("93 'hvc1' 00000002 2601")]),
            (
                "97 02 000001 01 'hvc1' 000010 00000002 2601",
                &[Some("91 'hvc1' 000010 00000002 2601")],
            ),
            ("96 00 'av01' 01 81", &[Some("90 'av01' 81")]),
            ("96 01 'av01' 01 320110", &[Some("91 'av01' 320110")]),
            ("91 'av01' 320110", &[Some("91 'av01' 320110")]),
            ("96 01 'zzzz' 03 0102", &[Some("91 'zzzz' 0102")]),
            ("96 05 'av01' 01 80 04 81050C00", &[Some("90 'av01' 81050C00")]),
            // several in one message, in the order of their numbers
            (
                "96 21 'hvc1' 03 00000A 000010 00000003 260100 'avc1' 01 000008 000000 00000001 65",
                &[Some("17 01 000000 00000001 65"), Some("91 'hvc1' 000010 00000003 260100")],
            ),
            // commands in a legacy tag, and what is not understood in one
            ("57 00", &[Some("57 00")]),
            ("17 03 000000", &[Some("17 03 000000")]),
            // neither of these in an enhanced tag
            ("D1 00", &[None]),
            ("98 'hvc1'", &[None]),
            ("91 'hvc1' 0000", &[None]),
            ("96 31 'hvc1' 00 000001 00", &[None]),
        ],
    );
    assert_written(
        TrackKind::Audio,
        0,
        &[
            ("AF 01 2110", &[Some("AF 01 2110")]),
            ("B2 2110", &[Some("B2 2110")]),
            ("91 'mp4a' 2110", &[Some("AF 01 2110")]),
            ("95 01 'mp4a' 02 2110", &[Some("AF 01 2110")]),
            ("95 00 'mp4a' 02 1190", &[Some("AF 00 1190")]),
            ("91 '.mp3' FFFB", &[Some("2F FFFB")]),
            // legacy MP3 has no configuration
            ("95 00 '.mp3' 03", &[None]),
            ("95 01 'Opus' 02 FC", &[Some("91 'Opus' FC")]),
            ("95 01 'ac-3' 02 0B77", &[Some("91 'ac-3' 0B77")]),
            ("95 11 'mp4a' 04 000001 21 02 000002 2122", &[Some("AF 01 2122"), Some("AF 01 21")]),
        ],
    );
}

/// E-RTMP v2 "Multitrack", OneTrack: the form that every reader of multitrack knows.
#[test]
fn tracks_put_together_are_numbered_one_by_one() {
    assert_written(
        TrackKind::Video,
        3,
        &[
            ("17 01 000000 00000001 65", &[Some("96 03 'avc1' 03 00000001 65")]),
            ("27 01 000028 00000001 41", &[Some("A6 01 'avc1' 03 000028 00000001 41")]),
            ("17 00 000000 0164", &[Some("96 00 'avc1' 03 0164")]),
            ("1C 01 000000 00000002 2601", &[Some("96 03 'hvc1' 03 00000002 2601")]),
            ("91 'hvc1' 000010 00000002 2601", &[Some("96 01 'hvc1' 03 000010 00000002 2601")]),
            (
                "96 01 'hvc1' 05 000010 00000002 2601",
                &[Some("96 01 'hvc1' 03 000010 00000002 2601")],
            ),
            ("96 01 'av01' 03 320110", &[Some("96 01 'av01' 03 320110")]),
            ("91 'zzzz' 0102", &[Some("96 01 'zzzz' 03 0102")]),
            // prefixes stay where multitrack is understood
            (
                "97 02 0003E8 01 'hvc1' 000010 00000002 2601",
                &[Some("97 02 0003E8 06 01 'hvc1' 03 000010 00000002 2601")],
            ),
            (
                "97 02 0003E8 06 01 'hvc1' 03 000010 00000002 2601",
                &[Some("97 02 0003E8 06 01 'hvc1' 03 000010 00000002 2601")],
            ),
            ("91 'hvc1' 0000", &[Some("96 01 'hvc1' 03 0000")]),
            // no FourCC, no number
            ("12 0000", &[None]),
            ("57 00", &[None]),
            ("17 03 000000", &[None]),
        ],
    );
    assert_written(
        TrackKind::Audio,
        3,
        &[
            ("AF 01 2110", &[Some("95 01 'mp4a' 03 2110")]),
            ("AF 00 1190", &[Some("95 00 'mp4a' 03 1190")]),
            ("2F FFFB", &[Some("95 01 '.mp3' 03 FFFB")]),
            ("91 'fLaC' FFF8", &[Some("95 01 'fLaC' 03 FFF8")]),
            ("90 'Opus'", &[Some("95 00 'Opus' 03")]),
            ("B2 2110", &[None]),
        ],
    );
}

/// E-RTMP v2 "Metadata Frame", "MultichannelConfig": they go with their Track, and not to players of
/// legacy tags.
#[test]
fn messages_about_a_track_go_with_it() {
    let info = "02 0009 'colorInfo' 06";
    for (kind, notation, alone, third) in [
        (
            TrackKind::Video,
            format!("D4 'hvc1' {info}"),
            Some(format!("D4 'hvc1' {info}")),
            format!("96 04 'hvc1' 03 {info}"),
        ),
        (
            TrackKind::Video,
            format!("96 04 'av01' 02 {info}"),
            Some(format!("94 'av01' {info}")),
            format!("96 04 'av01' 03 {info}"),
        ),
        (TrackKind::Video, format!("94 'avc1' {info}"), None, format!("96 04 'avc1' 03 {info}")),
        (
            TrackKind::Audio,
            "95 04 'Opus' 01 00 02".into(),
            Some("94 'Opus' 00 02".into()),
            "95 04 'Opus' 03 00 02".into(),
        ),
        (TrackKind::Audio, "95 04 'mp4a' 01 00 02".into(), None, "95 04 'mp4a' 03 00 02".into()),
    ] {
        let alone = alone.map(|alone| bytes(&alone));
        // once for joiners, once in its place
        assert_eq!(written(kind, &notation, 0), [alone.clone(), alone], "{notation}");
        let third = Some(bytes(&third));
        assert_eq!(written(kind, &notation, 3), [third.clone(), third], "{notation}");
    }
    let metadata = "02 000A 'onMetaData' 05";
    for index in [0, 3] {
        let as_it_was = Some(bytes(metadata));
        assert_eq!(written(TrackKind::Data, metadata, index), [as_it_was.clone(), as_it_was]);
    }
}

#[test]
fn a_message_names_the_track_it_is_about() {
    for (dialect, notation, want) in [
        (FLV_VIDEO, "94 'hvc1' 05", Some((TrackKind::Video, 0))),
        (FLV_VIDEO, "96 04 'hvc1' 07 05", Some((TrackKind::Video, 7))),
        (FLV_VIDEO, "57 00", Some((TrackKind::Video, 0))),
        (FLV_VIDEO, "D1 00", Some((TrackKind::Video, 0))),
        (FLV_AUDIO, "95 04 'Opus' 02 00 02", Some((TrackKind::Audio, 2))),
        (FLV_AUDIO, "AF 02", Some((TrackKind::Audio, 0))),
        (crate::frame::FLV_DATA_AMF0, "02 0001 'x'", None),
        (Dialect(999), "00", None),
    ] {
        let found = subject(&Wire { dialect, body: bytes(notation) });
        assert_eq!(found, want.map(|(kind, index)| TrackId { kind, index }), "{notation}");
    }
}

#[test]
fn what_has_the_form_already_is_not_copied() {
    for (notation, index) in [
        ("17 01 000000 00000001 65", 0),
        ("91 'hvc1' 000000 00000002 2601", 0),
        ("96 01 'hvc1' 05 000000 00000002 2601", 5),
    ] {
        let body = bytes(notation);
        let frame = read_video(&body)[0].clone().into_frame(Timestamp::ZERO).unwrap();
        let wire = write_frame_as(&frame, index).unwrap();
        assert_eq!(wire.body.as_ptr(), body.as_ptr(), "{notation}");
    }
}

/// E-RTMP v2 "ModEx": the offset reaches the time of the Frame, and stays in the message wherever a
/// reader can be expected to know ModEx.
#[test]
fn nanoseconds_are_in_the_time_and_in_the_message() {
    let body = bytes("97 02 0F4240 07 02 0003E8 01 'hvc1' 000010 00000002 2601");
    let read = |body: &Bytes| read_video(body)[0].clone().into_frame(Timestamp::ZERO).unwrap();
    let frame = read(&body);
    assert_eq!(frame.pts - frame.dts, TimeDelta::from_millis(16) + TimeDelta::from_ticks(35));
    assert_eq!(write_frame(&frame).unwrap().body, body);
    let numbered = read(&write_frame_as(&frame, 2).unwrap().body);
    assert_eq!(numbered.pts, frame.pts);
    let alone = read(&write_frame_as(&frame, 0).unwrap().body);
    assert_eq!(alone.pts - alone.dts, TimeDelta::from_millis(16));
}

#[test]
fn frames_from_elsewhere_take_any_number() {
    for (index, want) in [(0, "17 01 000000 00000001 65"), (2, "96 03 'avc1' 02 00000001 65")] {
        let frame = Frame {
            track: TrackId::VIDEO,
            codec: Codec::H264,
            dts: Timestamp::ZERO,
            pts: Timestamp::ZERO,
            key: true,
            payload: bytes("00000001 65"),
            wire: None,
        };
        assert_eq!(write_frame_as(&frame, index).unwrap().body, bytes(want));
        let foreign =
            Frame { wire: Some(Wire { dialect: Dialect(999), body: bytes("00") }), ..frame };
        assert_eq!(write_frame_as(&foreign, index).unwrap().body, bytes(want));
    }
}

#[test]
fn descriptions_are_built_for_a_track() {
    let video = |index| TrackId { index, ..TrackId::VIDEO };
    let audio = |index| TrackId { index, ..TrackId::AUDIO };
    let info = ColorInfo::default();
    let channels = MultichannelConfig::read(&bytes("01 02 00000003")).unwrap();
    let body = |wire: Option<Wire>| wire.map(|wire| wire.body);
    for (found, want) in [
        (write_color_info(video(0), Codec::H265, &info), Some("94 'hvc1' 02 0009 'colorInfo' 06")),
        (
            write_color_info(video(2), Codec::Av1, &info),
            Some("96 04 'av01' 02 02 0009 'colorInfo' 06"),
        ),
        (write_color_info(audio(0), Codec::Aac, &info), None),
        (write_color_info(video(0), Codec::Vp6, &info), None),
        (write_channels(audio(0), Codec::Opus, &channels), Some("94 'Opus' 01 02 00000003")),
        (write_channels(audio(1), Codec::Aac, &channels), Some("95 04 'mp4a' 01 01 02 00000003")),
        (write_channels(video(0), Codec::H264, &channels), None),
    ] {
        assert_eq!(body(found), want.map(bytes));
    }
}

/// Prefixes that are repeated for each Track of a message may not multiply what it costs.
#[test]
fn long_prefixes_are_not_repeated() {
    for (size, understood) in [(64, true), (65, false)] {
        let data = vec![0; size];
        let head = [&[0x97, u8::try_from(size - 1).unwrap()][..], &data, &[0x16]].concat();
        let tracks = bytes("11 'av01' 00 000003 320110 01 000003 320110");
        let body = Bytes::from([&head[..], &tracks].concat());
        let found = read_video(&body);
        match understood {
            true => assert_eq!(found.len(), 2),
            false => {
                let [Unit::Opaque { track: TrackId::VIDEO, wire }] = &found[..] else {
                    panic!("{found:?}")
                };
                assert_eq!(wire.body, body);
            }
        }
    }
}
