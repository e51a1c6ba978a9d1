//! What encoders do to their clocks and headers, seen from a reader of the Stream.

use super::*;
use bytes::Bytes;
use manycast_hub::{Bounds, Content, Hub, Item, Start, Subscriber, Takeover, WindowLimits};
use manycast_media::{CodecConfig, StreamName, Timestamp, TrackId};
use std::time::Duration;

const VIDEO_HEADER: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f];
const KEY_FRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65];
const FRAME: &[u8] = &[0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41];
const MONO: &[u8] = &[0xaf, 0, 0x12, 0x08];
const STEREO: &[u8] = &[0xaf, 0, 0x12, 0x10];
const SOUND: &[u8] = &[0xaf, 1, 0x21];

struct Bench {
    ingest: Ingest,
    reader: Subscriber,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = crate::conn::now();
        let name = StreamName::new("main").unwrap();
        let stream = Hub::new().open(&name, WindowLimits::default());
        let ingest = Ingest::new(stream.publish(now, Takeover::Always, "test").unwrap());
        let reader = stream.subscribe(Start::NextGop, Bounds::default(), now);
        Self { ingest, reader, now }
    }

    fn send(&mut self, kind: MediaKind, timestamp: u32, body: &'static [u8]) {
        self.send_bytes(kind, timestamp, Bytes::from_static(body));
    }

    fn send_bytes(&mut self, kind: MediaKind, timestamp: u32, body: Bytes) {
        self.now += Duration::from_millis(1);
        let media = Media { kind, timestamp, body, encoding: DataEncoding::Amf0 };
        self.ingest.media(self.now, &media).unwrap();
    }

    fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        self.reader.read(self.now, 1000, &mut items);
        items
    }

    /// Milliseconds of the Frames that a reader gets.
    fn times(&mut self) -> Vec<i64> {
        let items = self.items();
        let frame = |item: &Item| match item {
            Item::Entry(entry) => entry.frame().map(|frame| frame.dts.as_millis()),
            _ => None,
        };
        items.iter().filter_map(frame).collect()
    }
}

#[test]
fn section10_headers_at_time_0_do_not_reset_the_clock() {
    let mut bench = Bench::new();
    bench.send(MediaKind::Video, 3_600_000, VIDEO_HEADER);
    bench.send(MediaKind::Video, 3_600_000, KEY_FRAME);
    for (at, body) in [(0, VIDEO_HEADER), (3_600_040, KEY_FRAME), (0, VIDEO_HEADER)] {
        bench.send(MediaKind::Video, at, body);
    }
    bench.send(MediaKind::Video, 3_600_080, FRAME);
    assert_eq!(bench.times(), [3_600_000, 3_600_040, 3_600_080]);
}

#[test]
fn section10_clocks_of_31_and_of_32_bits_go_on_over_their_wraps() {
    for last in [0x7fff_ffff, u32::MAX] {
        let mut bench = Bench::new();
        bench.send(MediaKind::Video, last - 39, VIDEO_HEADER);
        bench.send(MediaKind::Video, last - 39, KEY_FRAME);
        for at in [0, 40, 80] {
            bench.send(MediaKind::Video, at, FRAME);
        }
        let times = bench.times();
        let steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((20..=40).contains(&steps[0]) && steps[1..] == [40, 40], "{last:#x}: {times:?}");
    }
}

#[test]
fn section11_a_repeated_configuration_changes_nothing() {
    let mut bench = Bench::new();
    bench.send(MediaKind::Video, 0, VIDEO_HEADER);
    bench.send(MediaKind::Video, 0, KEY_FRAME);
    bench.items();
    for at in [40, 80] {
        bench.send(MediaKind::Video, at, VIDEO_HEADER);
        bench.send(MediaKind::Video, at, FRAME);
    }
    let items = bench.items();
    let told =
        |item: &Item| matches!(item, Item::Entry(e) if matches!(e.content, Content::Tracks { .. }));
    assert_eq!((items.len(), items.iter().filter(|item| told(item)).count()), (2, 0));
}

