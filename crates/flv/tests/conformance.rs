//! Enhanced RTMP v2 by its tables: every codec in every packet type, alone and in the three forms of
//! multitrack, built here byte by byte; and the normal forms that docs/enhanced-rtmp.md lists.

use bytes::Bytes;
use manycast_flv::{
    FourCc,
    audio::AudioTag,
    frame::{
        FLV_AUDIO, FLV_DATA_AMF0, FLV_VIDEO, Unit, Units, read_audio, read_data, read_video,
        write_about_as, write_config, write_config_as, write_frame, write_frame_as,
        write_without_mod_ex,
    },
    video::VideoTag,
};
use manycast_media::{Codec, Dialect, TimeDelta, Timestamp, TrackId, TrackKind, Wire};
use std::{fs, path::Path};

#[path = "../src/testing.rs"]
mod testing;
use testing::bytes;

/// FourCC, its value as a number, the codec, whether CodedFrames has a composition time, and a frame.
type Row = (&'static str, u32, Codec, bool, &'static str);

const VIDEO: [Row; 6] = [
    ("avc1", 1_635_148_593, Codec::H264, true, "00000001 65"),
    ("hvc1", 1_752_589_105, Codec::H265, true, "00000003 260100"),
    ("vvc1", 1_987_470_129, Codec::H266, true, "00000003 003900"),
    ("av01", 1_635_135_537, Codec::Av1, false, "320110"),
    ("vp09", 1_987_063_865, Codec::Vp9, false, "82498342"),
    ("vp08", 1_987_063_864, Codec::Vp8, false, "500000 9D012A"),
];

const AUDIO: [Row; 6] = [
    ("mp4a", 1_836_069_985, Codec::Aac, false, "2110"),
    ("Opus", 1_332_770_163, Codec::Opus, false, "FC"),
    ("fLaC", 1_716_281_667, Codec::Flac, false, "FFF8"),
    ("ac-3", 1_633_889_587, Codec::Ac3, false, "0B77"),
    ("ec-3", 1_700_998_451, Codec::Eac3, false, "0B77"),
    (".mp3", 778_924_083, Codec::Mp3, false, "FFFB"),
];

/// How a message is laid out, and the numbers of the Tracks in it.
const LAYOUTS: [(&str, &[u8]); 6] = [
    ("single", &[0]),
    ("one", &[0]),
    ("one", &[7]),
    ("many", &[3]),
    ("many", &[1, 4]),
    ("codecs", &[0, 2, 9]),
];

/// A message of Tracks that hold the same, in notation.
fn message(
    (kind, flags, packet_type): (TrackKind, u8, u8),
    four_cc: &str,
    (layout, ids): (&str, &[u8]),
    body: &str,
) -> Bytes {
    let multitrack = if kind == TrackKind::Video { 6 } else { 5 };
    let size = bytes(body).len();
    if layout == "single" {
        return bytes(&format!("{:02X} '{four_cc}' {body}", flags | packet_type));
    }
    let first = flags | multitrack;
    let (code, shared) = match layout {
        "one" => (0, true),
        "many" => (1, true),
        _ => (2, false),
    };
    let mut notation = format!("{first:02X} {:02X}", code << 4 | packet_type);
    if shared {
        notation += &format!(" '{four_cc}'");
    }
    for id in ids {
        if !shared {
            notation += &format!(" '{four_cc}'");
        }
        notation += &format!(" {id:02X}");
        if layout != "one" {
            notation += &format!(" {size:06X}");
        }
        notation += &format!(" {body}");
    }
    bytes(&notation)
}

fn read(kind: TrackKind, body: &Bytes) -> Units {
    match kind {
        TrackKind::Video => read_video(body),
        TrackKind::Audio => read_audio(body),
        TrackKind::Data => read_data(body, false),
    }
}

