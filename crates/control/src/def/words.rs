//! The words of the database and the API for what other crates have as values.

use manycast_hub::{Announce, ConfigChange, Takeover, WantedTracks};
use manycast_media::{TrackKind, TrackRule};
use manycast_restream::BackupMode;

/// The words of the database, which its schema checks.
pub(crate) fn takeover(word: &str) -> Takeover {
    if word == "always" { Takeover::Always } else { Takeover::WhenSilent }
}

pub(crate) fn takeover_word(takeover: Takeover) -> &'static str {
    match takeover {
        Takeover::Always => "always",
        Takeover::WhenSilent => "when_silent",
    }
}

pub(crate) fn backup_mode(word: &str) -> BackupMode {
    if word == "both" { BackupMode::Both } else { BackupMode::Failover }
}

pub(crate) fn backup_mode_word(mode: BackupMode) -> &'static str {
    match mode {
        BackupMode::Failover => "failover",
        BackupMode::Both => "both",
    }
}

pub(crate) fn config_change(word: &str) -> ConfigChange {
    if word == "redial" { ConfigChange::Redial } else { ConfigChange::Headers }
}

pub(crate) fn config_change_word(change: ConfigChange) -> &'static str {
    match change {
        ConfigChange::Headers => "headers",
        ConfigChange::Redial => "redial",
    }
}

pub(crate) fn announce(word: &str) -> Announce {
    match word {
        "none" => Announce::Nothing,
        "full" => Announce::Everything,
        _ => Announce::Auto,
    }
}

pub(crate) fn announce_word(announce: Announce) -> &'static str {
    match announce {
        Announce::Auto => "auto",
        Announce::Nothing => "none",
        Announce::Everything => "full",
    }
}

/// Words that were checked before they were stored; those of another version ask for nothing.
pub(crate) fn tracks(video: Option<&str>, audio: Option<&str>) -> WantedTracks {
    let rule = |kind, words: Option<&str>| TrackRule::parse(kind, words?).ok();
    WantedTracks { video: rule(TrackKind::Video, video), audio: rule(TrackKind::Audio, audio) }
}
