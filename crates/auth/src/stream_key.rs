//! Stream keys of the database: made, shown once, kept as a hash.
//!
//! ```text
//! create   26 characters (130 bits) --> shown once; the row holds SHA-256 and the first 8 (J2)
//! rotate   a new key beside the old one, which takes nobody new after the grace; whoever is on air
//!          with it stays (J7)
//! revoke   nobody new at once, and whoever is on air with it is ended by the next table
//! ```

mod ledger;

pub use ledger::KeyLedger;

use crate::audit::Actor;
use crate::clock::Clock;
use crate::error::{AuthError, name};
use crate::gate::{AccessKey, IpNet, KeyMaterial, PREFIX, RetiredKey};
use crate::json::Object;
use crate::password::Invalid;
use crate::random::{hash, text};
use manycast_hub::Secret;
use manycast_media::StreamName;
use manycast_store::{Store, StreamKeyId, StreamKeyRow, UnixMs};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Characters of a key: 130 bits.
pub(crate) const LENGTH: usize = 26;
/// Keys of one Stream that are not revoked. Each is compared at each attempt.
const MOST: usize = 64;
/// Ranges of addresses of one key.
const MOST_ADDRESSES: usize = 32;
/// Revoked keys that are remembered.
const RETIRED: u32 = 256;
/// How long an expired key that nobody uses is still listed.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A stream key without the key.
#[derive(Clone, Debug)]
pub struct StreamKey {
    /// Its id.
    pub id: StreamKeyId,
    /// What it opens.
    pub stream: String,
    /// What people call it.
    pub label: String,
    /// Its first 8 characters.
    pub prefix: String,
    /// From where it may be used; empty: from everywhere.
    pub addresses: Vec<IpNet>,
    /// When it was made.
    pub created_at: UnixMs,
    /// From when on it takes nobody new.
    pub expires_at: Option<UnixMs>,
    /// When it was used last, true to a minute.
    pub last_used_at: Option<UnixMs>,
    /// From where it was used last.
    pub last_address: Option<String>,
    /// From where it was used, the newest last.
    pub known_addresses: Vec<IpAddr>,
    /// Rises with each edit.
    pub version: i64,
}

/// A key that is to be made.
#[derive(Clone, Debug)]
pub struct NewStreamKey {
    /// What it opens; the caller knows that it exists.
    pub stream: StreamName,
    /// What people call it, 1 to 64 characters.
    pub label: String,
    /// From where it may be used; empty: from everywhere.
    pub addresses: Vec<IpNet>,
    /// From when on it takes nobody new.
    pub expires_at: Option<UnixMs>,
}

/// What is to be changed of a key; `None`: nothing.
#[derive(Clone, Debug, Default)]
pub struct StreamKeyEdit {
    /// What people call it.
    pub label: Option<String>,
    /// From where it may be used.
    pub addresses: Option<Vec<IpNet>>,
    /// From when on it takes nobody new; `Some(None)`: never.
    pub expires_at: Option<Option<UnixMs>>,
}

/// The keys of the database.
#[derive(Clone)]
pub struct StreamKeys {
    store: Store,
    clock: Clock,
}

