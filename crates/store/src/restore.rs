//! Putting a backup in the place of the database, while no instance runs.
//!
//! At each moment the directory holds the old database or the new one, whole: the new one is copied and
//! examined beside, the keys are joined, the old one is copied away, and then one rename decides.

use crate::backup;
use crate::disk;
use crate::error::{Error, Result};
use crate::migrate::{self, STEPS};
use crate::open::{self, Files, LostKey, Options};
use crate::rotate;
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::{ConnectOptions, Connection};
use std::fs::{OpenOptions, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The number of its schema; the next start brings it to the newest.
    pub schema: u32,
    /// Where the database lies that was there before.
    pub replaced: Option<PathBuf>,
    /// The key that its secrets are sealed with, if it is not there and that was allowed.
    pub lost_key: Option<String>,
}

/// Puts the backup `from` in the place of the database of `dir`. If there is `FROM.vault.key`, its keys
/// are added to those of the vault. Holds the lock of the directory meanwhile.
///
/// # Errors
/// [`Error::InUse`] if an instance runs; [`Error::Corrupt`], [`Error::Foreign`] or [`Error::Newer`] about
/// the backup; [`Error::VaultKey`] if the keys of its secrets are not there. Nothing was changed then.
pub async fn restore(dir: &Path, from: &Path, options: Options) -> Result<Restored> {
    let files = Files::of(dir, &options);
    disk::make_dir(dir).map_err(|e| Error::io(format!("{} cannot be made", dir.display()), &e))?;
    let _lock = lock(dir)?;
    let fresh = disk::beside(&files.database, ".restore");
    let placed = put(&files, from, &fresh, &options).await;
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let _ = disk::remove(&disk::beside(&fresh, suffix));
    }
    placed
}

async fn put(files: &Files, from: &Path, fresh: &Path, options: &Options) -> Result<Restored> {
    let (schema, keys) = prepare(files, from, fresh, options).await?;
    if let Some(ring) = keys.add {
        ring.write(&files.vault_key)?;
    }
    let replaced = set_aside(files, options).await?;
    let failed = |e: &std::io::Error| Error::io("the backup cannot be put in its place", e);
    disk::move_synced(fresh, &files.database).map_err(|e| failed(&e))?;
    if let Some(path) = &replaced {
        backup::keep_newest(&files.backups, std::slice::from_ref(path));
    }
    Ok(Restored { schema, replaced, lost_key: keys.lost })
}

/// What a backup means for the vault.
struct Keys {
    /// What its key file is to hold, if the backup brings keys.
    add: Option<Ring>,
    /// What is missing.
    lost: Option<String>,
}

/// Copies the backup beside the database and looks at all of it.
async fn prepare(
    files: &Files,
    from: &Path,
    fresh: &Path,
    options: &Options,
) -> Result<(u32, Keys)> {
    let read = |e: &std::io::Error| Error::io(format!("{} cannot be copied", from.display()), e);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        disk::remove(&disk::beside(fresh, suffix)).map_err(|e| read(&e))?;
    }
    disk::copy_synced(from, fresh).map_err(|e| read(&e))?;
    // A plain copy of a running database's files: its last commits are in the log.
    let log = disk::beside(from, "-wal");
    if log.exists() {
        disk::copy_synced(&log, &disk::beside(fresh, "-wal")).map_err(|e| read(&e))?;
    }
    let told = |error| about(error, from);
    let known = migrate::newest(STEPS);
    let schema = open::examine(fresh, options.busy, known).await.map_err(told)?;
    if schema == 0 {
        return Err(Error::Foreign { file: from.to_owned() });
    }
    let mut conn = open::writer(fresh, options.busy).connect().await?;
    let looked = whole(&mut conn, files, from, options.lost_key).await;
    // Closing the last connection folds the log into the file.
    conn.close().await?;
    let keys = looked.map_err(told)?;
    disk::sync_file(fresh).map_err(|e| read(&e))?;
    Ok((schema, keys))
}

async fn whole(
    conn: &mut sqlx::SqliteConnection,
    files: &Files,
    from: &Path,
    lost: LostKey,
) -> Result<Keys> {
    open::check(conn, "PRAGMA integrity_check(1)").await?;
    let loose = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut *conn).await?;
    if loose.is_some() {
        return Err(Error::Corrupt { file: from.to_owned(), backups: Vec::new() });
    }
    let (ours, theirs) = (Ring::read(&files.vault_key)?, Ring::read(&backup::key_of(from))?);
    let joined = match (ours, theirs.clone()) {
        (Some(ours), Some(theirs)) => Some(theirs.joined(&ours)),
        (ours, theirs) => theirs.or(ours),
    };
    let lost = rotate::opens(conn, joined.as_ref(), &files.vault_key, lost).await?;
    Ok(Keys { add: joined.filter(|_| theirs.is_some()), lost })
}

/// The sentence names the backup, not the copy of it.
fn about(error: Error, from: &Path) -> Error {
    let file = from.to_owned();
    match error {
        Error::Corrupt { .. } => Error::Corrupt { file, backups: Vec::new() },
        Error::Foreign { .. } => Error::Foreign { file },
        Error::Newer { schema, known, .. } => Error::Newer { file, schema, known },
        other => other,
    }
}

/// Copies the database that is there into the folder of backups and takes its log away, which must not
/// meet the new one.
async fn set_aside(files: &Files, options: &Options) -> Result<Option<PathBuf>> {
    let failed = |e: &std::io::Error| Error::io("the old database cannot be set aside", e);
    let log = disk::beside(&files.database, "-wal");
    if !files.database.exists() {
        disk::remove(&log).map_err(|e| failed(&e))?;
        return Ok(None);
    }
    // A whole one is folded; a damaged one is kept as it is, with its log.
    if open::examine(&files.database, options.busy, u32::MAX).await.is_ok()
        && let Ok(conn) = open::writer(&files.database, options.busy).connect().await
    {
        let _ = conn.close().await;
    }
    backup::make_folder(files)?;
    let name = format!("manycast-{}-replaced.db", backup::stamp(UnixMs::now()));
    let to = files.backups.join(name);
    disk::copy_synced(&files.database, &to).map_err(|e| failed(&e))?;
    if log.exists() {
        disk::copy_synced(&log, &disk::beside(&to, "-wal")).map_err(|e| failed(&e))?;
    }
    for suffix in ["-wal", "-shm"] {
        disk::remove(&disk::beside(&files.database, suffix)).map_err(|e| failed(&e))?;
    }
    disk::sync_dir_of(&files.database).map_err(|e| failed(&e))?;
    Ok(Some(to))
}

/// The lock that a running instance holds.
fn lock(dir: &Path) -> Result<disk::Locked> {
    let path = dir.join(crate::LOCK_FILE);
    let failed = |e: &std::io::Error| Error::io(format!("{} cannot be locked", path.display()), e);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(&path).map_err(|e| failed(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(disk::Locked::new(file)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = (&file).take(32).read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "unknown".to_owned(),
                holder => holder.to_owned(),
            };
            Err(Error::InUse { dir: dir.to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}
