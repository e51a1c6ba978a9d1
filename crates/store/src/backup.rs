//! Copies of the database: before a migration, and when somebody asks for one while it runs.
//!
//! `VACUUM INTO` copies one commit's state, whoever writes meanwhile. The copy gets its name only once it is
//! on disk.

use crate::disk;
use crate::error::{Error, Result};
use crate::migrate::Moment;
use crate::open::{self, Files, LostKey, Options};
use crate::rotate;
use crate::store::Store;
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, query};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many files of ours stay in the folder of backups.
pub(crate) const KEEP: usize = 8;
const UNFINISHED: &str = ".new";

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The copy.
    pub database: PathBuf,
    /// The keys of the vault, if they were asked for.
    pub vault_key: Option<PathBuf>,
    /// How long the copy is.
    pub bytes: u64,
}

/// A file in the folder of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Where it lies.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// When it was made.
    pub modified: SystemTime,
}

/// The backups of a data directory, the newest first.
#[must_use]
pub fn backups(dir: &Path) -> Vec<BackupFile> {
    in_folder(&dir.join(crate::BACKUP_FOLDER))
}

pub(crate) fn in_folder(folder: &Path) -> Vec<BackupFile> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let databases = entries.filter(|e| e.path().extension().is_some_and(|x| x == "db"));
    let mut found: Vec<BackupFile> = databases
        .filter_map(|e| {
            let meta = e.metadata().ok().filter(fs::Metadata::is_file)?;
            let modified = meta.modified().ok()?;
            Some(BackupFile { path: e.path(), bytes: meta.len(), modified })
        })
        .collect();
    found.sort_by(|a, b| (b.modified, &b.path).cmp(&(a.modified, &a.path)));
    found
}

/// Where the copy of the vault's keys lies that belongs to a backup.
pub(crate) fn key_of(backup: &Path) -> PathBuf {
    disk::beside(backup, ".vault.key")
}

impl Store {
    /// Copies the database to `to` while it runs; with the vault's keys, into a second file, only if
    /// asked. A file that is there is not overwritten.
    ///
    /// # Errors
    /// [`Error::Invalid`]: there is a file at `to`; and those that are [`Error::is_unavailable`].
    pub async fn backup(&self, to: &Path, with_key: bool) -> Result<Backup> {
        let key = free(to)?;
        // Held until both are written, so that no rotation comes between database and keys.
        let ring = self.0.ring.read().await;
        let options = SqliteConnectOptions::new().filename(self.path()).read_only(true);
        let mut conn = options.disable_statement_logging().connect().await?;
        let copied = copy(&mut conn, to, &|| ()).await;
        conn.close().await?;
        self.told(copied)?;
        if with_key {
            ring.write(&key)?;
        }
        Ok(made(to, with_key.then_some(key)))
    }
}

/// Copies the database of a data directory as it is, whichever version made it and whoever works in it: it
/// is not opened as a store, so that it is brought to no other schema. As [`Store::backup`] else.
///
/// # Errors
/// [`Error::Invalid`]: there is a file at `to`; [`Error::VaultKey`]: the keys were asked for and are not
/// there; and others that are [`Error::is_unavailable`].
pub async fn back_up(dir: &Path, to: &Path, with_key: bool, options: Options) -> Result<Backup> {
    let files = Files::of(dir, &options);
    let placed = |error| files.placed(error);
    let key = free(to)?;
    if open::examine(&files.database, options.busy, u32::MAX).await.map_err(placed)? == 0 {
        return Err(Error::Foreign { file: files.database });
    }
    let mut conn = open::reading_alone(&files.database, options.busy).await?;
    let copied = copy(&mut conn, to, &|| ()).await;
    conn.close().await?;
    copied.map_err(placed)?;
    if !with_key {
        return Ok(made(to, None));
    }
    let kept = keep_key(&files, to, &key, &options).await;
    kept.inspect_err(|_| {
        let _ = fs::remove_file(to);
    })?;
    Ok(made(to, Some(key)))
}

/// The keys that open the copy; they may have been changed while it was made.
async fn keep_key(files: &Files, copy: &Path, key: &Path, options: &Options) -> Result<()> {
    let ring = Ring::read(&files.vault_key)?;
    let mut conn = open::reading_alone(copy, options.busy).await?;
    let fits = rotate::opens(&mut conn, ring.as_ref(), &files.vault_key, LostKey::Refuse).await;
    conn.close().await?;
    fits?;
    ring.map_or(Ok(()), |ring| ring.write(key))
}

/// Where the keys of a backup go, if nothing would be overwritten.
fn free(to: &Path) -> Result<PathBuf> {
    let key = key_of(to);
    for there in [to, &key] {
        if there.exists() {
            let what = format!("{} is there already: name another file", there.display());
            return Err(Error::Invalid { what });
        }
    }
    Ok(key)
}

fn made(to: &Path, vault_key: Option<PathBuf>) -> Backup {
    let bytes = fs::metadata(to).map_or(0, |m| m.len());
    Backup { database: to.to_owned(), vault_key, bytes }
}

