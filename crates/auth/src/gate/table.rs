//! Who may publish and play, as a value: from the file and the database, applied as a whole.

use super::key::{Key, Sessions};
use manycast_hub::{LeaseHolder, Login, Secret, Takeover, WindowLimits};
use manycast_media::StreamName;
use manycast_store::UnixMs;
use std::net::IpAddr;
use std::sync::Arc;

pub use ipnet::IpNet;

/// Everything that the gate goes by.
#[derive(Clone, Debug, Default)]
pub struct AccessTable {
    /// The Streams that are defined.
    pub streams: Vec<StreamAccess>,
    /// Any name may be published, and is its own key.
    pub open: bool,
    /// The user that has to publish under a name of its own choice.
    pub open_login: Option<Login>,
    /// Streams that are published at a time; `None`: no limit.
    pub publishers: Option<u32>,
    /// What is kept of each Stream.
    pub window: WindowLimits,
    /// Keys that were withdrawn lately. They open nothing; who comes with one is told apart.
    pub retired: Vec<RetiredKey>,
}

/// A key that was withdrawn.
#[derive(Clone, Debug)]
pub struct RetiredKey {
    /// What it opened.
    pub stream: String,
    /// Id of its row.
    pub id: String,
    /// What people called it.
    pub label: String,
    /// Of the whole key.
    pub digest: [u8; 32],
}

/// What holds for one Stream.
#[derive(Clone, Debug)]
pub struct StreamAccess {
    /// Its name.
    pub name: StreamName,
    /// What opens it for a publisher, each by itself.
    pub keys: Vec<AccessKey>,
    /// The user that its encoder has to be besides: its own, or else that of the listener.
    pub login: Option<Login>,
    /// Whether it may be watched.
    pub play: bool,
    /// What happens when somebody else publishes already.
    pub takeover: Takeover,
}

/// A stream key.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Id of its row; `None`: it is in the configuration file.
    pub id: Option<String>,
    /// What people call it.
    pub label: String,
    /// What is known of it.
    pub material: KeyMaterial,
    /// From when on nobody new comes in with it. Whoever is in stays: to end that, the key is taken
    /// out of the table.
    pub expires_at: Option<UnixMs>,
    /// From where it may be used; empty: from everywhere.
    pub addresses: Vec<IpNet>,
    /// From where it was used before.
    pub known_addresses: Vec<IpAddr>,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub enum KeyMaterial {
    /// The key itself. An empty one opens nothing.
    Plain(Secret),
    /// Its SHA-256 and its first characters.
    Sha256 {
        /// Of the whole key.
        digest: [u8; 32],
        /// How it begins, which is shown to people.
        prefix: String,
    },
}

impl AccessKey {
    /// A key out of the configuration file.
    #[must_use]
    pub fn from_file(key: Secret) -> Self {
        Self {
            id: None,
            label: "configuration file".to_owned(),
            material: KeyMaterial::Plain(key),
            expires_at: None,
            addresses: Vec::new(),
            known_addresses: Vec::new(),
        }
    }
}

/// What holds for one Stream, with the sessions that it let in.
pub(super) struct Entry {
    pub(super) name: StreamName,
    pub(super) keys: Vec<Key>,
    pub(super) login: Option<Login>,
    pub(super) play: bool,
    pub(super) takeover: Takeover,
    pub(super) playing: Arc<LeaseHolder>,
}

/// The answers that hold until another table is applied.
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    pub(super) open: bool,
    pub(super) login: Option<Login>,
    /// Publishers under names of their own choice.
    pub(super) opened: Arc<Sessions>,
    /// Viewers of those.
    pub(super) guests: Arc<LeaseHolder>,
    pub(super) publishers: Option<u32>,
    pub(super) window: WindowLimits,
    pub(super) retired: Vec<RetiredKey>,
}

const REMOVED: &str = "this stream was removed from the server";
const REKEYED: &str = "the stream key or user was changed on the server";
const HIDDEN: &str = "this stream is no longer shown here";
const CLOSED: &str = "the server no longer takes streams of any name, or asks for a user";

impl Table {
    /// Lets nobody in.
    pub(super) fn empty() -> Self {
        Self {
            entries: Vec::new(),
            open: false,
            login: None,
            opened: Arc::default(),
            guests: Arc::default(),
            publishers: None,
            window: WindowLimits::default(),
            retired: Vec::new(),
        }
    }

    /// The table of `wanted`, with those sessions of `old` that it would have let in too.
    pub(super) fn after(old: &Self, wanted: AccessTable) -> Self {
        let entries = wanted.streams.into_iter().map(|stream| {
            let before = old.entries.iter().find(|entry| entry.name == stream.name);
            Entry::new(stream, before)
        });
        let entries = entries.collect();
        let same = wanted.open && old.login == wanted.open_login;
        Self {
            entries,
            open: wanted.open,
            login: wanted.open_login,
            opened: if same { old.opened.clone() } else { Arc::default() },
            guests: if same { old.guests.clone() } else { Arc::default() },
            publishers: wanted.publishers,
            window: wanted.window,
            retired: wanted.retired,
        }
    }

    /// Takes back what `next` does not carry on.
    pub(super) fn give_way_to(&self, next: &Self) {
        for gone in &self.entries {
            gone.give_way_to(next.entries.iter().find(|entry| entry.name == gone.name));
        }
        if self.open && !Arc::ptr_eq(&self.opened, &next.opened) {
            self.opened.revoke(CLOSED);
            self.guests.revoke(CLOSED);
        }
    }

    pub(super) fn entry(&self, name: &StreamName) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == *name)
    }

    /// Every key, with its Stream.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Entry, &Key)> {
        self.entries.iter().flat_map(|entry| entry.keys.iter().map(move |key| (entry, key)))
    }
}

impl Entry {
    fn new(stream: StreamAccess, before: Option<&Self>) -> Self {
        let same_login = before.filter(|before| before.login == stream.login);
        let keys = stream.keys.into_iter().filter_map(Key::new).map(|key| {
            let old = same_login.and_then(|before| before.keys.iter().find(|old| old.is(&key)));
            key.carrying_on(old)
        });
        let still_shown = before.filter(|before| before.play && stream.play);
        Self {
            name: stream.name,
            keys: keys.collect(),
            login: stream.login,
            play: stream.play,
            takeover: stream.takeover,
            playing: still_shown.map(|before| before.playing.clone()).unwrap_or_default(),
        }
    }

    fn give_way_to(&self, next: Option<&Self>) {
        let Some(next) = next else {
            for key in &self.keys {
                key.sessions.revoke(REMOVED);
            }
            self.playing.revoke(REMOVED);
            return;
        };
        for key in &self.keys {
            match next.keys.iter().find(|other| Arc::ptr_eq(&other.sessions, &key.sessions)) {
                Some(carried) => carried.end_elsewhere(),
                None => key.sessions.revoke(REKEYED),
            }
        }
        if self.play && !Arc::ptr_eq(&self.playing, &next.playing) {
            self.playing.revoke(HIDDEN);
        }
    }
}
