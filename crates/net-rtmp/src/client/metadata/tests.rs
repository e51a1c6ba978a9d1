//! What is said of which Tracks, and what is left as the encoder said it.

use super::*;
use manycast_media::{CodecConfig, Wire};

/// 640x360, 30 pictures per second.
const AVC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x1d, 0x67, 0x64, 0x00, 0x1f, 0xac, 0x4c, 0x22, 0x05,
    0x01, 0x7f, 0xcb, 0x35, 0x01, 0x01, 0x01, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0f,
    0x03, 0xc6, 0x0c, 0x84, 0x60, 0x01, 0x00, 0x07, 0x68, 0xe8, 0x43, 0x03, 0x72, 0xc8, 0xb0, 0xfd,
    0xf8, 0xf8, 0x00,
];
/// AAC-LC, 48 kHz, stereo.
const AAC: &[u8] = &[0x11, 0x90];

fn track(id: TrackId, codec: Codec, record: &'static [u8], wire: Option<&'static [u8]>) -> Track {
    let dialect = manycast_flv::frame::FLV_VIDEO;
    let wire = wire.map(|body| Wire { dialect, body: Bytes::from_static(body) });
    let record = Bytes::from_static(record);
    let config = (!record.is_empty()).then_some(CodecConfig { codec, record, wire });
    Track { id, codec, config }
}

fn both() -> TrackSet {
    let mut set = TrackSet::default();
    set.insert(track(TrackId::VIDEO, Codec::H264, AVC, None));
    set.insert(track(TrackId::AUDIO, Codec::Aac, AAC, None));
    set
}

fn metadata(properties: Vec<(&str, Value)>, amf3: bool) -> Sticky {
    let mut body = if amf3 { vec![0] } else { Vec::new() };
    encode_all(&[ON_META_DATA.into(), ecma_array(properties)], &mut body);
    let dialect = if amf3 { FLV_DATA_AMF3 } else { FLV_DATA_AMF0 };
    let wire = Wire { dialect, body: body.into() };
    Sticky { track: TrackId::DATA, name: ON_META_DATA.into(), wire }
}

/// `key=value` in order.
fn said(body: &Bytes) -> Vec<String> {
    let values = decode_all(body, Limits::default()).values;
    assert_eq!(values[0].as_str().unwrap(), ON_META_DATA);
    let show = |value: &Value| match value {
        Value::Number(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        other => other.as_str().unwrap().into_owned(),
    };
    let properties = values[1].properties().unwrap().iter();
    properties.map(|(key, value)| format!("{}={}", key.to_string_lossy(), show(value))).collect()
}

#[test]
fn section14_what_encoders_say_is_said_for_them() {
    let mut said = said(&completed(&both()).unwrap());
    let encoder = said.pop().unwrap();
    assert!(encoder.starts_with("encoder=Manycast 0."), "{encoder}");
    assert_eq!(
        said,
        [
            "width=640",
            "height=360",
            "framerate=30",
            "videocodecid=7",
            "audiocodecid=10",
            "audiosamplerate=48000",
            "audiosamplesize=16",
            "audiochannels=2",
            "stereo=true"
        ]
    );
}

#[test]
fn section14_metadata_that_says_enough_stays_as_it_is() {
    let own = || {
        vec![
            ("width", 640.0.into()),
            ("height", 360.0.into()),
            ("videocodecid", "avc1".into()),
            ("audiocodecid", 10.0.into()),
        ]
    };
    for amf3 in [false, true] {
        let mut set = both();
        set.sticky.push(metadata(own(), amf3));
        assert_eq!(completed(&set), None);
    }
    let sound_alone = TrackSet {
        tracks: vec![track(TrackId::AUDIO, Codec::Aac, AAC, None)],
        sticky: vec![metadata(vec![("audiocodecid", 10.0.into())], false)],
        ..TrackSet::default()
    };
    assert_eq!(completed(&sound_alone), None, "there is no picture to speak of");
    assert_eq!(completed(&TrackSet::default()), None, "nor anything else");
}

#[test]
fn section14_metadata_that_lacks_something_is_completed() {
    for amf3 in [false, true] {
        let mut set = both();
        let own = vec![
            ("title", "A show".into()),
            ("width", 0.0.into()),
            ("framerate", 29.97.into()),
            ("audiocodecid", "mp4a".into()),
            ("encoder", "Camera 7".into()),
        ];
        set.sticky.push(metadata(own, amf3));
        let said = said(&completed(&set).unwrap());
        assert_eq!(
            said[..6],
            [
                "title=A show",
                "width=640",
                "framerate=29.97",
                "audiocodecid=mp4a",
                "encoder=Camera 7",
                "height=360"
            ]
        );
        assert_eq!(said.len(), 11, "{said:?}");
    }
    let mut set = both();
    set.sticky.push(metadata(Vec::new(), false));
    set.sticky[0].wire.body = Bytes::from_static(b"\x02\x00\x0aonMetaData\x03\x00\x05wid");
    assert_eq!(completed(&set), completed(&both()), "what is damaged is replaced");
}

#[test]
fn codecs_have_the_numbers_that_platforms_know() {
    let id = |id, codec, wire| codec_id(&track(id, codec, &[1], wire));
    for (codec, wire, number) in [
        (Codec::H264, None, Some(7.0)),
        (Codec::H264, Some(&[0x90, b'a', b'v', b'c', b'1'][..]), Some(7.0)),
        (Codec::H265, None, Some(f64::from(0x6876_6331_u32))),
        (Codec::H265, Some(&[0x90, b'h', b'v', b'c', b'1']), Some(f64::from(0x6876_6331_u32))),
        (Codec::H265, Some(&[0x1c, 0, 0, 0, 0, 1]), Some(12.0)),
        (Codec::Av1, None, Some(f64::from(0x6176_3031_u32))),
        (Codec::Opaque, None, None),
    ] {
        assert_eq!(id(TrackId::VIDEO, codec, wire), number, "{codec} {wire:?}");
    }
    for (codec, number) in [
        (Codec::Aac, 10.0),
        (Codec::Mp3, 2.0),
        (Codec::G711A, 7.0),
        (Codec::G711U, 8.0),
        (Codec::Opus, f64::from(0x4f70_7573_u32)),
    ] {
        assert_eq!(codec_id(&track(TrackId::AUDIO, codec, &[], None)), Some(number), "{codec}");
    }
}