/// Calls `check` with each message of this packet type, its codec and the Tracks in it.
fn each(
    kind: TrackKind,
    flags: u8,
    packet_type: u8,
    body: impl Fn(&Row) -> String,
    check: impl Fn(&Row, &[u8], Units),
) {
    let rows = if kind == TrackKind::Video { VIDEO } else { AUDIO };
    for row in rows {
        for layout in LAYOUTS {
            let message = message((kind, flags, packet_type), row.0, layout, &body(&row));
            let header = match kind {
                TrackKind::Video => VideoTag::read(&message).map(|tag| tag.write()),
                _ => AudioTag::read(&message).map(|tag| tag.write()),
            };
            assert_eq!(header.as_ref(), Some(&message), "{} {layout:?}", row.0);
            check(&row, layout.1, read(kind, &message));
        }
    }
}

fn frames(units: Units) -> Vec<(TrackId, Codec, i64, bool, Bytes)> {
    let frame = |unit| match unit {
        Unit::Frame { track, codec, pts_offset, key, payload, .. } => {
            (track, codec, pts_offset.as_millis(), key, payload)
        }
        other => panic!("{other:?} is no frame"),
    };
    units.into_iter().map(frame).collect()
}

#[test]
fn e_rtmp_four_ccs_have_their_numbers() {
    for (name, number, codec, ..) in VIDEO {
        let four_cc = FourCc(number.to_be_bytes());
        assert_eq!((four_cc.to_string(), four_cc.video_codec()), (name.to_owned(), codec));
        assert_eq!(FourCc::of(codec), Some(four_cc));
        assert_eq!(four_cc.audio_codec(), Codec::Opaque);
    }
    for (name, number, codec, ..) in AUDIO {
        let four_cc = FourCc(number.to_be_bytes());
        assert_eq!((four_cc.to_string(), four_cc.audio_codec()), (name.to_owned(), codec));
        assert_eq!(FourCc::of(codec), Some(four_cc));
        assert_eq!(four_cc.video_codec(), Codec::Opaque);
    }
    for wrong in [b"AVC1", b"opus", b"flac", b"OPUS"] {
        let found = (FourCc(*wrong).video_codec(), FourCc(*wrong).audio_codec());
        assert_eq!(found, (Codec::Opaque, Codec::Opaque), "case matters");
    }
}

