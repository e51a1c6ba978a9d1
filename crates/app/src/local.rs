//! What is done to a data directory by itself, without asking a server: copies, keys, a first token.
//!
//! Belongs here: which directory is meant, and who may work in it when. Must not come here: what is
//! in it (the `store` crate), what a token may do (the `auth` crate).

mod backup;
mod token;
mod vault;

use crate::config;
use crate::serve::{self, DataDir};
use crate::tool::Failure;
pub use backup::{BackupArgs, RestoreArgs};
use clap::Args;
use manycast_store::{AuditEntry, DATABASE_FILE, Error, Options, Store, UnixMs};
use std::path::{Path, PathBuf};
pub use vault::VaultVerb;

pub(crate) use backup::{back_up, restore};
pub(crate) use token::create_token;
pub(crate) use vault::vault;

/// Which data directory is meant.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The data directory; without it the one that the configuration names.
    #[arg(long, value_name = "DIR", env = "MANYCAST_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The configuration file; without it manycast.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "MANYCAST_CONFIG")]
    pub config: Option<PathBuf>,
}

impl Place {
    /// The directory, as `serve` would take it.
    pub(crate) fn dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        let loaded = config::load(self.config.as_deref()).map_err(|refused| {
            Failure::usage(format!("name the directory by --data-dir, or mend this:\n{refused}"))
        })?;
        Ok(serve::data_dir_of(&loaded.config, self.config.as_deref(), None))
    }
}

/// That a directory has a database.
pub(crate) fn has_database(dir: &Path) -> Result<(), Failure> {
    if dir.join(DATABASE_FILE).is_file() {
        return Ok(());
    }
    let shown = dir.display();
    Err(Failure::usage(format!(
        "{shown} holds no database of Manycast: name the data directory of the server by --data-dir"
    )))
}

/// Opens the database of a directory whether a server works in it or not. One of an older version is
/// brought forward only while nobody works there: the server that runs would not know it any more.
async fn open_beside(dir: &Path) -> Result<Store, Failure> {
    let as_it_is = Options { migrate: false, ..Options::default() };
    match Store::open(dir, as_it_is).await {
        Err(Error::Older { .. }) if serve::holder(dir).is_none() => {
            let _held = DataDir::take(dir).map_err(|e| Failure::failed(format!("{e:#}")))?;
            Store::open(dir, Options::default()).await.map_err(told)
        }
        opened => opened.map_err(told),
    }
}

/// An error of the store in words, with what helps.
fn told(error: Error) -> Failure {
    match error {
        // its sentence says what to do
        Error::Invalid { what } => Failure::usage(what),
        error => Failure::failed(format!("{error}\n  {}", error.remedy())),
    }
}

/// An entry of the audit log for what is done here.
fn entry(action: &str, subject: &str) -> AuditEntry {
    AuditEntry::new(UnixMs::now(), "cli", "command line", action, subject)
}
