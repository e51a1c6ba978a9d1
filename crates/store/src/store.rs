//! The handle on an open database: its connections, and how a read or an unaudited write runs.
//!
//! Not here: SQL of tables (`table/`), opening (`open.rs`).

use crate::error::{Error, Result};
use crate::open::Files;
use crate::page::{Page, PageRequest};
use crate::row::Row;
use crate::vault::Ring;
use sqlx::query::{Query, QueryScalar};
use sqlx::sqlite::{SqliteArguments, SqlitePool};
use sqlx::{Sqlite, SqliteConnection, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// A statement with its values.
pub(crate) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;
/// A statement that answers one value per row.
pub(crate) type Scalar<'q, T> = QueryScalar<'q, Sqlite, T, SqliteArguments>;

/// The open database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Store(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub files: Files,
    pub schema: u32,
    /// One connection, so that writers wait for each other here and in order.
    pub writer: SqlitePool,
    pub readers: SqlitePool,
    /// Written only by a rotation of the keys; whoever reads sealed columns holds it meanwhile.
    pub ring: Arc<RwLock<Ring>>,
    /// Set once SQLite found damage: from then on nothing is written.
    pub damaged: AtomicBool,
}

impl Store {
    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.files.database
    }

    /// The file with the vault's keys.
    #[must_use]
    pub fn vault_key_path(&self) -> &Path {
        &self.0.files.vault_key
    }

    /// The number of the schema.
    #[must_use]
    pub fn schema(&self) -> u32 {
        self.0.schema
    }

    /// Bytes on disk: the file and its write-ahead log.
    pub async fn size(&self) -> u64 {
        let mut bytes = 0;
        for file in [self.path().to_owned(), crate::disk::beside(self.path(), "-wal")] {
            bytes += tokio::fs::metadata(file).await.map_or(0, |m| m.len());
        }
        bytes
    }

    /// Whether it can be written to at this moment.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<()> {
        let mut work = self.work().await?;
        // A read-only file lets a transaction begin; only a statement that writes is refused.
        work.execute(sqlx::query("DELETE FROM setting WHERE key IS NULL")).await?;
        self.told(work.tx.rollback().await.map_err(Error::from))
    }

    /// Reads the whole file and looks for damage. Costs a pass over the file; nobody waits for it.
    ///
    /// # Errors
    /// [`Error::Corrupt`]; from then on nothing is written.
    pub async fn verify(&self) -> Result<()> {
        let mut reading = self.reading().await?;
        let checked = crate::open::check(&mut reading.conn, "PRAGMA integrity_check(1)").await;
        self.told(checked)
    }

    /// Ends all connections and folds the write-ahead log into the file. Later calls answer
    /// [`Error::Closed`].
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    /// Adds to an error what only the open database knows, and remembers damage.
    pub(crate) fn told<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match error {
            Error::Corrupt { .. } => {
                if !self.0.damaged.swap(true, Ordering::Relaxed) {
                    tracing::error!(file = %self.path().display(), "the database is damaged: nothing more is written to it");
                }
                self.0.files.corrupt()
            }
            other => other,
        })
    }

    pub(crate) async fn reading(&self) -> Result<Reading> {
        let ring = self.0.ring.clone().read_owned().await;
        let conn = self.told(self.0.readers.acquire().await.map_err(Error::from))?;
        Ok(Reading { conn, ring })
    }

    /// Begins a write without an entry of the audit log.
    pub(crate) async fn work(&self) -> Result<Work> {
        if self.0.damaged.load(Ordering::Relaxed) {
            return Err(self.0.files.corrupt());
        }
        let tx = self.0.writer.begin_with("BEGIN IMMEDIATE").await;
        let tx = self.told(tx.map_err(Error::from))?;
        let ring = self.0.ring.clone().read_owned().await;
        Ok(Work { store: self.clone(), tx, ring, broken: None })
    }

    pub(crate) async fn one<T: Row>(&self, statement: Statement<'_>) -> Result<Option<T>> {
        let mut reading = self.reading().await?;
        self.told(one(&mut reading.conn, &reading.ring, statement).await)
    }

    pub(crate) async fn all<T: Row>(&self, statement: Statement<'_>) -> Result<Vec<T>> {
        let mut reading = self.reading().await?;
        self.told(all(&mut reading.conn, &reading.ring, statement).await)
    }

    /// Reads a page; the statement's limit is [`PageRequest::rows`].
    pub(crate) async fn page<T: Row>(
        &self,
        ask: &PageRequest,
        statement: Statement<'_>,
        cursor: impl Fn(&T) -> String,
    ) -> Result<Page<T>> {
        Ok(ask.cut(self.all(statement).await?, cursor))
    }

    pub(crate) async fn scalar<T>(&self, statement: Scalar<'_, T>) -> Result<Option<T>>
    where
        T: Send + Unpin,
        (T,): for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
    {
        let mut reading = self.reading().await?;
        self.told(statement.fetch_optional(&mut *reading.conn).await.map_err(Error::from))
    }

    /// One statement as a write of its own, without an entry of the audit log.
    pub(crate) async fn execute(&self, statement: Statement<'_>) -> Result<u64> {
        let mut work = self.work().await?;
        let rows = work.execute(statement).await?;
        work.commit().await?;
        Ok(rows)
    }
}

