//! `destination`: where the Streams of the database go. Keys and passwords are sealed (J3).

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::id::{DestinationId, StreamId};
use crate::row::{Row, id, kept, same_version, set, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::{Kept, Place, Ring};
use manycast_hub::Secret;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

const WHAT: &str = "destination";

/// A Destination.
#[derive(Clone, Debug)]
pub struct DestinationRow {
    /// Its id.
    pub id: DestinationId,
    /// What goes there.
    pub stream_id: StreamId,
    /// What people call it; unique in its Stream.
    pub name: String,
    /// The preset that it was made from.
    pub service: Option<String>,
    /// Address without key, user and password.
    pub url: String,
    /// The key for it.
    pub key: Kept,
    /// Who we are, where the far end asks.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Kept,
    /// A second address of the same channel.
    pub backup_url: Option<String>,
    /// The key for the second address.
    pub backup_key: Kept,
    /// Who we are at the second address.
    pub backup_user: Option<String>,
    /// The password of `backup_user`.
    pub backup_password: Kept,
    /// `failover` or `both`.
    pub backup_mode: String,
    /// `headers` or `redial`.
    pub config_change: String,
    /// `auto`, `none` or `full`.
    pub announce: String,
    /// The video Track that goes out; `None`: the default.
    pub video_track: Option<String>,
    /// The audio Track that goes out; `None`: the default.
    pub audio_track: Option<String>,
    /// Whether it is fed.
    pub enabled: bool,
    /// Its place within its Stream.
    pub position: i64,
    /// Remarks of people.
    pub notes: String,
    /// When it was made.
    pub created_at: UnixMs,
    /// Rises with each edit.
    pub version: i64,
}

fn place<'a>(column: &'static str, id: &'a str) -> Place<'a> {
    Place { table: "destination", column, row: id }
}

impl Row for DestinationRow {
    fn read(row: &SqliteRow, ring: &Ring) -> sqlx::Result<Self> {
        let key: &str = row.try_get("id")?;
        let kept = |column| kept(row, ring, place(column, key));
        Ok(Self {
            id: id(row, "id")?,
            stream_id: id(row, "stream_id")?,
            name: row.try_get("name")?,
            service: row.try_get("service")?,
            url: row.try_get("url")?,
            key: kept("key_sealed")?,
            user: row.try_get("user")?,
            password: kept("password_sealed")?,
            backup_url: row.try_get("backup_url")?,
            backup_key: kept("backup_key_sealed")?,
            backup_user: row.try_get("backup_user")?,
            backup_password: kept("backup_password_sealed")?,
            backup_mode: row.try_get("backup_mode")?,
            config_change: row.try_get("config_change")?,
            announce: row.try_get("announce")?,
            video_track: row.try_get("video_track")?,
            audio_track: row.try_get("audio_track")?,
            enabled: row.try_get("enabled")?,
            position: row.try_get("position")?,
            notes: row.try_get("notes")?,
            created_at: time(row, "created_at")?,
            version: row.try_get("version")?,
        })
    }
}

/// What makes a Destination; it becomes the last of its Stream.
#[derive(Clone, Debug)]
pub struct NewDestination {
    /// Its id.
    pub id: DestinationId,
    /// What goes there.
    pub stream_id: StreamId,
    /// What people call it.
    pub name: String,
    /// The preset that it is made from.
    pub service: Option<String>,
    /// Address without key, user and password.
    pub url: String,
    /// The key for it.
    pub key: Option<Secret>,
    /// Who we are, where the far end asks.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<Secret>,
    /// A second address of the same channel.
    pub backup_url: Option<String>,
    /// The key for the second address.
    pub backup_key: Option<Secret>,
    /// Who we are at the second address.
    pub backup_user: Option<String>,
    /// The password of `backup_user`.
    pub backup_password: Option<Secret>,
    /// `failover` or `both`.
    pub backup_mode: String,
    /// `headers` or `redial`.
    pub config_change: String,
    /// `auto`, `none` or `full`.
    pub announce: String,
    /// The video Track that goes out; `None`: the default.
    pub video_track: Option<String>,
    /// The audio Track that goes out; `None`: the default.
    pub audio_track: Option<String>,
    /// Whether it is fed.
    pub enabled: bool,
    /// Remarks of people.
    pub notes: String,
    /// When.
    pub created_at: UnixMs,
}

/// What changes of a Destination; `None` stays, `Some(None)` takes away.
#[derive(Clone, Debug, Default)]
pub struct DestinationEdit {
    /// What people call it.
    pub name: Option<String>,
    /// The preset that it was made from.
    pub service: Option<Option<String>>,
    /// Address without key, user and password.
    pub url: Option<String>,
    /// The key for it.
    pub key: Option<Option<Secret>>,
    /// Who we are, where the far end asks.
    pub user: Option<Option<String>>,
    /// The password of `user`.
    pub password: Option<Option<Secret>>,
    /// A second address of the same channel.
    pub backup_url: Option<Option<String>>,
    /// The key for the second address.
    pub backup_key: Option<Option<Secret>>,
    /// Who we are at the second address.
    pub backup_user: Option<Option<String>>,
    /// The password of `backup_user`.
    pub backup_password: Option<Option<Secret>>,
    /// `failover` or `both`.
    pub backup_mode: Option<String>,
    /// `headers` or `redial`.
    pub config_change: Option<String>,
    /// `auto`, `none` or `full`.
    pub announce: Option<String>,
    /// The video Track that goes out.
    pub video_track: Option<Option<String>>,
    /// The audio Track that goes out.
    pub audio_track: Option<Option<String>>,
    /// Whether it is fed.
    pub enabled: Option<bool>,
    /// Remarks of people.
    pub notes: Option<String>,
}

fn by_id(id: &DestinationId) -> Statement<'static> {
    query("SELECT * FROM destination WHERE id = ?1").bind(id.text())
}

