//! `event`: what happened. The newest 100,000 are kept, for 90 days; numbers are never used twice.

use crate::EVENTS_MAX;
use crate::error::Result;
use crate::page::{Page, PageRequest};
use crate::row::{Row, time};
use crate::store::Store;
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query, query_scalar};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// When.
    pub at: UnixMs,
    /// `stream.started`, `destination.failing`, ...
    pub kind: String,
    /// The Stream that it is about.
    pub stream: Option<String>,
    /// The Destination that it is about.
    pub destination: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// `info`, `good`, `warning` or `act`.
    pub severity: String,
    /// A sentence.
    pub text: String,
    /// A JSON object with details.
    pub data: String,
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number; they rise for ever.
    pub id: i64,
    /// What happened.
    pub event: NewEvent,
}

impl Row for EventRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        let event = NewEvent {
            at: time(row, "at")?,
            kind: row.try_get("kind")?,
            stream: row.try_get("stream")?,
            destination: row.try_get("destination")?,
            actor: row.try_get("actor")?,
            address: row.try_get("address")?,
            severity: row.try_get("severity")?,
            text: row.try_get("text")?,
            data: row.try_get("data")?,
        };
        Ok(Self { id: row.try_get("id")?, event })
    }
}

/// Which events; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// A kind, or with a dot at its end all that begin so: `destination.`
    pub kind: Option<String>,
    /// About this Stream.
    pub stream: Option<String>,
    /// About the Destination of this name.
    pub destination: Option<String>,
}

/// Both forms share their conditions; with a Stream the index `event_stream` is walked.
macro_rules! select {
    ($stream:literal) => {
        concat!(
            "SELECT * FROM event WHERE id < ?1 AND ",
            $stream,
            " AND (?3 IS NULL OR kind = ?3 OR (substr(?3, -1) = '.' AND substr(kind, 1, length(?3)) = ?3)) \
             AND (?4 IS NULL OR destination = ?4) ORDER BY id DESC LIMIT ?5"
        )
    };
}

impl Store {
    /// Keeps events, all or none, and answers their numbers. The oldest beyond 100,000 go.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for an unknown severity, and those that are
    /// [`crate::Error::is_unavailable`].
    pub async fn insert_events(&self, new: &[NewEvent]) -> Result<Vec<i64>> {
        let mut ids = Vec::with_capacity(new.len());
        if new.is_empty() {
            return Ok(ids);
        }
        let mut work = self.work().await?;
        for event in new {
            let insert = query_scalar(
                "INSERT INTO event (at, kind, stream, destination, actor, address, severity, text, data) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
            )
            .bind(event.at.0)
            .bind(&event.kind)
            .bind(&event.stream)
            .bind(&event.destination)
            .bind(&event.actor)
            .bind(&event.address)
            .bind(&event.severity)
            .bind(&event.text)
            .bind(&event.data);
            ids.extend(work.scalar::<i64>(insert).await?);
        }
        let newest = ids.last().copied().unwrap_or(0);
        let too_old = query("DELETE FROM event WHERE id <= ?1").bind(newest - EVENTS_MAX);
        work.execute(too_old).await?;
        work.commit().await?;
        Ok(ids)
    }

    /// Events, the newest first; the cursor is the number of the last one.
    ///
    /// # Errors
    /// [`crate::Error::BadCursor`], and those that are [`crate::Error::is_unavailable`].
    pub async fn events(&self, which: EventFilter, ask: PageRequest) -> Result<Page<EventRow>> {
        let select = match which.stream {
            Some(_) => select!("stream = ?2"),
            None => select!("?2 IS NULL"),
        };
        let found = query(select)
            .bind(ask.number(i64::MAX)?)
            .bind(which.stream)
            .bind(which.kind)
            .bind(which.destination)
            .bind(ask.rows());
        self.page(&ask, found, |row: &EventRow| row.id.to_string()).await
    }

    /// Events after a number, the oldest first.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn events_after(&self, id: i64, limit: u32) -> Result<Vec<EventRow>> {
        let found = query("SELECT * FROM event WHERE id > ?1 ORDER BY id LIMIT ?2");
        self.all(found.bind(id).bind(limit)).await
    }

    /// The number of the newest event; 0: there was none yet.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn last_event_id(&self) -> Result<i64> {
        let last = query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
        Ok(self.scalar(last).await?.unwrap_or(0))
    }
}
