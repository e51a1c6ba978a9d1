//! What a far end is told of configurations and metadata, first, after gaps and over Runs.

use super::*;
use crate::ingest::Ingest;
use manycast_hub::{Bounds, Hub, Start, Stream, Subscriber, Takeover, WindowLimits};
use manycast_media::StreamName;
use manycast_rtmp::session::{DataEncoding, Media, MediaKind};
use std::time::{Duration, Instant};
use tokio::time::{Timeout, timeout};

const META: &[u8] = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x02\
    \x00\x0cvideocodecid\x00\x40\x1c\x00\x00\x00\x00\x00\x00\
    \x00\x0caudiocodecid\x00\x40\x24\x00\x00\x00\x00\x00\x00\x00\x00\x09";
const SMALL: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f];
const LARGE: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x28];
const KEY_FRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65];
const FRAME: &[u8] = &[0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41];
const STEREO: &[u8] = &[0xaf, 0, 0x12, 0x10];
const MONO: &[u8] = &[0xaf, 0, 0x12, 0x08];
const SOUND: &[u8] = &[0xaf, 1, 0x21];

/// An encoder, the Stream, and one Delivery of it.
struct Bench {
    stream: Arc<Stream>,
    ingest: Option<Ingest>,
    reader: Subscriber,
    feed: Feed,
    renewal: Arc<Notify>,
    now: Instant,
    at: u32,
}

impl Bench {
    fn new(change: ConfigChange) -> Self {
        let now = crate::conn::now();
        let stream = Hub::new().open(&StreamName::new("main").unwrap(), WindowLimits::default());
        let reader = stream.subscribe(Start::NextGop, Bounds::default(), now);
        let renewal = Arc::<Notify>::default();
        let feed = Feed::new(change, renewal.clone());
        Self { stream, ingest: None, reader, feed, renewal, now, at: 50_000 }
    }

    /// An encoder comes and sends one group of pictures.
    fn run(&mut self, video: &'static [u8], audio: &'static [u8]) -> Vec<String> {
        let publisher = self.stream.publish(self.now, Takeover::Always, "test").unwrap();
        self.ingest = Some(Ingest::new(publisher));
        self.send(&[META, video, audio, KEY_FRAME, SOUND, FRAME, SOUND])
    }

    /// It vanishes; it may return.
    fn vanish(&mut self) {
        self.ingest.take().unwrap().end(self.now, false);
        self.now += Duration::from_secs(5);
    }

    /// Each message 20 ms after the one before; what the Delivery makes of them.
    fn send(&mut self, bodies: &[&'static [u8]]) -> Vec<String> {
        for &body in bodies {
            let kind = match body[0] {
                0x17 | 0x27 | 0x96 | 0xa6 => MediaKind::Video,
                0xaf => MediaKind::Audio,
                _ => MediaKind::Data,
            };
            let (timestamp, body) = (self.at, Bytes::from_static(body));
            let media = Media { kind, timestamp, body, encoding: DataEncoding::Amf0 };
            self.ingest.as_mut().unwrap().media(self.now, &media).unwrap();
            self.at += 20;
            self.now += Duration::from_millis(20);
        }
        self.told()
    }

    fn told(&mut self) -> Vec<String> {
        let (mut items, mut out) = (Vec::new(), Vec::new());
        self.reader.read(self.now, 1000, &mut items);
        for item in &items {
            self.feed.item(item, &mut out);
        }
        out.iter().map(sketch).collect()
    }

    fn renewal(&self) -> Timeout<tokio::sync::futures::Notified<'_>> {
        timeout(Duration::from_secs(1), self.renewal.notified())
    }
}

/// What a message is, and when; frames without their time.
fn sketch(message: &Outgoing) -> String {
    let word = match message.body.as_ref() {
        SMALL => "small",
        LARGE => "large",
        STEREO => "stereo",
        MONO => "mono",
        META => "metadata",
        b"\x90hvc1\x01\x01" => "hevc",
        b"\x93hvc1\0\0\0\x03\x26\x01\0" => return "hevc key".to_owned(),
        b"\xa3hvc1\0\0\0\x03\x02\x01\0" => return "hevc picture".to_owned(),
        KEY_FRAME => return "key".to_owned(),
        FRAME => return "picture".to_owned(),
        SOUND => return "sound".to_owned(),
        _ if message.kind == MediaKind::Data => "our metadata",
        _ => "something else",
    };
    format!("{word} {}", message.timestamp)
}

