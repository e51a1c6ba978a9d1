//! What outlasts the process: the database in the data directory, and who writes stream keys' use.
//!
//! A server inside another tool has no data directory: its database lies in a folder of its own
//! under the system's for temporary files, and goes with it.

use anyhow::{Context, Result};
use manycast_auth::{AccessGate, Clock, KeyLedger, StreamKeys};
use manycast_store::{Options, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long the database may take to fold its log in at the end.
const CLOSE: Duration = Duration::from_secs(2);

/// The database while it is open.
pub(super) struct State {
    store: Store,
    ledger: Arc<KeyLedger>,
    writing: JoinHandle<()>,
    /// Removed at the end.
    _folder: Option<Folder>,
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let name = format!("manycast-{}-{:016x}", std::process::id(), rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // the system clears what stays
    }
}

impl State {
    /// Opens the database in `data`, and makes it where there is none.
    pub(super) async fn open(data: Option<&Path>, gate: &Arc<AccessGate>) -> Result<Self> {
        let folder = if data.is_none() { Some(Folder::make()?) } else { None };
        let path =
            data.or(folder.as_ref().map(|folder| folder.0.as_path())).unwrap_or(Path::new("."));
        let opened = Store::open(path, Options::default()).await;
        let store = opened.map_err(|error| anyhow::anyhow!("{error}; {}", error.remedy()))?;
        let ledger = KeyLedger::new(store.clone(), gate);
        let writing = tokio::spawn(ledger.clone().run());
        Ok(Self { store, ledger, writing, _folder: folder })
    }

    /// The database.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The stream keys in it.
    pub(super) fn keys(&self) -> StreamKeys {
        StreamKeys::new(self.store.clone(), Clock::system())
    }

    /// Writes what waits and closes the database.
    pub(super) async fn close(self) {
        self.writing.abort();
        let _ = self.writing.await;
        let closed = async {
            self.ledger.flush().await;
            self.store.close().await;
        };
        if tokio::time::timeout(CLOSE, closed).await.is_err() {
            tracing::warn!("the database was not closed in time; nothing of it is lost");
        }
    }
}
