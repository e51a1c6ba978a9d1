//! What can go wrong with the database, as sentences with remedies.
//!
//! Belongs here: the one error of this crate and how SQLite's codes become it. Two kinds: what the caller asked
//! cannot be (conflict, name taken, not there, not valid), and the database cannot be used at this moment
//! ([`Error::is_unavailable`]). The second kind never stops what is live.

use std::path::PathBuf;

/// What the methods of this crate answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the database did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Somebody else edited it since the caller looked.
    #[error("it was changed by somebody else in the meantime")]
    Conflict {
        /// The version in force.
        version: i64,
    },
    /// A name has to be unique, and is in use.
    #[error("there is already a {what} called {name}")]
    NameTaken {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// It is not there, or not any more.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// A value that the schema refuses.
    #[error("{what}")]
    Invalid {
        /// A sentence that says what is wrong.
        what: String,
    },
    /// The `after` of a page is none that was given out.
    #[error("this is no cursor of this list")]
    BadCursor,
    /// Somebody else holds the database for longer than we wait.
    #[error("the database is in use by something else and stayed so for as long as is waited")]
    Busy,
    /// No space is left for it.
    #[error("the disk, or the share of it that the database may use, is full")]
    Full,
    /// It cannot be written to.
    #[error("the database cannot be written to: its file or its directory is read-only")]
    ReadOnly,
    /// Its file is damaged. Nothing was written to it.
    #[error("the database {} is damaged and was left as it is{}", file.display(), named(backups))]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// The backups that are there, newest first.
        backups: Vec<PathBuf>,
    },
    /// A newer Manycast made it.
    #[error(
        "the database {} was made by a newer Manycast (its schema is {schema}, this one knows {known})",
        file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// The number of its schema.
        schema: u32,
        /// The newest number that this program knows.
        known: u32,
    },
    /// An older Manycast made it, and it is not to be brought forward here.
    #[error(
        "the database {} is of an older Manycast (its schema is {schema}, this one works with {known}) and was \
         left as it is",
        file.display()
    )]
    Older {
        /// The file.
        file: PathBuf,
        /// The number of its schema.
        schema: u32,
        /// The number that this program brings it to.
        known: u32,
    },
    /// It is the database of another program.
    #[error("{} is a database of some other program", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// There is nothing in it, though it was in use: the vault's key is there.
    #[error(
        "the database {} is empty, though the vault's key file {} says that it was in use; nothing was changed{}",
        file.display(), vault_key.display(), named(backups)
    )]
    Emptied {
        /// The empty file.
        file: PathBuf,
        /// The key file.
        vault_key: PathBuf,
        /// The backups that are there, newest first.
        backups: Vec<PathBuf>,
    },
    /// A directory, a pipe, a device: nothing that a database can lie in.
    #[error("{} is no file, so that the database cannot lie there", file.display())]
    NoFile {
        /// What is there.
        file: PathBuf,
    },
    /// The keys of the vault are not there, or not as they have to be.
    #[error("the vault's key file {} cannot be used: {why}", file.display())]
    VaultKey {
        /// The key file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another instance works in the directory.
    #[error("the data directory {} is in use by another Manycast (process {holder})", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The number of the process that holds it, or `unknown`.
        holder: String,
    },
    /// A step from one schema to the next failed; the file is as it was before the step.
    #[error("the database could not be brought to schema {step}: {why}")]
    Migration {
        /// The schema that it should have reached.
        step: u32,
        /// What failed.
        why: String,
    },
    /// The operating system, or SQLite itself, failed.
    #[error("{what}: {why}")]
    Io {
        /// What was tried.
        what: String,
        /// What came of it.
        why: String,
    },
    /// It was closed before.
    #[error("the database is closed, since the server stops")]
    Closed,
}

fn named(backups: &[PathBuf]) -> String {
    match backups.first() {
        Some(newest) => format!(" ({} backups, the newest is {})", backups.len(), newest.display()),
        None => " (there are no backups in its directory)".to_owned(),
    }
}

