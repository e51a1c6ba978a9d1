//! Names, prefixes, and what encoders write into `onMetaData`.

use super::*;
use manycast_amf::{ecma_array, encode_all, object};

fn message(values: &[Value]) -> Bytes {
    let mut out = Vec::new();
    encode_all(values, &mut out);
    out.into()
}

fn metadata(about: Value) -> Metadata {
    DataMessage::read(&message(&[ON_META_DATA.into(), about]), false).metadata().unwrap()
}

#[test]
fn set_data_frame_comes_off_and_goes_on_bit_exact() {
    let plain = message(&[ON_META_DATA.into(), ecma_array([("width", 640.into())])]);
    let published = message(&[
        "@setDataFrame".into(),
        ON_META_DATA.into(),
        ecma_array([("width", 640.into())]),
    ]);
    let read = DataMessage::read(&published, false);
    assert_eq!(read, DataMessage { body: plain.clone(), amf3: false });
    assert_eq!(read.body.as_ptr(), published[16..].as_ptr(), "a slice, not a copy");
    assert_eq!(read.with_set_data_frame(), published);

    let untouched = DataMessage::read(&plain, false);
    assert_eq!(untouched.body, plain);
    assert_eq!(untouched.with_set_data_frame(), published);
}

#[test]
fn the_envelope_of_amf3_messages_is_seen_through() {
    let plain = message(&["onCuePoint".into(), Value::Null]);
    let enveloped = Bytes::from([&[0][..], &plain].concat());
    let published = Bytes::from([&[0][..], &message(&["@setDataFrame".into()]), &plain].concat());
    let read = DataMessage::read(&enveloped, true);
    assert_eq!(read.name().unwrap(), *"onCuePoint");
    assert_eq!((read.body.clone(), read.amf3), (enveloped, true));
    assert_eq!(read.with_set_data_frame(), published);
    // what follows the prefix has no envelope any more
    assert_eq!(
        DataMessage::read(&published, true),
        DataMessage { body: plain.clone(), amf3: false }
    );
    // some senders leave the envelope out
    assert_eq!(DataMessage::read(&plain, true).name().unwrap(), *"onCuePoint");
}

#[test]
fn names_are_short_strings() {
    for (body, name) in [
        (message(&["onTextData".into()]), Some("onTextData")),
        (message(&["".into()]), Some("")),
        (message(&[1.0.into()]), None),
        (message(&["x".repeat(129).into()]), None),
        (Bytes::new(), None),
        (Bytes::from_static(&[2, 0, 9, b'o']), None),
    ] {
        let found = DataMessage { body, amf3: false }.name();
        assert_eq!(found.as_ref().and_then(Text::to_str), name);
    }
}

#[test]
fn metadata_of_an_encoder() {
    let found = metadata(ecma_array([
        ("duration", 0.into()),
        ("width", 1920.into()),
        ("height", 1080.into()),
        ("framerate", 60.into()),
        ("videocodecid", 7.into()),
        ("videodatarate", 6000.into()),
        ("audiocodecid", 10.into()),
        ("audiodatarate", 160.into()),
        ("encoder", "obs-output module (libobs version 30.0.0)".into()),
    ]));
    let want = Metadata {
        width: Some(1920.0),
        height: Some(1080.0),
        frame_rate: Some(60.0),
        video_data_rate: Some(6000.0),
        audio_data_rate: Some(160.0),
        video_codec: Some(Codec::H264),
        audio_codec: Some(Codec::Aac),
        encoder: Some("obs-output module (libobs version 30.0.0)".into()),
        ..Metadata::default()
    };
    assert_eq!(found, want);
}