fn of_stream(stream: &StreamId) -> Statement<'static> {
    query("SELECT * FROM destination WHERE stream_id = ?1 ORDER BY position, id")
        .bind(stream.text())
}

impl Store {
    /// All Destinations, those of a Stream together and by place.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn destinations(&self) -> Result<Vec<DestinationRow>> {
        self.all(query("SELECT * FROM destination ORDER BY stream_id, position, id")).await
    }

    /// Those of one Stream, by place.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn destinations_of(&self, stream: &StreamId) -> Result<Vec<DestinationRow>> {
        self.all(of_stream(stream)).await
    }

    /// A Destination by its id.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn destination(&self, id: &DestinationId) -> Result<Option<DestinationRow>> {
        self.one(by_id(id)).await
    }
}

impl Edit {
    /// A Destination as this edit sees it.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn destination(&mut self, id: &DestinationId) -> Result<Option<DestinationRow>> {
        self.work.one(by_id(id)).await
    }

    /// The Destinations of a Stream as this edit sees them, by place.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn destinations_of(&mut self, stream: &StreamId) -> Result<Vec<DestinationRow>> {
        self.work.all(of_stream(stream)).await
    }

    /// Makes a Destination.
    ///
    /// # Errors
    /// [`Error::NameTaken`], [`Error::NotFound`] without the Stream, [`Error::Invalid`] for an
    /// unknown word.
    pub async fn create_destination(&mut self, new: NewDestination) -> Result<DestinationRow> {
        let row = new.id.text();
        let ring = &self.work.ring;
        let seal =
            |column, secret: Option<Secret>| secret.map(|s| ring.seal(place(column, &row), &s));
        let insert = query(
            "INSERT INTO destination (id, stream_id, name, service, url, key_sealed, user, password_sealed, \
             backup_url, backup_key_sealed, backup_user, backup_password_sealed, backup_mode, config_change, \
             announce, video_track, audio_track, enabled, notes, created_at, position, version) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
             (SELECT coalesce(max(position), 0) + 1 FROM destination WHERE stream_id = ?2), \
             (SELECT 1 + coalesce(max(CAST(value AS INTEGER)), 0) FROM setting WHERE key = 'versions.gone'))",
        )
        .bind(&row)
        .bind(new.stream_id.text())
        .bind(&new.name)
        .bind(new.service)
        .bind(new.url)
        .bind(seal("key_sealed", new.key))
        .bind(new.user)
        .bind(seal("password_sealed", new.password))
        .bind(new.backup_url)
        .bind(seal("backup_key_sealed", new.backup_key))
        .bind(new.backup_user)
        .bind(seal("backup_password_sealed", new.backup_password))
        .bind(new.backup_mode)
        .bind(new.config_change)
        .bind(new.announce)
        .bind(new.video_track)
        .bind(new.audio_track)
        .bind(new.enabled)
        .bind(new.notes)
        .bind(new.created_at.0);
        self.work.named(insert, WHAT, &new.name).await?;
        self.work.must(by_id(&new.id), WHAT).await
    }

    /// Changes a Destination.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`], and as [`Self::create_destination`].
    pub async fn edit_destination(
        &mut self,
        id: &DestinationId,
        seen: Option<i64>,
        edit: DestinationEdit,
    ) -> Result<DestinationRow> {
        let row: DestinationRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        if edit.name.as_ref().is_some_and(|name| *name != row.name) {
            self.gone(row.version).await?;
        }
        self.reseal(id, "key_sealed", edit.key.clone()).await?;
        self.reseal(id, "password_sealed", edit.password.clone()).await?;
        self.reseal(id, "backup_key_sealed", edit.backup_key.clone()).await?;
        self.reseal(id, "backup_password_sealed", edit.backup_password.clone()).await?;
        let row = changed(row, edit);
        let name = row.name.clone();
        self.work.named(update(row), WHAT, &name).await?;
        self.work.must(by_id(id), WHAT).await
    }

    /// Sets a sealed column; the others stay as they are, readable or not.
    async fn reseal(
        &mut self,
        id: &DestinationId,
        column: &'static str,
        change: Option<Option<Secret>>,
    ) -> Result<()> {
        let Some(secret) = change else { return Ok(()) };
        let row = id.text();
        let sealed = secret.map(|s| self.work.ring.seal(place(column, &row), &s));
        let update = match column {
            "key_sealed" => "UPDATE destination SET key_sealed = ?2 WHERE id = ?1",
            "password_sealed" => "UPDATE destination SET password_sealed = ?2 WHERE id = ?1",
            "backup_key_sealed" => "UPDATE destination SET backup_key_sealed = ?2 WHERE id = ?1",
            _ => "UPDATE destination SET backup_password_sealed = ?2 WHERE id = ?1",
        };
        self.work.execute(query(update).bind(row).bind(sealed)).await.map(drop)
    }

    /// Deletes a Destination.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`].
    pub async fn delete_destination(
        &mut self,
        id: &DestinationId,
        seen: Option<i64>,
    ) -> Result<()> {
        let row: DestinationRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        self.gone(row.version).await?;
        let delete = query("DELETE FROM destination WHERE id = ?1").bind(id.text());
        self.work.existing(delete, WHAT).await
    }

    /// Puts the Destinations of a Stream into an order. No edit of theirs: versions stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless each of them is named once.
    pub async fn order_destinations(
        &mut self,
        stream: &StreamId,
        order: &[DestinationId],
    ) -> Result<()> {
        let rows = self.destinations_of(stream).await?;
        let mut have: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut named = order.to_vec();
        have.sort_unstable();
        named.sort_unstable();
        if have != named {
            let what = "an order has to name each destination of the stream once".to_owned();
            return Err(Error::Invalid { what });
        }
        for (position, id) in (1_i64..).zip(order) {
            let update = query("UPDATE destination SET position = ?2 WHERE id = ?1");
            self.work.execute(update.bind(id.text()).bind(position)).await?;
        }
        Ok(())
    }
}