/// What is kept as long as the Run does not keep the block of the Frames that came beside it.
#[test]
fn what_is_kept_for_long_is_taken_out_of_its_block() {
    const DESCRIPTION: &[u8] = b"\xd4avc1\x02\x00\x09colorInfo\x06";
    const META: &[u8] = b"\x02\x00\x0aonMetaData\x03\x00\x00\x09";
    let kept = [
        (MediaKind::Video, VIDEO_HEADER),
        (MediaKind::Audio, STEREO),
        (MediaKind::Video, DESCRIPTION),
        (MediaKind::Data, META),
    ];
    let mut bench = Bench::new();
    let block = Bytes::from(kept.map(|(_, body)| body).concat());
    let mut at = 0;
    for (kind, body) in kept {
        bench.send_bytes(kind, 0, block.slice(at..at + body.len()));
        at += body.len();
    }
    bench.send(MediaKind::Audio, 0, SOUND);
    bench.send(MediaKind::Video, 0, KEY_FRAME);
    let items = bench.items();
    let Some(Item::Joined { tracks, .. }) = items.first() else { panic!("{items:?}") };
    let configs = tracks.tracks.iter().filter_map(|track| track.config.as_ref());
    let of_config = |config: &CodecConfig| {
        [Some(config.record.clone()), config.wire.as_ref().map(|wire| wire.body.clone())]
    };
    let of_sticky = tracks.sticky.iter().map(|sticky| sticky.wire.body.clone());
    let long: Vec<_> = configs.flat_map(of_config).flatten().chain(of_sticky).collect();
    assert_eq!(long.len(), 2 * 2 + 2, "two configurations with their messages, two sticky ones");
    for body in long {
        assert!(!block.as_ptr_range().contains(&body.as_ptr()), "{body:x?}");
    }
}

#[test]
fn flv_trap_2_the_last_configuration_before_the_first_frame_counts() {
    let mut bench = Bench::new();
    bench.send(MediaKind::Audio, 0, MONO);
    bench.send(MediaKind::Audio, 0, STEREO);
    bench.send(MediaKind::Audio, 0, SOUND);
    let items = bench.items();
    let Some(Item::Joined { tracks, .. }) = items.first() else { panic!("{items:?}") };
    let config = tracks.tracks[0].config.as_ref().unwrap();
    assert_eq!((tracks.tracks.len(), config.record.as_ref()), (1, &STEREO[2..]));
}

/// E-RTMP v2 "Multitrack": several Tracks in one message are Tracks of the Stream, each with its own
/// configuration and Frames, and leave as messages of one Track.
#[test]
fn e_rtmp_tracks_of_one_message_are_tracks_of_the_stream() {
    const CONFIGS: &[u8] = b"\x96\x10avc1\x00\0\0\x04\x01\x64\0\x1f\x02\0\0\x04\x01\x42\0\x0a";
    const FRAMES: &[u8] =
        b"\x96\x11avc1\x02\0\0\x08\0\0\x28\0\0\0\x01\x65\x00\0\0\x08\0\0\0\0\0\0\x01\x65";
    let mut bench = Bench::new();
    bench.send(MediaKind::Video, 0, CONFIGS);
    bench.send(MediaKind::Video, 40, FRAMES);
    let items = bench.items();
    let Some(Item::Joined { tracks, .. }) = items.first() else { panic!("{items:?}") };
    assert_eq!(tracks.lead(), Some(TrackId::VIDEO));
    let frames: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Entry(entry) => entry.frame(),
            _ => None,
        })
        .map(|frame| (frame.track.index, frame.dts.as_millis(), frame.pts.as_millis()))
        .collect();
    assert_eq!(frames, [(0, 40, 40), (2, 40, 80)]);
    let mut egress = crate::egress::Egress::new(manycast_media::TrackRules::ALL, None);
    let mut sent = Vec::new();
    for item in &items {
        egress.item(item, &mut sent);
    }
    let heads: Vec<_> = sent.iter().map(|message| message.body[..8].to_vec()).collect();
    assert_eq!(
        heads,
        [
            &b"\x90avc1\x01\x64\0"[..],
            b"\x91avc1\0\0\0",
            b"\x96\x00avc1\x02\x01",
            b"\x96\x01avc1\x02\0",
        ]
    );
}

