//! What a reload may change, and what stays until a restart.

use super::{FULL, parse};
use crate::config::{Change, Config, StreamChange};
use manycast_media::StreamName;

fn config(text: &str) -> Config {
    parse(text).unwrap().config
}

fn change(from: &str, to: &str) -> Change {
    Config::diff(&config(FULL), &config(&FULL.replace(from, to)))
}

fn name(text: &str) -> StreamName {
    StreamName::new(text).unwrap()
}

#[test]
fn g1_the_same_file_changes_nothing() {
    assert!(change("", "").is_empty());
}

#[test]
fn g1_each_setting_changes_live_or_says_that_it_does_not() {
    for (from, to, live, restart) in [
        ("\"10.0.0.1\"", "\"10.0.0.2\"", Some("egress"), None),
        ("level = \"debug\"", "level = \"warn\"", Some("log.level"), None),
        ("publishers = 20", "publishers = 21", Some("limits"), None),
        ("16MiB", "17MiB", Some("limits.window (new streams)"), None),
        ("drain = \"5s\"", "drain = \"6s\"", None, Some("server.drain")),
        ("open = false", "open = true", Some("rtmp.open"), None),
        ("merge = \"50ms\"", "merge = \"60ms\"", None, Some("rtmp.merge")),
        ("io_uring = false", "io_uring = true", None, Some("rtmp.io_uring")),
        ("0.0.0.0:1935", "0.0.0.0:1945", None, Some("rtmp.listen")),
        ("0.0.0.0:1936", "0.0.0.0:1946", None, Some("rtmps.listen")),
        ("127.0.0.1:8080", "127.0.0.1:8081", None, Some("http")),
        ("10.9.0.0/16", "10.8.0.0/16", None, Some("http")),
        ("0.0.0.0:8443", "0.0.0.0:8444", None, Some("https.listen")),
        ("127.0.0.1:9180", "127.0.0.1:9181", None, Some("metrics")),
        ("\"json\"", "\"text\"", None, Some("log.format")),
        ("\"data\"", "\"elsewhere\"", None, Some("server.data_dir")),
    ] {
        let got = change(from, to);
        assert_eq!(got.live, Vec::from_iter(live), "{from} -> {to}");
        assert_eq!(got.restart, Vec::from_iter(restart), "{from} -> {to}");
        assert_eq!(got.streams, [], "{from} -> {to}");
    }
}

#[test]
fn g1_streams_are_told_apart() {
    let (main, second) = (name("main"), name("second"));
    for (from, to, want) in [
        ("sk_canary_0000001", "sk_other_00000001", vec![StreamChange::Rekeyed(main.clone())]),
        ("canary-yt-0002", "other-yt-0002", vec![StreamChange::Edited(main.clone())]),
        ("enabled = true", "enabled = false", vec![StreamChange::Edited(main.clone())]),
        ("\"45s\"", "\"46s\"", vec![StreamChange::Edited(main.clone())]),
        (
            "key = \"sk_canary_0000001\"",
            "key = \"sk_canary_0000001\"\nplay = false",
            vec![StreamChange::Closed(main)],
        ),
        ("play = false", "play = true", vec![StreamChange::Edited(second.clone())]),
        (
            "\"second\"",
            "\"third\"",
            vec![StreamChange::Removed(second), StreamChange::Added(name("third"))],
        ),
    ] {
        assert_eq!(change(from, to).streams, want, "{from} -> {to}");
    }
}

#[test]
fn g1_what_needs_a_restart_is_kept() {
    let old = config(FULL);
    let new = config(&FULL.replace("0.0.0.0:1935", "0.0.0.0:1945").replace("\"45s\"", "\"46s\""));
    let applied = new.applied_to(&old);
    assert_eq!(applied.rtmp.listen, old.rtmp.listen);
    assert_eq!(applied.streams[0].reconnect_window.as_secs(), 46);
}
