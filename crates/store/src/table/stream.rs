//! `stream`: the Streams that were defined here, not in the configuration file.

use crate::edit::Edit;
use crate::error::Result;
use crate::id::StreamId;
use crate::row::{Row, id, same_version, set, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

const WHAT: &str = "stream";

/// A Stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// Its id.
    pub id: StreamId,
    /// Its name; unique, and never changed.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// `auto` or `manual`.
    pub start: String,
    /// Whether it can be watched here.
    pub play: bool,
    /// `when_silent` or `always`.
    pub takeover: String,
    /// How long destinations stay connected while the encoder is away, in milliseconds.
    pub reconnect_window_ms: i64,
    /// Whether they also stay when the encoder ends in order.
    pub hold_on_stop: bool,
    /// Remarks of people.
    pub notes: String,
    /// Its place in lists.
    pub position: i64,
    /// When it was made.
    pub created_at: UnixMs,
    /// Rises with each edit.
    pub version: i64,
}

impl Row for StreamRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            id: id(row, "id")?,
            name: row.try_get("name")?,
            title: row.try_get("title")?,
            start: row.try_get("start")?,
            play: row.try_get("play")?,
            takeover: row.try_get("takeover")?,
            reconnect_window_ms: row.try_get("reconnect_window_ms")?,
            hold_on_stop: row.try_get("hold_on_stop")?,
            notes: row.try_get("notes")?,
            position: row.try_get("position")?,
            created_at: time(row, "created_at")?,
            version: row.try_get("version")?,
        })
    }
}

/// What makes a Stream; it becomes the last in lists.
#[derive(Clone, Debug)]
pub struct NewStream {
    /// Its id.
    pub id: StreamId,
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// `auto` or `manual`.
    pub start: String,
    /// Whether it can be watched here.
    pub play: bool,
    /// `when_silent` or `always`.
    pub takeover: String,
    /// In milliseconds.
    pub reconnect_window_ms: i64,
    /// Whether destinations also stay when the encoder ends in order.
    pub hold_on_stop: bool,
    /// Remarks of people.
    pub notes: String,
    /// When.
    pub created_at: UnixMs,
}

/// What changes of a Stream; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct StreamEdit {
    /// What people call it.
    pub title: Option<String>,
    /// `auto` or `manual`.
    pub start: Option<String>,
    /// Whether it can be watched here.
    pub play: Option<bool>,
    /// `when_silent` or `always`.
    pub takeover: Option<String>,
    /// In milliseconds.
    pub reconnect_window_ms: Option<i64>,
    /// Whether destinations also stay when the encoder ends in order.
    pub hold_on_stop: Option<bool>,
    /// Remarks of people.
    pub notes: Option<String>,
    /// Its place in lists.
    pub position: Option<i64>,
}

fn by_id(id: &StreamId) -> Statement<'static> {
    query("SELECT * FROM stream WHERE id = ?1").bind(id.text())
}

fn by_name(name: &str) -> Statement<'_> {
    query("SELECT * FROM stream WHERE name = ?1").bind(name)
}

impl Store {
    /// All Streams by place.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn streams(&self) -> Result<Vec<StreamRow>> {
        self.all(query("SELECT * FROM stream ORDER BY position, id")).await
    }

    /// A Stream by its id.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream(&self, id: &StreamId) -> Result<Option<StreamRow>> {
        self.one(by_id(id)).await
    }

    /// A Stream by its name.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream_by_name(&self, name: &str) -> Result<Option<StreamRow>> {
        self.one(by_name(name)).await
    }
}

impl Edit {
    /// A Stream by its name, as this edit sees it.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream_by_name(&mut self, name: &str) -> Result<Option<StreamRow>> {
        self.work.one(by_name(name)).await
    }

    /// Makes a Stream.
    ///
    /// # Errors
    /// [`crate::Error::NameTaken`], [`crate::Error::Invalid`] for an unknown word.
    pub async fn create_stream(&mut self, new: NewStream) -> Result<StreamRow> {
        let insert = query(
            "INSERT INTO stream (id, name, title, start, play, takeover, reconnect_window_ms, hold_on_stop, \
             notes, created_at, position, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
             (SELECT coalesce(max(position), 0) + 1 FROM stream), \
             (SELECT 1 + coalesce(max(CAST(value AS INTEGER)), 0) FROM setting WHERE key = 'versions.gone'))",
        )
        .bind(new.id.text())
        .bind(&new.name)
        .bind(new.title)
        .bind(new.start)
        .bind(new.play)
        .bind(new.takeover)
        .bind(new.reconnect_window_ms)
        .bind(new.hold_on_stop)
        .bind(new.notes)
        .bind(new.created_at.0);
        self.work.named(insert, WHAT, &new.name).await?;
        self.work.must(by_id(&new.id), WHAT).await
    }

    /// Changes a Stream.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`], [`crate::Error::Invalid`] for an
    /// unknown word.
    pub async fn edit_stream(
        &mut self,
        id: &StreamId,
        seen: Option<i64>,
        edit: StreamEdit,
    ) -> Result<StreamRow> {
        let mut row: StreamRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        set(&mut row.title, edit.title);
        set(&mut row.start, edit.start);
        set(&mut row.play, edit.play);
        set(&mut row.takeover, edit.takeover);
        set(&mut row.reconnect_window_ms, edit.reconnect_window_ms);
        set(&mut row.hold_on_stop, edit.hold_on_stop);
        set(&mut row.notes, edit.notes);
        set(&mut row.position, edit.position);
        let update = query(
            "UPDATE stream SET title = ?2, start = ?3, play = ?4, takeover = ?5, reconnect_window_ms = ?6, \
             hold_on_stop = ?7, notes = ?8, position = ?9, version = version + 1 WHERE id = ?1",
        )
        .bind(id.text())
        .bind(row.title)
        .bind(row.start)
        .bind(row.play)
        .bind(row.takeover)
        .bind(row.reconnect_window_ms)
        .bind(row.hold_on_stop)
        .bind(row.notes)
        .bind(row.position);
        self.work.execute(update).await?;
        self.work.must(by_id(id), WHAT).await
    }

    /// Deletes a Stream with its Destinations. Its keys and choices go by name
    /// ([`Self::forget_stream_name`]), since the configuration file may have a Stream of that name.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`].
    pub async fn delete_stream(&mut self, id: &StreamId, seen: Option<i64>) -> Result<()> {
        let row: StreamRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        let with_it = self.destinations_of(id).await?;
        let versions = with_it.iter().map(|destination| destination.version);
        self.gone(versions.fold(row.version, i64::max)).await?;
        self.work.existing(query("DELETE FROM stream WHERE id = ?1").bind(id.text()), WHAT).await
    }

    /// Deletes the stream keys and the choices of a name, and answers how many keys there were.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn forget_stream_name(&mut self, name: &str) -> Result<u64> {
        self.work.execute(query("DELETE FROM runtime WHERE stream = ?1").bind(name)).await?;
        self.work.execute(query("DELETE FROM stream_key WHERE stream = ?1").bind(name)).await
    }
}
