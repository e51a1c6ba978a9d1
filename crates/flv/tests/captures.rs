//! What real programs wrote (tests/captures): Tracks, codecs, configurations and times as they are
//! known from how each file was made, and every message back as it came.

use bytes::Bytes;
use manycast_flv::{
    FourCc, Tag, TagKind,
    audio::{AudioTag, ChannelOrder, MultichannelConfig},
    file::FileReader,
    frame::{
        AUDIO_CHANNELS, Unit, Units, VIDEO_METADATA, read_audio, read_data, read_video, subject,
        write_about_as, write_config, write_config_as, write_frame, write_frame_as,
    },
    script::{DataMessage, ON_META_DATA},
    video::{
        ColorInfo, VideoMetadata, VideoTag,
        metadata::{ContentLight, MasteringDisplay},
    },
};
use manycast_media::{Codec, CodecConfig, Frame, Sticky, Timestamp, TrackId, TrackKind, Wire};
use std::{collections::BTreeMap, fs, path::Path};

/// What is known of a Track: its codec, whether it has a configuration, its frames, how many of them
/// are key frames, and whether some are shown later than they are decoded.
type Known = (&'static str, Codec, bool, usize, usize, bool);

struct Capture {
    file: &'static str,
    tracks: &'static [Known],
    /// Tracks with a colour description, and with an order of channels.
    described: &'static [&'static str],
    /// Messages with nothing in them, and ends of sequences.
    dropped: usize,
}

