//! `manycast vault`

use super::{Place, entry, has_database, told};
use crate::serve::DataDir;
use crate::tool::{self, Failure};
use clap::Subcommand;
use manycast_store::{LostKey, Options, Sealed, Store, sealed_with};
use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
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
    /// Clear what was sealed with a key that is lost, and say what has to be entered anew. The server
    /// has to be stopped.
    Forget {
        /// The key's id, as the message has it that says that the key is missing.
        #[arg(value_name = "KEY")]
        key: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// Which data directory.
        #[command(flatten)]
        place: Place,
    },
}

/// Works on the keys.
pub(crate) fn vault(verb: &VaultVerb) -> ExitCode {
    tool::run(async {
        match verb {
            VaultVerb::Rotate { place } => rotate(place).await?,
            VaultVerb::Forget { key, yes, place } => forget(key, *yes, place).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The directory, for nobody else meanwhile.
fn alone(place: &Place) -> Result<(PathBuf, DataDir), Failure> {
    let dir = place.dir()?;
    has_database(&dir)?;
    let held = DataDir::take(&dir).map_err(|error| Failure::failed(format!("{error:#}")))?;
    Ok((dir, held))
}

async fn rotate(place: &Place) -> Result<(), Failure> {
    let (dir, _held) = alone(place)?;
    let store = Store::open(&dir, Options::default()).await.map_err(told)?;
    let done = store.rotate_vault(entry("vault.rotate", "vault")).await;
    store.close().await;
    let done = done.map_err(told)?;
    tool::say(&format!(
        "The secrets have a new key ({}); {} were sealed again.\nCopy {} to a safe place. Backups from \
         before need the key of before.\n",
        done.key_id,
        done.resealed,
        key_file(&dir).display()
    ));
    Ok(())
}

fn key_file(dir: &Path) -> PathBuf {
    let named = std::env::var_os(manycast_store::VAULT_KEY_ENV).filter(|name| !name.is_empty());
    named.map_or_else(|| dir.join(manycast_store::VAULT_KEY_FILE), PathBuf::from)
}

async fn forget(key: &str, yes: bool, place: &Place) -> Result<(), Failure> {
    let (dir, _held) = alone(place)?;
    let found = sealed_with(&dir, key, Options::default()).await.map_err(told)?;
    if found.is_nothing() {
        return Err(Failure::usage(format!("nothing is sealed with the key {key}")));
    }
    tool::say(&lost(&found, key));
    if !yes && !agreed()? {
        return Err(Failure::failed("nothing was changed"));
    }
    let forgetting = Options { lost_key: LostKey::Forget, ..Options::default() };
    let store = Store::open(&dir, forgetting).await.map_err(told)?;
    let done = store.forget_vault_key(key, entry("vault.forget", key)).await;
    store.close().await;
    tool::say(&anew(&done.map_err(told)?));
    Ok(())
}

/// Asks on the terminal; nobody there is no yes.
fn agreed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "nothing was changed: this asks on a terminal first; without one, give --yes",
        ));
    }
    eprint!("Nobody can read these any more, unless the key is found. Clear them? Type yes: ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    Ok(read.is_ok() && line.trim().eq_ignore_ascii_case("yes"))
}

/// What cannot be read any more.
fn lost(found: &Sealed, key: &str) -> String {
    let mut text = format!("Sealed with the key {key}, which is lost:\n");
    let groups = [
        ("keys and passwords of destinations", &found.destinations),
        ("secrets of webhooks", &found.webhooks),
        ("second factors of", &found.users),
    ];
    for (what, names) in groups.into_iter().filter(|(_, names)| !names.is_empty()) {
        let _ = writeln!(text, "  {what}: {}", tool::plain(&names.join(", ")));
    }
    if found.answers > 0 {
        let _ = writeln!(text, "  {} answers that were kept for repeated requests", found.answers);
    }
    text
}

/// What has to be done now, with the commands for it.
fn anew(done: &Sealed) -> String {
    let mut text =
        "They are cleared, and new secrets get a new key. What to enter anew, when the server \
                    runs again:\n"
            .to_owned();
    for name in &done.destinations {
        let (stream, name) = name.split_once('/').unwrap_or(("", name));
        let name = tool::plain(name);
        let _ = writeln!(text, "  manycast destination edit {stream} {name:?} --key -");
    }
    for name in &done.webhooks {
        let name = tool::plain(name);
        let _ = writeln!(
            text,
            "  manycast webhook rotate {name:?}, then manycast webhook edit {name:?} --enabled true"
        );
    }
    for name in &done.users {
        let name = tool::plain(name);
        let _ = writeln!(
            text,
            "  {name} logs in with the password alone, until he sets up a second factor anew"
        );
    }
    if done.destinations.is_empty() && done.webhooks.is_empty() && done.users.is_empty() {
        text.push_str("  nothing\n");
    }
    text
}
