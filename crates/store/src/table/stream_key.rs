//! `stream_key`: the keys that encoders come with, by their digests. The key itself is nowhere (J2).

use crate::edit::Edit;
use crate::error::Result;
use crate::id::StreamKeyId;
use crate::row::{Row, id, list, listed, maybe_time, same_version, set, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

const WHAT: &str = "stream key";

/// A stream key.
#[derive(Clone, Debug)]
pub struct StreamKeyRow {
    /// Its id.
    pub id: StreamKeyId,
    /// The name of its Stream, which the configuration file may define.
    pub stream: String,
    /// What people call it.
    pub label: String,
    /// How it begins, to be recognised by.
    pub prefix: String,
    /// Its digest.
    pub key_hash: Vec<u8>,
    /// The addresses and networks that it holds for; empty: all.
    pub addresses: Vec<String>,
    /// When it was made.
    pub created_at: UnixMs,
    /// Until when it holds.
    pub expires_at: Option<UnixMs>,
    /// When it was revoked.
    pub revoked_at: Option<UnixMs>,
    /// When it was last used.
    pub last_used_at: Option<UnixMs>,
    /// From where.
    pub last_address: Option<String>,
    /// From where it was used before.
    pub known_addresses: Vec<String>,
    /// Rises with each edit.
    pub version: i64,
}

impl Row for StreamKeyRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            id: id(row, "id")?,
            stream: row.try_get("stream")?,
            label: row.try_get("label")?,
            prefix: row.try_get("prefix")?,
            key_hash: row.try_get("key_hash")?,
            addresses: list(row, "addresses")?,
            created_at: time(row, "created_at")?,
            expires_at: maybe_time(row, "expires_at")?,
            revoked_at: maybe_time(row, "revoked_at")?,
            last_used_at: maybe_time(row, "last_used_at")?,
            last_address: row.try_get("last_address")?,
            known_addresses: list(row, "known_addresses")?,
            version: row.try_get("version")?,
        })
    }
}

/// What makes a stream key.
#[derive(Clone, Debug)]
pub struct NewStreamKey {
    /// Its id.
    pub id: StreamKeyId,
    /// The name of its Stream.
    pub stream: String,
    /// What people call it.
    pub label: String,
    /// How it begins.
    pub prefix: String,
    /// Its digest.
    pub key_hash: Vec<u8>,
    /// The addresses and networks that it holds for; empty: all.
    pub addresses: Vec<String>,
    /// When.
    pub created_at: UnixMs,
    /// Until when it holds.
    pub expires_at: Option<UnixMs>,
}

/// What changes of a stream key; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct StreamKeyEdit {
    /// What people call it.
    pub label: Option<String>,
    /// The addresses and networks that it holds for.
    pub addresses: Option<Vec<String>>,
    /// Until when it holds; `Some(None)`: for ever.
    pub expires_at: Option<Option<UnixMs>>,
}

/// That a stream key was used.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// Which.
    pub id: StreamKeyId,
    /// When.
    pub at: UnixMs,
    /// From where.
    pub address: String,
    /// From where it was ever used, this address too.
    pub known_addresses: Vec<String>,
}

fn by_id(id: &StreamKeyId) -> Statement<'static> {
    query("SELECT * FROM stream_key WHERE id = ?1").bind(id.text())
}

impl Store {
    /// All stream keys that were not revoked, expired ones too.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream_keys(&self) -> Result<Vec<StreamKeyRow>> {
        self.all(query("SELECT * FROM stream_key WHERE revoked_at IS NULL ORDER BY id")).await
    }

    /// Those of one Stream, in the order in which they were made.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream_keys_of(&self, stream: &str) -> Result<Vec<StreamKeyRow>> {
        let found =
            query("SELECT * FROM stream_key WHERE stream = ?1 AND revoked_at IS NULL ORDER BY id");
        self.all(found.bind(stream)).await
    }

    /// Those that were revoked, the last one first.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn revoked_stream_keys(&self, most: u32) -> Result<Vec<StreamKeyRow>> {
        let found = query(
            "SELECT * FROM stream_key WHERE revoked_at IS NOT NULL \
             ORDER BY revoked_at DESC, id DESC LIMIT ?1",
        );
        self.all(found.bind(most)).await
    }

    /// A stream key by its id, revoked ones too.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream_key(&self, id: &StreamKeyId) -> Result<Option<StreamKeyRow>> {
        self.one(by_id(id)).await
    }

    /// Notes when and from where keys were last used, all at once.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn touch_stream_keys(&self, uses: &[KeyUse]) -> Result<()> {
        let mut work = self.work().await?;
        for used in uses {
            let update = query(
                "UPDATE stream_key SET last_used_at = ?2, last_address = ?3, known_addresses = ?4 WHERE id = ?1",
            )
            .bind(used.id.text())
            .bind(used.at.0)
            .bind(&used.address)
            .bind(listed(&used.known_addresses));
            work.execute(update).await?;
        }
        work.commit().await
    }
}

impl Edit {
    /// A stream key as this edit sees it.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn stream_key(&mut self, id: &StreamKeyId) -> Result<Option<StreamKeyRow>> {
        self.work.one(by_id(id)).await
    }

    /// Makes a stream key.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn create_stream_key(&mut self, new: NewStreamKey) -> Result<StreamKeyRow> {
        let insert = query(
            "INSERT INTO stream_key (id, stream, label, prefix, key_hash, addresses, created_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(new.id.text())
        .bind(new.stream)
        .bind(new.label)
        .bind(new.prefix)
        .bind(new.key_hash)
        .bind(listed(&new.addresses))
        .bind(new.created_at.0)
        .bind(new.expires_at.map(|at| at.0));
        self.work.execute(insert).await?;
        self.work.must(by_id(&new.id), WHAT).await
    }

    /// Changes a stream key.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]: there is none, or it was revoked; [`crate::Error::Conflict`].
    pub async fn edit_stream_key(
        &mut self,
        id: &StreamKeyId,
        seen: Option<i64>,
        edit: StreamKeyEdit,
    ) -> Result<StreamKeyRow> {
        let mut row: StreamKeyRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        set(&mut row.label, edit.label);
        set(&mut row.addresses, edit.addresses);
        set(&mut row.expires_at, edit.expires_at);
        let update = query(
            "UPDATE stream_key SET label = ?2, addresses = ?3, expires_at = ?4, version = version + 1 \
             WHERE id = ?1 AND revoked_at IS NULL",
        )
        .bind(id.text())
        .bind(row.label)
        .bind(listed(&row.addresses))
        .bind(row.expires_at.map(|at| at.0));
        self.work.existing(update, WHAT).await?;
        self.work.must(by_id(id), WHAT).await
    }

    /// Revokes a stream key.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]: there is none, or it was revoked before.
    pub async fn revoke_stream_key(&mut self, id: &StreamKeyId, at: UnixMs) -> Result<()> {
        let revoke = query(
            "UPDATE stream_key SET revoked_at = ?2, version = version + 1 WHERE id = ?1 AND revoked_at IS NULL",
        );
        self.work.existing(revoke.bind(id.text()).bind(at.0), WHAT).await
    }
}
