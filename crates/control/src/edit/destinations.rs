//! Destinations made, changed, put in order and removed.

use super::{entry, shown};
use crate::check::{
    self, DestinationPatch, Faults, Given, MAIN, MAX_DESTINATIONS, NewBackup, NewDestination,
};
use crate::control::Control;
use crate::def::words::{announce_word, backup_mode_word, config_change_word};
use crate::def::{BackupDef, Destination, Remote, of_row};
use crate::{ControlError, DestinationView};
use manycast_auth::Actor;
use manycast_hub::{Login, Secret};
use manycast_media::TrackKind;
use manycast_store as store;
use manycast_store::{DestinationId, StreamId, UnixMs};
use std::sync::Arc;

/// What was checked, in the words of the database.
struct Checked {
    remote: Remote,
    backup: Option<BackupDef>,
    video_track: Option<String>,
    audio_track: Option<String>,
}

/// Of a login, what the database keeps.
fn parts(login: Option<&Login>) -> (Option<String>, Option<Secret>) {
    let user = login.map(|login| login.user.expose().to_owned());
    (user, login.map(|login| login.password.clone()))
}

impl Control {
    /// Makes a Destination, the last of its Stream. It is fed at once where the Stream is on air.
    ///
    /// # Errors
    /// What is wrong with it; a name that is taken; 50 of them; the file's; the database.
    pub async fn create_destination(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        new: NewDestination,
    ) -> Result<DestinationView, ControlError> {
        let checked = self.check_new(&new)?;
        let (by, stream) = (by.clone(), stream.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let defined = Self::defined(&control.registry.load(), &stream)?;
            let stream_id = control.row(&defined.origin)?;
            if defined.destinations.iter().any(|one| one.name == new.name) {
                return Err(ControlError::NameTaken { what: "destination", name: new.name });
            }
            if defined.destinations.len() >= MAX_DESTINATIONS {
                let sentence = format!("{stream} has {MAX_DESTINATIONS} destinations already");
                return Err(ControlError::Limit { sentence });
            }
            let subject = format!("{stream}/{}", new.name);
            let mut edit = control.store.edit(entry(&by, "destination.create", &subject)).await?;
            let row = edit.create_destination(row_of(stream_id, new, checked)).await?;
            edit.after(shown::destination(&of_row(&defined.name, &row)));
            edit.commit().await?;
            let id = row.id.to_string();
            books.rows.put_destination(row);
            control.refresh(&mut books);
            drop(books);
            control.destination(&stream, &id)
        })
        .await
    }

    /// Changes a Destination. One that is on air is dialled anew only where the change asks for it,
    /// and no other one notices (D12).
    ///
    /// # Errors
    /// What is wrong with it; another version than `version`; the file's; the database.
    pub async fn edit_destination(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
        version: Option<i64>,
        patch: DestinationPatch,
    ) -> Result<DestinationView, ControlError> {
        let (by, stream, id) = (by.clone(), stream.to_owned(), id.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let (defined, before) = Self::place(&control.registry.load(), &stream, &id)?;
            let row_id = control.row(&before.origin)?;
            let name = patch.name.as_ref();
            let twin = |one: &Destination| one.id != before.id && Some(&one.name) == name;
            if defined.destinations.iter().any(twin) {
                let name = name.cloned().unwrap_or_default();
                return Err(ControlError::NameTaken { what: "destination", name });
            }
            let change = control.check_patch(&before, patch)?;
            let subject = format!("{stream}/{}", before.name);
            let audit =
                entry(&by, "destination.edit", &subject).before(shown::destination(&before));
            let mut edit = control.store.edit(audit).await?;
            let row = edit.edit_destination(&row_id, version, change).await?;
            edit.after(shown::destination(&of_row(&defined.name, &row)));
            edit.commit().await?;
            books.rows.put_destination(row);
            control.refresh(&mut books);
            drop(books);
            control.destination(&stream, &before.id)
        })
        .await
    }

    /// Removes a Destination: it says goodbye.
    ///
    /// # Errors
    /// Another version than `version`; the file's; the database.
    pub async fn delete_destination(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
        version: Option<i64>,
    ) -> Result<(), ControlError> {
        let (by, stream, id) = (by.clone(), stream.to_owned(), id.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let (_, before) = Self::place(&control.registry.load(), &stream, &id)?;
            let row_id: DestinationId = control.row(&before.origin)?;
            let subject = format!("{stream}/{}", before.name);
            let audit =
                entry(&by, "destination.delete", &subject).before(shown::destination(&before));
            let mut edit = control.store.edit(audit).await?;
            edit.delete_destination(&row_id, version).await?;
            edit.commit().await?;
            books.rows.destinations.retain(|row| row.id != row_id);
            control.refresh(&mut books);
            Ok(())
        })
        .await
    }

    /// Puts the Destinations of a Stream into this order: all of them, each once.
    ///
    /// # Errors
    /// Another set of ids; the file's; the database.
    pub async fn order_destinations(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        ids: &[String],
    ) -> Result<(), ControlError> {
        let (by, stream, ids) = (by.clone(), stream.to_owned(), ids.to_vec());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let defined = Self::defined(&control.registry.load(), &stream)?;
            let stream_id = control.row(&defined.origin)?;
            let known: Vec<_> = ids.iter().filter_map(|id| DestinationId::parse(id)).collect();
            let mut distinct: Vec<_> = known.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let own = |id: &DestinationId| {
                let text = id.to_string();
                defined.destinations.iter().any(|one| one.id == text)
            };
            let whole = distinct.len() == defined.destinations.len() && ids.len() == known.len();
            if !whole || known.len() != distinct.len() || !known.iter().all(own) {
                let what = "does not hold each destination of the stream once";
                return Err(ControlError::invalid("ids", what, "send the ids of all of them"));
            }
            let mut edit = control.store.edit(entry(&by, "destination.order", &stream)).await?;
            edit.order_destinations(&stream_id, &known).await?;
            edit.commit().await?;
            for row in books.rows.destinations.iter_mut().filter(|row| row.stream_id == stream_id) {
                let place = known.iter().position(|id| *id == row.id).unwrap_or(known.len());
                row.position = i64::try_from(place).unwrap_or(i64::MAX);
            }
            books.rows.destinations.sort_by_key(|row| (row.stream_id, row.position));
            control.refresh(&mut books);
            Ok(())
        })
        .await
    }

    fn check_new(&self, new: &NewDestination) -> Result<Checked, ControlError> {
        let mut faults = Faults::default();
        check::destination_name(&new.name, &mut faults);
        check::notes(new.notes.as_deref().unwrap_or_default(), &mut faults);
        check::service_key(new.service.as_deref(), &mut faults);
        let video = new.video_track.as_deref();
        let audio = new.audio_track.as_deref();
        let video_track = video.and_then(|w| check::track(TrackKind::Video, w, &mut faults));
        let audio_track = audio.and_then(|w| check::track(TrackKind::Audio, w, &mut faults));
        let given = Given {
            url: &new.url,
            key: new.key.as_ref(),
            or_key: None,
            user: new.user.as_deref(),
            password: new.password.as_ref(),
        };
        let dialer = &self.client.load().dialer;
        let remote = check::remote(&given, &MAIN, dialer, &mut faults);
        let backup = new.backup.as_ref();
        let backup = backup
            .and_then(|backup| check::backup(backup, remote.as_ref(), None, dialer, &mut faults));
        let remote = faults.or(remote)?.ok_or(ControlError::NotFound { what: "address" })?;
        Ok(Checked { remote, backup, video_track, audio_track })
    }

    /// What a patch writes, given what is there.
    fn check_patch(
        &self,
        before: &Destination,
        patch: DestinationPatch,
    ) -> Result<store::DestinationEdit, ControlError> {
        let mut faults = Faults::default();
        if let Some(name) = &patch.name {
            check::destination_name(name, &mut faults);
        }
        check::notes(patch.notes.as_deref().unwrap_or_default(), &mut faults);
        check::service_key(patch.service.as_ref().and_then(Option::as_deref), &mut faults);
        let mut track = |kind, words: Option<Option<String>>| {
            words.map(|words| words.and_then(|words| check::track(kind, &words, &mut faults)))
        };
        let video_track = track(TrackKind::Video, patch.video_track.clone());
        let audio_track = track(TrackKind::Audio, patch.audio_track.clone());
        let mut change = store::DestinationEdit {
            name: patch.name.clone(),
            service: patch.service.clone(),
            config_change: patch.config_change.map(|word| config_change_word(word).to_owned()),
            announce: patch.announce.map(|word| announce_word(word).to_owned()),
            video_track,
            audio_track,
            enabled: patch.enabled,
            notes: patch.notes.clone(),
            ..store::DestinationEdit::default()
        };
        let remote = self.patch_remote(before, &patch, &mut change, &mut faults);
        if let Some(backup) = &patch.backup {
            self.patch_backup(before, &remote, backup.as_ref(), &mut change, &mut faults);
        }
        faults.or(change)
    }

    /// Address, key and user; those that are not named stay.
    fn patch_remote(
        &self,
        before: &Destination,
        patch: &DestinationPatch,
        change: &mut store::DestinationEdit,
        faults: &mut Faults,
    ) -> Remote {
        let old = &before.remote;
        let touched = patch.url.is_some()
            || patch.key.is_some()
            || patch.user.is_some()
            || patch.password.is_some();
        if !touched {
            return old.clone();
        }
        let (old_user, old_password) = parts(old.login.as_ref());
        let user = patch.user.clone().unwrap_or(old_user);
        let password = match &patch.password {
            Some(password) => password.clone(),
            None => old_password.filter(|_| user.is_some()),
        };
        let url = patch.url.as_deref().unwrap_or(&old.url);
        // A new address may bring its key with it; else the old one stays.
        let carries = patch.url.is_some() && patch.key.is_none() && carries_key(url, &old.url);
        let given = Given {
            url,
            key: patch.key.as_ref(),
            or_key: Some(&old.key).filter(|key| !key.is_empty() && !carries),
            user: user.as_deref(),
            password: password.as_ref(),
        };
        let dialer = &self.client.load().dialer;
        let Some(new) = check::remote(&given, &MAIN, dialer, faults) else { return old.clone() };
        let (user, password) = parts(new.login.as_ref());
        change.url = Some(new.url.clone());
        change.key = (patch.key.is_some() || new.key != old.key).then(|| Some(new.key.clone()));
        if new.login != old.login {
            (change.user, change.password) = (Some(user), Some(password));
        }
        new
    }

    fn patch_backup(
        &self,
        before: &Destination,
        remote: &Remote,
        backup: Option<&NewBackup>,
        change: &mut store::DestinationEdit,
        faults: &mut Faults,
    ) {
        let Some(backup) = backup else {
            change.backup_url = Some(None);
            change.backup_key = Some(None);
            (change.backup_user, change.backup_password) = (Some(None), Some(None));
            return;
        };
        let kept = before.backup.as_ref().map(|backup| &backup.remote);
        let dialer = &self.client.load().dialer;
        let checked = check::backup(backup, Some(remote), kept, dialer, faults);
        let Some(BackupDef { remote, mode }) = checked else { return };
        let (user, password) = parts(remote.login.as_ref());
        change.backup_url = Some(Some(remote.url));
        change.backup_key = Some(Some(remote.key));
        (change.backup_user, change.backup_password) = (Some(user), Some(password));
        change.backup_mode = Some(backup_mode_word(mode).to_owned());
    }
}

