//! Streams of real encoders (`vectors/make.py`), against what ffprobe says of them.

use manycast_codec::{
    AudioShape, ContentLight, Description, DynamicRange, FrameInfo, Inspector, PictureKind,
    RandomAccess, Shape, VideoShape, describe, describe_frame, starts_decoding,
};
use manycast_media::Codec;
use std::{fs, path::PathBuf};

fn read(name: &str, kind: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    fs::read(folder.join(format!("{name}.{kind}"))).ok()
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// One line, so that a table of them can be read.
fn line(found: &Description) -> String {
    let measures = match &found.shape {
        Shape::Video(video) => video_line(video),
        Shape::Audio(audio) => audio_line(audio),
    };
    format!("{measures} {}", or_dash(found.rfc6381.as_ref()))
}

fn video_line(v: &VideoShape) -> String {
    let scan = match v.interlaced {
        Some(true) => "interlaced",
        Some(false) => "progressive",
        None => "-",
    };
    let range = match v.colour.full_range {
        Some(true) => "full",
        Some(false) => "limited",
        None => "-",
    };
    let fps = or_dash(v.fps.map(|fps| (fps * 1000.0).round() / 1000.0));
    let [profile, level] = [&v.profile, &v.level].map(|name| or_dash(name.as_ref()));
    let (chroma, depth) = (or_dash(v.chroma.map(|c| c.name())), or_dash(v.bit_depth));
    let (sample, reorder) = (or_dash(v.sample_aspect), or_dash(v.reorder));
    let codes = [v.colour.primaries, v.colour.transfer, v.colour.matrix].map(or_dash).join("/");
    let tier = if v.high_tier == Some(true) { " high" } else { "" };
    format!(
        "{}x{} {sample} {fps} {scan} [{profile}] {level}{tier} {chroma} {depth} {codes} {range} b{reorder}",
        v.width, v.height
    )
}

fn audio_line(a: &AudioShape) -> String {
    let profile = a.profile.as_ref().map_or_else(String::new, |profile| format!(" [{profile}]"));
    let bitrate = a.bitrate.map_or_else(String::new, |rate| format!(" {rate} bit/s"));
    let depth = a.bit_depth.map_or_else(String::new, |depth| format!(" {depth} bits"));
    let (channels, layout) = (or_dash(a.channels), or_dash(a.layout));
    let samples = or_dash(a.frame_samples);
    format!("{} Hz {channels} {layout}{profile}{depth}{bitrate} /{samples}", a.sample_rate)
}

const RECORDS: &[(&str, Codec, &str)] = &[
    (
        "h264_422_10",
        Codec::H264,
        "640x360 1:1 50 progressive [High 4:2:2] 3.1 4:2:2 10 -/-/- - b2 avc1.7A001F",
    ),
    (
        "h264_444_full",
        Codec::H264,
        "322x182 1:1 24 progressive [High 4:4:4 Predictive] 1.3 4:4:4 8 -/-/- full b2 avc1.F4000D",
    ),
    (
        "h264_baseline",
        Codec::H264,
        "320x180 1:1 30 progressive [Constrained Baseline] 1.3 4:2:0 8 -/-/- - b0 avc1.42C00D",
    ),
    (
        "h264_hdr_hrd",
        Codec::H264,
        "640x360 1:1 60 progressive [High 10] 3.1 4:2:0 10 9/16/9 limited b2 avc1.6E001F",
    ),
    (
        "h264_high",
        Codec::H264,
        "1920x1080 1:1 29.97 progressive [High] 4.0 4:2:0 8 1/1/1 limited b2 avc1.640028",
    ),
    (
        "h264_interlaced",
        Codec::H264,
        "720x576 64:45 25 interlaced [High] 3.0 4:2:0 8 5/5/5 limited b2 avc1.64001E",
    ),
    (
        "h264_intra_refresh",
        Codec::H264,
        "320x240 1:1 25 progressive [High] 1.3 4:2:0 8 -/-/- - b0 avc1.64000D",
    ),
    (
        "h264_open_gop",
        Codec::H264,
        "320x240 1:1 25 progressive [High] 1.3 4:2:0 8 -/-/- - b2 avc1.64000D",
    ),
    (
        "hevc_422_12",
        Codec::H265,
        "640x360 4:3 25 progressive [Range Extensions] 2.1 4:2:2 12 -/-/- limited b0 hvc1.4.10.L63.99.8",
    ),
    (
        "hevc_444",
        Codec::H265,
        "640x360 1:1 25 progressive [Range Extensions] 2.1 4:4:4 8 -/-/- limited b2 hvc1.4.10.L63.9E.8",
    ),
    (
        "hevc_hdr",
        Codec::H265,
        "1280x720 1:1 59.94 progressive [Main 10] 4.0 4:2:0 10 9/16/9 limited b2 hvc1.2.4.L120.90",
    ),
    (
        "hevc_hlg",
        Codec::H265,
        "640x360 1:1 50 progressive [Main 10] 3.0 4:2:0 10 9/18/9 limited b2 hvc1.2.4.L90.90",
    ),
    (
        "hevc_main",
        Codec::H265,
        "1918x1080 1:1 30 progressive [Main] 4.0 4:2:0 8 1/1/1 limited b2 hvc1.1.6.L120.90",
    ),
    ("vvc_main", Codec::H266, "320x182 - - - [Main 10] 2.0 4:2:0 10 -/-/- - b- vvc1.1.L32.CQA"),
    (
        "av1_422_12",
        Codec::Av1,
        "322x182 - - progressive [Professional] 2.0 4:2:2 12 -/-/- limited b0 av01.2.00M.12.0.100.02.02.02.0",
    ),
    (
        "av1_444",
        Codec::Av1,
        "322x182 - - progressive [High] 2.0 4:4:4 8 -/-/- full b0 av01.1.00M.08.0.000.02.02.02.1",
    ),
    (
        "av1_hdr",
        Codec::Av1,
        "640x360 - - progressive [Main] 2.1 4:2:0 10 9/16/9 limited b0 av01.0.01M.10.0.110.09.16.09.0",
    ),
    (
        "av1_main",
        Codec::Av1,
        "1280x720 - - progressive [Main] 3.1 4:2:0 8 1/1/1 limited b0 av01.0.05M.08",
    ),
    (
        "av1_mono",
        Codec::Av1,
        "320x240 - - progressive [Main] 2.0 monochrome 8 -/-/- full b0 av01.0.00M.08.1.110.02.02.02.1",
    ),
    ("vp9_main", Codec::Vp9, "nothing"),
    ("aac_51", Codec::Aac, "48000 Hz 6 5.1 [LC] /1024 mp4a.40.2"),
    ("aac_71", Codec::Aac, "48000 Hz 8 7.1 [LC] /1024 mp4a.40.2"),
    ("aac_mono", Codec::Aac, "44100 Hz 1 mono [LC] /1024 mp4a.40.2"),
    ("aac_pce_51_side", Codec::Aac, "48000 Hz 6 5.1 [LC] /1024 mp4a.40.2"),
    ("aac_pce_61_back", Codec::Aac, "48000 Hz 7 6.1(back) [LC] /1024 mp4a.40.2"),
    ("aac_pce_quad", Codec::Aac, "48000 Hz 4 quad [LC] /1024 mp4a.40.2"),
    ("aac_stereo", Codec::Aac, "48000 Hz 2 stereo [LC] /1024 mp4a.40.2"),
    ("opus_51", Codec::Opus, "48000 Hz 6 5.1 /- Opus"),
    ("opus_mono", Codec::Opus, "48000 Hz 1 mono /- Opus"),
    ("opus_stereo", Codec::Opus, "48000 Hz 2 stereo /- Opus"),
    ("flac_51_24", Codec::Flac, "96000 Hz 6 5.1 24 bits /1024 fLaC"),
    ("flac_stereo", Codec::Flac, "44100 Hz 2 stereo 16 bits /1024 fLaC"),
];

const FRAMES: &[(&str, Codec, &str)] = &[
    (
        "h264_hdr_hrd",
        Codec::H264,
        "640x360 1:1 60 progressive [High 10] 3.1 4:2:0 10 9/16/9 limited b2 avc1.6E001F",
    ),
    ("h264_high", Codec::H264, "nothing"),
    (
        "hevc_hdr",
        Codec::H265,
        "1280x720 1:1 59.94 progressive [Main 10] 4.0 4:2:0 10 9/16/9 limited b2 hvc1.2.4.L120.90",
    ),
    (
        "hevc_hlg",
        Codec::H265,
        "640x360 1:1 50 progressive [Main 10] 3.0 4:2:0 10 9/18/9 limited b2 hvc1.2.4.L90.90",
    ),
    ("hevc_main", Codec::H265, "nothing"),
    ("vvc_main", Codec::H266, "320x182 - - - [Main 10] 2.0 4:2:0 10 -/-/- - b- vvc1.1.L32.CQA"),
    (
        "av1_422_12",
        Codec::Av1,
        "322x182 - - progressive [Professional] 2.0 4:2:2 12 -/-/- limited b0 av01.2.00M.12.0.100.02.02.02.0",
    ),
    (
        "av1_444",
        Codec::Av1,
        "322x182 - - progressive [High] 2.0 4:4:4 8 -/-/- full b0 av01.1.00M.08.0.000.02.02.02.1",
    ),
    (
        "av1_hdr",
        Codec::Av1,
        "640x360 - - progressive [Main] 2.1 4:2:0 10 9/16/9 limited b0 av01.0.01M.10.0.110.09.16.09.0",
    ),
    (
        "av1_main",
        Codec::Av1,
        "1280x720 - - progressive [Main] 3.1 4:2:0 8 1/1/1 limited b0 av01.0.05M.08",
    ),
    (
        "av1_mono",
        Codec::Av1,
        "320x240 - - progressive [Main] 2.0 monochrome 8 -/-/- full b0 av01.0.00M.08.1.110.02.02.02.1",
    ),
    (
        "vp9_440_12",
        Codec::Vp9,
        "320x180 - - progressive [3] - 4:4:0 12 -/-/- limited b0 vp09.03.11.12.04.02.02.02.00",
    ),
    (
        "vp9_444",
        Codec::Vp9,
        "322x182 - - progressive [1] 1.1 4:4:4 8 -/-/- limited b0 vp09.01.11.08.03.02.02.02.00",
    ),
    (
        "vp9_hdr",
        Codec::Vp9,
        "640x360 - - progressive [2] 2.1 4:2:0 10 9/16/9 limited b0 vp09.02.21.10.01.09.16.09.00",
    ),
    (
        "vp9_main",
        Codec::Vp9,
        "1280x720 - - progressive [0] 3.1 4:2:0 8 1/1/1 limited b0 vp09.00.31.08",
    ),
    ("vp8", Codec::Vp8, "640x360 1:1 - progressive [0] - 4:2:0 8 -/-/- - b0 vp8"),
    ("aac_51", Codec::Aac, "nothing"),
    ("aac_71", Codec::Aac, "nothing"),
    ("aac_mono", Codec::Aac, "nothing"),
    ("aac_pce_51_side", Codec::Aac, "nothing"),
    ("aac_pce_61_back", Codec::Aac, "nothing"),
    ("aac_pce_quad", Codec::Aac, "nothing"),
    ("aac_stereo", Codec::Aac, "nothing"),
    ("opus_51", Codec::Opus, "48000 Hz 6 5.1 /960 Opus"),
    ("opus_mono", Codec::Opus, "48000 Hz 1 mono /480 Opus"),
    ("opus_stereo", Codec::Opus, "48000 Hz 2 stereo /960 Opus"),
    ("flac_51_24", Codec::Flac, "96000 Hz 6 5.1 24 bits /1024 fLaC"),
    ("flac_stereo", Codec::Flac, "44100 Hz 2 stereo 16 bits /1024 fLaC"),
    ("ac3_51", Codec::Ac3, "48000 Hz 6 5.1(side) 448000 bit/s /1536 ac-3"),
    ("ac3_stereo", Codec::Ac3, "32000 Hz 2 stereo 96000 bit/s /1536 ac-3"),
    ("eac3_51", Codec::Eac3, "48000 Hz 6 5.1(side) 384000 bit/s /1536 ec-3"),
    ("eac3_mono", Codec::Eac3, "44100 Hz 1 mono 63853 bit/s /1536 ec-3"),
    ("mp3_mono_lsf", Codec::Mp3, "22050 Hz 1 mono [MPEG-2 layer III] 48000 bit/s /576 mp4a.40.34"),
    (
        "mp3_stereo",
        Codec::Mp3,
        "44100 Hz 2 stereo [MPEG-1 layer III] 128000 bit/s /1152 mp4a.40.34",
    ),
];

#[test]
fn records_tell_what_ffprobe_tells() {
    for (name, codec, want) in RECORDS {
        let record = read(name, "config").unwrap();
        let found = describe(*codec, &record).map_or_else(|| "nothing".to_owned(), |d| line(&d));
        assert_eq!(found, *want, "{name}");
    }
}

#[test]
fn frames_tell_what_ffprobe_tells() {
    for (name, codec, want) in FRAMES {
        let (record, frame) = (read(name, "config"), read(name, "frame").unwrap());
        let found = describe_frame(*codec, record.as_deref(), &frame);
        assert_eq!(found.map_or_else(|| "nothing".to_owned(), |d| line(&d)), *want, "{name}");
    }
}

/// Record and first frame of a vector, looked at.
fn inspected(name: &str, codec: Codec) -> (Inspector, FrameInfo) {
    let mut inspector = Inspector::new(codec);
    if let Some(record) = read(name, "config") {
        inspector.configure(&record).unwrap();
    }
    let frame = read(name, "frame").unwrap();
    assert_eq!(inspector.check(&frame), Ok(()), "{name}");
    let info = inspector.frame(&frame);
    (inspector, info)
}

#[test]
fn no_frame_of_an_encoder_is_a_fault() {
    let names = RECORDS.iter().chain(FRAMES).map(|(name, codec, _)| (*name, *codec));
    for (name, codec) in names {
        let (inspector, info) = inspected(name, codec);
        assert!(inspector.description().is_some(), "{name}");
        assert!(info.captions.is_empty() && info.timecode.is_none(), "{name}");
    }
}

#[test]
fn where_decoding_can_start() {
    use PictureKind::{Intra, Predicted};
    use RandomAccess::{Clean, Gradual, Open};
    for (name, codec, access, picture) in [
        ("h264_high", Codec::H264, Clean, Some(Intra)),
        ("h264_open_gop", Codec::H264, Open, Some(Intra)),
        ("h264_intra_refresh", Codec::H264, Gradual { frames: 11 }, Some(Predicted)),
        ("hevc_main", Codec::H265, Clean, Some(Intra)),
        ("hevc_hlg", Codec::H265, Open, Some(Intra)),
        ("vvc_main", Codec::H266, Clean, None),
        ("av1_main", Codec::Av1, Clean, Some(Intra)),
        ("vp9_main", Codec::Vp9, Clean, Some(Intra)),
        ("vp8", Codec::Vp8, Clean, Some(Intra)),
        ("opus_stereo", Codec::Opus, Clean, None),
    ] {
        let (_, info) = inspected(name, codec);
        assert_eq!((info.random_access, info.picture), (Some(access), picture), "{name}");
        assert_eq!(
            starts_decoding(codec, &read(name, "frame").unwrap()),
            Some(access.starts_decoding())
        );
    }
}

#[test]
fn light_of_hdr_streams() {
    let near = |a: f64, b: f64| (a - b).abs() < 0.0001;
    for (name, codec) in
        [("h264_hdr_hrd", Codec::H264), ("hevc_hdr", Codec::H265), ("av1_hdr", Codec::Av1)]
    {
        let (inspector, _) = inspected(name, codec);
        let video = inspector.description().unwrap().as_video().unwrap();
        assert_eq!(video.dynamic_range(), DynamicRange::Pq, "{name}");
        let light = ContentLight { max_cll: 1000, max_fall: 400 };
        assert_eq!(video.hdr.light, Some(light), "{name}");
        let display = video.hdr.mastering.unwrap();
        for (point, (x, y)) in [
            (display.red, (0.68, 0.32)),
            (display.green, (0.265, 0.69)),
            (display.blue, (0.15, 0.06)),
            (display.white, (0.3127, 0.329)),
        ] {
            assert!(near(point.x, x) && near(point.y, y), "{name}: {point:?}");
        }
        assert!(near(display.max_luminance, 1000.0) && near(display.min_luminance, 0.005));
    }
    let (inspector, _) = inspected("hevc_hlg", Codec::H265);
    let video = inspector.description().unwrap().as_video().unwrap();
    assert_eq!((video.dynamic_range(), video.hdr.is_empty()), (DynamicRange::Hlg, true));
}