fn changed(mut row: DestinationRow, edit: DestinationEdit) -> DestinationRow {
    set(&mut row.name, edit.name);
    set(&mut row.service, edit.service);
    set(&mut row.url, edit.url);
    set(&mut row.user, edit.user);
    set(&mut row.backup_url, edit.backup_url);
    set(&mut row.backup_user, edit.backup_user);
    set(&mut row.backup_mode, edit.backup_mode);
    set(&mut row.config_change, edit.config_change);
    set(&mut row.announce, edit.announce);
    set(&mut row.video_track, edit.video_track);
    set(&mut row.audio_track, edit.audio_track);
    set(&mut row.enabled, edit.enabled);
    set(&mut row.notes, edit.notes);
    row
}

fn update(row: DestinationRow) -> Statement<'static> {
    query(
        "UPDATE destination SET name = ?2, service = ?3, url = ?4, user = ?5, backup_url = ?6, backup_user = ?7, \
         backup_mode = ?8, config_change = ?9, announce = ?10, video_track = ?11, audio_track = ?12, enabled = ?13, \
         notes = ?14, version = version + 1 WHERE id = ?1",
    )
    .bind(row.id.text())
    .bind(row.name)
    .bind(row.service)
    .bind(row.url)
    .bind(row.user)
    .bind(row.backup_url)
    .bind(row.backup_user)
    .bind(row.backup_mode)
    .bind(row.config_change)
    .bind(row.announce)
    .bind(row.video_track)
    .bind(row.audio_track)
    .bind(row.enabled)
    .bind(row.notes)
}
