//! Opening: what has to be true before anything is written, then the schema, the keys and the connections.
//!
//! A file that is damaged, newer or foreign is refused from a connection that can only read, so that it is
//! left byte for byte as it is.

use crate::disk;
use crate::error::{Error, Result};
use crate::migrate::{self, STEPS};
use crate::rotate;
use crate::store::{Inner, Store};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::RwLock;

/// `PRAGMA application_id` of our files: "MCST".
pub(crate) const APPLICATION: i32 = 0x4d43_5354;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// KiB of pages that a connection keeps: the writer's and each reader's.
const WRITER_CACHE: &str = "-512";
const READER_CACHE: &str = "-256";
/// The write-ahead log is cut to this when it was longer.
const WAL_BYTES: &str = "4194304";
const READERS: u32 = 2;
/// How often to look whether another process has opened.
const RETRY: Duration = Duration::from_millis(10);

/// What to do when the key that secrets are sealed with is not in the key file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LostKey {
    /// Refuse to open, and say so.
    #[default]
    Refuse,
    /// Go on with a new key. What was sealed stays, and is [`crate::Kept::Unreadable`].
    Forget,
}

/// How to open.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait for somebody else who writes.
    pub busy: Duration,
    /// The file with the vault's keys, if it is neither where [`crate::VAULT_KEY_ENV`] says nor in the
    /// data directory.
    pub vault_key: Option<PathBuf>,
    /// What to do without the right key.
    pub lost_key: LostKey,
    /// Whether a database of an older version, or none yet, is brought to this one's schema. Without it,
    /// as beside a server that runs, it is refused with [`Error::Older`] and left as it is.
    pub migrate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(5),
            vault_key: None,
            lost_key: LostKey::Refuse,
            migrate: true,
        }
    }
}

/// Where everything lies.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub dir: PathBuf,
    pub database: PathBuf,
    pub vault_key: PathBuf,
    pub backups: PathBuf,
}

impl Files {
    pub(crate) fn of(dir: &Path, options: &Options) -> Self {
        let named = std::env::var_os(crate::VAULT_KEY_ENV).filter(|v| !v.is_empty());
        let vault_key = options.vault_key.clone().or_else(|| named.map(PathBuf::from));
        Self {
            dir: dir.to_owned(),
            database: dir.join(crate::DATABASE_FILE),
            vault_key: vault_key.unwrap_or_else(|| dir.join(crate::VAULT_KEY_FILE)),
            backups: dir.join(crate::BACKUP_FOLDER),
        }
    }

    pub(crate) fn corrupt(&self) -> Error {
        let backups = crate::backup::in_folder(&self.backups);
        let backups = backups.into_iter().map(|b| b.path).collect();
        Error::Corrupt { file: self.database.clone(), backups }
    }

    /// What the sentence needs to know: which file it is, and which backups there are.
    pub(crate) fn placed(&self, error: Error) -> Error {
        match error {
            Error::Corrupt { .. } => self.corrupt(),
            other => other,
        }
    }
}

impl Store {
    /// Opens the database of a data directory; makes what is missing.
    ///
    /// # Errors
    /// All of [`Error`] that are [`Error::is_unavailable`].
    pub async fn open(dir: &Path, options: Options) -> Result<Self> {
        let files = Files::of(dir, &options);
        Self::open_with(files.clone(), &options, STEPS).await.map_err(|error| files.placed(error))
    }

    pub(crate) async fn open_with(
        files: Files,
        options: &Options,
        steps: &[migrate::Step],
    ) -> Result<Self> {
        let dir = files.dir.display();
        if options.migrate {
            disk::make_dir(&files.dir)
                .map_err(|e| Error::io(format!("{dir} cannot be made"), &e))?;
        }
        let _alone = alone(&files.dir, options.busy).await?;
        let known = migrate::newest(steps);
        place_is_right(&files)?;
        let schema = examine(&files.database, options.busy, known).await?;
        if schema < known && !options.migrate {
            return Err(Error::Older { file: files.database, schema, known });
        }
        let shown = files.database.display();
        if !files.database.exists() {
            disk::make_private(&files.database)
                .map_err(|e| denied(e, &format!("{shown} cannot be made")))?;
        }
        let mut conn = connect(&files.database, &writer(&files.database, options.busy)).await?;
        let schema = migrate::run(&mut conn, &files, steps, &|_| ()).await?;
        let ring = rotate::open_ring(&mut conn, &files, options.lost_key).await?;
        conn.close().await?;
        let store = Self(Arc::new(Inner {
            schema,
            writer: pool(1, options.busy, writer(&files.database, options.busy)).await?,
            readers: pool(READERS, options.busy, reader(&files.database, options.busy)).await?,
            ring: Arc::new(RwLock::new(ring)),
            damaged: AtomicBool::new(false),
            files,
        }));
        Ok(store)
    }
}

/// That a database may lie there, or lies there: looked at without opening it, since to open a pipe waits
/// for somebody at its other end.
fn place_is_right(files: &Files) -> Result<()> {
    let Ok(found) = fs::metadata(&files.database) else { return Ok(()) };
    let file = files.database.clone();
    if !found.is_file() {
        return Err(Error::NoFile { file });
    }
    let holds = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() > 0);
    let log = disk::beside(&file, "-wal");
    if found.len() == 0 && !holds(&log) && holds(&files.vault_key) {
        let backups = crate::backup::in_folder(&files.backups);
        let backups = backups.into_iter().map(|backup| backup.path).collect();
        return Err(Error::Emptied { file, vault_key: files.vault_key.clone(), backups });
    }
    if disk::readable_by_others(&file) {
        tracing::warn!(file = %file.display(), "other users of this machine can read the database");
    }
    Ok(())
}