impl StreamKeys {
    /// Those of `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// All that are not revoked.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn all(&self) -> Result<Vec<StreamKey>, AuthError> {
        Ok(self.store.stream_keys().await?.into_iter().map(StreamKey::from).collect())
    }

    /// Those of one Stream that are not revoked.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn of(&self, stream: &StreamName) -> Result<Vec<StreamKey>, AuthError> {
        let rows = self.store.stream_keys_of(stream.as_str()).await?;
        Ok(rows.into_iter().map(StreamKey::from).collect())
    }

    /// What goes into the gate's table, by Stream: all that are not revoked. Expired ones too, since
    /// whoever came in under them may stay.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn access_all(&self) -> Result<HashMap<String, Vec<AccessKey>>, AuthError> {
        let mut by_stream: HashMap<String, Vec<AccessKey>> = HashMap::new();
        for row in self.store.stream_keys().await? {
            let stream = row.stream.clone();
            by_stream.entry(stream).or_default().extend(access(row));
        }
        Ok(by_stream)
    }

    /// Those that were revoked last, at most 256: who comes with one is told apart from guesses.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn retired(&self) -> Result<Vec<RetiredKey>, AuthError> {
        let rows = self.store.revoked_stream_keys(RETIRED).await?;
        let retired = rows.into_iter().filter_map(|row| {
            let digest = row.key_hash.as_slice().try_into().ok()?;
            let StreamKeyRow { id, stream, label, .. } = row;
            Some(RetiredKey { stream, id: id.to_string(), label, digest })
        });
        Ok(retired.collect())
    }

    /// Makes a key. The text is shown once: nobody can read it later.
    ///
    /// # Errors
    /// [`AuthError`]: a label or addresses that are refused, too many keys, the store.
    pub async fn create(
        &self,
        new: NewStreamKey,
        actor: &Actor,
    ) -> Result<(StreamKey, Secret), AuthError> {
        let now = self.clock.now();
        check(Some(&new.label), Some(&new.addresses))?;
        check_future(new.expires_at, now)?;
        self.room(new.stream.as_str()).await?;
        let subject = subject(new.stream.as_str(), &new.label);
        let (row, secret) = fresh(new, now);
        let mut edit = self.store.edit(actor.entry(now, "stream_key.create", &subject)).await?;
        let key = StreamKey::from(edit.create_stream_key(row).await?);
        edit.after(key.json());
        edit.commit().await?;
        Ok((key, secret))
    }

    /// Changes what is said of a key. `seen`: the version that the caller saw.
    ///
    /// # Errors
    /// [`AuthError`]: a label or addresses that are refused, not found, another version, the store.
    pub async fn edit(
        &self,
        id: &StreamKeyId,
        seen: Option<i64>,
        change: StreamKeyEdit,
        actor: &Actor,
    ) -> Result<StreamKey, AuthError> {
        check(change.label.as_ref(), change.addresses.as_deref())?;
        let now = self.clock.now();
        check_future(change.expires_at.flatten(), now)?;
        let mut edit =
            self.store.edit(actor.entry(now, "stream_key.edit", &id.to_string())).await?;
        let before = self.found(edit.stream_key(id).await?)?;
        edit.before(before.json());
        let change = manycast_store::StreamKeyEdit {
            label: change.label,
            addresses: change.addresses.as_deref().map(words),
            expires_at: change.expires_at,
        };
        let key = StreamKey::from(edit.edit_stream_key(id, seen, change).await?);
        edit.after(key.json());
        edit.commit().await?;
        Ok(key)
    }

    /// Puts a new key in the place of one. The old one takes nobody new after `grace`, or after its
    /// own end if that comes first; without grace it is revoked at once. The new one has the label,
    /// the addresses and the end that the old one had.
    ///
    /// # Errors
    /// [`AuthError`]: not found, expired already, too many keys, the store.
    pub async fn rotate(
        &self,
        id: &StreamKeyId,
        grace: Duration,
        actor: &Actor,
    ) -> Result<(StreamKey, Secret), AuthError> {
        let now = self.clock.now();
        if let Some(row) = self.store.stream_key(id).await?.filter(|_| !grace.is_zero()) {
            self.room(&row.stream).await?;
        }
        let mut edit =
            self.store.edit(actor.entry(now, "stream_key.rotate", &id.to_string())).await?;
        let old = self.found(edit.stream_key(id).await?)?;
        check_expiry(old.expires_at, now)?;
        edit.before(old.json());
        if grace.is_zero() {
            edit.revoke_stream_key(id, now).await?;
        } else {
            let end = now.plus(grace);
            let expires_at = Some(Some(old.expires_at.map_or(end, |own| own.min(end))));
            let change = manycast_store::StreamKeyEdit { expires_at, ..Default::default() };
            edit.edit_stream_key(id, None, change).await?;
        }
        let stream = StreamName::new(&old.stream)
            .map_err(|error| Invalid::new("stream", error.to_string()))?;
        let StreamKey { label, addresses, expires_at, .. } = old;
        let (row, secret) = fresh(NewStreamKey { stream, label, addresses, expires_at }, now);
        let key = StreamKey::from(edit.create_stream_key(row).await?);
        edit.after(key.json());
        edit.commit().await?;
        Ok((key, secret))
    }

    /// Ends a key. The session that runs under it ends when the next table is applied.
    ///
    /// # Errors
    /// [`AuthError::Store`]: not found, or it cannot be written.
    pub async fn revoke(&self, id: &StreamKeyId, actor: &Actor) -> Result<(), AuthError> {
        let now = self.clock.now();
        let mut edit =
            self.store.edit(actor.entry(now, "stream_key.revoke", &id.to_string())).await?;
        let key = self.found(edit.stream_key(id).await?)?;
        edit.before(key.json());
        edit.revoke_stream_key(id, now).await?;
        Ok(edit.commit().await?)
    }

    /// Revokes keys that expired a week ago or more and that `in_use` does not know of. Call about
    /// once per hour. Returns how many.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn sweep(&self, in_use: impl Fn(&str) -> bool) -> Result<usize, AuthError> {
        let limit = self.clock.now().minus(KEPT);
        let over = |key: &StreamKeyRow| key.expires_at.is_some_and(|end| end < limit);
        let rows = self.store.stream_keys().await?;
        let rows = rows.iter().filter(|row| over(row) && !in_use(&row.id.to_string()));
        let mut swept = 0;
        for row in rows {
            self.revoke(&row.id, &Actor::system()).await?;
            swept += 1;
        }
        Ok(swept)
    }

    fn found(&self, row: Option<StreamKeyRow>) -> Result<StreamKey, AuthError> {
        let row = row.filter(|row| row.revoked_at.is_none());
        let row = row.ok_or(manycast_store::Error::NotFound { what: "stream key" })?;
        Ok(StreamKey::from(row))
    }

    async fn room(&self, stream: &str) -> Result<(), AuthError> {
        if self.store.stream_keys_of(stream).await?.len() < MOST {
            return Ok(());
        }
        let message = format!("a stream has at most {MOST} keys: revoke those that nobody needs");
        Err(AuthError::Limit(message))
    }
}