impl Error {
    /// What somebody can do about it: a sentence.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Conflict { .. } => "Load it again, and repeat the change if it is still wanted.".into(),
            Self::NameTaken { .. } => "Choose another name.".into(),
            Self::NotFound { .. } => "Load the list again: it may have been deleted.".into(),
            Self::Invalid { .. } => "Correct the value.".into(),
            Self::BadCursor => "Begin with the first page, and take `next` of its answer.".into(),
            Self::Busy => {
                "Try again in a moment. If it stays so, look for another program that has the database open.".into()
            }
            Self::Full => "Make space on the disk of the data directory. Nothing was changed.".into(),
            Self::ReadOnly => {
                "Make the data directory and the files in it writable for the user that Manycast runs as.".into()
            }
            Self::Corrupt { file, backups } => corrupt(file, backups.first()),
            Self::Emptied { file, backups, .. } => emptied(file, backups.first()),
            Self::NoFile { .. } => {
                "Move it away and restore a backup, or give Manycast another directory with --data-dir.".into()
            }
            Self::Newer { file, .. } => format!(
                "Run the newer Manycast, or restore a backup that was made before its first start: `manycast restore FILE` \
                 with one of {}.",
                file.with_file_name(crate::BACKUP_FOLDER).display()
            ),
            Self::Older { .. } => "Use the manycast that the running server was started from; or stop the server: then \
                                   this one brings the database forward, after a copy into its folder of backups."
                .into(),
            Self::Foreign { .. } => "Give Manycast a directory of its own with --data-dir.".into(),
            Self::VaultKey { file, .. } => format!(
                "Put the key file back from your backup to {}, or name its place in {}. Without it nobody can \
                 read the secrets: if it is lost for good, `manycast vault forget KEY` clears them, to be entered anew.",
                file.display(),
                crate::VAULT_KEY_ENV
            ),
            Self::InUse { .. } => "Stop that one first, or use another --data-dir.".into(),
            Self::Migration { .. } => {
                "The file is as it was before. Run the Manycast of before, and report this with the log.".into()
            }
            Self::Io { .. } => "Look at the system's log for the disk of the data directory.".into(),
            Self::Closed => "Try again when the server is back.".into(),
        }
    }

    /// A stable word for the type of a problem.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::NameTaken { .. } => "name-taken",
            Self::NotFound { .. } => "not-found",
            Self::Invalid { .. } => "invalid",
            Self::BadCursor => "bad-cursor",
            Self::Busy => "database-busy",
            Self::Full => "database-full",
            Self::ReadOnly => "database-read-only",
            Self::Corrupt { .. } => "database-corrupt",
            Self::Emptied { .. } => "database-emptied",
            Self::NoFile { .. } => "database-no-file",
            Self::Newer { .. } => "database-newer",
            Self::Older { .. } => "database-older",
            Self::Foreign { .. } => "database-foreign",
            Self::VaultKey { .. } => "vault-key",
            Self::InUse { .. } => "database-in-use",
            Self::Migration { .. } => "database-migration",
            Self::Io { .. } => "database-io",
            Self::Closed => "database-closed",
        }
    }

    /// Whether the database, not the caller, is the reason: an API answers 503 with the sentence.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        !matches!(
            self,
            Self::Conflict { .. }
                | Self::NameTaken { .. }
                | Self::NotFound { .. }
                | Self::Invalid { .. }
                | Self::BadCursor
        )
    }

    pub(crate) fn io(what: impl Into<String>, why: &std::io::Error) -> Self {
        match why.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io { what: what.into(), why: why.to_string() },
        }
    }

    /// A uniqueness that was violated means that this name is taken.
    pub(crate) fn taken(error: sqlx::Error, what: &'static str, name: &str) -> Self {
        match primary_and_full(&error) {
            Some((_, code::UNIQUE | code::PRIMARY_KEY)) => {
                Self::NameTaken { what, name: name.to_owned() }
            }
            _ => error.into(),
        }
    }
}

fn corrupt(file: &std::path::Path, newest: Option<&PathBuf>) -> String {
    match newest {
        Some(newest) => {
            format!("Stop Manycast and run `manycast restore {}`.", newest.display())
        }
        None => format!(
            "Stop Manycast and run `manycast restore FILE` with a backup of yours, or move {} away to begin anew.",
            file.display()
        ),
    }
}