/// E-RTMP v2 "Enhancing onMetaData": Tracks beside the default one, by number.
#[test]
fn metadata_describes_further_tracks() {
    let hvc1 = f64::from(0x6876_6331_u32);
    let found = metadata(ecma_array([
        ("videocodecid", hvc1.into()),
        (
            "videoTrackIdInfoMap",
            object([
                ("2", object([("width", 640.into()), ("videodatarate", 800.into())])),
                (
                    "1",
                    object([
                        ("width", 1280.into()),
                        ("height", 720.into()),
                        ("framerate", 30.into()),
                        ("videocodecid", hvc1.into()),
                    ]),
                ),
                ("2", object([("width", 1.into())])),
                ("256", object([("width", 1.into())])),
                ("x", object([("width", 1.into())])),
                ("3", 7.into()),
            ]),
        ),
        (
            "audioTrackIdInfoMap",
            ecma_array([(
                "1",
                object([
                    ("channels", 6.into()),
                    ("samplerate", 48_000.into()),
                    ("audiocodecid", "Opus".into()),
                    ("audiodatarate", 256.into()),
                ]),
            )]),
        ),
    ]));
    let none = TrackMetadata::default();
    assert_eq!(found.video_codec, Some(Codec::H265));
    let [(1, first), (2, second)] = found.video_tracks[..] else { panic!("{found:?}") };
    let want = TrackMetadata {
        width: Some(1280.0),
        height: Some(720.0),
        frame_rate: Some(30.0),
        codec: Some(Codec::H265),
        ..none
    };
    assert_eq!(first, want);
    assert_eq!(second, TrackMetadata { width: Some(640.0), data_rate: Some(800.0), ..none });
    let want = TrackMetadata {
        channels: Some(6.0),
        sample_rate: Some(48_000.0),
        codec: Some(Codec::Opus),
        data_rate: Some(256.0),
        ..none
    };
    assert_eq!(found.audio_tracks, [(1, want)]);
    let odd = metadata(object([("videoTrackIdInfoMap", 7.into())]));
    assert!(odd.video_tracks.is_empty() && odd.audio_tracks.is_empty());
}

/// FLV trap 14: sizes that are zero, no number, or strings.
#[test]
fn flv_trap_14_measures_that_cannot_be_are_left_out() {
    for (value, want) in [
        (Value::Number(0.0), None),
        (Value::Number(f64::NAN), None),
        (Value::Number(f64::INFINITY), None),
        (Value::Number(-640.0), None),
        (Value::Number(1e300), None),
        ("640".into(), Some(640.0)),
        ("wide".into(), None),
        (Value::Null, None),
        (object::<&str>([]), None),
    ] {
        let found = metadata(object([("width", value.clone()), ("framerate", value.clone())]));
        assert_eq!((found.width, found.frame_rate), (want, want), "{value:?}");
    }
}

#[test]
fn codec_ids_are_numbers_four_cc_or_text() {
    for (value, want) in [
        (Value::Number(7.0), Some(Codec::H264)),
        (Value::Number(12.0), Some(Codec::H265)),
        (Value::Number(1_752_589_105.0), Some(Codec::H265)),
        (Value::Number(1_635_135_537.0), Some(Codec::Av1)),
        ("avc1".into(), Some(Codec::H264)),
        ("av01".into(), Some(Codec::Av1)),
        ("7".into(), Some(Codec::H264)),
        (Value::Number(99.0), Some(Codec::Opaque)),
        (Value::Number(7.5), None),
        (Value::Number(-1.0), None),
        (Value::Number(1e12), None),
        ("H.264".into(), None),
    ] {
        let found = metadata(object([("videocodecid", value.clone())]));
        assert_eq!(found.video_codec, want, "{value:?}");
    }
}

#[test]
fn the_encoders_name_is_bounded_and_printable() {
    let found = metadata(object([("encoder", format!("x\x1B[31m\n{}", "y".repeat(500)).into())]));
    let encoder = found.encoder.unwrap();
    assert_eq!(encoder.chars().count(), 128);
    assert!(encoder.starts_with("x[31my"));
}

#[test]
fn other_messages_and_damaged_ones_are_no_metadata() {
    for body in [
        message(&["onCuePoint".into(), object([("width", 1.into())])]),
        message(&[ON_META_DATA.into()]),
        message(&[1.into()]),
        Bytes::new(),
        Bytes::from_static(&[2, 0, 10]),
    ] {
        assert_eq!(DataMessage { body, amf3: false }.metadata(), None);
    }
}