impl StreamKey {
    /// What the audit log keeps of it.
    fn json(&self) -> String {
        let object = Object::new().text("stream", &self.stream).text("label", &self.label);
        let object = object.text("prefix", &self.prefix).list("addresses", &words(&self.addresses));
        match self.expires_at {
            Some(end) => object.bare("expires_at", end.0).end(),
            None => object.bare("expires_at", "null").end(),
        }
    }
}

impl From<StreamKeyRow> for StreamKey {
    fn from(row: StreamKeyRow) -> Self {
        Self {
            id: row.id,
            stream: row.stream,
            label: row.label,
            prefix: row.prefix,
            addresses: row.addresses.iter().filter_map(|net| net.parse().ok()).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            last_address: row.last_address,
            known_addresses: row.known_addresses.iter().filter_map(|a| a.parse().ok()).collect(),
            version: row.version,
        }
    }
}

/// A row as the gate takes it. One that cannot be read as a whole opens nothing: a key that is bound
/// to addresses must not come loose.
fn access(row: StreamKeyRow) -> Option<AccessKey> {
    let digest: [u8; 32] = row.key_hash.as_slice().try_into().ok()?;
    let addresses: Result<Vec<IpNet>, _> = row.addresses.iter().map(|net| net.parse()).collect();
    Some(AccessKey {
        id: Some(row.id.to_string()),
        label: row.label,
        material: KeyMaterial::Sha256 { digest, prefix: row.prefix },
        expires_at: row.expires_at,
        addresses: addresses.ok()?,
        known_addresses: row.known_addresses.iter().filter_map(|a| a.parse().ok()).collect(),
    })
}

fn fresh(new: NewStreamKey, now: UnixMs) -> (manycast_store::NewStreamKey, Secret) {
    let key = text::<LENGTH>();
    let row = manycast_store::NewStreamKey {
        id: StreamKeyId::new(),
        stream: new.stream.as_str().to_owned(),
        label: new.label,
        prefix: key[..PREFIX].to_owned(),
        key_hash: hash(&key).to_vec(),
        addresses: words(&new.addresses),
        created_at: now,
        expires_at: new.expires_at,
    };
    (row, Secret::new(&key))
}

fn words(addresses: &[IpNet]) -> Vec<String> {
    addresses.iter().map(IpNet::to_string).collect()
}

fn subject(stream: &str, label: &str) -> String {
    format!("{stream}/{label}")
}

fn check(label: Option<&String>, addresses: Option<&[IpNet]>) -> Result<(), Invalid> {
    label.map_or(Ok(()), |label| name("label", label))?;
    if addresses.is_some_and(|addresses| addresses.len() > MOST_ADDRESSES) {
        return Err(Invalid::new("addresses", "a key is bound to at most 32 ranges of addresses"));
    }
    Ok(())
}

fn check_expiry(end: Option<UnixMs>, now: UnixMs) -> Result<(), Invalid> {
    if end.is_some_and(|end| end <= now) {
        return Err(Invalid::new("expires_at", "this key's time is over: make a new one"));
    }
    Ok(())
}

fn check_future(end: Option<UnixMs>, now: UnixMs) -> Result<(), Invalid> {
    if end.is_some_and(|end| end <= now) {
        let message = "the end has to lie in the future; to end a key now, revoke it";
        return Err(Invalid::new("expires_at", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