/// A connection that only reads, with the keys that what it reads is sealed with.
pub(crate) struct Reading {
    pub conn: sqlx::pool::PoolConnection<Sqlite>,
    pub ring: OwnedRwLockReadGuard<Ring>,
}

/// A write that has begun. Dropped without [`Self::commit`] it leaves nothing.
pub(crate) struct Work {
    pub store: Store,
    pub tx: Transaction<'static, Sqlite>,
    pub ring: OwnedRwLockReadGuard<Ring>,
    /// SQLite may have rolled back by itself: what came after would be a change of its own.
    broken: Option<Error>,
}

impl Work {
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64> {
        let done = statement.execute(self.conn()?).await;
        self.told(done.map(|d| d.rows_affected()).map_err(Error::from))
    }

    /// As [`Self::execute`], where a name has to be unique.
    pub(crate) async fn named(
        &mut self,
        statement: Statement<'_>,
        what: &'static str,
        name: &str,
    ) -> Result<()> {
        let done = statement.execute(self.conn()?).await;
        self.told(done.map(drop).map_err(|error| Error::taken(error, what, name)))
    }

    /// As [`Self::execute`], for one row that has to be there.
    pub(crate) async fn existing(
        &mut self,
        statement: Statement<'_>,
        what: &'static str,
    ) -> Result<()> {
        if self.execute(statement).await? == 0 { Err(Error::NotFound { what }) } else { Ok(()) }
    }

    pub(crate) async fn one<T: Row>(&mut self, statement: Statement<'_>) -> Result<Option<T>> {
        self.whole()?;
        let read = one(&mut self.tx, &self.ring, statement).await;
        self.told(read)
    }

    pub(crate) async fn must<T: Row>(
        &mut self,
        statement: Statement<'_>,
        what: &'static str,
    ) -> Result<T> {
        self.one(statement).await?.ok_or(Error::NotFound { what })
    }

    pub(crate) async fn all<T: Row>(&mut self, statement: Statement<'_>) -> Result<Vec<T>> {
        self.whole()?;
        let read = all(&mut self.tx, &self.ring, statement).await;
        self.told(read)
    }

    pub(crate) async fn scalar<T>(&mut self, statement: Scalar<'_, T>) -> Result<Option<T>>
    where
        T: Send + Unpin,
        (T,): for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
    {
        let read = statement.fetch_optional(self.conn()?).await.map_err(Error::from);
        self.told(read)
    }

    /// Returns once it is on disk.
    pub(crate) async fn commit(self) -> Result<()> {
        self.whole()?;
        let done = self.tx.commit().await.map_err(Error::from);
        self.store.told(done)
    }

    fn whole(&self) -> Result<()> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn conn(&mut self) -> Result<&mut SqliteConnection> {
        self.whole()?;
        Ok(&mut self.tx)
    }

    fn told<T>(&mut self, result: Result<T>) -> Result<T> {
        let result = self.store.told(result);
        if let Err(error) = &result
            && error.is_unavailable()
        {
            self.broken = Some(error.clone());
        }
        result
    }
}

async fn one<T: Row>(
    conn: &mut SqliteConnection,
    ring: &Ring,
    statement: Statement<'_>,
) -> Result<Option<T>> {
    let row = statement.fetch_optional(conn).await?;
    Ok(row.map(|row| T::read(&row, ring)).transpose()?)
}

async fn all<T: Row>(
    conn: &mut SqliteConnection,
    ring: &Ring,
    statement: Statement<'_>,
) -> Result<Vec<T>> {
    let rows = statement.fetch_all(conn).await?;
    Ok(rows.iter().map(|row| T::read(row, ring)).collect::<sqlx::Result<_>>()?)
}

#[cfg(test)]
mod tests;
