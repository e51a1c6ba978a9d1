//! The keys of the vault and the database: which one seals, and how it is changed for another.
//!
//! The table `vault_key` says which key is in force, so that a process that is killed in the middle of a
//! rotation finds either all values sealed with the old key or all with the new one:
//!
//! ```text
//! 1  the file holds both keys                 killed here: the old one is in force, the new one is never used
//! 2  one transaction: all values, vault_key   killed here: before it or after it
//! 3  the file holds the new key alone         killed here: done at the next start
//! ```

use crate::error::{Error, Result};
use crate::open::{Files, LostKey};
use crate::store::Store;
use crate::table::audit::AuditEntry;
use crate::time::UnixMs;
use crate::vault::{Key, KeyId, Place, Ring};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row as _, query};
use std::path::Path;
use std::sync::atomic::Ordering;

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The id of the new key.
    pub key_id: String,
    /// How many values were sealed again.
    pub resealed: u64,
}

/// A column whose values are sealed.
struct Column {
    table: &'static str,
    column: &'static str,
    select: &'static str,
    update: &'static str,
}

macro_rules! column {
    ($table:literal, $column:literal, $row:literal) => {
        Column {
            table: $table,
            column: $column,
            select: concat!(
                "SELECT rowid AS at, ",
                $row,
                " AS place, ",
                $column,
                " AS sealed FROM ",
                $table,
                " WHERE ",
                $column,
                " IS NOT NULL"
            ),
            update: concat!("UPDATE ", $table, " SET ", $column, " = ?2 WHERE rowid = ?1"),
        }
    };
}

/// All of them; a test compares this with the schema.
const SEALED: &[Column] = &[
    column!("user", "totp_sealed", "id"),
    column!("destination", "key_sealed", "id"),
    column!("destination", "password_sealed", "id"),
    column!("destination", "backup_key_sealed", "id"),
    column!("destination", "backup_password_sealed", "id"),
    column!("webhook", "secret_sealed", "id"),
    column!("webhook", "old_secret_sealed", "id"),
    column!("idempotency", "answer_sealed", "actor || char(10) || key"),
];

/// What `vault_key` says.
struct Known {
    in_force: Option<KeyId>,
    retired: Vec<KeyId>,
}

async fn known(conn: &mut SqliteConnection) -> Result<Known> {
    let rows = query("SELECT id, retired_at FROM vault_key ORDER BY rowid").fetch_all(conn).await?;
    let mut known = Known { in_force: None, retired: Vec::new() };
    for row in &rows {
        let Some(id) = KeyId::parse(row.try_get("id")?) else { continue };
        match row.try_get::<Option<i64>, _>("retired_at")? {
            Some(_) => known.retired.push(id),
            None => known.in_force = Some(id),
        }
    }
    Ok(known)
}

async fn enter(conn: &mut SqliteConnection, id: KeyId) -> Result<()> {
    let insert = query("INSERT OR IGNORE INTO vault_key (id, created_at) VALUES (?1, ?2)");
    insert.bind(id.to_string()).bind(UnixMs::now().0).execute(conn).await?;
    Ok(())
}

/// The keys as they are at the start; makes the first one.
pub(crate) async fn open_ring(
    conn: &mut SqliteConnection,
    files: &Files,
    lost: LostKey,
) -> Result<Ring> {
    let found = known(conn).await?;
    let ring = Ring::read(&files.vault_key)?;
    if let (Some(id), Some(ring)) = (found.in_force, ring.clone())
        && let Some(ring) = ring.sealing_with(id)
    {
        return Ok(without_retired(ring, &found.retired, &files.vault_key));
    }
    if found.in_force.is_some() && lost == LostKey::Refuse {
        return Err(missing(&found, ring.as_ref(), &files.vault_key));
    }
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    // Another process may have made the first key while we waited.
    let (again, there) = (known(&mut tx).await?, Ring::read(&files.vault_key)?);
    let ring = match (again.in_force, there) {
        (Some(id), Some(ring)) if ring.key(id).is_some() => {
            return ring.sealing_with(id).ok_or_else(|| missing(&again, None, &files.vault_key));
        }
        (None, Some(ring)) => ring,
        (Some(_), Some(ring)) => ring.with(Key::new()),
        (_, None) => Ring::of(vec![Key::new()]),
    };
    ring.write(&files.vault_key)?;
    enter(&mut tx, ring.current().id).await?;
    tx.commit().await?;
    Ok(ring)
}

/// Finishes a rotation that was cut off before its last step.
fn without_retired(ring: Ring, retired: &[KeyId], file: &Path) -> Ring {
    let rest = ring.without(retired);
    if rest.len() < ring.len()
        && let Err(error) = rest.write(file)
    {
        tracing::warn!(%error, "a retired key stays in the vault's key file");
    }
    rest
}

fn missing(known: &Known, ring: Option<&Ring>, file: &Path) -> Error {
    let id = known.in_force.map(|id| id.to_string()).unwrap_or_default();
    let why = match ring {
        Some(_) => {
            format!("the key {id}, which the secrets in the database are sealed with, is not in it")
        }
        None => format!("it is not there, and with it the key {id} of the secrets in the database"),
    };
    Error::VaultKey { file: file.to_owned(), why }
}

