//! What the audit log shows of a definition. No secret, and nothing that may be one: of an address
//! no query.

use crate::def::words::{announce_word, backup_mode_word, config_change_word, takeover_word};
use crate::def::{Defined, Destination};
use manycast_restream::shown_address;
use serde_json::{Value, json};

pub(super) fn stream(stream: &Defined) -> String {
    json!({
        "name": stream.name.as_str(),
        "title": stream.title,
        "start": stream.start.name(),
        "play": stream.play,
        "takeover": takeover_word(stream.takeover),
        "reconnect_window_s": stream.reconnect_window.as_secs_f64(),
        "hold_on_stop": stream.hold_on_stop,
        "notes": stream.notes,
    })
    .to_string()
}

pub(super) fn destination(one: &Destination) -> String {
    let backup = one.backup.as_ref().map_or(Value::Null, |backup| {
        json!({
            "url": shown_address(&backup.remote.url),
            "mode": backup_mode_word(backup.mode),
        })
    });
    json!({
        "name": one.name,
        "service": one.service,
        "url": shown_address(&one.remote.url),
        "user": one.remote.login.as_ref().map(|login| login.user.expose().to_owned()),
        "backup": backup,
        "config_change": config_change_word(one.config_change),
        "announce": announce_word(one.announce),
        "video_track": one.tracks.video.map(|rule| rule.to_string()),
        "audio_track": one.tracks.audio.map(|rule| rule.to_string()),
        "enabled": one.enabled,
        "notes": one.notes,
    })
    .to_string()
}