/// Whether an address that was pasted over another holds a key as its last part: it is deeper.
fn carries_key(url: &str, old: &str) -> bool {
    check::depth(url) > check::depth(old)
        && crate::address::remote(url, None).is_ok_and(|read| read.key.is_some())
}

fn row_of(stream_id: StreamId, new: NewDestination, checked: Checked) -> store::NewDestination {
    let Checked { remote, backup, video_track, audio_track } = checked;
    let (user, password) = parts(remote.login.as_ref());
    let mode = backup.as_ref().map(|backup| backup.mode).unwrap_or_default();
    let backup = backup.map(|backup| backup.remote);
    let (backup_user, backup_password) =
        parts(backup.as_ref().and_then(|remote| remote.login.as_ref()));
    store::NewDestination {
        id: DestinationId::new(),
        stream_id,
        name: new.name,
        service: new.service,
        url: remote.url,
        key: Some(remote.key),
        user,
        password,
        backup_key: backup.as_ref().map(|remote| remote.key.clone()),
        backup_url: backup.map(|remote| remote.url),
        backup_user,
        backup_password,
        backup_mode: backup_mode_word(mode).to_owned(),
        config_change: config_change_word(new.config_change.unwrap_or_default()).to_owned(),
        announce: announce_word(new.announce.unwrap_or_default()).to_owned(),
        video_track,
        audio_track,
        enabled: new.enabled.unwrap_or(true),
        notes: new.notes.unwrap_or_default(),
        created_at: UnixMs::now(),
    }
}