const CAPTURES: &[Capture] = &[
    Capture {
        file: "ffmpeg5-alaw.flv",
        tracks: &[("audio:0", Codec::G711A, false, 8, 8, false)],
        described: &[],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg5-h263-mp3.flv",
        tracks: &[
            ("video:0", Codec::SorensonH263, false, 10, 2, false),
            ("audio:0", Codec::Mp3, false, 40, 40, false),
        ],
        described: &[],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg5-h264-aac.flv",
        tracks: &[
            ("video:0", Codec::H264, true, 10, 2, true),
            ("audio:0", Codec::Aac, true, 48, 48, false),
        ],
        described: &[],
        dropped: 1,
    },
    Capture {
        file: "ffmpeg5-nellymoser.flv",
        tracks: &[("audio:0", Codec::Nellymoser, false, 88, 88, false)],
        described: &[],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg5-screen-adpcm.flv",
        tracks: &[
            ("video:0", Codec::ScreenVideo, false, 3, 1, false),
            ("audio:0", Codec::Adpcm, false, 2, 2, false),
        ],
        described: &[],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-av1-flac.flv",
        tracks: &[
            ("video:0", Codec::Av1, true, 10, 2, false),
            ("audio:0", Codec::Flac, true, 47, 47, false),
        ],
        described: &["audio:0", "audio:0", "video:0"],
        dropped: 1,
    },
    Capture {
        file: "ffmpeg9-av1-hlg.flv",
        tracks: &[("video:0", Codec::Av1, true, 10, 2, false)],
        described: &["video:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-hevc-eac3-6ch.flv",
        tracks: &[
            ("video:0", Codec::H265, true, 10, 2, true),
            ("audio:0", Codec::Eac3, true, 32, 32, false),
        ],
        described: &["audio:0", "video:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-hevc-hdr.flv",
        tracks: &[("video:0", Codec::H265, true, 10, 2, true)],
        described: &["video:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-hevc-opus.flv",
        tracks: &[
            ("video:0", Codec::H265, true, 10, 2, true),
            ("audio:0", Codec::Opus, true, 51, 51, false),
        ],
        described: &["audio:0", "video:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-opus-3ch.flv",
        tracks: &[("audio:0", Codec::Opus, true, 51, 51, false)],
        described: &["audio:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-opus-6ch.flv",
        tracks: &[("audio:0", Codec::Opus, true, 51, 51, false)],
        described: &["audio:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-tracks-h264-aac.flv",
        tracks: &[
            ("video:0", Codec::H264, true, 10, 2, true),
            ("video:1", Codec::H264, true, 10, 2, true),
            ("audio:0", Codec::Aac, true, 48, 48, false),
            ("audio:1", Codec::Aac, true, 48, 48, false),
            ("audio:2", Codec::Aac, true, 48, 48, false),
        ],
        described: &["audio:1", "audio:2"],
        dropped: 2,
    },
    Capture {
        file: "ffmpeg9-tracks-mixed.flv",
        tracks: &[
            ("video:0", Codec::H265, true, 10, 2, true),
            ("video:1", Codec::Vp9, true, 10, 2, false),
            ("video:2", Codec::H264, true, 10, 2, true),
            ("audio:0", Codec::Opus, true, 51, 51, false),
            ("audio:1", Codec::Aac, true, 48, 48, false),
            ("audio:2", Codec::Flac, true, 47, 47, false),
            ("audio:3", Codec::Mp3, true, 43, 43, false),
            ("audio:4", Codec::Ac3, true, 32, 32, false),
            ("audio:5", Codec::Eac3, true, 32, 32, false),
        ],
        described: &[
            "audio:0", "audio:1", "audio:2", "audio:2", "audio:3", "audio:4", "audio:5", "video:0",
            "video:0",
        ],
        dropped: 2,
    },
    Capture {
        file: "ffmpeg9-vp9-ac3.flv",
        tracks: &[
            ("video:0", Codec::Vp9, true, 10, 2, false),
            ("audio:0", Codec::Ac3, true, 32, 32, false),
        ],
        described: &["audio:0", "video:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-vp9-pq.flv",
        tracks: &[("video:0", Codec::Vp9, true, 10, 2, false)],
        described: &["video:0"],
        dropped: 0,
    },
    Capture {
        file: "ffmpeg9-vvc-eac3.flv",
        tracks: &[
            ("video:0", Codec::H266, true, 16, 2, true),
            ("audio:0", Codec::Eac3, true, 63, 63, false),
        ],
        described: &["audio:0", "video:0"],
        dropped: 0,
    },
    Capture {
        file: "obs29-h264-aac.flv",
        tracks: &[
            ("video:0", Codec::H264, true, 40, 4, false),
            ("audio:0", Codec::Aac, true, 184, 184, false),
        ],
        described: &[],
        dropped: 0,
    },
    Capture {
        file: "obs32-av1.flv",
        tracks: &[
            ("video:0", Codec::Av1, true, 11, 2, false),
            ("audio:0", Codec::Aac, true, 50, 50, false),
        ],
        described: &[],
        dropped: 1,
    },
    Capture {
        file: "obs32-tracks.flv",
        tracks: &[
            ("video:0", Codec::H264, true, 30, 2, false),
            ("video:1", Codec::H264, true, 30, 2, false),
            ("audio:0", Codec::Aac, true, 137, 137, false),
        ],
        described: &[],
        dropped: 1,
    },
];

#[derive(Default)]
struct Contents {
    configs: BTreeMap<TrackId, CodecConfig>,
    frames: BTreeMap<TrackId, Vec<Frame>>,
    data: Vec<Frame>,
    sticky: Vec<Sticky>,
    dropped: usize,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures")
}

fn tags(file: &str) -> Vec<Tag> {
    let bytes = fs::read(folder().join(file)).unwrap();
    let mut reader = FileReader::new();
    let mut tags = Vec::new();
    reader.push(&bytes);
    while let Some(tag) = reader.next_tag().unwrap() {
        tags.push(tag);
    }
    assert_eq!((reader.incomplete(), reader.lost()), (0, 0), "{file}");
    tags
}

fn units(kind: TagKind, body: &Bytes) -> Units {
    match kind {
        TagKind::Video => read_video(body),
        TagKind::Audio => read_audio(body),
        kind => read_data(body, kind == TagKind::ScriptAmf3),
    }
}

fn contents(file: &str) -> Contents {
    let mut found = Contents::default();
    for tag in tags(file) {
        let dts = Timestamp::from_millis(tag.timestamp.into());
        for unit in units(tag.kind, &tag.body) {
            match unit {
                Unit::Config { track, config } => drop(found.configs.insert(track, config)),
                Unit::Sticky(sticky) => found.sticky.push(sticky),
                Unit::Frame { .. } => {
                    let frame = unit.into_frame(dts).unwrap();
                    match frame.track.kind {
                        TrackKind::Data => found.data.push(frame),
                        _ => found.frames.entry(frame.track).or_default().push(frame),
                    }
                }
                Unit::SequenceEnd { .. } | Unit::Empty => found.dropped += 1,
                Unit::Opaque { .. } => panic!("{file}: {unit:?} is not understood"),
            }
        }
    }
    found
}

#[test]
fn captures_hold_the_tracks_they_were_made_with() {
    for capture in CAPTURES {
        let found = contents(capture.file);
        let tracks: Vec<_> = found
            .frames
            .iter()
            .map(|(id, frames)| {
                let keys = frames.iter().filter(|frame| frame.key).count();
                let reordered = frames.iter().any(|frame| frame.pts > frame.dts);
                let configured = found.configs.contains_key(id);
                (id.to_string(), frames[0].codec, configured, frames.len(), keys, reordered)
            })
            .collect();
        let want: Vec<_> = capture
            .tracks
            .iter()
            .map(|(id, codec, configured, frames, keys, late)| {
                ((*id).to_owned(), *codec, *configured, *frames, *keys, *late)
            })
            .collect();
        assert_eq!(tracks, want, "{}", capture.file);
        for (id, frames) in &found.frames {
            assert!(frames.iter().all(|frame| frame.codec == frames[0].codec), "{id}");
            assert!(frames.is_sorted_by_key(|frame| frame.dts), "{}: {id}", capture.file);
        }
        let about = found.sticky.iter().filter(|sticky| *sticky.name != *ON_META_DATA);
        let mut described: Vec<_> = about.map(|sticky| sticky.track.to_string()).collect();
        described.sort_unstable();
        assert_eq!(described, capture.described, "{}", capture.file);
        assert_eq!(found.dropped, capture.dropped, "{}", capture.file);
    }
}

#[test]
fn every_capture_is_in_the_table_and_told_of_in_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".flv"))
        .collect();
    files.sort_unstable();
    let mut known: Vec<_> = CAPTURES.iter().map(|capture| capture.file).collect();
    known.sort_unstable();
    assert_eq!(files, known);
    for file in files {
        assert!(readme.contains(&format!("`{file}`")), "README.md does not tell of {file}");
        assert!(fs::metadata(folder().join(&file)).unwrap().len() <= 100_000, "{file}");
    }
}

/// Header by header, and message by message through the nouns of `media`.
#[test]
fn captures_are_written_as_they_were_read() {
    for capture in CAPTURES {
        for tag in tags(capture.file) {
            let again = match tag.kind {
                TagKind::Video => VideoTag::read(&tag.body).map(|tag| tag.write()),
                TagKind::Audio => AudioTag::read(&tag.body).map(|tag| tag.write()),
                _ => Some(DataMessage::read(&tag.body, false).body),
            };
            assert_eq!(again.as_ref(), Some(&tag.body), "{}", capture.file);
            for unit in units(tag.kind, &tag.body) {
                let wire = match unit {
                    Unit::Config { track, config } => write_config(&config, track),
                    Unit::Sticky(sticky) => Some(sticky.wire),
                    Unit::SequenceEnd { .. } | Unit::Empty => continue,
                    unit => write_frame(&unit.into_frame(Timestamp::ZERO).unwrap()),
                };
                assert_eq!(
                    wire.map(|wire| wire.body).as_ref(),
                    Some(&tag.body),
                    "{}",
                    capture.file
                );
            }
        }
    }
}

fn read_back(id: TrackId, wire: &Wire) -> Unit {
    let units = match id.kind {
        TrackKind::Video => read_video(&wire.body),
        _ => read_audio(&wire.body),
    };
    units.into_iter().next_back().unwrap()
}

/// Each Track alone, as number 0, and beside others, as number 9: the same payloads and times.
#[test]
fn each_track_of_a_capture_can_be_taken_out_and_put_back() {
    for capture in CAPTURES {
        let found = contents(capture.file);
        for (id, frame) in
            found.frames.iter().flat_map(|(id, all)| all.iter().map(move |f| (id, f)))
        {
            for index in [0, 9] {
                let Some(wire) = write_frame_as(frame, index) else {
                    assert!(
                        index != 0 && !has_name(frame.codec),
                        "{}: {id} as {index}",
                        capture.file
                    );
                    continue;
                };
                let read = read_back(*id, &wire).into_frame(frame.dts).unwrap();
                assert_eq!(read.track, TrackId { index, ..*id });
                let same = |f: &Frame| (f.codec, f.key, f.pts, f.payload.clone());
                assert_eq!(same(&read), same(frame), "{}: {id} as {index}", capture.file);
                let first = wire.body[0];
                let legacy = match id.kind {
                    TrackKind::Video => first & 0x80 == 0,
                    _ => first >> 4 != 9,
                };
                let plain = matches!(frame.codec, Codec::H264 | Codec::Aac | Codec::Mp3);
                assert_eq!(legacy, index == 0 && (plain || !has_name(frame.codec)), "{id}");
            }
        }
        for (id, config) in &found.configs {
            for index in [0, 9] {
                let id = TrackId { index, ..*id };
                let Some(wire) = write_config_as(config, id) else {
                    assert_eq!((index, config.codec), (0, Codec::Mp3), "legacy MP3 has none");
                    continue;
                };
                let Unit::Config { track, config: read } = read_back(id, &wire) else {
                    panic!("it is a configuration")
                };
                let same = |config: &CodecConfig| (config.codec, config.record.clone());
                assert_eq!((track, same(&read)), (id, same(config)), "{}", capture.file);
            }
        }
    }
}

fn has_name(codec: Codec) -> bool {
    FourCc::of(codec).is_some()
}

fn color_info(file: &str) -> ColorInfo {
    let found = contents(file);
    let sticky = found.sticky.iter().find(|sticky| *sticky.name == *VIDEO_METADATA).unwrap();
    let Unit::Frame { payload, .. } = read_back(sticky.track, &sticky.wire) else {
        panic!("it travels in a frame")
    };
    VideoMetadata::read(&payload).color_info().unwrap()
}

/// The values that the encoder was told when the file was made.
#[test]
fn color_info_of_an_encoder_says_what_it_was_told() {
    let info = color_info("ffmpeg9-hevc-hdr.flv");
    let want = ColorInfo {
        bit_depth: None,
        primaries: Some(9),
        transfer: Some(16),
        matrix: Some(9),
        content_light: Some(ContentLight { max_fall: Some(400.0), max_cll: Some(1000.0) }),
        mastering: Some(MasteringDisplay {
            red: Some((0.68, 0.32)),
            green: Some((0.265, 0.69)),
            blue: Some((0.15, 0.06)),
            white: Some((0.3127, 0.329)),
            max_luminance: Some(1000.0),
            min_luminance: Some(0.0001),
        }),
    };
    assert_eq!(info, want);
    assert!(info.is_hdr());
    for (file, transfer) in [("ffmpeg9-av1-hlg.flv", 18), ("ffmpeg9-vp9-pq.flv", 16)] {
        let codes = (Some(9), Some(transfer), Some(9));
        let info = color_info(file);
        assert_eq!((info.primaries, info.transfer, info.matrix), codes, "{file}");
        assert!(info.is_hdr(), "{file}");
    }
    for file in ["ffmpeg9-hevc-opus.flv", "ffmpeg9-vvc-eac3.flv"] {
        assert!(!color_info(file).is_hdr(), "{file}");
    }
}

#[test]
fn channel_orders_of_an_encoder_say_what_it_was_told() {
    for (file, channels, speakers) in [
        ("ffmpeg9-hevc-opus.flv", 1, "[FC]"),
        ("ffmpeg9-hevc-eac3-6ch.flv", 6, "[FL, FR, FC, LFE1, BL, BR]"),
        ("ffmpeg9-opus-3ch.flv", 3, "[FL, FR, LFE1]"),
        ("ffmpeg9-opus-6ch.flv", 6, "[FL, FR, FC, LFE1, BL, BR]"),
    ] {
        let found = contents(file);
        let sticky = found.sticky.iter().find(|sticky| *sticky.name == *AUDIO_CHANNELS).unwrap();
        let Unit::Frame { payload, .. } = read_back(sticky.track, &sticky.wire) else {
            panic!("it travels in a frame")
        };
        let config = MultichannelConfig::read(&payload).unwrap();
        assert!(matches!(config.order, ChannelOrder::Native(_)));
        assert_eq!(
            (config.channels, format!("{:?}", config.speakers())),
            (channels, speakers.into())
        );
    }
}

/// They go with the Track they speak of, to those who can read them.
#[test]
fn what_is_said_about_a_track_goes_with_it() {
    let found = contents("ffmpeg9-tracks-mixed.flv");
    let mut alone = Vec::new();
    for frame in &found.data {
        let wire = frame.wire.as_ref().unwrap();
        let Some(id) = subject(wire) else { continue };
        let numbered = write_about_as(wire, 9).unwrap();
        assert_eq!(subject(&numbered), Some(TrackId { index: 9, ..id }));
        alone.push((id.to_string(), write_about_as(wire, 0).is_some()));
    }
    alone.sort_unstable();
    let want = [
        ("audio:0", true),
        ("audio:1", false),
        ("audio:2", true),
        ("audio:2", true),
        ("audio:3", false),
        ("audio:4", true),
        ("audio:5", true),
        ("video:0", true),
        ("video:0", true),
    ];
    assert_eq!(alone, want.map(|(id, alone)| (id.to_owned(), alone)));
}
