//! Deliveries against platforms that redirect, refuse, reset and go away, over real sockets.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use bytes::Bytes;
use manycast_amf::{Value, object};
use manycast_hub::{ConfigChange, Fault, LinkEnd, Secret, Target};
use manycast_rtmp::message::MessageType;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::platform::{Far, Platform};
use support::source::{Attempt, LARGE, SMALL, Source};

const LONG: Duration = Duration::from_secs(20);
const KEY: &str = "sk-canary?sig=hush";

fn redirect(url: &str) -> Value {
    let ex = object([("code", Value::from(302.0)), ("redirect", url.into())]);
    object([
        ("level", "error".into()),
        ("code", "NetConnection.Connect.Rejected".into()),
        ("description", "moved".into()),
        ("ex", ex),
    ])
}

fn is_silent(end: &LinkEnd) {
    let told = format!("{end} {end:?}");
    assert!(!told.contains("canary") && !told.contains("hush"), "{told}");
}

/// D13: one hop per attempt, each through the gate; who counts them is above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_each_hop_of_a_ring_is_told_and_goes_through_the_gate() {
    let source = Source::new();
    let (one, two) = (Platform::start(), Platform::start());
    let mut url = one.url("live");
    for (hop, (here, there)) in [(&one, &two), (&two, &one)].iter().cycle().take(6).enumerate() {
        let attempt = source.deliver(&url, KEY);
        let mut far = here.accept().await;
        far.until_connect().await;
        let next = match hop % 3 {
            0 => format!("{}?token=hush", there.url("live")),
            1 => format!("//{}/live", there.address),
            _ => format!("{}/{KEY}", there.url("live")),
        };
        far.say(0, "_error", 1.0, &[Value::Null, redirect(&next)]).await;
        let end = attempt.end().await;
        is_silent(&end);
        assert_eq!(end.fault, Fault::Redirected, "{end}");
        assert_eq!(end.message, "the far end redirects to 127.0.0.1");
        url = end.redirect.unwrap().expose().to_owned();
        let wanted = if hop % 3 == 0 { next } else { there.url("live") };
        assert_eq!(url, wanted, "hop {hop}");
    }
    // Inside addresses that are not listed stay refused, whoever names them.
    for inside in ["rtmp://[::1]/live", "rtmp://169.254.169.254/live"] {
        let attempt = source.deliver(&url, KEY);
        let mut far = one.accept().await;
        far.until_connect().await;
        far.say(0, "_error", 1.0, &[Value::Null, redirect(inside)]).await;
        let end = attempt.end().await;
        assert_eq!(end.fault, Fault::Redirected);
        let end = source.deliver(end.redirect.unwrap().expose(), KEY).end().await;
        assert_eq!(end.fault, Fault::Configuration, "{end}");
        assert!(end.message.contains("egress.allow"), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_a_reconnect_request_ends_a_session_and_not_the_broadcast() {
    for (named, wanted) in [
        (Some("rtmp://other.example/live?token=hush"), "rtmp://other.example/live?token=hush"),
        (Some("/edge"), "/edge"),
        (None, "/live/"),
    ] {
        let source = Source::new();
        let platform = Platform::start();
        let attempt = source.deliver(&platform.url("live/"), KEY);
        let mut far = platform.accept().await;
        far.until_media().await;
        let mut properties = vec![
            ("level", Value::from("status")),
            ("code", "NetConnection.Connect.ReconnectRequest".into()),
            ("description", "maintenance".into()),
        ];
        properties.extend(named.map(|url| ("tcUrl", url.into())));
        far.say(0, "onStatus", 0.0, &[Value::Null, object(properties)]).await;
        let mut rest = far.rest().await;
        rest.retain(|word| word != "media");
        assert!(rest.is_empty(), "no goodbye, the broadcast goes on elsewhere: {rest:?}");
        drop(far);
        let end = attempt.end().await;
        is_silent(&end);
        assert_eq!(end.fault, Fault::Redirected);
        let redirect = end.redirect.unwrap();
        assert!(redirect.expose().ends_with(wanted), "{}", redirect.expose());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d5_refusals_keep_the_platforms_words_and_a_name_in_use_is_told_apart() {
    let source = Source::new();
    let platform = Platform::start();
    for (code, description, fault) in [
        ("NetStream.Publish.BadName", "Already publishing", Fault::Occupied),
        ("NetStream.Publish.Denied", "stream is busy", Fault::Occupied),
        ("NetStream.Publish.BadName", "no such key", Fault::BadName),
        ("NetStream.Publish.Denied", "no such key", Fault::Rejected),
    ] {
        let attempt = source.deliver(&platform.url("live"), KEY);
        let mut far = platform.accept().await;
        far.until_publish().await;
        far.status("error", code, description).await;
        let end = attempt.end().await;
        assert_eq!((end.fault, end.message), (fault, format!("{code}: {description}")));
    }
}

/// The platform says no while media is on its way to it, and resets because it reads nothing.
async fn say_no_and_reset(source: &mut Source, far: Far) {
    // More than was read lies there, so that the close is a reset.
    source.picture(false, 30_000);
    far.transport.tcp().readable().await.unwrap();
    far.status("error", "NetStream.Publish.Denied", "the key was withdrawn").await;
    manycast_sys::reset_on_close(far.transport.tcp()).unwrap();
    drop(far);
    for _ in 0..5 {
        source.picture(false, 30_000);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section8_1_a_refusal_is_never_lost_to_a_reset() {
    let mut source = Source::new();
    let platform = Platform::start();
    for round in 0..40 {
        let attempt = source.deliver(&platform.url("live"), KEY);
        let mut far = platform.accept().await;
        far.until_media().await;
        say_no_and_reset(&mut source, far).await;
        let end = attempt.end().await;
        assert_eq!(end.fault, Fault::Rejected, "round {round}: {end}");
        assert_eq!(end.message, "NetStream.Publish.Denied: the key was withdrawn");
    }
}

/// D4: a key that is taken and does not work: the connection is closed behind accepted media.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_a_silent_close_is_told_after_the_last_report() {
    let mut source = Source::new();
    let platform = Platform::start();
    let attempt = source.deliver(&platform.url("live"), KEY);
    let mut far = platform.accept().await;
    far.until_media().await;
    source.picture(false, 5_000);
    let mut taken = 0;
    while taken < 5_000 {
        let message = far.hear().await.unwrap();
        taken += if message.kind == MessageType::VIDEO { message.body.len() } else { 0 };
    }
    drop(far);
    let monitor = attempt.monitor.clone();
    let end = attempt.end().await;
    assert_eq!(end, LinkEnd::new(Fault::Closed, "the far end closed without a word"));
    let written = monitor.bytes.load(Ordering::Relaxed);
    assert!(written > 5_000 && monitor.bytes_at_report() == written, "{written}");
    assert!(monitor.progress().acked_bytes > 5_000, "{:?}", monitor.progress());
    assert_eq!(monitor.progress().unacked_bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_a_close_instead_of_an_answer_is_told_apart() {
    let source = Source::new();
    let platform = Platform::start();
    let attempt = source.deliver(&platform.url("live"), KEY);
    let mut far = platform.accept().await;
    far.until_publish().await;
    drop(far);
    let end = attempt.end().await;
    assert_eq!(end.fault, Fault::Closed);
    assert!(end.message.contains("instead of accepting"), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section14_a_new_configuration_renews_the_session_without_ending_the_broadcast() {
    for returns in [false, true] {
        let mut source = Source::new();
        let platform = Platform::start();
        let key = Secret::new(KEY);
        let config_change = ConfigChange::Redial;
        let url = platform.url("live");
        let attempt = source.deliver_to(Target { config_change, ..Target::new(&url, key) });
        let mut far = platform.accept().await;
        far.until_media().await;
        while far.hear().await.unwrap().kind != MessageType::VIDEO {}
        if returns {
            source.publish();
            source.configure(SMALL);
            source.picture(true, 100);
        }
        source.configure(LARGE);
        source.picture(true, 9_000);
        let mut large = 0;
        let mut calls = Vec::new();
        while let Some(message) = far.hear().await {
            match message.kind {
                MessageType::COMMAND_AMF0 => calls.push(message.body),
                _ => large += usize::from(message.body.len() > 9_000 || message.body == LARGE),
            }
        }
        drop(far);
        assert_eq!(large, 0, "nothing of the new configuration");
        assert!(
            calls.is_empty(),
            "no goodbye: platforms would take it for the end of the broadcast"
        );
        let end = attempt.end().await;
        assert_eq!(end.fault, Fault::Renewed, "{end}");
    }
}

/// A delivery whose connection takes no more: a message is begun and not finished.
async fn half_sent() -> (Source, Attempt, Far) {
    let mut source = Source::new();
    let platform = Platform::narrow();
    let attempt = source.deliver(&platform.url("live"), KEY);
    let mut far = platform.accept().await;
    far.until_media().await;
    // More than both buffers hold, and less than a delivery may be behind (8 MB) if it reads late.
    for _ in 0..15 {
        source.picture(false, 400_000);
    }
    let blocked = async {
        while attempt.monitor.progress().lag < Duration::from_millis(100) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, blocked).await.expect("it stalls");
    (source, attempt, far)
}

/// The last words come behind all media that was begun, even where the far end reads late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_goodbye_comes_after_the_media_and_never_within_a_message() {
    let (_source, attempt, mut far) = half_sent().await;
    attempt.stop.stop();
    let rest = tokio::time::timeout(LONG, far.rest()).await.unwrap();
    let at = rest.len() - 2;
    assert_eq!(rest[at..], [format!("FCUnpublish {KEY}"), "deleteStream 1".to_owned()]);
    assert!(rest[..at].iter().all(|word| word == "media"), "{rest:?}");
    drop(far);
    assert_eq!(attempt.end().await.fault, Fault::None);
}

/// The Stream is removed while a message is half sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_goodbye_of_a_removed_stream_never_stands_within_a_message() {
    let (source, attempt, mut far) = half_sent().await;
    source.stream.close(Instant::now(), "removed");
    let rest = tokio::time::timeout(LONG, far.rest()).await.unwrap();
    assert_eq!(rest.last().unwrap(), "deleteStream 1", "{rest:?}");
    drop(far);
    assert_eq!(attempt.end().await.fault, Fault::None);
}

/// A far end that reads nothing any more holds nobody up, and gets a reset, not half a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_that_nobody_takes_is_dropped_with_the_connection() {
    let (_source, attempt, far) = half_sent().await;
    attempt.stop.stop();
    assert_eq!(attempt.end().await.fault, Fault::None);
    let mut buffer = vec![0; 1 << 20];
    let error = loop {
        far.transport.readable().await.unwrap();
        match far.transport.try_read(&mut buffer) {
            Ok(0) => panic!("closed as if all was said"),
            Err(e) if e.kind() != std::io::ErrorKind::WouldBlock => break e.kind(),
            _ => {}
        }
    };
    assert_eq!(error, std::io::ErrorKind::ConnectionReset);
}

/// YouTube's backup and its like: the query belongs to the app, the key stays what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section9_queries_and_keys_reach_the_platform_byte_for_byte() {
    let source = Source::new();
    let platform = Platform::start();
    for (path, key, app) in [
        ("live2?backup=1", "ab-cd", "live2?backup=1"),
        ("live2/?backup=1", "ab-cd", "live2?backup=1"),
        ("live-bvc/", "?streamname=x&key=%20y", "live-bvc"),
        ("a/b%2fc", "k?sig=a+/b==&x={y}", "a/b%2fc"),
        ("rtmp/", "FB-1-0-\u{fc}", "rtmp"),
    ] {
        let attempt = source.deliver(&platform.url(path), key);
        let mut far = platform.accept().await;
        let connect = far.until_connect().await;
        let said = |name: &str| connect.get(name).and_then(Value::as_str).unwrap().into_owned();
        assert_eq!((said("app"), said("tcUrl")), (app.to_owned(), platform.url(app)));
        drop(far);
        attempt.end().await;
        let attempt = source.deliver(&platform.url(path), key);
        let mut far = platform.accept().await;
        assert_eq!(far.until_publish().await, Bytes::copy_from_slice(key.as_bytes()));
        drop(far);
        attempt.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section14_metadata_comes_first_with_set_data_frame() {
    for own in [false, true] {
        let mut source = Source::new();
        let mut body = Vec::new();
        let said = object([("videocodecid", 7.0.into()), ("audiocodecid", 10.0.into())]);
        manycast_amf::encode_all(&["onMetaData".into(), said], &mut body);
        if own {
            source.data(body.clone());
        }
        source.sound();
        source.picture(true, 100);
        let platform = Platform::start();
        let attempt = source.deliver(&platform.url("live"), KEY);
        let mut far = platform.accept().await;
        far.until_media().await;
        let first = loop {
            let message = far.hear().await.unwrap();
            if matches!(
                message.kind,
                MessageType::DATA_AMF0 | MessageType::VIDEO | MessageType::AUDIO
            ) {
                break message;
            }
        };
        assert_eq!((first.kind, first.timestamp), (MessageType::DATA_AMF0, 0));
        let rest = first.body.strip_prefix(b"\x02\x00\x0d@setDataFrame").expect("in front");
        if own {
            assert_eq!(rest, body, "as the encoder said it");
        } else {
            let values = manycast_amf::decode_all(rest, manycast_amf::Limits::default()).values;
            assert_eq!(values[1].get("audiosamplerate").and_then(Value::as_number), Some(48_000.0));
        }
        drop(far);
        attempt.end().await;
    }
}
