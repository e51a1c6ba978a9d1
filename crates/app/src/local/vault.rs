//! `manycast vault`

use super::{Place, entry, open, told};
use crate::serve::DataDir;
use crate::tool::{self, Failure};
use clap::Subcommand;
use std::process::ExitCode;

/// What can be done with the keys of the secrets.
#[derive(Clone, Debug, Subcommand)]
pub enum VaultVerb {
    /// Make a new key, seal every secret with it, and forget the old one. The server has to be
    /// stopped: it holds the old key.
    Rotate {
        /// Which data directory.
        #[command(flatten)]
        place: Place,
    },
}

/// Works on the keys.
pub(crate) fn vault(verb: &VaultVerb) -> ExitCode {
    let VaultVerb::Rotate { place } = verb;
    tool::run(async {
        let dir = place.dir()?;
        if !dir.is_dir() {
            return Err(Failure::usage(format!("{}: there is no such directory", dir.display())));
        }
        let _held = DataDir::take(&dir).map_err(|error| Failure::failed(format!("{error:#}")))?;
        let store = open(&dir).await?;
        let done = store.rotate_vault(entry("vault.rotate", "vault")).await;
        store.close().await;
        let done = done.map_err(told)?;
        tool::say(&format!(
            "The secrets have a new key ({}); {} were sealed again.\nBackups from before need the \
             key of before.\n",
            done.key_id, done.resealed
        ));
        Ok(ExitCode::SUCCESS)
    })
}
