//! What the tests of this folder share: a database in a directory that goes with the test.

use manycast_hub::Secret;
use manycast_store::{
    AuditEntry, AuditFilter, DestinationId, Edit, NewDestination, NewStream, NewUser, NewWebhook,
    Options, PageRequest, Store, StreamId, UnixMs, UserId, WebhookId,
};
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const AT: UnixMs = UnixMs(1_764_000_000_000);

/// An open database and its directory.
pub(crate) struct Fixture {
    pub dir: TempDir,
    pub store: Store,
}

impl Deref for Fixture {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), quick()).await.unwrap();
        Self { dir, store }
    }

    pub(crate) async fn edit(&self) -> Edit {
        self.store.edit(entry("test.edit", "it")).await.unwrap()
    }

    /// How many entries the audit log has (200 at most).
    pub(crate) async fn entries(&self) -> usize {
        let ask = PageRequest { limit: 200, after: None };
        self.store.audit_log(AuditFilter::default(), ask).await.unwrap().items.len()
    }
}

/// A short wait for others, so that tests of it are short.
pub(crate) fn quick() -> Options {
    Options { busy: Duration::from_millis(300), ..Options::default() }
}

pub(crate) fn entry(action: &str, subject: &str) -> AuditEntry {
    AuditEntry::new(AT, "user", "ann", action, subject).by("id-of-ann").from("192.0.2.1")
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text)
}

pub(crate) fn user(name: &str, role: &str) -> NewUser {
    NewUser {
        id: UserId::new(),
        name: name.to_owned(),
        password_hash: "$argon2id$x".to_owned(),
        role: role.to_owned(),
        created_at: AT,
    }
}

pub(crate) fn stream(name: &str) -> NewStream {
    NewStream {
        id: StreamId::new(),
        name: name.to_owned(),
        title: format!("Title of {name}"),
        start: "auto".to_owned(),
        play: true,
        takeover: "when_silent".to_owned(),
        reconnect_window_ms: 30_000,
        hold_on_stop: false,
        notes: String::new(),
        created_at: AT,
    }
}

pub(crate) fn destination(stream: StreamId, name: &str) -> NewDestination {
    NewDestination {
        id: DestinationId::new(),
        stream_id: stream,
        name: name.to_owned(),
        service: None,
        url: "rtmps://live.example.com/app".to_owned(),
        key: Some(secret("canary-key")),
        user: Some("me".to_owned()),
        password: Some(secret("canary-password")),
        backup_url: Some("rtmp://b.example.com/app".to_owned()),
        backup_key: Some(secret("canary-backup-key")),
        backup_user: None,
        backup_password: None,
        backup_mode: "failover".to_owned(),
        config_change: "headers".to_owned(),
        announce: "auto".to_owned(),
        video_track: None,
        audio_track: None,
        enabled: true,
        notes: String::new(),
        created_at: AT,
    }
}

pub(crate) fn webhook(name: &str) -> NewWebhook {
    NewWebhook {
        id: WebhookId::new(),
        name: name.to_owned(),
        url: "https://hook.example.com/".to_owned(),
        secret: secret("canary-webhook"),
        events: vec!["stream.started".to_owned()],
        streams: Vec::new(),
        enabled: true,
        created_at: AT,
    }
}

/// All bytes of all files of a directory, folders too.
pub(crate) fn bytes_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                all.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}
