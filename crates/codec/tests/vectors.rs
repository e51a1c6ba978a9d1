//! Streams of real encoders (`vectors/make.py`), against what ffprobe says of them.

use manycast_codec::{
    AudioShape, Description, Inspector, PictureKind, RandomAccess, Shape, VideoShape, describe,
    describe_frame,
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

const RECORDS: &[(&str, Codec, &str)] = &[];

const FRAMES: &[(&str, Codec, &str)] = &[];

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

#[test]
fn print_all() {
    use Codec::*;
    for (prefix, codec) in [
        ("h264", H264),
        ("hevc", H265),
        ("vvc", H266),
        ("av1", Av1),
        ("vp9", Vp9),
        ("vp8", Vp8),
        ("aac", Aac),
        ("opus", Opus),
        ("flac", Flac),
        ("ac3", Ac3),
        ("eac3", Eac3),
        ("mp3", Mp3),
    ] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .filter_map(|e| {
                Some(e.unwrap().file_name().to_str()?.strip_suffix(".frame")?.to_owned())
            })
            .filter(|n| n.starts_with(prefix))
            .collect();
        names.sort();
        for name in names {
            let (record, frame) = (read(&name, "config"), read(&name, "frame").unwrap());
            if let Some(record) = &record {
                let d = describe(codec, record);
                println!(
                    "R|{name}|{codec:?}|{}",
                    d.map_or_else(|| "nothing".to_owned(), |d| line(&d))
                );
            }
            let d = describe_frame(codec, record.as_deref(), &frame);
            println!("F|{name}|{codec:?}|{}", d.map_or_else(|| "nothing".to_owned(), |d| line(&d)));
            let mut i = Inspector::new(codec);
            if let Some(record) = &record {
                println!("   configure {:?}", i.configure(record).err().map(|p| p.to_string()));
            }
            let c = i.check(&frame);
            let info = i.frame(&frame);
            println!("   {c:?} {info:?}");
            if let Some(v) = i.description().and_then(|d| d.as_video()) {
                if !v.hdr.is_empty() {
                    println!("   {:?}", v.hdr);
                }
            }
        }
    }
    let _ = (PictureKind::Intra, RandomAccess::No);
}
