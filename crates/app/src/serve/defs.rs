//! What the configuration defines, as the control plane takes it.

use crate::config::{self, Config, DestinationConfig, RemoteConfig, StreamConfig};
use manycast_control::{BackupDef, DestinationDef, FileDefs, Remote, StreamDef};
use std::path::{Path, PathBuf};

/// The file's definitions. `file`: the one that was named.
pub(super) fn file_defs(config: &Config, file: Option<&Path>) -> FileDefs {
    FileDefs {
        path: file.map_or_else(|| PathBuf::from(config::FILE), Path::to_owned),
        streams: config.streams.iter().map(stream).collect(),
        open: config.rtmp.open,
        login: config.rtmp.login.clone(),
        publishers: config.limits.publishers,
        window: config.limits.window,
    }
}

fn stream(stream: &StreamConfig) -> StreamDef {
    StreamDef {
        name: stream.name.clone(),
        title: stream.title.clone(),
        start: stream.start,
        key: stream.key.clone(),
        login: stream.login.clone(),
        play: stream.play,
        takeover: stream.takeover,
        reconnect_window: stream.reconnect_window,
        hold_on_stop: stream.hold_on_stop,
        destinations: stream.destinations.iter().map(destination).collect(),
    }
}

fn destination(one: &DestinationConfig) -> DestinationDef {
    DestinationDef {
        name: one.name.clone(),
        service: None,
        remote: remote(&one.remote),
        backup: one
            .backup
            .as_ref()
            .map(|backup| BackupDef { remote: remote(&backup.remote), mode: backup.mode }),
        config_change: one.config_change,
        announce: one.announce,
        tracks: one.tracks,
        enabled: one.enabled,
    }
}

fn remote(remote: &RemoteConfig) -> Remote {
    Remote { url: remote.url.clone(), key: remote.key.clone(), login: remote.login.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_hub::Takeover;

    #[test]
    fn what_the_file_says_is_handed_on_whole() {
        let text = r#"
[rtmp]
open = true
user = "all"
password = "sesame"
[limits]
publishers = 7
[[stream]]
name = "main"
key = "sk_main_0123456789"
[[stream]]
name = "side"
play = false
takeover = "always"
user = "own"
password = "knock"
"#;
        let config = config::read(Path::new("x.toml"), text.as_bytes(), []).unwrap().config;
        let defs = file_defs(&config, None);
        let user = |login: &Option<manycast_hub::Login>| {
            login.as_ref().map(|login| login.user.expose().to_owned())
        };
        assert!(defs.open && defs.path == Path::new(config::FILE));
        assert_eq!(user(&defs.login).as_deref(), Some("all"));
        assert_eq!((defs.publishers, defs.window), (Some(7), config.limits.window));
        let [main, side] = &defs.streams[..] else { panic!("two streams") };
        assert_eq!((user(&main.login), user(&side.login).as_deref()), (None, Some("own")));
        assert_eq!((main.play, side.play, side.takeover), (true, false, Takeover::Always));
        assert_eq!(main.key.expose().len(), 18);
    }
}