fn headers(told: &[String]) -> Vec<&str> {
    let frame = |text: &str| matches!(text, "key" | "picture" | "sound" | "hevc picture");
    told.iter().map(String::as_str).filter(|text| !frame(text)).collect()
}

const BOTH: [ConfigChange; 2] = [ConfigChange::Headers, ConfigChange::Redial];

#[tokio::test(start_paused = true)]
async fn section14_an_encoder_that_returns_as_it_was_is_no_news() {
    for change in BOTH {
        let mut bench = Bench::new(change);
        let first = bench.run(SMALL, STEREO);
        let want = ["metadata 0", "small 0", "key", "stereo 20", "sound", "picture", "sound"];
        assert_eq!(first, want, "{change:?}");
        for _ in 0..2 {
            bench.vanish();
            let again = bench.run(SMALL, STEREO);
            assert_eq!(again, ["key", "sound", "picture", "sound"], "{change:?}");
        }
        assert_eq!(bench.send(&[SMALL, STEREO, KEY_FRAME, SOUND]), ["key", "sound"]);
        assert!(bench.renewal().await.is_err(), "{change:?}: nothing to renew");
    }
}

#[tokio::test(start_paused = true)]
async fn section14_new_headers_stand_right_before_their_first_frame() {
    let mut bench = Bench::new(ConfigChange::Headers);
    bench.run(SMALL, STEREO);
    let told = bench.send(&[LARGE, FRAME, SOUND, KEY_FRAME, MONO, SOUND]);
    assert_eq!(told, ["large 100", "picture", "sound", "key", "mono 180", "sound"]);
    bench.vanish();
    let told = bench.run(SMALL, MONO);
    assert_eq!((headers(&told).len(), told[0].split(' ').next()), (1, Some("small")), "{told:?}");
    assert_eq!(told[1], "key");
    assert!(bench.renewal().await.is_err(), "it goes on in one session");
}

