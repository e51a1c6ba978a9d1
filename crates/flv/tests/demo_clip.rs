//! The clip of the demo, through every layer: file, tags, frames, descriptions.

use manycast_codec::{Shape, describe};
use manycast_flv::{
    Tag, TagKind,
    file::{FileReader, file_header, write_tag},
    frame::{Unit, read_audio, read_data, read_video, write_frame},
    script::DataMessage,
};
use manycast_media::{Codec, CodecConfig, Frame, Timestamp, TrackId};
use std::path::Path;

fn clip() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo.flv")).unwrap()
}

fn tags(file: &[u8]) -> Vec<Tag> {
    let mut reader = FileReader::new();
    let mut tags = Vec::new();
    for piece in file.chunks(1000) {
        reader.push(piece);
        while let Some(tag) = reader.next_tag().unwrap() {
            tags.push(tag);
        }
    }
    assert_eq!((reader.incomplete(), reader.lost()), (0, 0));
    tags
}

#[derive(Default)]
struct Contents {
    configs: Vec<(TrackId, CodecConfig)>,
    video: Vec<Frame>,
    audio: Vec<Frame>,
    sticky: usize,
}

fn contents() -> Contents {
    let mut found = Contents::default();
    for tag in tags(&clip()) {
        let units = match tag.kind {
            TagKind::Video => read_video(&tag.body),
            TagKind::Audio => read_audio(&tag.body),
            kind => read_data(&tag.body, kind == TagKind::ScriptAmf3),
        };
        for unit in units {
            match unit {
                Unit::Config { track, config } => found.configs.push((track, config)),
                Unit::Sticky(_) => found.sticky += 1,
                unit @ Unit::Frame { .. } => {
                    let dts = Timestamp::from_millis(tag.timestamp.into());
                    let frame = unit.into_frame(dts).unwrap();
                    assert_eq!(write_frame(&frame).unwrap().body, tag.body);
                    match frame.track {
                        TrackId::VIDEO => found.video.push(frame),
                        TrackId::AUDIO => found.audio.push(frame),
                        _ => {}
                    }
                }
                other => panic!("{other:?} has no place in the clip"),
            }
        }
    }
    found
}

#[test]
fn it_has_eight_seconds_of_pictures_and_sound_in_order() {
    let found = contents();
    assert_eq!((found.video.len(), found.audio.len(), found.sticky), (240, 375, 1));
    for (n, frame) in (0_i64..).zip(&found.video) {
        assert_eq!(frame.key, n % 30 == 0, "a Gop each second: {n}");
        assert_eq!(frame.dts, frame.pts, "no B-frames: {n}");
        assert!((frame.dts.as_millis() * 3 - n * 100).abs() <= 2, "30 pictures a second: {n}");
    }
    for (n, frame) in (0_i64..).zip(&found.audio) {
        assert!((frame.dts.as_millis() * 48 - n * 1024).abs() <= 25, "1,024 samples each: {n}");
    }
    let times: Vec<_> = tags(&clip()).iter().map(|tag| tag.timestamp).collect();
    assert!(times.is_sorted() && times[0] == 0);
}

#[test]
fn its_records_describe_it() {
    let found = contents();
    let about = |id| {
        let (_, config) = found.configs.iter().find(|(track, _)| *track == id).unwrap();
        describe(config.codec, &config.record).unwrap()
    };
    let Shape::Video(video) = about(TrackId::VIDEO).shape else { panic!("it is video") };
    assert_eq!((video.width, video.height, video.profile.as_deref()), (640, 360, Some("High")));
    assert_eq!(video.fps, Some(30.0));
    let Shape::Audio(audio) = about(TrackId::AUDIO).shape else { panic!("it is audio") };
    assert_eq!(
        (audio.sample_rate, audio.channels, audio.profile.as_deref()),
        (48_000, Some(2), Some("LC"))
    );
    assert_eq!(about(TrackId::AUDIO).rfc6381.as_deref(), Some("mp4a.40.2"));
}

#[test]
fn its_metadata_agrees() {
    let tags = tags(&clip());
    let metadata = DataMessage::read(&tags[0].body, false).metadata().unwrap();
    assert_eq!((metadata.width, metadata.height), (Some(640.0), Some(360.0)));
    assert_eq!((metadata.video_codec, metadata.audio_codec), (Some(Codec::H264), Some(Codec::Aac)));
}

#[test]
fn it_is_written_as_it_was_read_and_small_enough_to_embed() {
    let file = clip();
    let mut out = bytes::BytesMut::from(&file_header(true, true)[..]);
    for tag in tags(&file) {
        write_tag(&tag, &mut out).unwrap();
    }
    assert!(out == file);
    assert!(file.len() <= 900_000);
}
