//! What is counted, what makes the verdict, and a real server.

use super::report::{End, Report};
use super::watch;
use super::watch::Watch;
use crate::publish::{Clip, Progress, publish};
use crate::serve::Embedded;
use crate::tool::{Endpoint, loopback_settings};
use bytes::Bytes;
use manycast_rtmp::session::{DataEncoding, Media, MediaKind};
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

const CLIP: &[u8] = include_bytes!("../../../../assets/demo.flv");
const AVC_HEADER: &[u8] = b"\x17\x00\0\0\0\x01\x64\x00\x1f\xff\xe1\0\0\x01\0\0";
const AAC_HEADER: &[u8] = b"\xaf\x00\x11\x90";
const KEY: &[u8] = b"\x17\x01\0\0\0\0\0\0\x01\x65";
const PICTURE: &[u8] = b"\x27\x01\0\0\0\0\0\0\x01\x41";
const SOUND: &[u8] = b"\xaf\x01\x21\x10";
const MP3: &[u8] = b"\x2f\xff\xfb\x90\x00";

fn media(kind: MediaKind, timestamp: u32, body: &'static [u8]) -> Media {
    let encoding = DataEncoding::Amf0;
    Media { kind, timestamp, body: Bytes::from_static(body), encoding }
}

fn video(timestamp: u32, body: &'static [u8]) -> Media {
    media(MediaKind::Video, timestamp, body)
}

fn audio(timestamp: u32, body: &'static [u8]) -> Media {
    media(MediaKind::Audio, timestamp, body)
}

/// The report over messages, each of which came at its time stamp.
fn report(messages: &[Media]) -> Report {
    let mut watch = Watch::default();
    let mut last = Duration::ZERO;
    for message in messages {
        last = Duration::from_millis(u64::from(message.timestamp));
        watch.media(last, message);
    }
    watch.ended(last);
    let endpoint = Endpoint::play("rtmp://127.0.0.1/live/main?token=sk_secret").unwrap();
    Report::new(&endpoint, watch, last, End::Time)
}

#[test]
fn good_is_what_a_decoder_can_begin_with() {
    for (what, messages, problem) in [
        (
            "both",
            vec![video(0, AVC_HEADER), audio(0, AAC_HEADER), video(0, KEY), audio(0, SOUND)],
            "",
        ),
        ("pictures alone", vec![video(0, AVC_HEADER), video(0, KEY)], ""),
        ("sound alone", vec![audio(0, AAC_HEADER), audio(0, SOUND)], ""),
        ("a codec without configuration", vec![audio(0, MP3)], ""),
        ("no configuration", vec![video(0, KEY)], "video:0: no configuration came"),
        ("no key frame", vec![video(0, AVC_HEADER), video(0, PICTURE)], "video:0: no key frame"),
        ("no frame", vec![audio(0, MP3), video(0, AVC_HEADER)], "video:0: a configuration came"),
        ("nothing", vec![], "nothing came"),
    ] {
        let report = report(&messages);
        assert_eq!(report.is_good(), problem.is_empty(), "{what}: {report}");
        assert!(report.to_string().contains(problem), "{what}: {report}");
    }
}

#[test]
fn rates_gops_and_gaps_are_those_of_the_stream() {
    let mut messages = vec![video(0, AVC_HEADER)];
    for n in 0..101u32 {
        if n == 60 || n == 61 {
            continue;
        }
        let body = if n.is_multiple_of(25) { KEY } else { PICTURE };
        messages.push(video(n * 40, body));
    }
    messages.push(video(3_900, PICTURE));
    let json = report(&messages).json();
    let track = &json["tracks"][0];
    assert_eq!(track["track"], "video:0");
    assert_eq!(track["frames"], 100);
    assert_eq!(track["key_frames"], 5);
    assert_eq!((&track["gop_ms"], &track["largest_gop_ms"]), (&1000.into(), &1000.into()));
    assert_eq!(track["missing_frames"], 2);
    assert_eq!(track["backward_timestamps"], 1);
    assert_eq!(track["largest_step_ms"], 120);
    assert_eq!(json["gaps"]["largest_silence_ms"], 120);
    assert_eq!(json["gaps"]["missing_frames"], 2);
    assert_eq!(json["gaps"]["backward_timestamps"], 1);
    assert_eq!(json["ok"], true);
    assert_eq!(json["url"], "rtmp://127.0.0.1/live/main", "no token");
}

