//! What the configuration says of who may publish and play, as the gate takes it.

use crate::config::Config;
use manycast_auth::{AccessKey, AccessTable, StreamAccess};

/// The table of the file alone.
pub(super) fn access_table(config: &Config) -> AccessTable {
    let streams = config.streams.iter().map(|stream| StreamAccess {
        name: stream.name.clone(),
        keys: vec![AccessKey::from_file(stream.key.clone())],
        login: stream.login.as_ref().or(config.rtmp.login.as_ref()).cloned(),
        play: stream.play,
        takeover: stream.takeover,
    });
    AccessTable {
        streams: streams.collect(),
        open: config.rtmp.open,
        open_login: config.rtmp.login.clone(),
        publishers: config.limits.publishers,
        window: config.limits.window,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_auth::KeyMaterial;
    use manycast_hub::Takeover;
    use std::path::Path;

    #[test]
    fn section8_4_a_stream_without_a_user_has_that_of_the_listener() {
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
        let config = crate::config::read(Path::new("x.toml"), text.as_bytes(), []).unwrap().config;
        let table = access_table(&config);
        let user = |login: &Option<manycast_hub::Login>| {
            login.as_ref().map(|login| login.user.expose().to_owned())
        };
        assert!(table.open);
        assert_eq!(user(&table.open_login).as_deref(), Some("all"));
        assert_eq!((table.publishers, table.window), (Some(7), config.limits.window));
        let [main, side] = &table.streams[..] else { panic!("two streams") };
        assert_eq!(user(&main.login).as_deref(), Some("all"));
        assert_eq!(user(&side.login).as_deref(), Some("own"));
        assert_eq!((main.play, side.play, side.takeover), (true, false, Takeover::Always));
        let KeyMaterial::Plain(key) = &main.keys[0].material else { panic!("a key of the file") };
        assert_eq!(key.expose().len(), 18);
    }
}
