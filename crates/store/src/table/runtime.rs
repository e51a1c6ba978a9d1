//! `runtime`: what is chosen while the server runs for things that the configuration file defines.

use crate::edit::Edit;
use crate::error::Result;
use crate::row::Row;
use crate::store::{Statement, Store};
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeRow {
    /// The name of the Stream.
    pub stream: String,
    /// The name of the Destination; empty: of the Stream itself.
    pub destination: String,
    /// What is chosen: `air`, `enabled`.
    pub field: String,
    /// The choice.
    pub value: String,
}

impl Row for RuntimeRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            stream: row.try_get("stream")?,
            destination: row.try_get("destination")?,
            field: row.try_get("field")?,
            value: row.try_get("value")?,
        })
    }
}

fn choose<'q>(
    stream: &'q str,
    destination: &'q str,
    field: &'q str,
    value: Option<&'q str>,
) -> Statement<'q> {
    let named =
        |statement: &'static str| query(statement).bind(stream).bind(destination).bind(field);
    match value {
        Some(value) => named(
            "INSERT INTO runtime (stream, destination, field, value) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (stream, destination, field) DO UPDATE SET value = excluded.value",
        )
        .bind(value),
        None => named("DELETE FROM runtime WHERE stream = ?1 AND destination = ?2 AND field = ?3"),
    }
}

impl Store {
    /// All choices.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn runtime(&self) -> Result<Vec<RuntimeRow>> {
        self.all(query("SELECT * FROM runtime ORDER BY stream, destination, field")).await
    }

    /// Keeps, or with `None` forgets, what the server itself has chosen: no person's change, so no
    /// entry of the audit log.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn note_runtime(
        &self,
        stream: &str,
        destination: &str,
        field: &str,
        value: Option<&str>,
    ) -> Result<()> {
        self.execute(choose(stream, destination, field, value)).await.map(drop)
    }
}

impl Edit {
    /// Keeps, or with `None` forgets, a choice.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn set_runtime(
        &mut self,
        stream: &str,
        destination: &str,
        field: &str,
        value: Option<&str>,
    ) -> Result<()> {
        self.work.execute(choose(stream, destination, field, value)).await.map(drop)
    }
}
