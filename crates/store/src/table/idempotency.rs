//! `idempotency`: what was answered to requests that may come twice. Kept for 24 hours, 10,000 at most. The
//! answer is sealed: it may be the one that shows a new key.

use crate::IDEMPOTENCY_HOURS;
use crate::edit::Edit;
use crate::error::Result;
use crate::row::{Row, time};
use crate::store::{Store, Work};
use crate::time::UnixMs;
use crate::vault::{Place, Ring};
use manycast_hub::Secret;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};
use std::time::Duration;

const MOST: i64 = 10_000;

/// An answer that was given.
#[derive(Clone, Debug)]
pub struct IdempotencyRow {
    /// Who asked.
    pub actor: String,
    /// The key that he gave the request.
    pub key: String,
    /// Method and path.
    pub route: String,
    /// Digest of the body: another body under the same key is a fault of the caller.
    pub body_hash: Vec<u8>,
    /// The status that was answered.
    pub status: u16,
    /// The body that was answered.
    pub answer: Secret,
    /// When.
    pub created_at: UnixMs,
}

/// The one way to name the row in its sealed answer; `rotate.rs` builds the same in SQL.
fn row_of(actor: &str, key: &str) -> String {
    format!("{actor}\n{key}")
}

fn place(row: &str) -> Place<'_> {
    Place { table: "idempotency", column: "answer_sealed", row }
}

/// `None`: the answer cannot be read any more, so it is as if it was never given.
struct Readable(Option<IdempotencyRow>);

impl Row for Readable {
    fn read(row: &SqliteRow, ring: &Ring) -> sqlx::Result<Self> {
        let (actor, key): (String, String) = (row.try_get("actor")?, row.try_get("key")?);
        let name = row_of(&actor, &key);
        let answer = crate::row::kept(row, ring, place(&name))?;
        let Some(answer) = answer.secret().cloned() else { return Ok(Self(None)) };
        Ok(Self(Some(IdempotencyRow {
            actor,
            key,
            route: row.try_get("route")?,
            body_hash: row.try_get("body_hash")?,
            status: row.try_get("status")?,
            answer,
            created_at: time(row, "created_at")?,
        })))
    }
}

/// Since when answers count.
pub(crate) fn oldest(now: UnixMs) -> UnixMs {
    now.minus(Duration::from_secs(IDEMPOTENCY_HOURS * 3_600))
}

async fn remember(work: &mut Work, new: IdempotencyRow) -> Result<()> {
    let expired =
        query("DELETE FROM idempotency WHERE actor = ?1 AND key = ?2 AND created_at < ?3");
    let expired = expired.bind(&new.actor).bind(&new.key).bind(oldest(new.created_at).0);
    work.execute(expired).await?;
    let sealed = work.ring.seal(place(&row_of(&new.actor, &new.key)), &new.answer);
    let insert = query(
        "INSERT INTO idempotency (actor, key, route, body_hash, status, answer_sealed, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(new.actor)
    .bind(&new.key)
    .bind(new.route)
    .bind(new.body_hash)
    .bind(new.status)
    .bind(sealed)
    .bind(new.created_at.0);
    work.named(insert, "idempotency key", &new.key).await?;
    let bound =
        query("DELETE FROM idempotency WHERE rowid <= (SELECT max(rowid) FROM idempotency) - ?1");
    work.execute(bound.bind(MOST)).await.map(drop)
}

impl Store {
    /// The answer that was given to a request within the last 24 hours.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn idempotency(
        &self,
        actor: &str,
        key: &str,
        now: UnixMs,
    ) -> Result<Option<IdempotencyRow>> {
        let found =
            query("SELECT * FROM idempotency WHERE actor = ?1 AND key = ?2 AND created_at >= ?3")
                .bind(actor)
                .bind(key)
                .bind(oldest(now).0);
        Ok(self.one::<Readable>(found).await?.and_then(|row| row.0))
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// [`crate::Error::NameTaken`]: one is kept under this key.
    pub async fn remember(&self, new: IdempotencyRow) -> Result<()> {
        let mut work = self.work().await?;
        remember(&mut work, new).await?;
        work.commit().await
    }
}

impl Edit {
    /// Keeps an answer together with the change that it is about.
    ///
    /// # Errors
    /// [`crate::Error::NameTaken`]: one is kept under this key.
    pub async fn remember(&mut self, new: IdempotencyRow) -> Result<()> {
        remember(&mut self.work, new).await
    }
}