/// Writes the copy beside, and names it once it is on disk.
async fn copy(conn: &mut SqliteConnection, to: &Path, copied: &(dyn Fn() + Sync)) -> Result<()> {
    let failed = |e: &std::io::Error| Error::io(format!("{} cannot be written", to.display()), e);
    let fresh = disk::beside(to, UNFINISHED);
    let name = fresh.to_str().ok_or_else(|| Error::Invalid {
        what: format!("{} is no text that can be a file's name here", to.display()),
    })?;
    disk::remove(&fresh).and_then(|()| disk::make_private(&fresh)).map_err(|e| failed(&e))?;
    let done = query("VACUUM INTO ?1").bind(name).execute(conn).await;
    copied();
    let done = match done {
        Ok(_) => disk::sync_file(&fresh)
            .and_then(|()| disk::move_synced(&fresh, to))
            .map_err(|e| failed(&e)),
        Err(error) => Err(error.into()),
    };
    done.inspect_err(|_| {
        let _ = fs::remove_file(&fresh);
    })
}

/// The copy before a step of the schema.
pub(crate) async fn before_step(
    conn: &mut SqliteConnection,
    files: &Files,
    schema: u32,
    at: &(dyn Fn(Moment) + Sync),
) -> Result<PathBuf> {
    make_folder(files)?;
    let to = files.backups.join(format!("manycast-{}-schema{schema}.db", stamp(UnixMs::now())));
    copy(conn, &to, &|| at(Moment::Copied)).await?;
    at(Moment::BackedUp);
    tracing::info!(file = %to.display(), "the database was copied before it is brought to a new schema");
    Ok(to)
}

/// Makes the folder, and clears away what a process that was killed left in it.
pub(crate) fn make_folder(files: &Files) -> Result<()> {
    let folder = &files.backups;
    disk::make_dir(folder)
        .map_err(|e| Error::io(format!("{} cannot be made", folder.display()), &e))?;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("manycast-") && name.contains(&format!(".db{UNFINISHED}")) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Deletes the oldest of the files that this module or `restore.rs` named; never one of `made`.
pub(crate) fn keep_newest(folder: &Path, made: &[PathBuf]) {
    let ours = |path: &Path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let middle = name.strip_prefix("manycast-").and_then(|n| n.strip_suffix(".db"));
        middle.is_some_and(|m| m.ends_with("-replaced") || m.contains("-schema"))
    };
    let found = in_folder(folder).into_iter().map(|b| b.path);
    for old in found.filter(|p| ours(p) && !made.contains(p)).skip(KEEP.saturating_sub(made.len()))
    {
        tracing::info!(file = %old.display(), "an old backup is deleted");
        let _ = fs::remove_file(disk::beside(&old, "-wal"));
        let _ = fs::remove_file(old);
    }
}

/// UTC as it stands in names of files: `20261122-171500-042`.
pub(crate) fn stamp(at: UnixMs) -> String {
    let (days, ms) = (at.0.div_euclid(86_400_000), at.0.rem_euclid(86_400_000));
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let (year, month, day) = date(days);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{ms:03}")
}

/// The Gregorian date so many days after 1970-01-01. Years are counted from the first of March, so that
/// the leap day is the last one; eras are the 400 years after which the calendar repeats.
fn date(days: i64) -> (i64, i64, i64) {
    let since = days + 719_468;
    let era = since.div_euclid(146_097);
    let of_era = since.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_dates() {
        for (ms, want) in [
            (0, "19700101-000000-000"),
            (951_782_400_000, "20000229-000000-000"),
            (1_078_099_200_001, "20040301-000000-001"),
            (1_795_353_299_999, "20261122-131459-999"),
            (4_107_542_399_000, "21000228-235959-000"),
            (4_107_542_400_000, "21000301-000000-000"),
        ] {
            assert_eq!(stamp(UnixMs(ms)), want);
        }
    }

    #[test]
    fn only_old_files_of_ours_go() {
        let dir = tempfile::tempdir().unwrap();
        let name = |n: u64| dir.path().join(format!("manycast-2026010{n}-000000-000-schema1.db"));
        let foreign = dir.path().join("manycast-mine.db");
        let start = SystemTime::UNIX_EPOCH;
        for (n, path) in (0..9).map(|n| (n + 1, name(n))).chain([(0, foreign.clone())]) {
            let file = fs::File::create(&path).unwrap();
            file.set_modified(start + std::time::Duration::from_secs(n * 60)).unwrap();
        }
        let made = [name(0), name(8)];
        keep_newest(dir.path(), &made);
        let left: Vec<_> = in_folder(dir.path()).into_iter().map(|b| b.path).collect();
        assert_eq!(left.len(), KEEP + 1);
        assert!(left.contains(&foreign) && left.contains(&name(0)) && !left.contains(&name(1)));
        assert_eq!(left[0], name(8));
    }
}
