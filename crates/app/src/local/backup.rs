//! `manycast backup` and `manycast restore`

use super::{Place, open, told};
use crate::tool::{self, Failure};
use clap::Args;
use manycast_store::{Options, VAULT_KEY_FILE};
use std::path::PathBuf;
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
    /// Which data directory.
    #[command(flatten)]
    pub place: Place,
}

/// Copies the database, whether a server runs on it or not.
pub(crate) fn back_up(args: &BackupArgs) -> ExitCode {
    tool::run(async {
        let dir = args.place.dir()?;
        let store = open(&dir).await?;
        let done = store.backup(&args.file, args.with_key).await;
        store.close().await;
        let done = done.map_err(told)?;
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
        let done = manycast_store::restore(&dir, &args.file, Options::default());
        let done = done.await.map_err(told)?;
        tool::say("The backup is in its place; the server may be started.\n");
        if let Some(replaced) = done.replaced {
            tool::say(&format!("What was there before is kept as {}.\n", replaced.display()));
        }
        Ok(ExitCode::SUCCESS)
    })
}
