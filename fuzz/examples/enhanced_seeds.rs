//! Writes the first seeds of `flv_enhanced_video` and `flv_enhanced_audio`: `cargo run --example
//! enhanced_seeds`, from the fuzz folder.
//!
//! Every packet type with every codec, alone, numbered, several in one message in both forms, with
//! prefixes; and the openings of the tags in tests/captures.

use manycast_flv::TagKind;
use manycast_flv::file::FileReader;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Bytes of a captured tag that are kept: header, and enough to tell what it is.
const OPENING: usize = 160;

fn main() -> io::Result<()> {
    let video = bodies(6, &VIDEO_CODECS, video_content);
    let audio = bodies(5, &AUDIO_CODECS, audio_content);
    save("flv_enhanced_video", video.into_iter().chain(captured(TagKind::Video)?))?;
    save("flv_enhanced_audio", audio.into_iter().chain(captured(TagKind::Audio)?))
}

const VIDEO_CODECS: [&[u8; 4]; 7] = [b"avc1", b"hvc1", b"vvc1", b"av01", b"vp08", b"vp09", b"zzzz"];
const AUDIO_CODECS: [&[u8; 4]; 7] = [b"mp4a", b"Opus", b"fLaC", b"ac-3", b"ec-3", b".mp3", b"zzzz"];

/// What a track of this packet type and codec may hold.
fn video_content(packet_type: u8, codec: &[u8; 4]) -> Vec<Vec<u8>> {
    let picture: &[u8] = match codec {
        b"avc1" => &[0, 0, 0, 1, 0x65],
        b"hvc1" | b"vvc1" => &[0, 0, 0, 3, 0x26, 1, 0],
        b"av01" => &[0x32, 1, 0x10],
        b"vp08" => &[0x50, 0, 0, 0x9D, 1, 0x2A],
        b"vp09" => &[0x82, 0x49, 0x83, 0x42],
        _ => &[1, 2, 3],
    };
    let time: &[u8] = &[0xFF, 0xFF, 0xD8];
    match packet_type {
        0 => vec![vec![1, 0x64, 0, 0x28], vec![]],
        1 => vec![[time, picture].concat(), picture.to_vec(), vec![0, 0]],
        2 => vec![vec![]],
        3 => vec![picture.to_vec()],
        4 => [
            &b"\x02\x00\x09colorInfo\x06"[..],
            COLOR,
            b"\x06\x13colorInfo\x00",
            b"\x02\x00\x03abc\x05",
            b"",
        ]
        .map(<[u8]>::to_vec)
        .into(),
        5 => vec![vec![0x80, 4, 0x81, 5, 0x0C, 0], vec![0x81, 5, 0x0C, 0]],
        _ => vec![vec![7]],
    }
}

const COLOR: &[u8] = b"\x02\x00\x09colorInfo\x03\x00\x0BcolorConfig\x03\x00\x08bitDepth\x00\x40\x24\0\0\0\0\0\0\
    \x00\x17transferCharacteristics\x00\x40\x30\0\0\0\0\0\0\x00\x00\x09\x00\x07hdrMdcv\x03\x00\x0CmaxLuminance\
    \x00\x40\x8F\x40\0\0\0\0\0\x00\x00\x09\x00\x00\x09";

fn audio_content(packet_type: u8, _: &[u8; 4]) -> Vec<Vec<u8>> {
    match packet_type {
        0 => vec![vec![0x11, 0x90], vec![]],
        1 => vec![vec![0x21, 0x10, 5], vec![]],
        2 => vec![vec![]],
        4 => vec![vec![0, 6], vec![1, 2, 0, 0, 0, 3], vec![2, 2, 0, 0xFF], vec![2, 9, 0]],
        _ => vec![vec![7]],
    }
}

/// Bodies in every form. `multitrack` is the packet type that announces several tracks.
fn bodies(
    multitrack: u8,
    codecs: &[&[u8; 4]],
    content: fn(u8, &[u8; 4]) -> Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for packet_type in 0..9 {
        for (n, codec) in (0_u8..).zip(codecs) {
            for content in content(packet_type, codec) {
                let frame_type = [1, 2, 5, 0][usize::from(n % 4)] << 4;
                let first = |low: u8| 0x80 | frame_type | low;
                let size = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
                bodies.push([&[first(packet_type)], &codec[..], &content].concat());
                let one = [&[packet_type], &codec[..], &[n], &content].concat();
                bodies.push([&[first(multitrack)], &one[..]].concat());
                bodies.push([&[first(7), 2, 0, 3, 0xE8, multitrack], &one[..]].concat());
                bodies.push(
                    [&[first(7), 1, 0, 0, 0x17, 2, 0, 0, 1, packet_type], &codec[..], &content]
                        .concat(),
                );
                let track = |id: u8| [&[id][..], &size(content.len()), &content].concat();
                bodies.push(
                    [&[first(multitrack), 0x10 | packet_type], &codec[..], &track(n), &track(0)]
                        .concat(),
                );
                let named = |codec: &[u8; 4], id| [&codec[..], &track(id)].concat();
                bodies.push(
                    [
                        &[first(multitrack), 0x20 | packet_type][..],
                        &named(codec, 1),
                        &named(codecs[0], 0),
                    ]
                    .concat(),
                );
            }
        }
    }
    bodies
}

/// Openings of captured tags, one for each header and length of it.
fn captured(kind: TagKind) -> io::Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "flv"));
    let mut seen = BTreeSet::new();
    let mut openings = Vec::new();
    for file in files {
        let mut reader = FileReader::new();
        reader.push(&fs::read(file)?);
        while let Ok(Some(tag)) = reader.next_tag() {
            let opening = &tag.body[..tag.body.len().min(OPENING)];
            let head = opening[..opening.len().min(8)].to_vec();
            if tag.kind == kind && seen.insert(head) {
                openings.push(opening.to_vec());
            }
        }
    }
    Ok(openings)
}

fn save(target: &str, seeds: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for seed in seeds {
        // FNV-1a: only a name
        let name = seed.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        fs::write(folder.join(format!("{name:016x}")), seed)?;
        count += 1;
    }
    println!("{target}: {count} seeds");
    Ok(())
}