/// That these keys open what is in a database. If they do not and that is allowed: the key that would.
pub(crate) async fn opens(
    conn: &mut SqliteConnection,
    ring: Option<&Ring>,
    file: &Path,
    lost: LostKey,
) -> Result<Option<String>> {
    let known = known(conn).await?;
    let Some(id) = known.in_force.filter(|id| ring.is_none_or(|ring| ring.key(*id).is_none()))
    else {
        return Ok(None);
    };
    match lost {
        LostKey::Refuse => Err(missing(&known, ring, file)),
        LostKey::Forget => Ok(Some(id.to_string())),
    }
}

impl Store {
    /// Makes a new key, seals everything with it, and drops the old one. One transaction: kept
    /// whole or not at all, also when the caller goes away. Only for the instance that holds the lock of the
    /// directory: another one would go on with the old key.
    ///
    /// # Errors
    /// [`Error::VaultKey`] if the key file cannot be written; others that are
    /// [`Error::is_unavailable`]. The old key is in force then.
    pub async fn rotate_vault(&self, entry: AuditEntry) -> Result<Rotated> {
        let store = self.clone();
        let done = tokio::spawn(async move { store.rotate(entry).await }).await;
        done.unwrap_or_else(|error| {
            Err(Error::Io { what: "the rotation ended early".to_owned(), why: error.to_string() })
        })
    }

    async fn rotate(&self, entry: AuditEntry) -> Result<Rotated> {
        if self.0.damaged.load(Ordering::Relaxed) {
            return Err(self.0.files.corrupt());
        }
        let tx = self.0.writer.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = self.told(tx.map_err(Error::from))?;
        // No reader may hold rows of before with keys of after, or the other way round.
        let mut ring = self.0.ring.write().await;
        let old = ring.clone();
        let both = old.with(Key::new());
        both.write(&self.0.files.vault_key)?;
        let resealed = self.told(seal_again(&mut tx, &both, entry).await)?;
        if let Err(error) = self.told(tx.commit().await.map_err(Error::from)) {
            // What failed may have been the answer alone: the database knows which key is in force.
            let before = both.clone().sealing_with(old.current().id);
            let in_force = self.in_force(&both).await.or(before);
            *ring = in_force.unwrap_or_else(|| old.clone());
            if ring.current().id != both.current().id {
                return Err(error);
            }
        }
        *ring = both.without(&old.ids().collect::<Vec<_>>());
        if let Err(error) = ring.write(&self.0.files.vault_key) {
            tracing::warn!(%error, "the old key stays in the vault's key file until the next start");
        }
        let key_id = ring.current().id.to_string();
        drop(ring);
        self.fold().await;
        Ok(Rotated { key_id, resealed })
    }

    async fn in_force(&self, ring: &Ring) -> Option<Ring> {
        let mut conn = self.0.writer.acquire().await.ok()?;
        let known = known(&mut conn).await.ok()?;
        ring.clone().sealing_with(known.in_force?)
    }

    /// So that what the old key sealed is in the write-ahead log no longer.
    async fn fold(&self) {
        if let Ok(mut conn) = self.0.writer.acquire().await {
            let _ = query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *conn).await;
        }
    }

    /// How many sealed values no key of the vault opens.
    ///
    /// # Errors
    /// Those that are [`Error::is_unavailable`].
    pub async fn unreadable(&self) -> Result<u64> {
        let mut reading = self.reading().await?;
        let mut count = 0;
        for column in SEALED {
            let rows = query(column.select).fetch_all(&mut *reading.conn).await;
            for row in self.told(rows.map_err(Error::from))? {
                let sealed: Vec<u8> = row.try_get("sealed")?;
                let place = place(column, row.try_get("place")?);
                count += u64::from(reading.ring.open(place, &sealed).is_none());
            }
        }
        Ok(count)
    }
}

fn place<'a>(column: &Column, row: &'a str) -> Place<'a> {
    Place { table: column.table, column: column.column, row }
}

async fn seal_again(conn: &mut SqliteConnection, ring: &Ring, entry: AuditEntry) -> Result<u64> {
    let mut resealed = 0;
    for column in SEALED {
        for row in query(column.select).fetch_all(&mut *conn).await? {
            let sealed: Vec<u8> = row.try_get("sealed")?;
            let Some(fresh) = ring.reseal(place(column, row.try_get("place")?), &sealed) else {
                continue;
            };
            let at: i64 = row.try_get("at")?;
            query(column.update).bind(at).bind(fresh).execute(&mut *conn).await?;
            resealed += 1;
        }
    }
    let now = UnixMs::now().0;
    for old in ring.ids().filter(|id| *id != ring.current().id) {
        let retire =
            query("UPDATE vault_key SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL");
        retire.bind(old.to_string()).bind(now).execute(&mut *conn).await?;
    }
    enter(conn, ring.current().id).await?;
    entry.insert().execute(conn).await?;
    Ok(resealed)
}

#[cfg(test)]
mod tests;
