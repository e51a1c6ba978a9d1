//! What messages mean, trap by trap, and how Frames are written.

use super::*;
use crate::testing::bytes;
use manycast_media::TrackKind;

const fn video(index: u8) -> TrackId {
    TrackId { kind: TrackKind::Video, index }
}

const fn audio(index: u8) -> TrackId {
    TrackId { kind: TrackKind::Audio, index }
}

/// A unit in few words, without the wire form.
fn sketch(unit: &Unit) -> String {
    let hex = |b: &Bytes| b.iter().map(|b| format!("{b:02X}")).collect::<String>();
    match unit {
        Unit::Config { track, config } => {
            format!("config {track} {} {}", config.codec, hex(&config.record))
        }
        Unit::Frame { track, codec, pts_offset, key, payload, .. } => {
            let key = if *key { " key" } else { "" };
            format!("frame {track} {codec} +{}{key} {}", pts_offset.as_millis(), hex(payload))
        }
        Unit::Sticky(sticky) => format!("sticky {} {}", sticky.track, sticky.name),
        Unit::SequenceEnd { track, codec } => format!("end {track} {codec}"),
        Unit::Opaque { track, .. } => format!("opaque {track}"),
        Unit::Empty => "empty".to_owned(),
    }
}

fn sketches(units: &Units) -> Vec<String> {
    units.iter().map(sketch).collect()
}

fn assert_video(rows: &[(&str, &[&str])]) {
    for (notation, want) in rows {
        assert_eq!(sketches(&read_video(&bytes(notation))), *want, "{notation}");
    }
}

fn assert_audio(rows: &[(&str, &[&str])]) {
    for (notation, want) in rows {
        assert_eq!(sketches(&read_audio(&bytes(notation))), *want, "{notation}");
    }
}

#[test]
fn legacy_video() {
    assert_video(&[
        ("17 00 000000 01640028", &["config video:0 h264 01640028"]),
        ("17 01 000000 00000001 65", &["frame video:0 h264 +0 key 0000000165"]),
        ("27 01 000028 00000001 41", &["frame video:0 h264 +40 0000000141"]),
        ("37 01 000000 00000001 01", &["frame video:0 h264 +0 0000000101"]),
        ("1C 00 000000 01", &["config video:0 h265 01"]),
        ("1D 00 000000 81", &["config video:0 av1 81"]),
        ("12 0000", &["frame video:0 h263 +0 key 0000"]),
        ("24 00 01", &["frame video:0 vp6 +0 0001"]),
        ("1E 01 02", &["frame video:0 opaque +0 key 0102"]),
        ("57 00", &["frame data:0 script +0 key 00"]),
        ("17 03 000000", &["opaque video:0"]),
        ("17 01 00", &["opaque video:0"]),
    ]);
}

#[test]
fn legacy_audio() {
    assert_audio(&[
        ("AF 00 1190", &["config audio:0 aac 1190"]),
        ("AF 01 2110", &["frame audio:0 aac +0 key 2110"]),
        ("2F FFFB", &["frame audio:0 mp3 +0 key FFFB"]),
        ("DF 01 FC", &["frame audio:0 opaque +0 key 01FC"]),
        ("AF 02 00", &["opaque audio:0"]),
    ]);
}

