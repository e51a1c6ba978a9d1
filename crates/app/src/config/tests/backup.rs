//! The second address of a destination, and what a destination bears.

use super::{faults, parse};
use crate::config::Config;
use manycast_hub::{ConfigChange, WantedTracks};
use manycast_media::{TrackKind, TrackRule};
use manycast_restream::BackupMode;

fn text(lines: &str) -> String {
    format!(
        "[[stream]]\nname = \"main\"\nkey = \"sk_canary_0000001\"\n[[stream.destination]]\n\
         name = \"YouTube\"\n{lines}"
    )
}

fn config(lines: &str) -> Config {
    parse(&text(lines)).unwrap_or_else(|refused| panic!("{refused}")).config
}

const MAIN: &str = "url = \"rtmps://a.example/live2\"\nkey = \"canary-yt-0002\"\n";

#[test]
fn d11_a_backup_has_the_key_of_the_primary_unless_it_has_its_own() {
    let one = |lines: &str| {
        let config = config(&format!("{MAIN}{lines}"));
        let backup = config.streams[0].destinations[0].backup.clone().unwrap();
        (backup.remote.url, backup.remote.key.expose().to_owned(), backup.mode)
    };
    let url = "backup_url = \"rtmps://b.example/live2\"\n";
    let (address, mode) = ("rtmps://b.example/live2".to_owned(), BackupMode::Failover);
    assert_eq!(one(url), (address.clone(), "canary-yt-0002".into(), mode));
    let more = format!("{url}backup_key = \"canary-yt-0003\"\nbackup = \"both\"\n");
    assert_eq!(one(&more), (address, "canary-yt-0003".into(), BackupMode::Both));
}

#[test]
fn d11_keys_in_the_path_are_split_off_both() {
    let config = config(
        "url = \"rtmp://a.example/app/canary-1\"\nbackup_url = \"rtmp://b.example/app/canary-2\"\n",
    );
    let destination = &config.streams[0].destinations[0];
    let backup = destination.backup.clone().unwrap();
    assert_eq!(destination.remote.url, "rtmp://a.example/app");
    assert_eq!(destination.remote.key.expose(), "canary-1");
    assert_eq!(backup.remote.url, "rtmp://b.example/app");
    assert_eq!(backup.remote.key.expose(), "canary-2");
}

#[test]
fn d11_what_is_wrong_about_a_backup_is_said() {
    for (lines, want) in [
        ("backup = \"both\"\n", "backup_url: missing"),
        ("backup_key = \"canary-3\"\n", "backup_key: has no address to go with"),
        ("backup_url = \"http://b/c\"\n", "backup_url: is neither rtmp:// nor rtmps://"),
        ("backup_url = \"rtmps://a.example/live2\"\n", "backup_url: is the primary"),
        ("backup_url = \"rtmps://b.example/l\"\nbackup_key = \"\"\n", "backup_key: is empty"),
        ("backup_url = \"rtmps://b.example/l\"\nbackup = \"cold\"\n", "backup: is not a word"),
        ("on_config_change = \"ignore\"\n", "on_config_change: is not a word"),
        ("video_track = \"biggest\"\n", "video_track: is not understood: video_track is a number"),
        ("audio_track = \"portrait\"\n", "audio_track: is not understood: audio_track is a number"),
    ] {
        let got = faults(&text(&format!("{MAIN}{lines}")));
        assert_eq!(got.lines().count(), 1, "{got}");
        assert!(got.contains(&format!("destination[0].{want}")), "{got}\nis not\n{want}");
        assert!(!got.contains("canary"), "{got}");
    }
}

#[test]
fn what_a_destination_bears_and_what_a_stop_means_are_settings() {
    let plain = config(MAIN);
    assert_eq!(plain.streams[0].destinations[0].config_change, ConfigChange::Headers);
    assert!(!plain.streams[0].hold_on_stop);
    let set = config(&format!("{MAIN}on_config_change = \"redial\"\n"));
    assert_eq!(set.streams[0].destinations[0].config_change, ConfigChange::Redial);
    let words = "video_track = \"portrait up to 720p\"\naudio_track = \"1\"\n";
    let tracks = config(&format!("{MAIN}{words}")).streams[0].destinations[0].tracks;
    let rule = |kind, words| TrackRule::parse(kind, words).ok();
    assert_eq!(tracks.video, rule(TrackKind::Video, "portrait largest up to 720p"));
    assert_eq!(tracks.audio, Some(TrackRule::Number(1)));
    assert_eq!(plain.streams[0].destinations[0].tracks, WantedTracks::default());
    let held = text(MAIN).replacen("[[stream.dest", "on_stop = \"hold\"\n[[stream.dest", 1);
    assert!(parse(&held).unwrap().config.streams[0].hold_on_stop);
}

#[test]
fn an_edit_of_them_is_an_edit() {
    let plain = config(MAIN);
    for lines in [
        "backup_url = \"rtmps://b.example/live2\"\n",
        "on_config_change = \"redial\"\n",
        "audio_track = \"1\"\n",
    ] {
        let edited = config(&format!("{MAIN}{lines}"));
        assert!(!Config::diff(&plain, &edited).is_empty(), "{lines}");
    }
}

#[test]
fn two_destinations_of_one_address_and_key_are_doubtful() {
    let double = format!("{MAIN}[[stream.destination]]\nname = \"again\"\n{MAIN}");
    let loaded = parse(&text(&double)).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the key of destination YouTube too"), "{warnings:?}");
    assert!(!warnings[0].contains("canary"), "{warnings:?}");
}

/// A range that is allowed does not allow the ports of the server itself.
#[test]
fn a_destination_at_a_port_of_this_server_is_warned_of_with_what_helps() {
    let warnings = |allow: &str, port: u16| -> Vec<String> {
        let url = format!("url = \"rtmp://127.0.0.1:{port}/live\"\nkey = \"canary-yt-0002\"\n");
        let head = format!("[rtmp]\nlisten = \"127.0.0.1:2935\"\n[egress]\nallow = [{allow}]\n");
        let loaded = parse(&format!("{head}{}", text(&url))).unwrap();
        loaded.warnings.iter().map(ToString::to_string).collect()
    };
    for allow in ["", "\"127.0.0.1\""] {
        let said = warnings(allow, 2935);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("a port of this very server"), "{said:?}");
        assert!(said[0].contains("add \"127.0.0.1:2935\" to allow"), "{said:?}");
    }
    assert_eq!(warnings("\"127.0.0.1:2935\"", 2935), Vec::<String>::new());
    assert_eq!(warnings("\"127.0.0.1\"", 2936), Vec::<String>::new());
    assert!(warnings("", 2936)[0].contains("is an inside address"));
}