fn emptied(file: &std::path::Path, newest: Option<&PathBuf>) -> String {
    let newest = newest.map_or("FILE".into(), |newest| newest.display().to_string());
    format!(
        "Run `manycast restore {newest}` with a backup. To begin anew, delete the empty {}.",
        file.display()
    )
}

/// Result codes of SQLite: <https://www.sqlite.org/rescode.html>
mod code {
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOT_A_DATABASE: i32 = 26;
    pub(super) const CHECK: i32 = 275;
    pub(super) const FOREIGN_KEY: i32 = 787;
    pub(super) const PRIMARY_KEY: i32 = 1555;
    pub(super) const UNIQUE: i32 = 2067;
}

fn primary_and_full(error: &sqlx::Error) -> Option<(i32, i32)> {
    let sqlx::Error::Database(inner) = error else { return None };
    let full: i32 = inner.code()?.parse().ok()?;
    Some((full & 0xff, full))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let what = || "the database failed".to_owned();
        match (&error, primary_and_full(&error)) {
            (_, Some((code::BUSY | code::LOCKED, _))) | (sqlx::Error::PoolTimedOut, _) => {
                Self::Busy
            }
            (sqlx::Error::PoolClosed, _) => Self::Closed,
            (_, Some((code::FULL, _))) => Self::Full,
            (_, Some((code::READONLY | code::PERM, _))) => Self::ReadOnly,
            (_, Some((code::CORRUPT | code::NOT_A_DATABASE, _))) => {
                Self::Corrupt { file: PathBuf::new(), backups: Vec::new() }
            }
            (_, Some((_, code::CHECK))) => {
                Self::Invalid { what: format!("a value is none of those allowed ({error})") }
            }
            (_, Some((_, code::FOREIGN_KEY))) => {
                Self::NotFound { what: "row that this belongs to" }
            }
            (_, Some((_, code::UNIQUE | code::PRIMARY_KEY))) => {
                Self::NameTaken { what: "row", name: "this".to_owned() }
            }
            (_, Some((code::CONSTRAINT, _))) => Self::Invalid { what: error.to_string() },
            (sqlx::Error::Io(io), _) => Self::io("the database failed", io),
            _ => Self::Io { what: what(), why: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g8_each_failure_has_a_sentence_and_a_remedy() {
        let file = PathBuf::from("/d/manycast.db");
        let corrupt = |backups| Error::Corrupt { file: file.clone(), backups };
        let rows = [
            (Error::Busy, "in use by something else", "Try again"),
            (Error::Full, "full", "Make space"),
            (Error::ReadOnly, "read-only", "writable"),
            (corrupt(vec![]), "left as it is", "move /d/manycast.db away"),
            (
                corrupt(vec!["/d/backups/a.db".into()]),
                "newest is /d/backups/a.db",
                "restore /d/backups/a.db",
            ),
            (
                Error::Newer { file: file.clone(), schema: 9, known: 2 },
                "newer Manycast",
                "/d/backups",
            ),
            (
                Error::Older { file: file.clone(), schema: 1, known: 2 },
                "older Manycast",
                "stop the server",
            ),
            (Error::Foreign { file: file.clone() }, "other program", "--data-dir"),
            (Error::NoFile { file: file.clone() }, "is no file", "--data-dir"),
            (
                Error::Emptied {
                    file: file.clone(),
                    vault_key: "/d/vault.key".into(),
                    backups: vec![],
                },
                "is empty",
                "delete the empty /d/manycast.db",
            ),
            (Error::Closed, "closed", "again"),
        ];
        for (error, sentence, remedy) in rows {
            assert!(error.to_string().contains(sentence), "{error}");
            assert!(error.remedy().contains(remedy), "{}", error.remedy());
            assert!(error.is_unavailable(), "{error}");
        }
        let conflict = Error::Conflict { version: 3 };
        assert!(!conflict.is_unavailable() && conflict.word() == "conflict");
    }
}
