//! Each event with the body that receivers are promised.

use super::*;
use std::time::UNIX_EPOCH;

fn name(text: &str) -> StreamName {
    StreamName::new(text).unwrap()
}

fn publisher() -> PublisherFacts {
    PublisherFacts { address: "192.0.2.7:50123".into(), software: "OBS 30".into() }
}

fn destination() -> DestinationFacts {
    let (stream, id) = (name("main"), "0190".to_owned());
    let service = Some("youtube".to_owned());
    DestinationFacts { stream, id, name: "YouTube".to_owned(), service, backup: false }
}

/// Every kind of event with its type and its data.
pub(crate) fn all() -> Vec<(EventKind, &'static str, &'static str)> {
    let (stream, ms) = (name("main"), Duration::from_millis);
    let (reason, error_kind) = ("it said no".to_owned(), "rejected".to_owned());
    let lost = EventKind::InputLost {
        stream: stream.clone(),
        reason: "it said no".to_owned(),
        held_for: ms(30_000),
    };
    let failing = EventKind::DestinationFailing {
        destination: destination(),
        reason: reason.clone(),
        error_kind: error_kind.clone(),
        failures: 3,
        next_dial: Some(UNIX_EPOCH + ms(1_795_340_096_500)),
    };
    let key = KeyFacts { id: Some("0191".into()), label: "studio".into() };
    let address = "192.0.2.9".parse().unwrap();
    vec![
        (
            EventKind::StreamStarted { stream: stream.clone(), publisher: publisher() },
            "stream.started",
            r#"{"stream":"main","publisher":{"address":"192.0.2.7:50123","software":"OBS 30"}}"#,
        ),
        (
            EventKind::StreamStopped {
                stream: stream.clone(),
                reason: reason.clone(),
                lasted: ms(61_250),
                times: 1,
            },
            "stream.stopped",
            r#"{"stream":"main","reason":"it said no","lasted_s":61.25,"times":1}"#,
        ),
        (lost, "stream.input_lost", r#"{"stream":"main","reason":"it said no","held_for_s":30.0}"#),
        (
            EventKind::InputBack {
                stream: stream.clone(),
                away: ms(2_001),
                times: 1,
                publisher: publisher(),
            },
            "stream.input_back",
            r#"{"stream":"main","away_s":2.001,"times":1,"publisher":{"address":"192.0.2.7:50123","software":"OBS 30"}}"#,
        ),
        (
            EventKind::DestinationLive { destination: destination(), took: ms(850) },
            "destination.live",
            r#"{"stream":"main","destination":{"id":"0190","name":"YouTube","service":"youtube","backup":false},"took_s":0.85}"#,
        ),
        (
            failing,
            "destination.failing",
            r#"{"stream":"main","destination":{"id":"0190","name":"YouTube","service":"youtube","backup":false},"reason":"it said no","error_kind":"rejected","failures":3,"next_dial":"2026-11-22T09:34:56.500Z"}"#,
        ),
        (
            EventKind::DestinationRejected { destination: destination(), reason, error_kind },
            "destination.rejected",
            r#"{"stream":"main","destination":{"id":"0190","name":"YouTube","service":"youtube","backup":false},"reason":"it said no","error_kind":"rejected"}"#,
        ),
        (
            EventKind::DestinationRecovered {
                destination: destination(),
                away: ms(12_000),
                times: 2,
            },
            "destination.recovered",
            r#"{"stream":"main","destination":{"id":"0190","name":"YouTube","service":"youtube","backup":false},"away_s":12.0,"times":2}"#,
        ),
        (
            EventKind::ViewerCount { stream: stream.clone(), viewers: 12, peak: 40 },
            "viewer.count",
            r#"{"stream":"main","viewers":12,"peak":40}"#,
        ),
        (
            EventKind::KeyNewAddress { stream, key, address },
            "key.new_address",
            r#"{"stream":"main","key":{"id":"0191","label":"studio"},"address":"192.0.2.9"}"#,
        ),
        (EventKind::Test { webhook: "ops".into() }, "webhook.test", r#"{"webhook":"ops"}"#),
    ]
}

#[test]
fn each_event_has_the_documented_body() {
    let at = UNIX_EPOCH + Duration::from_millis(1_795_340_096_500);
    let mut seen = Vec::new();
    for (kind, word, data) in all() {
        let event = Event { id: "evt_1".into(), at, kind };
        let message = event.message();
        let expected =
            format!(r#"{{"type":"{word}","timestamp":"2026-11-22T09:34:56.500Z","data":{data}}}"#);
        assert_eq!(&*message.body, expected);
        assert_eq!((message.id.as_str(), message.kind), ("evt_1", word));
        assert_eq!(message.stream.as_deref(), event.stream().map(StreamName::as_str));
        seen.push(word);
    }
    assert_eq!(seen.pop(), Some("webhook.test"));
    assert_eq!(seen, EVENT_TYPES);
}

#[test]
fn the_documentation_shows_these_bodies() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(folder.join("../../docs/webhooks.md")).unwrap();
    for (_, word, data) in all() {
        assert!(text.contains(&format!("`{word}`")), "{word} is not in docs/webhooks.md");
        assert!(text.contains(data), "docs/webhooks.md lacks the data of {word}:\n{data}");
    }
}
