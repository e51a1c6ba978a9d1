//! What a far end is sent first, after a gap, and with which times.

use super::*;
use manycast_flv::frame::{FLV_AUDIO, FLV_VIDEO};
use manycast_media::{Codec, CodecConfig, Track};
use std::sync::Arc;

fn track(id: TrackId, codec: Codec, body: &'static [u8]) -> Track {
    let dialect = if id == TrackId::VIDEO { FLV_VIDEO } else { FLV_AUDIO };
    let wire = Wire { dialect, body: Bytes::from_static(body) };
    let record = wire.body.slice(5.min(body.len())..);
    Track { id, codec, config: Some(CodecConfig { codec, record, wire: Some(wire) }) }
}

fn set(video: &'static [u8]) -> TrackSet {
    let mut set = TrackSet::default();
    set.insert(track(TrackId::VIDEO, Codec::H264, video));
    set.insert(track(TrackId::AUDIO, Codec::Aac, &[0xaf, 0, 0x12, 0x10]));
    set
}

const SMALL: &[u8] = &[0x17, 0, 0, 0, 0, 1];
const LARGE: &[u8] = &[0x17, 0, 0, 0, 0, 2];

/// Kind and time of each message.
fn sketch(messages: &[Outgoing]) -> Vec<(MediaKind, u32)> {
    messages.iter().map(|message| (message.kind, message.timestamp)).collect()
}

#[test]
fn section8_3_headers_of_a_joiner_carry_the_time_of_its_first_frame() {
    let mut messages = Vec::new();
    joiner(&set(SMALL), Timestamp::from_millis(3_600_000), &mut messages);
    assert_eq!(sketch(&messages), [(MediaKind::Video, 3_600_000), (MediaKind::Audio, 3_600_000)]);
}

#[test]
fn section14_after_a_gap_a_viewer_is_told_only_new_headers() {
    let mut egress = Egress::viewer();
    let mut join = |at: i64, video| {
        let mut messages = Vec::new();
        let tracks = Arc::new(set(video));
        egress.item(&Item::Joined { tracks, at: Timestamp::from_millis(at) }, &mut messages);
        sketch(&messages)
    };
    assert_eq!(join(9_000, SMALL), [(MediaKind::Video, 9_000), (MediaKind::Audio, 9_000)]);
    assert_eq!(join(12_000, SMALL), [], "the same again");
    assert_eq!(join(15_000, LARGE), [(MediaKind::Video, 15_000)], "a new picture size");
}
