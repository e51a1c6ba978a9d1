//! What a new configuration changes about a running server.
//!
//! Streams, destinations, egress, limits, the log level and certificates change live. What was
//! bound or opened at the start stays until a restart: the old value is kept, and said so.

use super::types::{Config, StreamConfig};
use manycast_hub::Login;
use manycast_media::StreamName;
use manycast_rtmp::auth::Dialect;

/// What happens to a Stream at a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamChange {
    /// It is new.
    Added(StreamName),
    /// It is gone: its encoder, its viewers and its destinations end.
    Removed(StreamName),
    /// Its key or its user is another: the encoder that runs with the old one ends.
    Rekeyed(StreamName),
    /// It may no longer be watched: its viewers end.
    Closed(StreamName),
    /// Something else about it or its destinations; nobody is disturbed.
    Edited(StreamName),
}

/// The difference between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// By Stream; one Stream may occur more than once.
    pub streams: Vec<StreamChange>,
    /// Other sections that change live.
    pub live: Vec<&'static str>,
    /// Settings that were changed and hold only after a restart.
    pub restart: Vec<&'static str>,
}

impl Change {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Config {
    /// What a reload from `old` to `new` changes.
    #[must_use]
    pub fn diff(old: &Self, new: &Self) -> Change {
        let mut change = Change { streams: streams(old, new), ..Change::default() };
        let mut note = |same: bool, live: bool, name| match (same, live) {
            (true, _) => {}
            (false, true) => change.live.push(name),
            (false, false) => change.restart.push(name),
        };
        let certificate = |config: &Self| config.rtmps.as_ref().map(|r| r.certificate.clone());
        let secure = |config: &Self| config.rtmps.as_ref().map(|r| r.listen);
        note(old.egress == new.egress, true, "egress");
        note(old.authorize == new.authorize, true, "authorize");
        note(old.log.level == new.log.level, true, "log.level");
        note(old.rtmp.open == new.rtmp.open, true, "rtmp.open");
        note(users(old) == users(new), true, "rtmp.auth, rtmp.user");
        note(old.rtmp.reconnect_url == new.rtmp.reconnect_url, true, "rtmp.reconnect_url");
        note(old.rtmp.merge == new.rtmp.merge, false, "rtmp.merge");
        note(old.rtmp.io_uring == new.rtmp.io_uring, false, "rtmp.io_uring");
        note(old.server.drain == new.server.drain, false, "server.drain");
        note(limits(old) == limits(new), true, "limits");
        note(old.limits.window == new.limits.window, true, "limits.window (new streams)");
        if secure(old) == secure(new) {
            note(certificate(old) == certificate(new), false, "rtmps.cert, rtmps.key");
        }
        note(old.rtmp.listen == new.rtmp.listen, false, "rtmp.listen");
        note(secure(old) == secure(new), false, "rtmps.listen");
        note(old.http == new.http, false, "http");
        note(old.https.listen == new.https.listen, false, "https.listen");
        let same = old.https.certificate == new.https.certificate;
        note(same, false, "https.cert, https.key, https.certificate");
        note(old.metrics == new.metrics, false, "metrics");
        note(old.log.format == new.log.format, false, "log.format");
        note(old.server.data_dir == new.server.data_dir, false, "server.data_dir");
        change
    }

    /// What holds after a reload from `old`: `self`, with what needs a restart as it was.
    #[must_use]
    pub fn applied_to(mut self, old: &Self) -> Self {
        self.rtmp.listen = old.rtmp.listen;
        self.rtmp.merge = old.rtmp.merge;
        self.rtmp.io_uring = old.rtmp.io_uring;
        self.rtmps = old.rtmps.clone();
        self.http = old.http.clone();
        self.https = old.https.clone();
        self.metrics = old.metrics;
        self.log.format = old.log.format;
        self.server = old.server.clone();
        self
    }
}

fn users(config: &Config) -> (Dialect, Option<&Login>) {
    (config.rtmp.auth, config.rtmp.login.as_ref())
}

fn limits(config: &Config) -> [Option<u32>; 3] {
    let limits = &config.limits;
    [limits.connections, limits.connections_per_address, limits.publishers]
}

fn streams(old: &Config, new: &Config) -> Vec<StreamChange> {
    let gone = old.streams.iter().filter(|stream| new.stream(&stream.name).is_none());
    let mut changes: Vec<_> =
        gone.map(|stream| StreamChange::Removed(stream.name.clone())).collect();
    for stream in &new.streams {
        let name = stream.name.clone();
        let Some(before) = old.stream(&name) else {
            changes.push(StreamChange::Added(name));
            continue;
        };
        if !before.key.matches(&stream.key) || before.login != stream.login {
            changes.push(StreamChange::Rekeyed(name.clone()));
        }
        if before.play && !stream.play {
            changes.push(StreamChange::Closed(name.clone()));
        }
        if before.play == stream.play && !same_but_key(before, stream)
            || !before.play && stream.play
        {
            changes.push(StreamChange::Edited(name));
        }
    }
    changes
}

fn same_but_key(a: &StreamConfig, b: &StreamConfig) -> bool {
    a.title == b.title
        && a.start == b.start
        && a.takeover == b.takeover
        && a.reconnect_window == b.reconnect_window
        && a.hold_on_stop == b.hold_on_stop
        && a.destinations.len() == b.destinations.len()
        && a.destinations.iter().zip(&b.destinations).all(|(a, b)| a.same_settings(b))
}
