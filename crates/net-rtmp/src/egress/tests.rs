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
    joiner(&set(SMALL), Share::DEFAULT, Timestamp::from_millis(3_600_000), |said| {
        messages.push(said)
    });
    assert_eq!(sketch(&messages), [(MediaKind::Video, 3_600_000), (MediaKind::Audio, 3_600_000)]);
}

#[test]
fn section14_after_a_gap_a_viewer_is_told_only_new_headers() {
    let mut egress = Egress::new(TrackRules::ALL, None);
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

/// A Stream of two video and three audio Tracks, seen by a viewer who asked for some of them.
struct Bench {
    publisher: manycast_hub::Publisher,
    reader: manycast_hub::Subscriber,
    egress: Egress,
    now: std::time::Instant,
}

impl Bench {
    fn new(query: &str) -> Self {
        Self::with(query, None)
    }

    fn with(query: &str, peer: Option<Arc<Capabilities>>) -> Self {
        use manycast_hub::{Bounds, Hub, Start, Takeover, WindowLimits};
        let now = crate::conn::now();
        let name = manycast_media::StreamName::new("main").unwrap();
        let stream = Hub::new().open(&name, WindowLimits::default());
        let publisher = stream.publish(now, Takeover::Always, "test").unwrap();
        let reader = stream.subscribe(Start::NextGop, Bounds::default(), now);
        let egress = Egress::new(TrackRules::from_query(query).unwrap(), peer);
        Self { publisher, reader, egress, now }
    }

    /// A message of the encoder; what the viewer gets, as kind and opening bytes.
    fn send(&mut self, at: i64, kind: MediaKind, body: &[u8]) -> Vec<(MediaKind, Vec<u8>)> {
        use manycast_flv::frame::{Unit, read_audio, read_video};
        self.now += std::time::Duration::from_millis(1);
        let body = Bytes::copy_from_slice(body);
        let units = match kind {
            MediaKind::Video => read_video(&body),
            _ => read_audio(&body),
        };
        for unit in units {
            match unit {
                Unit::Config { track, config } => self.publisher.configure(self.now, track, config),
                Unit::Sticky(sticky) => self.publisher.stick(self.now, sticky),
                unit => {
                    let frame = unit.into_frame(Timestamp::from_millis(at)).unwrap();
                    self.publisher.push(self.now, frame)
                }
            }
            .unwrap();
        }
        let (mut items, mut sent) = (Vec::new(), Vec::new());
        self.reader.read(self.now, 100, &mut items);
        for item in &items {
            self.egress.item(item, &mut sent);
        }
        let head = |m: Outgoing| (m.kind, m.body[..m.body.len().min(7)].to_vec());
        sent.into_iter().map(head).collect()
    }
}

/// What the encoder sends: kind, time, body.
const SHOW: [(MediaKind, i64, &[u8]); 12] = [
    (MediaKind::Video, 0, b"\x17\0\0\0\0\x01\x64\0"),
    (MediaKind::Video, 0, b"\x96\0hvc1\x01\x01\x01"),
    (MediaKind::Audio, 0, b"\xaf\0\x12\x10"),
    (MediaKind::Audio, 0, b"\x95\0mp4a\x02\x11\x90"),
    (MediaKind::Video, 0, b"\x17\x01\0\0\0\0\0\0\x01\x65"),
    (MediaKind::Video, 0, b"\x96\x03hvc1\x01\0\0\0\x03\x26\x01\0"),
    (MediaKind::Audio, 10, b"\xaf\x01\x21"),
    (MediaKind::Audio, 10, b"\x95\x01mp4a\x02\x22"),
    (MediaKind::Video, 20, b"\x96\x04hvc1\x01\x02\0\x09colorInfo\x06"),
    (MediaKind::Audio, 20, b"\x95\x04mp4a\x02\0\x02"),
    (MediaKind::Video, 40, b"\x27\x01\0\0\0\0\0\0\x01\x41"),
    (MediaKind::Video, 40, b"\xa6\x03hvc1\x01\0\0\0\x03\x02\x01\0"),
];

/// E-RTMP v2 "Multitrack": who asks for one Track gets it alone, in the form of plain players, with
/// what is said about it; who asks for all gets them as they came.
#[test]
fn e_rtmp_a_viewer_gets_the_tracks_it_asked_for() {
    let rows: [(&str, &[&[u8]]); 4] = [
        (
            "",
            &[
                b"\x17\0\0\0\0\x01\x64",
                b"\x17\x01\0\0\0\0\0",
                b"\xaf\0\x12\x10",
                b"\xaf\x01\x21",
                b"\x27\x01\0\0\0\0\0",
            ],
        ),
        (
            "video_track=1&audio_track=2",
            &[
                b"\x90hvc1\x01\x01",
                b"\x93hvc1\0\0",
                b"\xaf\0\x11\x90",
                b"\xaf\x01\x22",
                b"\x94hvc1\x02\0",
                b"\xa3hvc1\0\0",
            ],
        ),
        ("tracks=audio&audio_track=2", &[b"\xaf\0\x11\x90", b"\xaf\x01\x22"]),
        (
            "tracks=all&video_track=none",
            &[
                b"\xaf\0\x12\x10",
                b"\xaf\x01\x21",
                b"\x95\0mp4a\x02",
                b"\x95\x01mp4a\x02",
                b"\x95\x04mp4a\x02",
            ],
        ),
    ];
    for (query, want) in rows {
        let mut bench = Bench::new(query);
        let sent: Vec<_> =
            SHOW.iter().flat_map(|(kind, at, body)| bench.send(*at, *kind, body)).collect();
        let bodies: Vec<_> = sent.iter().map(|(_, body)| &body[..]).collect();
        assert_eq!(bodies, want, "{query:?}");
    }
    let mut all = Bench::new("tracks=all");
    let sent: Vec<_> =
        SHOW.iter().flat_map(|(kind, at, body)| all.send(*at, *kind, body)).collect();
    assert_eq!(sent.len(), SHOW.len(), "everything, once");
}

/// E-RTMP v1 and v2 connect: a viewer that names its codecs is sent no others, and where the same is
/// there in one that it can play, that.
#[test]
fn negotiation_a_viewer_is_sent_what_it_can_play() {
    let four_cc = vec!["avc1".to_owned(), "av01".to_owned()];
    let peer = Arc::new(Capabilities { four_cc, ..Capabilities::default() });
    let sent = |query, show: &[(MediaKind, i64, &[u8])]| {
        let mut bench = Bench::with(query, Some(peer.clone()));
        let each = show.iter().flat_map(|(kind, at, body)| bench.send(*at, *kind, body));
        let video = each.filter(|(kind, _)| *kind == MediaKind::Video);
        video.map(|(_, body)| body).collect::<Vec<_>>()
    };
    let avc: [&[u8]; 3] = [b"\x17\0\0\0\0\x01\x64", b"\x17\x01\0\0\0\0\0", b"\x27\x01\0\0\0\0\0"];
    assert_eq!(sent("tracks=all", &SHOW), avc, "no HEVC in the second Track");
    let hevc_first: [(MediaKind, i64, &[u8]); 4] = [
        (MediaKind::Video, 0, b"\x90hvc1\x01\x01"),
        (MediaKind::Video, 0, b"\x96\0avc1\x01\x01\x64"),
        (MediaKind::Video, 0, b"\x93hvc1\0\0\0\x03\x26\x01\0"),
        (MediaKind::Video, 0, b"\x96\x03avc1\x01\0\0\0\x01\x65"),
    ];
    assert_eq!(sent("", &hevc_first), avc[..2], "the second Track, as the first");
}

/// ffmpeg takes an order of channels for a frame while it does not know the codec.
#[test]
fn e_rtmp_an_order_of_channels_stands_after_its_configuration() {
    let mut bench = Bench::new("tracks=all");
    let show: [(MediaKind, i64, &[u8]); 5] = [
        (MediaKind::Video, 0, b"\x17\0\0\0\0\x01\x64\0"),
        (MediaKind::Video, 0, b"\x17\x01\0\0\0\0\0\0\x01\x65"),
        (MediaKind::Audio, 0, b"\x90OpusOpusHead"),
        (MediaKind::Audio, 0, b"\x94Opus\x01\x02\0\0\0\x03"),
        (MediaKind::Audio, 0, b"\x91Opus\xfc"),
    ];
    for (kind, at, body) in show {
        bench.send(at, kind, body);
    }
    let tracks = bench.egress.tracks.clone();
    assert_eq!((tracks.tracks.len(), tracks.sticky.len()), (3, 1), "{tracks:?}");
    let first = |messages: &[Outgoing]| messages.iter().map(|m| m.body[0]).collect::<Vec<_>>();
    for share in [Share::DEFAULT, Share::ALL] {
        let mut said = Vec::new();
        joiner(&tracks, share, Timestamp::ZERO, |message| said.push(message));
        assert_eq!(first(&said), [0x17, 0x90, 0x94], "{share:?}");
    }
    let (mut alone, mut said) = (Egress::new(TrackRules::default(), None), Vec::new());
    alone.item(&Item::Joined { tracks: Arc::new(tracks), at: Timestamp::ZERO }, &mut said);
    assert_eq!(first(&said), [0x17, 0x90, 0x94]);
}

/// A rule about sizes, with what a real encoder sends (tests/captures). Where the better Track was
/// announced it is waited for; where it comes later the pictures change at its key frame, with its
/// configuration before it.
#[test]
fn e_rtmp_pictures_change_at_a_key_frame_with_their_configuration() {
    let (announced, second) = smallest(false);
    assert_eq!((announced[0], announced[1]), ((0x17, 0), (0x17, 1)));
    assert_eq!((announced.len() - 1, second), (10, 10), "the smaller one alone, from the start");
    let (sent, second) = smallest(true);
    assert_eq!(sent[..4], [(0x17, 0), (0x17, 1), (0x17, 0), (0x17, 1)], "after one picture");
    assert!(sent[4..].iter().all(|(_, packet_type)| *packet_type == 1), "and no other");
    assert_eq!((sent.len() - 3, second), (10, 10), "every picture of the smaller one");
}

/// What a viewer of the smallest pictures gets, as frame type and packet type of legacy tags, and the
/// number of those pictures. `late`: their configuration comes after the first picture of all.
fn smallest(late: bool) -> (Vec<(u8, u8)>, usize) {
    use manycast_flv::{TagKind, file::FileReader};
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/captures/ffmpeg9-tracks-h264-aac.flv");
    let mut reader = FileReader::new();
    reader.push(&std::fs::read(file).unwrap());
    let mut bench = Bench::new("video_track=smallest&audio_track=none");
    let (mut sent, mut second, mut held) = (Vec::new(), 0, Vec::new());
    while let Some(tag) = reader.next_tag().unwrap() {
        if tag.kind != TagKind::Video || tag.body[1..] == [2, 0, 0, 0] {
            continue;
        }
        let numbered = tag.body[0] & 0x80 != 0;
        if late && numbered && tag.body[1] & 0x0f == 0 {
            held.push(tag.body);
            continue;
        }
        second += usize::from(numbered && tag.body[1] & 0x0f != 0);
        let picture = !numbered && tag.body[1] == 1;
        sent.extend(bench.send(tag.timestamp.into(), MediaKind::Video, &tag.body));
        for body in held.extract_if(.., |_| picture) {
            sent.extend(bench.send(tag.timestamp.into(), MediaKind::Video, &body));
        }
    }
    // legacy, all of them: 17 00 is a configuration, 17 01 and 27 01 are pictures
    (sent.iter().map(|(_, body)| (body[0], body[1])).collect(), second)
}

/// A Track of HEVC beside H.264, with nanoseconds before its messages.
const FINE: [(MediaKind, i64, &[u8]); 5] = [
    (MediaKind::Video, 0, b"\x17\0\0\0\0\x01\x64\0"),
    (MediaKind::Video, 0, b"\x97\x02\0\x03\xe8\x06\0hvc1\x01\x01\x01"),
    (MediaKind::Video, 0, b"\x17\x01\0\0\0\0\0\0\x01\x65"),
    (MediaKind::Video, 0, b"\x97\x02\0\x03\xe8\x06\x03hvc1\x01\0\0\0\x03\x26\x01\0"),
    (MediaKind::Video, 40, b"\xa7\x02\0\x03\xe8\x06\x03hvc1\x01\0\0\0\x03\x02\x01\0"),
];

/// E-RTMP v2 `capsEx`: who speaks of other things than ModEx gets messages without it, over headers
/// of its own and over shared ones; who says nothing gets them as they came.
#[test]
fn negotiation_who_does_not_know_mod_ex_is_sent_none() {
    let bits = |caps_ex| Some(Arc::new(Capabilities { caps_ex, ..Capabilities::default() }));
    let (several, mod_ex) = (Capabilities::MULTITRACK, Capabilities::MOD_EX);
    let came: Vec<&[u8]> = FINE.iter().map(|(.., body)| &body[..7.min(body.len())]).collect();
    let plain: [&[u8]; 5] =
        [came[0], b"\x96\0hvc1\x01", came[2], b"\x96\x03hvc1\x01", b"\xa6\x03hvc1\x01"];
    for (peer, want) in [
        (None, &came[..]),
        (bits(several | mod_ex), &came),
        (bits(several | mod_ex | Capabilities::NANOSECONDS), &came),
        (bits(several), &plain),
        (bits(several | Capabilities::NANOSECONDS), &plain),
    ] {
        let mut bench = Bench::with("tracks=all", peer.clone());
        let sent = FINE.iter().flat_map(|(kind, at, body)| bench.send(*at, *kind, body));
        let mut bodies: Vec<_> = sent.map(|(_, body)| body).collect();
        bodies.sort();
        let mut want: Vec<_> = want.iter().map(|body| body.to_vec()).collect();
        want.sort();
        assert_eq!(bodies, want, "{peer:?}");
        // The same from shared bytes: to those who join, and live.
        let all = [FINE[1].2, b"\x96\0hvc1\x01\x01\x01"];
        let shares = [Share::ALL, Share { mod_ex: false, ..Share::ALL }];
        for (share, want) in shares.into_iter().zip(all) {
            let mut said = Vec::new();
            joiner(&bench.egress.tracks, share, Timestamp::ZERO, |message| said.push(message));
            assert_eq!(said.last().unwrap().body, want, "{share:?}");
        }
    }
}