#[test]
fn enhanced_single_track() {
    assert_video(&[
        ("90 'hvc1' 01AA", &["config video:0 h265 01AA"]),
        ("90 'av01' 81", &["config video:0 av1 81"]),
        ("90 'av01'", &["config video:0 av1 "]),
        ("90 'hvc1'", &["empty"]),
        ("90 'zzzz' 01", &["config video:0 opaque 01"]),
        ("91 'zzzz' 01", &["frame video:0 opaque +0 key 01"]),
        ("95 'av01' 80 04 81050C00", &["config video:0 av1 81050C00"]),
        ("95 'av01' 80 06 81050C00", &["config video:0 av1 81050C00"]),
        ("95 'av01' 80 03 81050C00", &["config video:0 av1 81050C"]),
        ("95 'av01' 81050C00", &["config video:0 av1 81050C00"]),
        ("95 'hvc1' 80 01 02", &["config video:0 h265 800102"]),
        ("91 'hvc1' 000010 00000003 260100", &["frame video:0 h265 +16 key 00000003260100"]),
        ("A3 'hvc1' 00000003 020100", &["frame video:0 h265 +0 00000003020100"]),
        ("91 'hvc1' 000000", &["empty"]),
        ("91 'hvc1'", &["empty"]),
        ("91 'hvc1' 00", &["opaque video:0"]),
        ("98 'hvc1'", &["opaque video:0"]),
        ("D1 00", &["frame data:0 script +0 key 00"]),
    ]);
    assert_audio(&[
        ("90 'Opus'", &["config audio:0 opus "]),
        ("90 'mp4a' 1190", &["config audio:0 aac 1190"]),
        ("90 'mp4a'", &["empty"]),
        ("91 'Opus' FC", &["frame audio:0 opus +0 key FC"]),
        ("91 'opus' FC", &["frame audio:0 opaque +0 key FC"]),
        ("91 'ac-3' 0B77", &["frame audio:0 ac3 +0 key 0B77"]),
        ("91 'Opus'", &["empty"]),
        ("92 'mp4a'", &["end audio:0 aac"]),
        (
            "94 'Opus' 01 02 00000003",
            &["sticky audio:0 audio:channels", "frame data:0 script +0 key 010200000003"],
        ),
    ]);
}

/// T1: composition time for three codecs; also where its absence is said with a codec without one.
#[test]
fn trap_t1_av1_and_vp9_have_no_composition_time() {
    assert_video(&[
        ("91 'av01' 32 01 10", &["frame video:0 av1 +0 key 320110"]),
        ("93 'av01' 32 01 10", &["frame video:0 av1 +0 key 320110"]),
        ("91 'vp09' 8249", &["frame video:0 vp9 +0 key 8249"]),
        ("A1 'avc1' 000021 00000001 41", &["frame video:0 h264 +33 0000000141"]),
    ]);
}

#[test]
fn trap_t2_composition_time_is_signed() {
    assert_video(&[
        ("27 01 FFFFD8 00000001 41", &["frame video:0 h264 +-40 0000000141"]),
        ("A1 'hvc1' 800000 00000002 0201", &["frame video:0 h265 +-8388608 000000020201"]),
    ]);
}

#[test]
fn trap_t3_the_bitstream_tells_key_frames_where_the_flag_does_not() {
    assert_video(&[
        // frame type 0
        ("81 'hvc1' 000000 00000003 260100", &["frame video:0 h265 +0 key 00000003260100"]),
        ("81 'hvc1' 000000 00000003 020100", &["frame video:0 h265 +0 00000003020100"]),
        ("81 'av01' 32 01 10", &["frame video:0 av1 +0 key 320110"]),
        ("07 01 000000 00000001 65", &["frame video:0 h264 +0 key 0000000165"]),
        // called an inter frame, but an IDR picture
        (
            "27 01 000000 00000002 0930 00000001 65",
            &["frame video:0 h264 +0 key 0000000209300000000165"],
        ),
        // called a key frame, without an IDR picture: intra refresh
        ("17 01 000000 00000001 41", &["frame video:0 h264 +0 key 0000000141"]),
        // made by a server
        ("47 01 000000 00000001 41", &["frame video:0 h264 +0 key 0000000141"]),
        // nothing can be told
        ("F1 'zzzz' 00", &["frame video:0 opaque +0 00"]),
    ]);
}

#[test]
fn trap_t4_a_message_is_read_to_its_end() {
    assert_video(&[
        (
            "96 10 'avc1' 00 000001 AA 02 000001 BB 01 000001 CC",
            &["config video:0 h264 AA", "config video:1 h264 CC", "config video:2 h264 BB"],
        ),
        (
            "96 21 'hvc1' 03 00000A 000010 00000003 260100 'avc1' 01 000008 000000 00000001 65",
            &["frame video:1 h264 +0 key 0000000165", "frame video:3 h265 +16 key 00000003260100"],
        ),
        // empty beside others, all empty, broken beside others
        ("96 11 'av01' 00 000000 01 000003 320110", &["frame video:1 av1 +0 key 320110"]),
        ("96 11 'av01' 00 000000 01 000000", &["empty"]),
        (
            "96 11 'avc1' 00 000002 0000 01 000008 000000 00000001 65",
            &["opaque video:0", "frame video:1 h264 +0 key 0000000165"],
        ),
        // of a codec without a name here
        (
            "96 11 'zzzz' 00 000001 AA 01 000001 BB",
            &["frame video:0 opaque +0 key AA", "frame video:1 opaque +0 key BB"],
        ),
        (
            "96 14 'hvc1' 00 000001 AA 02 00000D 02 0009 'colorInfo' 06",
            &[
                "frame data:0 script +0 key AA",
                "sticky video:2 video:metadata",
                "frame data:0 script +0 key 020009636F6C6F72496E666F06",
            ],
        ),
        ("96 12 'hvc1' 01 000000 02 000000", &["end video:1 h265", "end video:2 h265"]),
    ]);
    assert_audio(&[(
        "95 11 'mp4a' 04 000001 21 02 000002 2122",
        &["frame audio:2 aac +0 key 2122", "frame audio:4 aac +0 key 21"],
    )]);
}