/// Two processes do not make a new file at once: SQLite's change to a write-ahead log is not meant for that.
/// A lock on the directory itself, so that there is no file for it; where directories cannot be locked, none.
async fn alone(dir: &Path, busy: Duration) -> Result<Option<disk::Locked>> {
    let Ok(folder) = fs::File::open(dir) else { return Ok(None) };
    let until = tokio::time::Instant::now() + busy;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(Some(disk::Locked::new(folder))),
            Err(fs::TryLockError::Error(_)) => return Ok(None),
            Err(fs::TryLockError::WouldBlock) if tokio::time::Instant::now() >= until => {
                return Err(Error::Busy);
            }
            Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// A connection that writes.
pub(crate) fn writer(file: &Path, busy: Duration) -> SqliteConnectOptions {
    base(file, busy)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON")
        .pragma("cache_size", WRITER_CACHE)
        .pragma("journal_size_limit", WAL_BYTES)
        .statement_cache_capacity(48)
}

fn reader(file: &Path, busy: Duration) -> SqliteConnectOptions {
    base(file, busy)
        .pragma("query_only", "ON")
        .pragma("cache_size", READER_CACHE)
        .statement_cache_capacity(32)
}

fn base(file: &Path, busy: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(busy)
        .foreign_keys(true)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("temp_store", "MEMORY")
        .thread_name(|_| "database".to_owned())
        .disable_statement_logging()
}

async fn pool(most: u32, busy: Duration, options: SqliteConnectOptions) -> Result<SqlitePool> {
    let pool = SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(busy)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|conn, _| Box::pin(is_at_rest(conn)));
    Ok(pool.connect_with(options).await?)
}

/// Whether the transaction before has ended, as it may do a moment later than whoever began it went
/// away. SQLite rolls back by itself when the disk is full, and what was to end it then cannot: that
/// connection is no good any more, and another is made.
async fn is_at_rest(conn: &mut SqliteConnection) -> sqlx::Result<bool> {
    if conn.is_in_transaction() {
        conn.ping().await?; // behind whatever it still has to do
    }
    Ok(!conn.is_in_transaction())
}

async fn connect(file: &Path, options: &SqliteConnectOptions) -> Result<SqliteConnection> {
    options.connect().await.map_err(|error| unopened(file, error.into()))
}

/// A connection that only reads, of nobody who has the store open.
pub(crate) async fn reading_alone(file: &Path, busy: Duration) -> Result<SqliteConnection> {
    connect(file, &base(file, busy).read_only(true)).await
}

/// SQLite says only that it cannot open; the directory tells why.
fn unopened(file: &Path, error: Error) -> Error {
    let Error::Io { why, .. } = error else { return error };
    let what = format!("{} cannot be opened", file.display());
    match file.parent().map_or(Ok(()), writable) {
        Ok(()) => Error::Io { what, why },
        Err(error) => denied(error, &what),
    }
}

fn writable(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(".manycast-probe");
    disk::make_private(&probe)?;
    disk::remove(&probe)
}

fn denied(error: std::io::Error, what: &str) -> Error {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::ReadOnly,
        _ => Error::io(what, &error),
    }
}

/// Looks at a database without writing a byte of it: ours, whole, and not of the future?
pub(crate) async fn examine(file: &Path, busy: Duration, known: u32) -> Result<u32> {
    if !begins_well(file)? {
        return Ok(0);
    }
    // A change of before the write-ahead log that was cut off has to be taken back first: SQLite does it,
    // but not over a connection that cannot write.
    let cut_off = fs::metadata(disk::beside(file, "-journal")).is_ok_and(|m| m.len() > 0);
    let mut conn = connect(file, &base(file, busy).read_only(!cut_off)).await?;
    let looked = look(&mut conn, file, known).await.map_err(|error| unopened(file, error));
    let closed = conn.close().await;
    let found = looked?;
    closed?;
    Ok(found)
}

/// `false`: there is nothing in it yet.
fn begins_well(file: &Path) -> Result<bool> {
    let mut head = Vec::with_capacity(MAGIC.len());
    let read = match fs::File::open(file) {
        Ok(opened) => opened.take(16).read_to_end(&mut head),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => Err(error),
    };
    read.map_err(|e| Error::io(format!("{} cannot be read", file.display()), &e))?;
    if head.is_empty() {
        return Ok(false);
    }
    if head == MAGIC { Ok(true) } else { Err(damaged()) }
}

fn damaged() -> Error {
    Error::Corrupt { file: PathBuf::new(), backups: Vec::new() }
}

async fn look(conn: &mut SqliteConnection, file: &Path, known: u32) -> Result<u32> {
    let application: i32 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *conn).await?;
    let schema = migrate::schema(conn).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *conn).await?;
    let fresh = application == 0 && schema == 0 && tables == 0;
    if application != APPLICATION && !fresh {
        return Err(Error::Foreign { file: file.to_owned() });
    }
    if schema > known {
        return Err(Error::Newer { file: file.to_owned(), schema, known });
    }
    check(conn, "PRAGMA quick_check(1)").await?;
    Ok(schema)
}

/// Has SQLite look for damage.
pub(crate) async fn check(conn: &mut SqliteConnection, pragma: &'static str) -> Result<()> {
    let verdict: String = sqlx::query_scalar(pragma).fetch_one(conn).await?;
    if verdict == "ok" {
        return Ok(());
    }
    tracing::error!(%verdict, "the database is damaged");
    Err(damaged())
}