#[test]
fn e_rtmp_sequence_start_of_every_codec() {
    for (kind, flags) in [(TrackKind::Video, 0x90), (TrackKind::Audio, 0x90)] {
        each(
            kind,
            flags,
            0,
            |_| "0164AA".into(),
            |row, ids, units| {
                let found: Vec<_> = units
                    .into_iter()
                    .map(|unit| match unit {
                        Unit::Config { track, config } => (track, config.codec, config.record),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let one = |index: &u8| (TrackId { kind, index: *index }, row.2, bytes("0164AA"));
                assert_eq!(found, ids.iter().map(one).collect::<Vec<_>>());
            },
        );
    }
}

#[test]
fn e_rtmp_coded_frames_of_every_video_codec() {
    for (flags, time, ms) in [(0x90, "000021", 33), (0xA0, "FFFFD8", -40)] {
        let body = |row: &Row| if row.3 { format!("{time} {}", row.4) } else { row.4.into() };
        each(TrackKind::Video, flags, 1, body, |row, ids, units| {
            let one = |index: &u8| {
                let track = TrackId { index: *index, ..TrackId::VIDEO };
                (track, row.2, if row.3 { ms } else { 0 }, true, bytes(row.4))
            };
            // called an inter frame, but the bitstream says better
            assert_eq!(frames(units), ids.iter().map(one).collect::<Vec<_>>(), "{}", row.0);
        });
    }
}

#[test]
fn e_rtmp_coded_frames_x_has_no_composition_time() {
    each(
        TrackKind::Video,
        0x90,
        3,
        |row| row.4.into(),
        |row, ids, units| {
            let one = |index: &u8| {
                (TrackId { index: *index, ..TrackId::VIDEO }, row.2, 0, true, bytes(row.4))
            };
            assert_eq!(frames(units), ids.iter().map(one).collect::<Vec<_>>(), "{}", row.0);
        },
    );
}

#[test]
fn e_rtmp_coded_frames_of_every_audio_codec() {
    each(
        TrackKind::Audio,
        0x90,
        1,
        |row| row.4.into(),
        |row, ids, units| {
            let one = |index: &u8| {
                (TrackId { index: *index, ..TrackId::AUDIO }, row.2, 0, true, bytes(row.4))
            };
            assert_eq!(frames(units), ids.iter().map(one).collect::<Vec<_>>(), "{}", row.0);
        },
    );
}

#[test]
fn e_rtmp_sequence_end_of_every_codec() {
    for kind in [TrackKind::Video, TrackKind::Audio] {
        each(
            kind,
            0x90,
            2,
            |_| String::new(),
            |row, ids, units| {
                let one = |index: &u8| Unit::SequenceEnd {
                    track: TrackId { kind, index: *index },
                    codec: row.2,
                };
                assert_eq!(units.into_vec(), ids.iter().map(one).collect::<Vec<_>>());
            },
        );
    }
}

#[test]
fn e_rtmp_metadata_and_channel_orders_of_every_codec() {
    for (kind, packet_type, body) in
        [(TrackKind::Video, 4, "02 0009 'colorInfo' 06"), (TrackKind::Audio, 4, "01 02 00000003")]
    {
        each(
            kind,
            0x90,
            packet_type,
            |_| body.into(),
            |_, ids, units| {
                let mut found = units.into_iter();
                for index in ids {
                    let Some(Unit::Sticky(sticky)) = found.next() else {
                        panic!("joiners need it")
                    };
                    assert_eq!(sticky.track, TrackId { kind, index: *index });
                    let Some(Unit::Frame { track, codec, payload, wire, .. }) = found.next() else {
                        panic!("and others where it stands")
                    };
                    assert_eq!((track, codec, wire), (TrackId::DATA, Codec::Script, sticky.wire));
                    assert_eq!(payload, bytes(body));
                }
                assert_eq!(found.next(), None);
            },
        );
    }
}

/// "It is not possible to have a multitrack within a multitrack"; reserved types travel as they came.
#[test]
fn e_rtmp_multitrack_does_not_nest_and_reserved_types_are_carried() {
    for (kind, first, nested, reserved) in
        [(TrackKind::Video, 0x96, 6, &[8, 9, 15][..]), (TrackKind::Audio, 0x95, 5, &[3, 6, 8, 15])]
    {
        let four_cc = if kind == TrackKind::Video { "hvc1" } else { "mp4a" };
        let mut bodies = vec![
            bytes(&format!("{first:02X} 0{nested} '{four_cc}' 00 01")),
            bytes(&format!("{first:02X} 07 '{four_cc}' 00 01")),
            bytes(&format!("{first:02X} 31 '{four_cc}' 00 01")),
        ];
        for packet_type in reserved {
            bodies.push(bytes(&format!("9{packet_type:X} '{four_cc}' 01")));
            bodies.push(bytes(&format!("{first:02X} 0{packet_type:X} '{four_cc}' 00 01")));
        }
        for body in bodies {
            let units = read(kind, &body);
            let [Unit::Opaque { wire, .. }] = &units[..] else { panic!("{body:?}: {units:?}") };
            assert!(units[0].is_opaque());
            assert_eq!(wire.body, body);
        }
    }
}

/// ModEx before every form: the nanoseconds reach each Track of the message, an unknown kind of
/// prefix is stepped over.
#[test]
fn e_rtmp_mod_ex_stands_before_every_form() {
    for (kind, four_cc, body) in
        [(TrackKind::Video, "av01", "320110"), (TrackKind::Audio, "Opus", "FC")]
    {
        let multi = if kind == TrackKind::Video { 6 } else { 5 };
        let track = |id: u8| format!("{id:02X} {:06X} {body}", bytes(body).len());
        for (prefix, ticks) in [
            ("97 02 0003E8 0", 35),
            ("97 02 0F423F 0", 35_279),
            ("97 00 AA 17 02 0003E8 0", 35),
            ("97 FF 0002 0003E8 0", 35),
            ("97 01 AABB F", 0),
        ] {
            for (form, ids) in [
                (format!("1 '{four_cc}' {body}"), &[0][..]),
                (format!("{multi} 01 '{four_cc}' 04 {body}"), &[4]),
                (format!("{multi} 11 '{four_cc}' {} {}", track(0), track(2)), &[0, 2]),
                (format!("{multi} 21 '{four_cc}' {} '{four_cc}' {}", track(1), track(2)), &[1, 2]),
            ] {
                let message = bytes(&format!("{prefix}{form}"));
                let found: Vec<_> = read(kind, &message)
                    .into_iter()
                    .map(|unit| match unit {
                        Unit::Frame { track, pts_offset, payload, .. } => {
                            assert_eq!(payload, bytes(body));
                            (track.index, pts_offset)
                        }
                        other => panic!("{message:?}: {other:?}"),
                    })
                    .collect();
                let want = ids.iter().map(|id| (*id, TimeDelta::from_ticks(ticks)));
                assert_eq!(found, want.collect::<Vec<_>>(), "{prefix}{form}");
            }
        }
    }
}

/// One row of the table of normal forms: kind of message, what came, how it is asked for, what goes.
fn normal_forms() -> Vec<[String; 5]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/enhanced-rtmp.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("\n## Normal forms\n").expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| N"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("{cells:?}: five cells"))
    })
    .collect()
}

