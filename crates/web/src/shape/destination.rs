//! A Destination as the API shows and takes it. Its keys go in, and never out.

use super::Hidden;
use super::word::{AnnounceWord, BackupModeWord, ConfigChangeWord};
use crate::api::three_state;
use crate::status::{LegStatusView, TroubleView, trouble};
use crate::time::Clock;
use crate::words::words;
use manycast_control::{BackupView, DestinationPatch, DestinationView, NewBackup, NewDestination};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A channel that a Stream goes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Destination)]
pub(crate) struct DestinationShape {
    /// Of the file's ones it is the name.
    id: String,
    /// The Stream that it belongs to.
    stream: String,
    name: String,
    /// The key of the service in `/api/v1/services`, if it was made from one.
    service: Option<String>,
    /// Without key, user and password.
    url: String,
    #[schema(schema_with = managers)]
    managed_by: &'static str,
    /// Whether people want it fed.
    enabled: bool,
    position: i64,
    notes: String,
    /// Whether it has a key.
    key_set: bool,
    user: Option<String>,
    backup: Option<BackupShape>,
    config_change: ConfigChangeWord,
    announce: AnnounceWord,
    /// Which video track it gets; null: the first.
    video_track: Option<String>,
    /// Which audio track it gets; null: the first.
    audio_track: Option<String>,
    /// Rises with each edit; the ETag.
    version: i64,
    /// What it is doing; null until that is known.
    status: Option<LegStatusView>,
    /// What its backup is doing.
    backup_status: Option<LegStatusView>,
    /// What is wrong with it as a whole.
    trouble: Option<TroubleView>,
    /// Bits per second of the last minute, oldest first; empty in lists.
    recent: Vec<u64>,
}

fn managers() -> utoipa::openapi::Object {
    words(["file", "database"])
}

/// The second address of a Destination.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Backup)]
struct BackupShape {
    url: String,
    mode: BackupModeWord,
    key_set: bool,
}

impl From<&BackupView> for BackupShape {
    fn from(view: &BackupView) -> Self {
        Self { url: view.url.clone(), mode: view.mode.into(), key_set: view.key_set }
    }
}

impl DestinationShape {
    pub(crate) fn of(view: &DestinationView, clock: &Clock) -> Self {
        let status = view.status.as_ref();
        let backup = status.and_then(|status| status.backup.as_ref());
        Self {
            id: view.id.clone(),
            stream: view.stream.to_string(),
            name: view.name.clone(),
            service: view.service.clone(),
            url: view.url.clone(),
            managed_by: view.managed_by.name(),
            enabled: view.enabled,
            position: view.position,
            notes: view.notes.clone(),
            key_set: view.key_set,
            user: view.user.clone(),
            backup: view.backup.as_ref().map(BackupShape::from),
            config_change: view.config_change.into(),
            announce: view.announce.into(),
            video_track: view.video_track.clone(),
            audio_track: view.audio_track.clone(),
            version: view.version,
            status: status.map(|status| LegStatusView::of(&status.primary, clock)),
            backup_status: backup.map(|leg| LegStatusView::of(leg, clock)),
            trouble: status.and_then(trouble),
            recent: view.recent.clone(),
        }
    }
}

/// A new Destination.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDestination)]
pub(crate) struct NewDestinationShape {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    service: Option<String>,
    /// Where to; a key or `user:password@` in it is taken out and kept sealed.
    #[schema(max_length = 2000)]
    url: String,
    key: Option<Hidden>,
    user: Option<String>,
    password: Option<Hidden>,
    backup: Option<NewBackupShape>,
    config_change: Option<ConfigChangeWord>,
    announce: Option<AnnounceWord>,
    video_track: Option<String>,
    audio_track: Option<String>,
    enabled: Option<bool>,
    #[schema(max_length = 4000)]
    notes: Option<String>,
}

/// A new second address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBackup)]
struct NewBackupShape {
    #[schema(max_length = 2000)]
    url: String,
    key: Option<Hidden>,
    mode: Option<BackupModeWord>,
}

impl NewBackupShape {
    fn take(self) -> NewBackup {
        let mode = self.mode.map(Into::into).unwrap_or_default();
        NewBackup { url: self.url, key: self.key.map(|key| key.0), mode }
    }
}

impl NewDestinationShape {
    pub(crate) fn take(self) -> NewDestination {
        NewDestination {
            name: self.name,
            service: self.service,
            url: self.url,
            key: self.key.map(|key| key.0),
            user: self.user,
            password: self.password.map(|password| password.0),
            backup: self.backup.map(NewBackupShape::take),
            config_change: self.config_change.map(Into::into),
            announce: self.announce.map(Into::into),
            video_track: self.video_track,
            audio_track: self.audio_track,
            enabled: self.enabled,
            notes: self.notes,
        }
    }
}

/// What of a Destination is to change; null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DestinationPatch)]
pub(crate) struct DestinationPatchShape {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<String>)]
    service: Option<Option<String>>,
    /// A new address without a key in it keeps the key.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// A new key; it cannot be taken away.
    key: Option<Hidden>,
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<String>)]
    user: Option<Option<String>>,
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<Hidden>)]
    password: Option<Option<Hidden>>,
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<NewBackupShape>)]
    backup: Option<Option<NewBackupShape>>,
    config_change: Option<ConfigChangeWord>,
    announce: Option<AnnounceWord>,
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<String>)]
    video_track: Option<Option<String>>,
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<String>)]
    audio_track: Option<Option<String>>,
    enabled: Option<bool>,
    #[schema(max_length = 4000)]
    notes: Option<String>,
}

impl DestinationPatchShape {
    pub(crate) fn take(self) -> DestinationPatch {
        DestinationPatch {
            name: self.name,
            service: self.service,
            url: self.url,
            key: self.key.map(|key| key.0),
            user: self.user,
            password: self.password.map(|password| password.map(|password| password.0)),
            backup: self.backup.map(|backup| backup.map(NewBackupShape::take)),
            config_change: self.config_change.map(Into::into),
            announce: self.announce.map(Into::into),
            video_track: self.video_track,
            audio_track: self.audio_track,
            enabled: self.enabled,
            notes: self.notes,
        }
    }
}
