//! `webhook`: who is told of events. The secrets that deliveries are signed with are sealed.

use crate::edit::Edit;
use crate::error::Result;
use crate::id::WebhookId;
use crate::row::{Row, id, kept, list, listed, maybe_time, same_version, set, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::{Kept, Place, Ring};
use manycast_hub::Secret;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

const WHAT: &str = "webhook";

/// A webhook.
#[derive(Clone, Debug)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// What people call it; unique, whatever the case of its letters.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What they are signed with.
    pub secret: Kept,
    /// What they are signed with as well until `old_until`.
    pub old_secret: Kept,
    /// Until when `old_secret` counts.
    pub old_until: Option<UnixMs>,
    /// The kinds of events; empty: all.
    pub events: Vec<String>,
    /// The Streams; empty: all.
    pub streams: Vec<String>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// When it was made.
    pub created_at: UnixMs,
    /// Rises with each edit.
    pub version: i64,
}

fn place<'a>(column: &'static str, id: &'a str) -> Place<'a> {
    Place { table: "webhook", column, row: id }
}

impl Row for WebhookRow {
    fn read(row: &SqliteRow, ring: &Ring) -> sqlx::Result<Self> {
        let key: &str = row.try_get("id")?;
        Ok(Self {
            id: id(row, "id")?,
            name: row.try_get("name")?,
            url: row.try_get("url")?,
            secret: kept(row, ring, place("secret_sealed", key))?,
            old_secret: kept(row, ring, place("old_secret_sealed", key))?,
            old_until: maybe_time(row, "old_until")?,
            events: list(row, "events")?,
            streams: list(row, "streams")?,
            enabled: row.try_get("enabled")?,
            created_at: time(row, "created_at")?,
            version: row.try_get("version")?,
        })
    }
}

/// What makes a webhook.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret,
    /// The kinds of events; empty: all.
    pub events: Vec<String>,
    /// The Streams; empty: all.
    pub streams: Vec<String>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// When.
    pub created_at: UnixMs,
}

/// What changes of a webhook; `None` stays, `Some(None)` takes away.
#[derive(Clone, Debug, Default)]
pub struct WebhookEdit {
    /// What people call it.
    pub name: Option<String>,
    /// Where deliveries go.
    pub url: Option<String>,
    /// What they are signed with.
    pub secret: Option<Secret>,
    /// What they are signed with as well.
    pub old_secret: Option<Option<Secret>>,
    /// Until when `old_secret` counts.
    pub old_until: Option<Option<UnixMs>>,
    /// The kinds of events.
    pub events: Option<Vec<String>>,
    /// The Streams.
    pub streams: Option<Vec<String>>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

fn by_id(id: &WebhookId) -> Statement<'static> {
    query("SELECT * FROM webhook WHERE id = ?1").bind(id.text())
}

impl Store {
    /// All webhooks, in the order in which they were made.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn webhooks(&self) -> Result<Vec<WebhookRow>> {
        self.all(query("SELECT * FROM webhook ORDER BY id")).await
    }

    /// A webhook by its id.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn webhook(&self, id: &WebhookId) -> Result<Option<WebhookRow>> {
        self.one(by_id(id)).await
    }
}

impl Edit {
    /// A webhook as this edit sees it.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn webhook(&mut self, id: &WebhookId) -> Result<Option<WebhookRow>> {
        self.work.one(by_id(id)).await
    }

    /// Makes a webhook.
    ///
    /// # Errors
    /// [`crate::Error::NameTaken`].
    pub async fn create_webhook(&mut self, new: NewWebhook) -> Result<WebhookRow> {
        let row = new.id.text();
        let insert = query(
            "INSERT INTO webhook (id, name, url, secret_sealed, events, streams, enabled, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(&row)
        .bind(&new.name)
        .bind(new.url)
        .bind(self.work.ring.seal(place("secret_sealed", &row), &new.secret))
        .bind(listed(&new.events))
        .bind(listed(&new.streams))
        .bind(new.enabled)
        .bind(new.created_at.0);
        self.work.named(insert, WHAT, &new.name).await?;
        self.work.must(by_id(&new.id), WHAT).await
    }

    /// Changes a webhook.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`], [`crate::Error::NameTaken`].
    pub async fn edit_webhook(
        &mut self,
        id: &WebhookId,
        seen: Option<i64>,
        edit: WebhookEdit,
    ) -> Result<WebhookRow> {
        let mut row: WebhookRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        let key = id.text();
        if let Some(secret) = edit.secret {
            let sealed = self.work.ring.seal(place("secret_sealed", &key), &secret);
            let update = query("UPDATE webhook SET secret_sealed = ?2 WHERE id = ?1");
            self.work.execute(update.bind(&key).bind(sealed)).await?;
        }
        if let Some(old) = edit.old_secret {
            let ring = &self.work.ring;
            let sealed = old.map(|s| ring.seal(place("old_secret_sealed", &key), &s));
            let update = query("UPDATE webhook SET old_secret_sealed = ?2 WHERE id = ?1");
            self.work.execute(update.bind(&key).bind(sealed)).await?;
        }
        set(&mut row.name, edit.name);
        set(&mut row.url, edit.url);
        set(&mut row.old_until, edit.old_until);
        set(&mut row.events, edit.events);
        set(&mut row.streams, edit.streams);
        set(&mut row.enabled, edit.enabled);
        let update = query(
            "UPDATE webhook SET name = ?2, url = ?3, old_until = ?4, events = ?5, streams = ?6, enabled = ?7, \
             version = version + 1 WHERE id = ?1",
        )
        .bind(&key)
        .bind(&row.name)
        .bind(row.url)
        .bind(row.old_until.map(|at| at.0))
        .bind(listed(&row.events))
        .bind(listed(&row.streams))
        .bind(row.enabled);
        self.work.named(update, WHAT, &row.name).await?;
        self.work.must(by_id(id), WHAT).await
    }

    /// Deletes a webhook with its deliveries.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`].
    pub async fn delete_webhook(&mut self, id: &WebhookId, seen: Option<i64>) -> Result<()> {
        let row: WebhookRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        self.work.existing(query("DELETE FROM webhook WHERE id = ?1").bind(id.text()), WHAT).await
    }
}