#[test]
fn trap_t5_track_numbers_are_what_they_are() {
    assert_video(&[
        ("96 00 'hvc1' 07 01", &["config video:7 h265 01"]),
        ("96 01 'hvc1' FF 000000 00000003 260100", &["frame video:255 h265 +0 key 00000003260100"]),
    ]);
    assert_audio(&[("95 00 'mp4a' 09 1190", &["config audio:9 aac 1190"])]);
}

#[test]
fn trap_t6_a_broken_message_is_carried_and_spoils_nothing() {
    assert_video(&[("96 11 'avc1' 00 000009 AA", &["opaque video:0"])]);
    assert_audio(&[("95 11 'mp4a' 00 FFFFFF AA", &["opaque audio:0"])]);
}

/// T7: what joiners need has a name of its own for each kind and Track.
#[test]
fn trap_t7_metadata_and_channels_are_sticky_on_their_track() {
    assert_video(&[
        (
            "94 'hvc1' 02 0009 'colorInfo' 06",
            &[
                "sticky video:0 video:metadata",
                "frame data:0 script +0 key 020009636F6C6F72496E666F06",
            ],
        ),
        (
            "96 04 'hvc1' 02 02 0009 'colorInfo' 06",
            &[
                "sticky video:2 video:metadata",
                "frame data:0 script +0 key 020009636F6C6F72496E666F06",
            ],
        ),
        (
            "94 'hvc1' 06 13 'colorInfo' 01",
            &[
                "sticky video:0 video:metadata",
                "frame data:0 script +0 key 0613636F6C6F72496E666F01",
            ],
        ),
    ]);
    let Unit::Sticky(sticky) = &read_video(&bytes("94 'hvc1' 02 0009 'colorInfo' 06"))[0] else {
        panic!("it is sticky")
    };
    assert_eq!(tag_kind(sticky.wire.dialect), Some(TagKind::Video));
}

/// T11 and T12: metadata that is empty, unknown or odd is passed on and ends nothing.
#[test]
fn trap_t11_t12_unknown_metadata_is_carried() {
    assert_video(&[
        ("94 'hvc1'", &["frame data:0 script +0 key "]),
        ("94 'hvc1' 02 0003 'abc' 05", &["frame data:0 script +0 key 02000361626305"]),
        ("94 'hvc1' FFFFFF", &["frame data:0 script +0 key FFFFFF"]),
        ("D4 'hvc1' 00", &["frame data:0 script +0 key 00"]),
        ("84 'hv", &["opaque video:0"]),
    ]);
}

/// T8: players that know legacy tags only get Track 0 of H.264 and AAC, rewrapped.
#[test]
fn trap_t8_legacy_players_get_legacy_tags() {
    for (body, kind, want) in [
        ("A1 'avc1' 000021 00000001 41", TagKind::Video, Some("27 01 000021 00000001 41")),
        ("27 01 000021 00000001 41", TagKind::Video, Some("27 01 000021 00000001 41")),
        ("1C 01 000000 00000002 2601", TagKind::Video, Some("1C 01 000000 00000002 2601")),
        ("96 01 'avc1' 00 000000 00000001 65", TagKind::Video, Some("17 01 000000 00000001 65")),
        ("96 01 'avc1' 01 000000 00000001 65", TagKind::Video, None),
        ("91 'hvc1' 000000 00000002 2601", TagKind::Video, None),
        ("91 'mp4a' 2110", TagKind::Audio, Some("AF 01 2110")),
        ("91 'Opus' FC", TagKind::Audio, None),
    ] {
        let body = bytes(body);
        let units = if kind == TagKind::Video { read_video(&body) } else { read_audio(&body) };
        let frame = units[0].clone().into_frame(Timestamp::ZERO).unwrap();
        let written = write_legacy_frame(&frame);
        assert_eq!(written.as_ref().map(|w| w.body.clone()), want.map(bytes), "{body:?}");
        assert!(written.is_none_or(|w| tag_kind(w.dialect) == Some(kind)));
    }
    let config = |notation| match &read_video(&bytes(notation))[0] {
        Unit::Config { track, config } => write_legacy_config(config, *track).map(|w| w.body),
        other => panic!("{other:?}"),
    };
    assert_eq!(config("90 'avc1' 0164"), Some(bytes("17 00 000000 0164")));
    assert_eq!(config("17 00 000000 0164"), Some(bytes("17 00 000000 0164")));
    assert_eq!(config("96 00 'avc1' 01 0164"), None);
    assert_eq!(config("90 'hvc1' 01"), None);
}

