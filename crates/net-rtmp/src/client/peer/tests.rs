//! Announcements against Tracks: what is sent, in which form, and what is said about the rest.

use super::*;
use bytes::Bytes;
use manycast_flv::frame::{FLV_AUDIO, FLV_DATA_AMF0, FLV_VIDEO, write_config, write_frame};
use manycast_media::{Sticky, Timestamp, Wire};

fn track(kind: TrackKind, index: u8, codec: Codec, first: u8) -> Track {
    let dialect = if kind == TrackKind::Video { FLV_VIDEO } else { FLV_AUDIO };
    let wire = Some(Wire { dialect, body: Bytes::from(vec![first, 0, 0, 0, 0, 1]) });
    let config = CodecConfig { codec, record: Bytes::from_static(&[1, 0x64]), wire };
    Track { id: TrackId { kind, index }, codec, config: Some(config) }
}

fn video(index: u8, codec: Codec) -> Track {
    track(TrackKind::Video, index, codec, if codec == Codec::H264 { 0x17 } else { 0x90 })
}

fn audio(index: u8, codec: Codec) -> Track {
    track(TrackKind::Audio, index, codec, if codec == Codec::Aac { 0xaf } else { 0x90 })
}

fn set(tracks: &[Track]) -> TrackSet {
    let wire = Wire { dialect: FLV_DATA_AMF0, body: Bytes::from_static(b"\x02\x00\x0aonMetaData") };
    let sticky = Sticky { track: TrackId::DATA, name: "onMetaData".into(), wire };
    TrackSet { tracks: tracks.to_vec(), sticky: vec![sticky], ..TrackSet::default() }
}

fn list(names: &[&str], caps_ex: u32) -> Capabilities {
    let four_cc = names.iter().map(|&name| name.to_owned()).collect();
    Capabilities { four_cc, caps_ex, ..Capabilities::default() }
}

fn ways(peer: &Capabilities, tracks: &[Track]) -> (Vec<Way>, Option<String>) {
    let set = set(tracks);
    let plan = Plan::new(peer, &set);
    (set.tracks.iter().map(|track| plan.way(track.id)).collect(), plan.words)
}

#[test]
fn negotiation_who_announces_nothing_gets_the_stream_as_it_came() {
    let tracks = [video(0, Codec::H265), video(1, Codec::Av1), audio(0, Codec::Opus)];
    for peer in [Capabilities::default(), Capabilities::forwarder()] {
        let (ways, words) = ways(&peer, &tracks);
        assert_eq!((ways, words), (vec![Way::AsItCame; 3], None));
        let set = set(&tracks);
        assert!(matches!(Plan::new(&peer, &set).seen(&set), Cow::Borrowed(_)));
    }
}

#[test]
fn negotiation_a_codec_that_is_not_taken_is_left_out_with_a_reason() {
    let tracks = [video(0, Codec::H265), audio(0, Codec::Opus), audio(1, Codec::Aac)];
    let (told, words) = ways(&list(&["av01", "Opus", "mp4a"], 2), &tracks);
    assert_eq!(told, [Way::NoCodec, Way::AsItCame, Way::AsItCame]);
    assert_eq!(
        words.unwrap(),
        "pictures of video:0 (h265) not sent: the far end takes no h265; set the encoder to h264"
    );
    let (told, words) = ways(&list(&["av01", "Opus", "mp4a"], 1), &tracks);
    assert_eq!(told, [Way::NoCodec, Way::AsItCame, Way::NoFurther]);
    assert!(
        words.unwrap().ends_with("; audio:1 not sent: the far end takes one track of each kind")
    );
    let (told, words) = ways(&list(&["hvc1", "mp4a"], 2), &tracks[..2]);
    assert_eq!(told, [Way::AsItCame, Way::NoCodec]);
    assert!(words.unwrap().starts_with("sound of audio:0 (opus) not sent"));
}

#[test]
fn negotiation_the_same_in_a_codec_that_is_taken_goes_in_its_place() {
    let tracks = [video(0, Codec::H265), video(1, Codec::Av1), video(2, Codec::H264)];
    let set = set(&tracks);
    let plan = Plan::new(&list(&["avc1"], 0), &set);
    let told: Vec<_> = tracks.iter().map(|track| plan.way(track.id)).collect();
    assert_eq!(told, [Way::NoCodec, Way::NoCodec, Way::AsFirst]);
    assert!(plan.words.clone().unwrap().contains("video:2 (h264) goes in its place"));
    let seen = plan.seen(&set);
    assert_eq!((seen.tracks.len(), seen.tracks[0].id), (1, TrackId::VIDEO));
    assert!(seen.sticky.is_empty(), "it speaks of the one that is left out");
    let config = seen.tracks[0].config.as_ref().unwrap();
    let wire = write_config(config, TrackId::VIDEO).unwrap();
    assert_eq!(wire.body.as_ref(), [0x17, 0, 0, 0, 0, 1, 0x64], "in the form that all know");
    let frame = Frame {
        track: tracks[2].id,
        codec: Codec::H264,
        dts: Timestamp::ZERO,
        pts: Timestamp::ZERO,
        key: true,
        payload: Bytes::from_static(&[0, 0, 0, 1, 0x65]),
        wire: Some(Wire { dialect: FLV_VIDEO, body: Bytes::from_static(&[0x96, 0, 2]) }),
    };
    let wire = write_frame(&plan.frame(&frame).unwrap()).unwrap();
    assert_eq!(wire.body.as_ref(), [0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]);
    let other = Frame { track: tracks[1].id, ..frame };
    assert_eq!(plan.frame(&other), None);
}

/// Lists need not name what legacy tags carry; what came in another form goes in that.
#[test]
fn negotiation_codecs_with_a_form_of_old_are_taken_in_it() {
    let peer = list(&["hvc1", "Opus"], 0);
    let enhanced = track(TrackKind::Video, 0, Codec::H264, 0x90);
    assert_eq!(ways(&peer, &[video(0, Codec::H264), audio(0, Codec::Aac)]).0, [Way::AsItCame; 2]);
    assert_eq!(ways(&peer, &[enhanced]), (vec![Way::AsFirst], None));
    let no = Capabilities { video: vec![("avc1".into(), 2)], ..Capabilities::default() };
    assert_eq!(ways(&no, &[video(0, Codec::H264)]).0, [Way::NoCodec], "in so many words");
    assert_eq!(ways(&peer, &[video(0, Codec::ScreenVideo)]).0, [Way::AsItCame]);
}
