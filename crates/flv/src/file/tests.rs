//! Files whole, cut, damaged, and in pieces.

use super::*;
use crate::{Tag, TagKind};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

fn tag(kind: TagKind, timestamp: u32, body: &'static [u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::from_static(body) }
}

fn tags() -> Vec<Tag> {
    vec![
        tag(TagKind::Script, 0, b"\x02\x00\x0AonMetaData"),
        tag(TagKind::Video, 0, b"\x17\x00\0\0\0\x01"),
        tag(TagKind::Audio, 0x00FF_FFFF, b"\xAF\x01\x21"),
        tag(TagKind::Video, 0x0100_0000, b""),
        tag(TagKind::ScriptAmf3, u32::MAX, b"\0\x02\0\0"),
    ]
}

fn file(tags: &[Tag]) -> BytesMut {
    let mut out = BytesMut::from(&file_header(true, true)[..]);
    for tag in tags {
        write_tag(tag, &mut out).unwrap();
    }
    out
}

fn read(file: &[u8]) -> (Vec<Tag>, FileReader) {
    let mut reader = FileReader::new();
    reader.push(file);
    let mut tags = Vec::new();
    for end in [false, true] {
        if end {
            reader.finish();
        }
        while let Some(tag) = reader.next_tag().unwrap() {
            tags.push(tag);
        }
    }
    (tags, reader)
}

#[test]
fn what_is_written_is_read_back() {
    let file = file(&tags());
    let (found, reader) = read(&file);
    assert_eq!(found, tags());
    assert_eq!((reader.incomplete(), reader.lost()), (0, 0));
    let header = reader.header().unwrap();
    assert!(header.claims_audio && header.claims_video);
    assert_eq!(header.version, 1);
}

#[test]
fn the_bytes_are_those_of_the_standard() {
    let file = file(&[tag(TagKind::Audio, 0x8102_0304, b"\xAF\x00")]);
    assert_eq!(
        file[..],
        *b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x08\0\0\x02\x02\x03\x04\x81\0\0\0\xAF\x00\0\0\0\x0D"
    );
    assert_eq!(file_header(false, true)[4], 1);
    assert_eq!(file_header(true, false)[4], 4);
}

#[test]
fn a_tag_over_16_mib_is_refused() {
    assert!(tag_header(TagKind::Video, 0, 0xFF_FFFF).is_some());
    assert!(tag_header(TagKind::Video, 0, 0x100_0000).is_none());
}

#[test]
fn wrong_sizes_behind_tags_do_not_matter() {
    let mut file = file(&tags());
    let mut at = 13;
    for tag in tags() {
        at += 11 + tag.body.len();
        file[at..at + 4].copy_from_slice(&(tag.body.len() as u32).to_be_bytes());
        at += 4;
    }
    let (found, reader) = read(&file);
    assert_eq!((found, reader.lost()), (tags(), 0));
}

#[test]
fn a_truncated_last_tag_is_reported_as_incomplete() {
    let whole = file(&tags()[..2]);
    for cut in 1..10 {
        let (found, reader) = read(&whole[..whole.len() - cut]);
        let complete = if cut <= 4 { 2 } else { 1 };
        assert_eq!(found.len(), complete, "{cut}");
        assert_eq!(reader.incomplete() > 0, cut > 4, "{cut}");
    }
}

#[test]
fn after_damage_the_next_sound_tag_is_found() {
    let (before, after) = (file(&tags()[..2]), file(&tags()[2..]));
    let junk = b"\x77\x09\x00\x00\x01 junk \x08";
    let damaged = [&before[..], junk, &after[13..]].concat();
    let (found, reader) = read(&damaged);
    assert_eq!(found, tags());
    assert_eq!(reader.lost(), junk.len() as u64);
    assert_eq!(reader.incomplete(), 0);
}

#[test]
fn a_longer_header_is_passed_over() {
    let plain = file(&tags());
    let mut longer = plain[..5].to_vec();
    longer.extend([0, 0, 0, 12, 1, 2, 3]);
    longer.extend(&plain[9..]);
    assert_eq!(read(&longer).0, tags());
}

#[test]
fn other_files_are_refused() {
    let error = |bytes: &[u8]| {
        let mut reader = FileReader::new();
        reader.push(bytes);
        reader.next_tag()
    };
    assert_eq!(error(b"RIFF"), Err(FileError::NotFlv));
    assert_eq!(error(b"FX"), Err(FileError::NotFlv));
    assert_eq!(error(b"FL"), Ok(None));
    assert_eq!(error(b"FLV\x01\x05\0\0\0\x08"), Err(FileError::HeaderLength(8)));
    assert_eq!(error(b"FLV\x01\x05\xFF\0\0\x09"), Err(FileError::HeaderLength(0xFF00_0009)));
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_tags(cuts in prop::collection::vec(1_usize..20, 1..40)) {
        let file = file(&tags());
        let (mut reader, mut found, mut at) = (FileReader::new(), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            let end = (at + cut).min(file.len());
            reader.push(&file[at..end]);
            at = end;
            while let Some(tag) = reader.next_tag().unwrap() {
                found.push(tag);
            }
            if at == file.len() {
                break;
            }
        }
        prop_assert_eq!(found, tags());
    }

    #[test]
    fn garbage_is_survived(garbage in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = file_header(true, true).to_vec();
        file.extend(&garbage);
        let (found, reader) = read(&file);
        let carried: usize = found.iter().map(|tag| tag.body.len() + 11).sum();
        prop_assert!(carried + reader.incomplete() + reader.lost() as usize <= garbage.len());
    }
}