/// It goes on as it came, ends nothing, and is counted.
#[test]
fn e_rtmp_what_is_not_understood_is_passed_on_and_counted() {
    const RESERVED: &[u8] = b"\x9fhvc1\x01";
    const BROKEN: &[u8] = b"\x96\x11avc1\x00\0\0\x09\0";
    const UNKNOWN: &[u8] = b"\x91zzzz\x01";
    let mut bench = Bench::new();
    bench.send(MediaKind::Video, 0, VIDEO_HEADER);
    bench.send(MediaKind::Video, 0, KEY_FRAME);
    for (at, body) in [(10, RESERVED), (20, BROKEN), (30, UNKNOWN)] {
        bench.send(MediaKind::Video, at, body);
    }
    bench.send(MediaKind::Video, 40, FRAME);
    let items = bench.items();
    let bodies: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Entry(entry) => entry.frame(),
            _ => None,
        })
        .map(|frame| frame.wire.as_ref().unwrap().body.clone())
        .collect();
    assert_eq!(bodies, [KEY_FRAME, RESERVED, BROKEN, UNKNOWN, FRAME]);
    assert_eq!(bench.ingest.not_understood, 3);
}

/// ffmpeg 9 numbers no colour description: those of further Tracks name Track 0, in another codec.
/// Who plays Track 0 alone must not get them: legacy players take their FourCC for a codec.
#[test]
fn e_rtmp_a_description_goes_with_the_track_of_its_codec() {
    const AV1: &[u8] = b"\x96\x00av01\x01\x81\x05\x0c\x00";
    const AV1_FRAME: &[u8] = b"\x96\x01av01\x01\x32\x01\x10";
    const OF_AV1: &[u8] = b"\xd4av01\x02\x00\x09colorInfo\x06";
    const OF_VP9: &[u8] = b"\xd4vp09\x02\x00\x09colorInfo\x06";
    const OF_H264: &[u8] = b"\xd4avc1\x02\x00\x09colorInfo\x06";
    let mut bench = Bench::new();
    for body in [VIDEO_HEADER, AV1, KEY_FRAME, AV1_FRAME, OF_H264, OF_AV1, OF_VP9] {
        bench.send(MediaKind::Video, 0, body);
    }
    bench.send(MediaKind::Video, 40, KEY_FRAME);
    let items = bench.items();
    let sent = |rules| {
        let mut egress = crate::egress::Egress::new(rules, None);
        let mut sent = Vec::new();
        for item in &items {
            egress.item(item, &mut sent);
        }
        sent.into_iter().map(|message| message.body).collect::<Vec<_>>()
    };
    let plain = sent(manycast_media::TrackRules::default());
    assert_eq!(plain, [VIDEO_HEADER, KEY_FRAME, OF_H264, KEY_FRAME], "what is about track 0");
    let mut lane = Vec::new();
    for item in &items {
        if let Item::Entry(entry) = item {
            crate::egress::content(&entry.content, crate::egress::Share::DEFAULT, |said| {
                lane.push(said)
            });
        }
    }
    assert!(!lane.iter().any(|message| [OF_AV1, OF_VP9].contains(&&message.body[..])));
    let whole = sent(manycast_media::TrackRules::ALL);
    let about: Vec<_> =
        whole.iter().filter(|body| body.ends_with(b"colorInfo\x06")).cloned().collect();
    assert_eq!(about, [OF_H264, OF_AV1, OF_VP9], "as they came");
    // Those who join later get it with its Track.
    let late = bench.ingest.publisher().stream().subscribe(
        Start::CurrentGop,
        Bounds::default(),
        bench.now,
    );
    bench.reader = late;
    let items = bench.items();
    let Some(Item::Joined { tracks, .. }) = items.first() else { panic!("{items:?}") };
    let kept: Vec<_> =
        tracks.sticky.iter().map(|kept| (kept.track.index, kept.wire.body.clone())).collect();
    assert_eq!(kept, [(0, OF_H264.into()), (1, OF_AV1.into())]);
    let rule = manycast_media::TrackRule::Number(1);
    let mut egress = crate::egress::Egress::new(
        manycast_media::TrackRules { video: rule, ..Default::default() },
        None,
    );
    let mut alone = Vec::new();
    egress.item(&items[0], &mut alone);
    let heads: Vec<_> = alone.iter().map(|message| message.body[..5].to_vec()).collect();
    assert_eq!(heads, [b"\xd4av01", b"\x90av01"]);
    let mut lane = Vec::new();
    crate::egress::joiner(tracks, crate::egress::Share::DEFAULT, Timestamp::ZERO, |said| {
        lane.push(said)
    });
    let bodies: Vec<_> = lane.iter().map(|message| message.body.as_ref()).collect();
    assert_eq!(bodies, [OF_H264, VIDEO_HEADER]);
}