#[test]
fn time_stamps_of_whole_milliseconds_and_their_wrap_are_no_gap() {
    let mut messages = vec![video(u32::MAX - 1_000, AVC_HEADER)];
    for n in 0..300u32 {
        let at = (u32::MAX - 1_000).wrapping_add(n * 100 / 3);
        messages.push(video(at, if n == 0 { KEY } else { PICTURE }));
    }
    let mut watch = Watch::default();
    for message in &messages {
        watch.media(Duration::ZERO, message);
    }
    let endpoint = Endpoint::play("rtmp://127.0.0.1/live/main").unwrap();
    let json = Report::new(&endpoint, watch, Duration::ZERO, End::Time).json();
    let track = &json["tracks"][0];
    assert_eq!((&track["missing_frames"], &track["backward_timestamps"]), (&0.into(), &0.into()));
    let rate = track["frame_rate"].as_f64().unwrap();
    assert!((29.9..30.1).contains(&rate), "{rate}");
}

#[test]
fn nothing_is_called_missing_where_the_rate_is_not_constant() {
    let mut messages = vec![video(0, AVC_HEADER), video(0, KEY)];
    let mut at = 0;
    for n in 0..60u32 {
        at += 10 + n * 13 % 120;
        messages.push(video(at, PICTURE));
    }
    assert!(report(&messages).json()["tracks"][0]["missing_frames"].is_null());
}

async fn server() -> (Embedded, String) {
    let text = "[rtmp]\nlisten = \"127.0.0.1:0\"\nopen = true\n[http]\nlisten = \"off\"\n[https]\nlisten = \"off\"\n\
                [[stream]]\nname = \"main\"\nkey = \"sk_main\"\n";
    let loaded = crate::config::read(Path::new("test.toml"), text.as_bytes(), []).unwrap();
    let server = Embedded::start(loaded.config).await.unwrap();
    let url = format!("rtmp://{}/live", server.address("rtmp").unwrap());
    (server, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_publish_sends_play_finds_good() {
    let (server, url) = server().await;
    let settings = loopback_settings().unwrap();
    let clip = Clip::open(Cursor::new(CLIP), true).await.unwrap();
    let endpoint = Endpoint::publish(&format!("{url}/sk_main"), None).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sending = settings.clone();
    let publishing = tokio::spawn(async move {
        let stop = async { drop(stopped.await) };
        publish(clip, &endpoint, &sending, stop, Progress::quiet()).await
    });
    let watched = Endpoint::play(&format!("{url}/main")).unwrap();
    let time = Duration::from_millis(2_600);
    let report = watch(&watched, &settings, time, std::future::pending()).await;
    drop(stop);
    publishing.await.unwrap().unwrap();
    assert!(report.is_good(), "{report}");
    let json = report.json();
    assert_eq!(json["end"], "time");
    assert_eq!(json["encoder"], "Manycast demo clip");
    assert_eq!(json["gaps"]["missing_frames"], 0);
    assert_eq!(json["gaps"]["backward_timestamps"], 0);
    let find = |kind: &str| {
        let tracks = json["tracks"].as_array().unwrap();
        tracks.iter().find(|track| track["kind"] == kind).unwrap().clone()
    };
    let (video, audio) = (find("video"), find("audio"));
    assert_eq!(
        (&video["codec"], &video["width"], &video["height"]),
        (&"h264".into(), &640.into(), &360.into())
    );
    assert_eq!((&audio["codec"], &audio["sample_rate"]), (&"aac".into(), &48_000.into()));
    let rate = video["frame_rate"].as_f64().unwrap();
    assert!((29.5..30.5).contains(&rate), "{rate}");
    server.drain(Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_to_watch_is_not_good() {
    let (server, url) = server().await;
    let settings = loopback_settings().unwrap();
    for (name, words, end) in [
        ("main", "does an encoder publish this stream?", "time"),
        ("nobody", "no stream of this name", "refused"),
    ] {
        let watched = Endpoint::play(&format!("{url}/{name}")).unwrap();
        let time = Duration::from_millis(200);
        let report = watch(&watched, &settings, time, std::future::pending()).await;
        assert!(!report.is_good());
        assert!(report.to_string().contains(words), "{report}");
        assert_eq!(report.json()["end"], end);
    }
    server.drain(Duration::from_secs(2)).await;
}
