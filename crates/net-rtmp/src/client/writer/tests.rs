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
                0x17 | 0x27 => MediaKind::Video,
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
        KEY_FRAME => return "key".to_owned(),
        FRAME => return "picture".to_owned(),
        SOUND => return "sound".to_owned(),
        _ if message.kind == MediaKind::Data => "our metadata",
        _ => "something else",
    };
    format!("{word} {}", message.timestamp)
}

fn headers(told: &[String]) -> Vec<&str> {
    let frame = |text: &str| matches!(text, "key" | "picture" | "sound");
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
