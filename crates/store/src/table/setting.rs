//! `setting`: single values by name. Not for secrets.

use crate::edit::Edit;
use crate::error::Result;
use crate::row::Row;
use crate::store::Store;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query, query_scalar};

struct Setting {
    key: String,
    value: String,
}

impl Row for Setting {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self { key: row.try_get("key")?, value: row.try_get("value")? })
    }
}

impl Store {
    /// A setting.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn setting(&self, key: &str) -> Result<Option<String>> {
        self.scalar(query_scalar("SELECT value FROM setting WHERE key = ?1").bind(key)).await
    }

    /// All settings by name.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn settings(&self) -> Result<Vec<(String, String)>> {
        let all: Vec<Setting> = self.all(query("SELECT * FROM setting ORDER BY key")).await?;
        Ok(all.into_iter().map(|s| (s.key, s.value)).collect())
    }
}

/// The highest version that anything had which is gone. What is made anew under an old name begins
/// beyond it, so that nobody who saw the old one edits the new one.
pub(crate) const VERSIONS_GONE: &str = "versions.gone";

impl Edit {
    /// Notes that something of this version is gone, or has another name now.
    pub(crate) async fn gone(&mut self, version: i64) -> Result<()> {
        let note = query(
            "INSERT INTO setting (key, value) VALUES (?1, CAST(?2 AS TEXT)) ON CONFLICT (key) DO UPDATE \
             SET value = CAST(max(CAST(value AS INTEGER), ?2) AS TEXT)",
        );
        self.work.execute(note.bind(VERSIONS_GONE).bind(version)).await.map(drop)
    }

    /// Sets a setting, or takes it away.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn set_setting(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        let change = match value {
            Some(value) => query(
                "INSERT INTO setting (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .bind(key)
            .bind(value),
            None => query("DELETE FROM setting WHERE key = ?1").bind(key),
        };
        self.work.execute(change).await.map(drop)
    }
}