/// T13 and FLV trap 4: the end of a sequence is not the end of the Stream, and makes no Frame.
#[test]
fn trap_t13_flv_trap_4_sequence_end_makes_no_frame() {
    assert_video(&[
        ("17 02 000000", &["end video:0 h264"]),
        ("17 02", &["end video:0 h264"]),
        ("92 'hvc1'", &["end video:0 h265"]),
        ("96 02 'hvc1' 03", &["end video:3 h265"]),
    ]);
    let end = read_video(&bytes("17 02 000000")).remove(0);
    assert_eq!(end.into_frame(Timestamp::ZERO), None);
    for (track, codec, want) in [
        (video(0), Codec::H264, Some("17 02 000000")),
        (video(1), Codec::H264, Some("96 02 'avc1' 01")),
        (video(0), Codec::H265, Some("92 'hvc1'")),
        (audio(0), Codec::Aac, None),
        (audio(2), Codec::Aac, Some("95 02 'mp4a' 02")),
        (video(0), Codec::Vp6, None),
    ] {
        let written = write_sequence_end(track, codec).map(|wire| wire.body);
        assert_eq!(written, want.map(bytes), "{track} {codec}");
    }
}

/// T13b: one family of servers writes a composition time before VP8 and VP9 frames.
#[test]
fn trap_t13b_flv_trap_15_misplaced_composition_times_are_seen() {
    assert_video(&[
        ("91 'vp09' 000000 8249", &["frame video:0 vp9 +0 key 8249"]),
        ("A1 'vp09' 000021 8600", &["frame video:0 vp9 +33 8600"]),
        ("91 'vp09' 824983 8249", &["frame video:0 vp9 +0 key 8249838249"]),
        ("91 'vp08' 000000 500000 9D012A", &["frame video:0 vp8 +0 key 5000009D012A"]),
        ("91 'vp08' 500000 9D012A 000000", &["frame video:0 vp8 +0 key 5000009D012A000000"]),
        ("A1 'vp08' 000000 510000", &["frame video:0 vp8 +0 510000"]),
        ("A1 'vp08' 510000", &["frame video:0 vp8 +0 510000"]),
    ]);
}

/// T13c: what metadata announces configures nothing.
#[test]
fn trap_t13c_metadata_configures_nothing() {
    let body = bytes("02 000A 'onMetaData' 03 000C 'videocodecid' 00 401C000000000000 000009");
    let units = read_data(&body, false);
    assert!(units.iter().all(|unit| matches!(unit, Unit::Sticky(_) | Unit::Frame { .. })));
}

/// FLV trap 10: tags of one or two bytes stand for silence or for nothing.
#[test]
fn flv_trap_10_tags_with_nothing_in_them_are_empty() {
    assert_audio(&[
        ("", &["empty"]),
        ("AF", &["empty"]),
        ("AF 01", &["empty"]),
        ("AF 00", &["empty"]),
        ("2F", &["empty"]),
        ("95 01 'mp4a' 02", &["empty"]),
    ]);
    assert_video(&[
        ("", &["empty"]),
        ("17 01 000000", &["empty"]),
        ("17 00 000000", &["empty"]),
        ("12", &["empty"]),
    ]);
    assert_eq!(sketches(&read_data(&Bytes::new(), false)), ["empty"]);
    assert_eq!(sketches(&read_data(&bytes("02 000D '@setDataFrame'"), false)), ["empty"]);
}