/// Each unit of a message, written as a row asks for it.
fn dialect(kind: TrackKind) -> Dialect {
    match kind {
        TrackKind::Video => FLV_VIDEO,
        TrackKind::Audio => FLV_AUDIO,
        TrackKind::Data => FLV_DATA_AMF0,
    }
}

fn written(kind: TrackKind, body: &Bytes, asked: &str) -> Vec<Bytes> {
    let index = match asked {
        "all" | "all, no ModEx" => None,
        "alone" => Some(0),
        number => Some(number.strip_prefix("number ").unwrap().parse().unwrap()),
    };
    let one = |unit: Unit| -> Option<Wire> {
        match (unit, index) {
            (Unit::Config { track, config }, None) => write_config(&config, track),
            (Unit::Config { track, config }, Some(index)) => {
                write_config_as(&config, TrackId { index, ..track })
            }
            (Unit::Sticky(sticky), Some(index)) => write_about_as(&sticky.wire, index),
            (Unit::Sticky(sticky), None) => Some(sticky.wire),
            (Unit::SequenceEnd { .. } | Unit::Empty, _) => None,
            (unit, None) => write_frame(&unit.into_frame(Timestamp::ZERO)?),
            (unit, Some(index)) => write_frame_as(&unit.into_frame(Timestamp::ZERO)?, index),
        }
    };
    let mut bodies: Vec<_> =
        read(kind, body).into_iter().filter_map(one).map(|wire| wire.body).collect();
    if asked.ends_with("no ModEx") {
        let plain = |body| write_without_mod_ex(Wire { dialect: dialect(kind), body });
        bodies = bodies.into_iter().filter_map(plain).map(|wire| wire.body).collect();
    }
    // A message about a Track is a unit for joiners and a unit for the others.
    bodies.dedup();
    bodies
}

fn notations(cell: &str) -> Vec<Bytes> {
    let inside = cell.split('`').skip(1).step_by(2);
    inside.map(bytes).collect()
}

#[test]
fn normal_forms_of_the_documentation_hold() {
    let rows = normal_forms();
    assert!(rows.len() >= 15, "{} rows: is the table still one?", rows.len());
    for [id, kind, came, asked, goes] in rows {
        let kind = match kind.as_str() {
            "video" => TrackKind::Video,
            "audio" => TrackKind::Audio,
            "data" => TrackKind::Data,
            other => panic!("{id}: {other}"),
        };
        let [came] = &notations(&came)[..] else { panic!("{id}: one message comes") };
        let goes = if goes == "nothing" { Vec::new() } else { notations(&goes) };
        assert_eq!(written(kind, came, &asked), goes, "{id}");
    }
}
