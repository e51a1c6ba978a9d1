//! `manycast backup` and `manycast restore`

use super::{Place, has_database, told};
use crate::tool::{self, Failure};
use clap::Args;
use manycast_store::{Error, LostKey, Options, VAULT_KEY_FILE, back_up as copy};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `backup` is asked with.
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// The file to write; one that is there is not overwritten.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Copy the keys of the secrets too, to FILE.vault.key. Whoever has both has every key of every
    /// destination.
    #[arg(long)]
    pub with_key: bool,
    /// Which data directory.
    #[command(flatten)]
    pub place: Place,
}

/// What `restore` is asked with.
#[derive(Args, Clone, Debug)]
pub struct RestoreArgs {
    /// The backup; FILE.vault.key beside it is taken too, if it is there.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Put it back although the keys of its secrets are lost; `manycast vault forget` then clears what
    /// was sealed with them.
    #[arg(long)]
    pub without_key: bool,
    /// Which data directory.
    #[command(flatten)]
    pub place: Place,
}

/// That there is a folder for a file.
fn has_folder(file: &Path) -> Result<(), Failure> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => {
            let shown = folder.display();
            Err(Failure::usage(format!("{shown}: there is no such folder to write the file into")))
        }
    }
}

/// Why a copy was not written; its disk may be another than that of the data directory.
fn unwritten(error: Error, file: &Path) -> Failure {
    let shown = file.display();
    match error {
        Error::Full => Failure::failed(format!(
            "{shown} cannot be written: its disk is full\n  Make space there, or name another place."
        )),
        Error::Io { what, why } if what.contains(&*shown.to_string()) => {
            Failure::failed(format!("{what}: {why}"))
        }
        other => told(other),
    }
}

/// What is wrong with a backup, which is not the database in force.
fn unfit(error: Error, file: &Path) -> Failure {
    let shown = file.display();
    match error {
        Error::Corrupt { file: at, .. } | Error::Foreign { file: at } if at == file => {
            Failure::failed(format!(
                "{shown} is no backup of Manycast, or is damaged. Nothing was changed.\n  Take another one."
            ))
        }
        Error::Newer { file: at, schema, known } if at == file => Failure::failed(format!(
            "{shown} was made by a newer Manycast (its schema is {schema}, this one knows {known}). Nothing was \
             changed.\n  Restore it with the manycast that made it, or a newer one."
        )),
        Error::VaultKey { file: keys, why } => Failure::failed(format!(
            "the secrets in {shown} cannot be opened with {}: {why}. Nothing was changed.\n  Put the copy of the keys \
             beside it as {shown}.vault.key. If they are lost for good: --without-key",
            keys.display()
        )),
        other => told(other),
    }
}

/// Copies the database, whether a server runs on it or not.
pub(crate) fn back_up(args: &BackupArgs) -> ExitCode {
    tool::run(async {
        let dir = args.place.dir()?;
        has_database(&dir)?;
        has_folder(&args.file)?;
        let done = copy(&dir, &args.file, args.with_key, Options::default()).await;
        let done = done.map_err(|error| unwritten(error, &args.file))?;
        let kib = done.bytes.div_ceil(1024);
        tool::say(&format!("{} holds the database, {kib} KiB.\n", done.database.display()));
        tool::say(&match done.vault_key {
            Some(key) => {
                format!("{} holds the keys of its secrets: keep the two apart.\n", key.display())
            }
            None => format!(
                "The keys of its secrets are not in it: keep a copy of {} elsewhere.\n",
                dir.join(VAULT_KEY_FILE).display()
            ),
        });
        Ok(ExitCode::SUCCESS)
    })
}

/// Puts a copy in the place of the database, while no server runs on it.
pub(crate) fn restore(args: &RestoreArgs) -> ExitCode {
    tool::run(async {
        if !args.file.is_file() {
            let shown = args.file.display();
            return Err(Failure::usage(format!("{shown}: there is no such file")));
        }
        let dir = args.place.dir()?;
        let lost_key = if args.without_key { LostKey::Forget } else { LostKey::Refuse };
        let options = Options { lost_key, ..Options::default() };
        let done = manycast_store::restore(&dir, &args.file, options);
        let done = done.await.map_err(|error| unfit(error, &args.file))?;
        tool::say(&match done.lost_key {
            None => "The backup is in its place; the server may be started.\n".to_owned(),
            Some(key) => format!(
                "The backup is in its place. Its secrets are sealed with the key {key}, which is not here. Before \
                 the server is started, either add that key to {}, or clear what nobody can read any more, to be \
                 entered anew:\n  manycast vault forget {key} --data-dir {}\n",
                dir.join(VAULT_KEY_FILE).display(),
                dir.display()
            ),
        });
        if let Some(replaced) = done.replaced {
            tool::say(&format!("What was there before is kept as {}.\n", replaced.display()));
        }
        Ok(ExitCode::SUCCESS)
    })
}
