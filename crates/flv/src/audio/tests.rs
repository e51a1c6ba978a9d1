//! Every header form, read and written back.

use super::*;
use crate::{enhanced::Layout, testing::bytes};
use manycast_media::Codec;
use proptest::prelude::*;

const UNDERSTOOD: &[&str] = &[
    "AF 00 1190",
    "AF 01 2110",
    "AF 01",
    "AF 00",
    "AF",
    "2F FFFB",
    "72 D5",
    "00",
    "90 'mp4a' 1190",
    "91 'Opus' FC",
    "92 'mp4a'",
    "90 'Opus'",
    "94 'Opus' 01 02 00000003",
    "94 'Opus' 02 02 0001",
    "95 00 'mp4a' 01 1190",
    "95 11 'mp4a' 00 000001 21 02 000002 2122",
    "95 21 'mp4a' 00 000001 21 'Opus' 01 000001 FC",
    "97 02 00000A 01 'Opus' FC",
    "97 02 00000A 05 01 'Opus' 03 FC",
];

#[test]
fn what_is_read_is_written_back() {
    for notation in UNDERSTOOD {
        let body = bytes(notation);
        let tag = AudioTag::read(&body).unwrap_or_else(|| panic!("{notation} is understood"));
        assert_eq!(tag.write(), body, "{notation}");
    }
}

#[test]
fn what_is_reserved_or_cut_is_not_understood() {
    for notation in [
        "",
        "AF 02",
        "AF FF 00",
        "90",
        "90 'mp4'",
        "93 'mp4a'",
        "96 00 'mp4a' 00",
        "98 'mp4a'",
        "95 05 'mp4a' 00",
        "95 31 'mp4a' 00",
        "95 11 'mp4a' 00 000009 00",
        "97 00",
    ] {
        assert_eq!(AudioTag::read(&bytes(notation)), None, "{notation}");
    }
}

/// The numbers of Multitrack differ: 6 in video, 5 in audio.
#[test]
fn multitrack_has_its_own_number_in_audio() {
    let Some(AudioTag::Enhanced(tag)) = AudioTag::read(&bytes("95 01 'mp4a' 02 2110")) else {
        panic!("it is enhanced")
    };
    assert_eq!(tag.packet_type, AudioPacketType::CodedFrames);
    assert_eq!(tag.tracks.layout, Layout::OneTrack);
    assert_eq!((tag.tracks.list[0].id, &tag.tracks.list[0].body[..]), (2, &[0x21, 0x10][..]));
}

#[test]
fn sound_formats_name_their_codecs() {
    for (first, codec) in [
        (0x0F, Codec::Pcm),
        (0x1F, Codec::Adpcm),
        (0x2F, Codec::Mp3),
        (0x3F, Codec::Pcm),
        (0x42, Codec::Nellymoser),
        (0x52, Codec::Nellymoser),
        (0x6E, Codec::Nellymoser),
        (0x72, Codec::G711A),
        (0x82, Codec::G711U),
        (0xAF, Codec::Aac),
        (0xB2, Codec::Speex),
        (0xCF, Codec::Opaque),
        (0xDF, Codec::Opaque),
        (0xE2, Codec::Mp3),
        (0xFF, Codec::Opaque),
    ] {
        let Some(AudioTag::Legacy(tag)) = AudioTag::read(&Bytes::from(vec![first, 1, 2])) else {
            panic!("{first:02X} is legacy")
        };
        assert_eq!(tag.codec(), codec, "{first:02X}");
    }
}

proptest! {
    #[test]
    fn whatever_is_understood_is_written_back(
        first in prop_oneof![any::<u8>(), 0x90_u8..0x98],
        rest in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4], 0..48),
    ) {
        let body = Bytes::from([&[first][..], &rest].concat());
        if let Some(tag) = AudioTag::read(&body) {
            prop_assert_eq!(tag.write(), body);
        }
    }
}