/// FLV trap 12: the codec may change in mid-stream, and each message tells its own.
#[test]
fn flv_trap_12_each_message_tells_its_codec() {
    assert_video(&[
        ("17 00 000000 01", &["config video:0 h264 01"]),
        ("90 'hvc1' 01", &["config video:0 h265 01"]),
    ]);
}

#[test]
fn nanoseconds_move_the_presentation_time_of_their_message() {
    let units = read_video(&bytes("97 02 0F423F 01 'avc1' 000001 00000001 65"));
    let frame = units[0].clone().into_frame(Timestamp::from_millis(10)).unwrap();
    assert_eq!(frame.dts, Timestamp::from_millis(10));
    let late = (frame.pts - Timestamp::from_millis(11)).ticks();
    assert_eq!(late, 35_279, "999,999 ns at 35.28 ticks to the microsecond");
}

#[test]
fn data_messages_lose_their_order_to_the_server_only() {
    let plain = bytes("02 000A 'onMetaData' 08 00000000 000009");
    let published = bytes("02 000D '@setDataFrame' 02 000A 'onMetaData' 08 00000000 000009");
    for (body, amf3, dialect, want) in [
        (plain.clone(), false, FLV_DATA_AMF0, plain.clone()),
        (published.clone(), false, FLV_DATA_AMF0, plain.clone()),
        (Bytes::from([&[0][..], &published].concat()), true, FLV_DATA_AMF0, plain.clone()),
        (
            Bytes::from([&[0][..], &plain].concat()),
            true,
            FLV_DATA_AMF3,
            Bytes::from([&[0][..], &plain].concat()),
        ),
    ] {
        let units = read_data(&body, amf3);
        let [Unit::Sticky(sticky), Unit::Frame { track, codec, wire, .. }] = &units[..] else {
            panic!("{units:?}")
        };
        assert_eq!((sticky.track, &*sticky.name), (TrackId::DATA, "onMetaData"));
        assert_eq!((*track, *codec, wire.dialect), (TrackId::DATA, Codec::Script, dialect));
        assert_eq!((&wire.body, &sticky.wire), (&want, wire));
    }
    let cue = bytes("02 000A 'onCuePoint' 05");
    assert_eq!(read_data(&cue, false).len(), 1, "other messages are not sticky");
    let odd = bytes("FF 00 01");
    let [Unit::Frame { wire, .. }] = &read_data(&odd, false)[..] else { panic!("it is carried") };
    assert_eq!(wire.body, odd);
}

#[test]
fn what_came_in_a_dialect_of_ours_leaves_as_it_came() {
    for notation in
        ["27 01 000028 00000001 41", "17 03 000000", "97 02 000001 01 'avc1' 000000 65", "57 00"]
    {
        let body = bytes(notation);
        let frame = read_video(&body)[0].clone().into_frame(Timestamp::ZERO).unwrap();
        assert_eq!(frame.size(), body.len());
        let wire = write_frame(&frame).unwrap();
        assert_eq!((wire.dialect, &wire.body), (FLV_VIDEO, &body), "{notation}");
        assert_eq!(wire.body.as_ptr(), body.as_ptr(), "{notation} is not copied");
    }
}

#[test]
fn what_came_from_elsewhere_is_built_and_reads_the_same() {
    for (track, codec, key, offset, payload, want) in [
        (video(0), Codec::H264, true, 0, "00000001 65", "17 01 000000 00000001 65"),
        (video(0), Codec::H264, false, 40, "00000001 41", "27 01 000028 00000001 41"),
        (video(0), Codec::H264, false, -40, "00000001 41", "27 01 FFFFD8 00000001 41"),
        (video(1), Codec::H264, true, 0, "00000001 65", "96 03 'avc1' 01 00000001 65"),
        (video(1), Codec::H264, false, 40, "00000001 41", "A6 01 'avc1' 01 000028 00000001 41"),
        (video(0), Codec::H265, true, 0, "00000002 2601", "93 'hvc1' 00000002 2601"),
        (video(0), Codec::H265, false, 1, "00000002 0201", "A1 'hvc1' 000001 00000002 0201"),
        (video(0), Codec::Av1, true, 0, "320110", "91 'av01' 320110"),
        (audio(0), Codec::Aac, true, 0, "2110", "AF 01 2110"),
        (audio(0), Codec::Mp3, true, 0, "FFFB", "2F FFFB"),
        (audio(0), Codec::Opus, true, 0, "FC", "91 'Opus' FC"),
        (audio(1), Codec::Aac, true, 0, "2110", "95 01 'mp4a' 01 2110"),
    ] {
        let frame = Frame {
            track,
            codec,
            dts: Timestamp::from_millis(1000),
            pts: Timestamp::from_millis(1000 + offset),
            key,
            payload: bytes(payload),
            wire: None,
        };
        let wire = write_frame(&frame).unwrap();
        assert_eq!(wire.body, bytes(want), "{track} {codec}");
        let units = match track.kind {
            TrackKind::Video => read_video(&wire.body),
            _ => read_audio(&wire.body),
        };
        let read = units[0].clone().into_frame(frame.dts).unwrap();
        assert_eq!(Frame { wire: None, ..read }, frame);
    }
}

