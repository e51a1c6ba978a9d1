//! A key of the vault that is lost: what was sealed with it, and how that is cleared.
//!
//! Nobody can read such a value any more. Clearing it makes visible what has to be entered anew, and lets the
//! database be opened with another key. Not here: asking whether it is really lost.

use crate::error::{Error, Result};
use crate::migrate::{self, STEPS};
use crate::open::{self, Files, Options};
use crate::store::Store;
use crate::table::audit::AuditEntry;
use crate::time::UnixMs;
use crate::vault::{KeyId, Place, Ring};
use manycast_hub::Secret;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, query, query_scalar};
use std::path::Path;

/// What is sealed with one key of the vault, by the names that people know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Accounts: their second factor.
    pub users: Vec<String>,
    /// Destinations, as `STREAM/NAME`: keys and passwords.
    pub destinations: Vec<String>,
    /// Webhooks: the secret that signs.
    pub webhooks: Vec<String>,
    /// Answers that are kept for repeated requests.
    pub answers: u64,
    /// Whether new secrets are sealed with it.
    pub in_force: bool,
}

impl Sealed {
    /// Whether the key is of no use to anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Bytes 2 to 9 of a sealed value are the id of its key, see `vault.rs`.
const USERS: &str = "SELECT name FROM user WHERE substr(totp_sealed, 2, 8) = ?1 ORDER BY name";
const DESTINATIONS: &str = "SELECT s.name || '/' || d.name FROM destination d JOIN stream s ON s.id = d.stream_id \
    WHERE substr(d.key_sealed, 2, 8) = ?1 OR substr(d.password_sealed, 2, 8) = ?1 \
    OR substr(d.backup_key_sealed, 2, 8) = ?1 OR substr(d.backup_password_sealed, 2, 8) = ?1 ORDER BY 1";
const WEBHOOKS: &str = "SELECT name FROM webhook WHERE substr(secret_sealed, 2, 8) = ?1 \
    OR substr(old_secret_sealed, 2, 8) = ?1 ORDER BY name";
const ANSWERS: &str = "SELECT count(*) FROM idempotency WHERE substr(answer_sealed, 2, 8) = ?1";
const IN_FORCE: &str = "SELECT count(*) FROM vault_key WHERE id = ?1 AND retired_at IS NULL";

const CLEAR: [&str; 7] = [
    "UPDATE user SET totp_sealed = NULL, totp_last_step = NULL, recovery = '[]', version = version + 1 \
     WHERE substr(totp_sealed, 2, 8) = ?1",
    "UPDATE destination SET key_sealed = NULL, version = version + 1 WHERE substr(key_sealed, 2, 8) = ?1",
    "UPDATE destination SET password_sealed = NULL, version = version + 1 \
     WHERE substr(password_sealed, 2, 8) = ?1",
    "UPDATE destination SET backup_key_sealed = NULL, version = version + 1 \
     WHERE substr(backup_key_sealed, 2, 8) = ?1",
    "UPDATE destination SET backup_password_sealed = NULL, version = version + 1 \
     WHERE substr(backup_password_sealed, 2, 8) = ?1",
    "UPDATE webhook SET old_secret_sealed = NULL, old_until = NULL WHERE substr(old_secret_sealed, 2, 8) = ?1",
    "DELETE FROM idempotency WHERE substr(answer_sealed, 2, 8) = ?1",
];

fn id(text: &str) -> Result<KeyId> {
    let wrong = || Error::Invalid {
        what: format!(
            "{text:?} is no id of a key: it has 16 hexadecimal digits, and stands in the message that says that \
             the key is missing"
        ),
    };
    KeyId::parse(text).ok_or_else(wrong)
}

async fn look(conn: &mut SqliteConnection, key: KeyId) -> Result<Sealed> {
    let bytes = &key.0[..];
    let answers: i64 = query_scalar(ANSWERS).bind(bytes).fetch_one(&mut *conn).await?;
    let in_force: i64 = query_scalar(IN_FORCE).bind(key.to_string()).fetch_one(&mut *conn).await?;
    Ok(Sealed {
        users: query_scalar(USERS).bind(bytes).fetch_all(&mut *conn).await?,
        destinations: query_scalar(DESTINATIONS).bind(bytes).fetch_all(&mut *conn).await?,
        webhooks: query_scalar(WEBHOOKS).bind(bytes).fetch_all(&mut *conn).await?,
        answers: u64::try_from(answers).unwrap_or_default(),
        in_force: in_force > 0,
    })
}

/// What a key that is lost sealed in the database of a data directory. Changes nothing.
///
/// # Errors
/// [`Error::Invalid`]: no id of a key, or the key is not lost. [`Error::Older`], and others that are
/// [`Error::is_unavailable`].
pub async fn sealed_with(dir: &Path, key: &str, options: Options) -> Result<Sealed> {
    let files = Files::of(dir, &options);
    let key = id(key)?;
    if let Some(ring) = Ring::read(&files.vault_key)?
        && ring.key(key).is_some()
    {
        let file = files.vault_key.display();
        let what = format!(
            "the key {key} is not lost: it is in {file}. `manycast vault rotate` changes it for another"
        );
        return Err(Error::Invalid { what });
    }
    let known = migrate::newest(STEPS);
    let placed = |error| files.placed(error);
    let schema = open::examine(&files.database, options.busy, known).await.map_err(placed)?;
    if schema < known {
        return Err(Error::Older { file: files.database, schema, known });
    }
    let mut conn = open::reading_alone(&files.database, options.busy).await?;
    let found = look(&mut conn, key).await;
    conn.close().await?;
    found.map_err(|error| files.placed(error))
}

impl Store {
    /// Clears what was sealed with a key that is lost, in one transaction; what that was. Webhooks
    /// whose secret goes are switched off until they get another. For a store that was opened with
    /// [`crate::LostKey::Forget`].
    ///
    /// # Errors
    /// [`Error::Invalid`]: no id of a key, or the key is not lost; others that are
    /// [`Error::is_unavailable`].
    pub async fn forget_vault_key(&self, key: &str, entry: AuditEntry) -> Result<Sealed> {
        let key = id(key)?;
        let mut work = self.work().await?;
        if work.ring.key(key).is_some() {
            return Err(Error::Invalid { what: format!("the key {key} is not lost") });
        }
        let found = look(&mut work.tx, key).await?;
        let bytes = &key.0[..];
        for clear in CLEAR {
            work.execute(query(clear).bind(bytes)).await?;
        }
        let all = "SELECT id FROM webhook WHERE substr(secret_sealed, 2, 8) = ?1";
        let silent: Vec<String> = query_scalar(all).bind(bytes).fetch_all(&mut *work.tx).await?;
        for row in &silent {
            let place = Place { table: "webhook", column: "secret_sealed", row };
            // the column is never empty; nothing is signed with an empty secret
            let sealed = work.ring.seal(place, &Secret::new(""));
            let update = "UPDATE webhook SET secret_sealed = ?2, enabled = 0, version = version + 1 WHERE id = ?1";
            work.execute(query(update).bind(row).bind(sealed)).await?;
        }
        let retire = "UPDATE vault_key SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL";
        work.execute(query(retire).bind(key.to_string()).bind(UnixMs::now().0)).await?;
        work.execute(entry.insert()).await?;
        work.commit().await?;
        Ok(found)
    }
}