#[tokio::test(start_paused = true)]
async fn section14_a_session_that_must_be_renewed_says_nothing_more() {
    // In mid-run, by picture or by sound.
    for (body, frame) in [(LARGE, KEY_FRAME), (MONO, SOUND)] {
        let mut bench = Bench::new(ConfigChange::Redial);
        bench.run(SMALL, STEREO);
        let told = bench.send(&[FRAME, body, frame, SOUND, KEY_FRAME]);
        assert_eq!(told, ["picture"], "nothing of the new configuration");
        assert!(bench.renewal().await.is_ok());
        assert!(bench.send(&[KEY_FRAME, SOUND]).is_empty());
    }
    // By an encoder that returns.
    for (video, audio) in [(LARGE, STEREO), (SMALL, MONO)] {
        let mut bench = Bench::new(ConfigChange::Redial);
        bench.run(SMALL, STEREO);
        bench.vanish();
        let told = bench.run(video, audio);
        assert!(headers(&told).is_empty(), "{told:?}");
        assert!(bench.renewal().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn section14_metadata_alone_renews_nothing() {
    const OTHER: &[u8] = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\
        \x00\x05title\x02\x00\x01x\x00\x00\x09";
    let mut bench = Bench::new(ConfigChange::Redial);
    bench.run(SMALL, STEREO);
    assert_eq!(bench.send(&[OTHER, KEY_FRAME]), ["our metadata 80", "key"], "passed on");
    assert!(bench.renewal().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn section14_metadata_is_made_when_the_encoder_sends_none() {
    let mut bench = Bench::new(ConfigChange::Headers);
    let publisher = bench.stream.publish(bench.now, Takeover::Always, "test").unwrap();
    bench.ingest = Some(Ingest::new(publisher));
    let told = bench.send(&[SMALL, STEREO, KEY_FRAME, SOUND, FRAME, SOUND]);
    let want = [
        "our metadata 0",
        "small 0",
        "key",
        "our metadata 20",
        "stereo 20",
        "sound",
        "picture",
        "sound",
    ];
    assert_eq!(told, want, "told anew when the sound is known");
    assert_eq!(bench.send(&[KEY_FRAME, SOUND]), ["key", "sound"]);
}

/// E-RTMP v2 `capsEx`: a platform that speaks of other things than ModEx is sent none, and shares no
/// bytes with one that is.
#[tokio::test(start_paused = true)]
async fn negotiation_a_platform_that_does_not_know_mod_ex_is_sent_none() {
    const CAME: [&[u8]; 2] =
        [b"\x97\x02\0\x03\xe8\0hvc1\x01\x01", b"\x97\x02\0\x03\xe8\x03hvc1\0\0\0\x03\x26\x01\0"];
    const PLAIN: [&[u8]; 2] = [b"\x90hvc1\x01\x01", b"\x93hvc1\0\0\0\x03\x26\x01\0"];
    let mut wishes = Vec::new();
    for (caps_ex, want) in [
        (None, CAME),
        (Some(Capabilities::MULTITRACK | Capabilities::MOD_EX), CAME),
        (Some(Capabilities::MULTITRACK), PLAIN),
        (Some(Capabilities::RECONNECT), PLAIN),
    ] {
        let mut bench = Bench::new(ConfigChange::Headers);
        let said = |caps_ex| Capabilities { caps_ex, ..Capabilities::default() };
        let peer = caps_ex.map_or_else(Capabilities::default, said);
        bench.feed.peer = Some((peer, LinkMonitor::new()));
        bench.feed.choose(WantedTracks::default());
        wishes.push(bench.feed.wishes);
        let publisher = bench.stream.publish(bench.now, Takeover::Always, "test").unwrap();
        let mut ingest = Ingest::new(publisher);
        for body in CAME {
            let body = Bytes::from_static(body);
            let kind = MediaKind::Video;
            let media = Media { kind, timestamp: 0, body, encoding: DataEncoding::Amf0 };
            ingest.media(bench.now, &media).unwrap();
        }
        let (mut items, mut out) = (Vec::new(), Vec::new());
        bench.reader.read(bench.now, 1000, &mut items);
        for item in &items {
            bench.feed.item(item, &mut out);
        }
        let video = out.iter().filter(|message| message.kind == MediaKind::Video);
        let bodies: Vec<_> = video.map(|message| message.body.as_ref()).collect();
        assert_eq!(bodies, want, "{caps_ex:?}");
    }
    assert_ne!(wishes[1], wishes[2], "what is written is not alike");
}

const END: &[u8] = &[0x17, 2, 0, 0, 0];
const SECOND: &[u8] = b"\x96\0hvc1\x01\x01\x01";
const SECOND_KEY: &[u8] = b"\x96\x03hvc1\x01\0\0\0\x03\x26\x01\0";
const SECOND_FRAME: &[u8] = b"\xa6\x03hvc1\x01\0\0\0\x03\x02\x01\0";
const SECOND_END: &[u8] = b"\x96\x02hvc1\x01";
const SECOND_ID: TrackId = TrackId { index: 1, ..TrackId::VIDEO };

impl Bench {
    /// An encoder of two video Tracks comes; the far end takes `video` of them.
    fn of_two(video: Option<TrackRule>) -> (Self, Arc<LinkMonitor>) {
        let mut bench = Self::new(ConfigChange::Headers);
        let monitor = LinkMonitor::new();
        bench.feed.peer = Some((Capabilities::default(), monitor.clone()));
        bench.feed.choose(WantedTracks { video, audio: None });
        let publisher = bench.stream.publish(bench.now, Takeover::Always, "test").unwrap();
        bench.ingest = Some(Ingest::new(publisher));
        bench.send(&[META, SMALL, SECOND, STEREO, KEY_FRAME, SECOND_KEY, SOUND]);
        (bench, monitor)
    }

    fn tracks(&self) -> Vec<u8> {
        let stats = self.stream.stats(self.now).publisher.unwrap();
        let video = stats.tracks.iter().filter(|one| one.track.id.kind == TrackKind::Video);
        video.map(|one| one.track.id.index).collect()
    }

    /// What a Track is called by the figures.
    fn has_ended(&self, id: TrackId) -> bool {
        let stats = self.stream.stats(self.now).publisher.unwrap();
        stats.health.track(id).unwrap().ended
    }
}

/// A Track that appears or ends mid-stream is an event, not a fault: where it was chosen by a rule,
/// another one takes its place, and gives it back.
#[tokio::test(start_paused = true)]
async fn e_rtmp_what_a_rule_chose_is_replaced_when_it_ends() {
    let (mut bench, monitor) = Bench::of_two(None);
    assert_eq!(bench.send(&[FRAME, SECOND_FRAME, SOUND]), ["picture", "sound"]);
    assert_eq!(bench.send(&[END, SECOND_FRAME, SOUND]), ["sound"], "until its key frame");
    assert_eq!((bench.tracks(), bench.has_ended(TrackId::VIDEO)), (vec![1], true));
    let told = bench.send(&[SECOND_KEY, SECOND_FRAME, SOUND]);
    let at = told.first().unwrap().rsplit_once(' ').unwrap().1.to_owned();
    let metadata = format!("our metadata {at}");
    assert_eq!(told, [&metadata, &format!("hevc {at}"), "hevc key", "hevc picture", "sound"]);
    assert!(monitor.left_out().is_none() && !monitor.is_unfed());
    // It goes on, without a configuration.
    assert_eq!(bench.send(&[FRAME, SECOND_FRAME, SOUND]), ["hevc picture", "sound"]);
    let told = bench.send(&[KEY_FRAME, SECOND_KEY, FRAME, SOUND]);
    assert!(told.iter().any(|text| text.starts_with("small")), "{told:?}");
    assert_eq!(told[told.len() - 3..], ["key", "picture", "sound"]);
    assert_eq!((bench.tracks(), bench.has_ended(TrackId::VIDEO)), (vec![0, 1], false));
}

/// It simply stops: five seconds of the others tell.
#[tokio::test(start_paused = true)]
async fn e_rtmp_a_track_that_stops_beside_others_has_ended() {
    let (mut bench, _) = Bench::of_two(None);
    let mut told = Vec::new();
    for _ in 0..5 * 25 {
        told.extend(bench.send(&[SECOND_FRAME, SOUND]));
    }
    assert_eq!(bench.tracks(), [1]);
    assert!(told.iter().all(|text| text == "sound"), "{told:?}");
    assert!(bench.send(&[SECOND_KEY]).ends_with(&["hevc key".to_owned()]));
}

/// A pause of the only Track of its kind, or of all of them, is no end.
#[tokio::test(start_paused = true)]
async fn e_rtmp_a_track_alone_pauses_and_does_not_end() {
    for alone in [true, false] {
        let mut bench = Bench::new(ConfigChange::Redial);
        if alone {
            bench.run(SMALL, STEREO);
            assert_eq!(bench.send(&[END]), Vec::<String>::new());
        } else {
            bench = Bench::of_two(None).0;
        }
        for _ in 0..8 * 50 {
            assert_eq!(bench.send(&[SOUND]), ["sound"]);
        }
        assert_eq!(bench.send(&[FRAME]), ["picture"], "alone: {alone}");
        bench.send(if alone { &[] } else { &[SECOND_FRAME] });
        assert_eq!(bench.tracks().len(), if alone { 1 } else { 2 });
    }
}

/// What was asked for by its number has no substitute: the destination says so.
#[tokio::test(start_paused = true)]
async fn e_rtmp_a_number_is_not_replaced_and_the_destination_says_that_it_ended() {
    let (mut bench, monitor) = Bench::of_two(Some(TrackRule::Number(1)));
    assert_eq!(bench.send(&[KEY_FRAME, SECOND_FRAME]), ["hevc picture"]);
    assert_eq!(monitor.left_out(), None);
    assert_eq!(bench.send(&[SECOND_END, KEY_FRAME, SOUND, FRAME]), ["sound"]);
    let words = monitor.left_out().unwrap();
    assert!(words.contains("video:1") && words.contains("has ended"), "{words}");
    assert!(words.contains("video_track"), "with a remedy: {words}");
    assert!(bench.has_ended(SECOND_ID));
    assert_eq!(bench.send(&[SECOND_FRAME, SECOND_KEY, SECOND_FRAME]), ["hevc key", "hevc picture"]);
    assert_eq!((monitor.left_out(), bench.has_ended(SECOND_ID)), (None, false));
}