#[test]
fn built_composition_times_are_cut_to_what_fits() {
    let frame = Frame {
        track: video(0),
        codec: Codec::H264,
        dts: Timestamp::ZERO,
        pts: Timestamp::from_millis(100_000_000),
        key: true,
        payload: bytes("00000001 65"),
        wire: None,
    };
    assert_eq!(write_frame(&frame).unwrap().body, bytes("17 01 7FFFFF 00000001 65"));
}

#[test]
fn configurations_are_written_as_they_came_or_built() {
    let config = |codec, record| CodecConfig { codec, record: bytes(record), wire: None };
    for (track, config, want) in [
        (video(0), config(Codec::H264, "0164"), Some("17 00 000000 0164")),
        (video(2), config(Codec::H264, "0164"), Some("96 00 'avc1' 02 0164")),
        (video(0), config(Codec::H265, "01"), Some("90 'hvc1' 01")),
        (audio(0), config(Codec::Aac, "1190"), Some("AF 00 1190")),
        (audio(1), config(Codec::Aac, "1190"), Some("95 00 'mp4a' 01 1190")),
        (audio(0), config(Codec::Opus, ""), Some("90 'Opus'")),
        (video(0), config(Codec::Aac, "1190"), None),
        (video(0), config(Codec::Opaque, "01"), None),
    ] {
        let written = write_config(&config, track).map(|wire| wire.body);
        assert_eq!(written, want.map(bytes), "{track} {}", config.codec);
    }
    let body = bytes("97 02 000001 00 'hvc1' 01");
    let Unit::Config { track, config } = &read_video(&body)[0] else { panic!("it is a config") };
    assert_eq!(write_config(config, *track).unwrap().body, body);
}

#[test]
fn what_no_tag_can_carry_is_left_out() {
    let frame = |track, codec, dialect| Frame {
        track,
        codec,
        dts: Timestamp::ZERO,
        pts: Timestamp::ZERO,
        key: true,
        payload: bytes("00"),
        wire: Some(Wire { dialect, body: bytes("01") }),
    };
    let foreign = Dialect(999);
    assert_eq!(write_frame(&frame(video(0), Codec::Opaque, foreign)), None);
    assert_eq!(write_frame(&frame(audio(0), Codec::Speex, foreign)), None);
    assert_eq!(write_frame(&frame(audio(0), Codec::H264, foreign)), None);
    assert_eq!(write_frame(&frame(TrackId::DATA, Codec::Opaque, foreign)), None);
    let script = write_frame(&frame(TrackId::DATA, Codec::Script, foreign)).unwrap();
    assert_eq!((script.dialect, script.body), (FLV_DATA_AMF0, bytes("00")));
    assert_eq!(write_frame(&frame(video(0), Codec::Opaque, FLV_VIDEO)).unwrap().body, bytes("01"));
}

#[test]
fn payloads_and_records_are_slices_of_the_body() {
    let inside = |outer: &Bytes, inner: &Bytes| outer.as_ptr_range().contains(&inner.as_ptr());
    for notation in ["17 01 000000 00000001 65", "96 11 'avc1' 01 000008 000000 00000001 65"] {
        let body = bytes(notation);
        let Unit::Frame { payload, wire, .. } = &read_video(&body)[0] else { panic!("a frame") };
        assert!(inside(&body, payload) && wire.body.as_ptr() == body.as_ptr());
    }
    let body = bytes("96 10 'avc1' 01 000002 0164");
    let Unit::Config { config, .. } = &read_video(&body)[0] else { panic!("a config") };
    assert!(inside(&body, &config.record));
}
