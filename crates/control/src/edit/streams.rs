//! Streams made, changed and removed.

use super::{entry, shown};
use crate::check::{self, Faults, MAX_STREAMS, NewStream, StreamPatch};
use crate::control::Control;
use crate::def::stream_of_row;
use crate::def::words::takeover_word;
use crate::{ControlError, StreamView};
use manycast_auth::Actor;
use manycast_store as store;
use manycast_store::{StreamId, UnixMs};
use std::sync::Arc;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(30);

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Control {
    /// Makes a Stream. It has no key yet.
    ///
    /// # Errors
    /// What is wrong with it; a name that is taken; 1,000 Streams; the database.
    pub async fn create_stream(
        self: &Arc<Self>,
        by: &Actor,
        new: NewStream,
    ) -> Result<StreamView, ControlError> {
        let mut faults = Faults::default();
        let name = check::stream_name(&new.name, &mut faults);
        check::title(new.title.as_deref().unwrap_or_default(), &mut faults);
        check::notes(new.notes.as_deref().unwrap_or_default(), &mut faults);
        check::window(new.reconnect_window.unwrap_or_default(), &mut faults);
        let name = faults.or(name)?.ok_or(ControlError::NotFound { what: "stream" })?;
        let by = by.clone();
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let taken = control.registry.load().stream(name.as_str()).is_some();
            if taken || books.rows.streams.iter().any(|row| row.name == name.as_str()) {
                return Err(ControlError::NameTaken { what: "stream", name: name.to_string() });
            }
            if books.rows.streams.len() >= MAX_STREAMS {
                let sentence = format!("there are {MAX_STREAMS} streams already");
                return Err(ControlError::Limit { sentence });
            }
            let mut edit = control.store.edit(entry(&by, "stream.create", name.as_str())).await?;
            let row = edit.create_stream(row_of(name.as_str(), &new)).await?;
            edit.after(shown::stream(&stream_of_row(name.clone(), &row)));
            edit.commit().await?;
            books.rows.put_stream(row);
            control.refresh(&mut books);
            drop(books);
            control.stream(name.as_str())
        })
        .await
    }

    /// Changes a Stream; who watches or publishes notices only what concerns him.
    ///
    /// # Errors
    /// What is wrong with it; another version than `version`; the file's; the database.
    pub async fn edit_stream(
        self: &Arc<Self>,
        by: &Actor,
        name: &str,
        version: Option<i64>,
        patch: StreamPatch,
    ) -> Result<StreamView, ControlError> {
        let mut faults = Faults::default();
        check::title(patch.title.as_deref().unwrap_or_default(), &mut faults);
        check::notes(patch.notes.as_deref().unwrap_or_default(), &mut faults);
        check::window(patch.reconnect_window.unwrap_or_default(), &mut faults);
        faults.or(())?;
        let (by, name) = (by.clone(), name.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let before = Self::defined(&control.registry.load(), &name)?;
            let id = control.row(&before.origin)?;
            let audit = entry(&by, "stream.edit", &name).before(shown::stream(&before));
            let mut edit = control.store.edit(audit).await?;
            let row = edit.edit_stream(&id, version, edit_of(patch)).await?;
            edit.after(shown::stream(&stream_of_row(before.name, &row)));
            edit.commit().await?;
            books.rows.put_stream(row);
            control.refresh(&mut books);
            drop(books);
            control.stream(&name)
        })
        .await
    }

    /// Removes a Stream with its Destinations and keys: its encoder and its viewers end.
    ///
    /// # Errors
    /// Another version than `version`; the file's; the database.
    pub async fn delete_stream(
        self: &Arc<Self>,
        by: &Actor,
        name: &str,
        version: Option<i64>,
    ) -> Result<(), ControlError> {
        let (by, name) = (by.clone(), name.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let before = Self::defined(&control.registry.load(), &name)?;
            let id: StreamId = control.row(&before.origin)?;
            let audit = entry(&by, "stream.delete", &name).before(shown::stream(&before));
            let mut edit = control.store.edit(audit).await?;
            edit.delete_stream(&id, version).await?;
            edit.commit().await?;
            books.rows.streams.retain(|row| row.id != id);
            books.rows.destinations.retain(|row| row.stream_id != id);
            books.rows.runtime.retain(|row| row.stream != name);
            books.keys.remove(&name);
            control.refresh(&mut books);
            Ok(())
        })
        .await
    }
}

fn row_of(name: &str, new: &NewStream) -> store::NewStream {
    store::NewStream {
        id: StreamId::new(),
        name: name.to_owned(),
        title: new.title.clone().unwrap_or_else(|| name.to_owned()),
        start: new.start.unwrap_or_default().name().to_owned(),
        play: new.play.unwrap_or(true),
        takeover: takeover_word(new.takeover.unwrap_or_default()).to_owned(),
        reconnect_window_ms: millis(new.reconnect_window.unwrap_or(WINDOW)),
        hold_on_stop: new.hold_on_stop.unwrap_or_default(),
        notes: new.notes.clone().unwrap_or_default(),
        created_at: UnixMs::now(),
    }
}

fn edit_of(patch: StreamPatch) -> store::StreamEdit {
    store::StreamEdit {
        title: patch.title,
        start: patch.start.map(|start| start.name().to_owned()),
        play: patch.play,
        takeover: patch.takeover.map(|takeover| takeover_word(takeover).to_owned()),
        reconnect_window_ms: patch.reconnect_window.map(millis),
        hold_on_stop: patch.hold_on_stop,
        notes: patch.notes,
        position: patch.position,
    }
}
