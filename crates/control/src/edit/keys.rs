//! Stream keys: several per Stream, also of Streams that the file defines.
//!
//! What a key is and how it is kept is auth's; here it is put in force.

use crate::control::{Books, Control};
use crate::view::StreamKeyView;
use crate::{ControlError, FieldError};
use manycast_auth::{Actor, IpNet, NewStreamKey, StreamKeyEdit, StreamKeyId};
use manycast_hub::Secret;
use manycast_store::UnixMs;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The longest grace of a rotation.
const MAX_GRACE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A key to be made.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// What people call it: the device it is for.
    pub label: String,
    /// From where it may be used, as addresses or networks; empty: from everywhere.
    pub addresses: Vec<String>,
    /// From when on it takes nobody new; whoever is on air with it stays. `None`: never.
    pub expires_at: Option<SystemTime>,
}

/// What to change of a key; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct KeyPatch {
    /// See [`NewKey`].
    pub label: Option<String>,
    /// See [`NewKey`].
    pub addresses: Option<Vec<String>>,
    /// See [`NewKey`]; `Some(None)`: never.
    pub expires_at: Option<Option<SystemTime>>,
}

impl Control {
    /// The keys of a Stream that are not revoked. That of the file is not among them.
    ///
    /// # Errors
    /// No such Stream; the database.
    pub async fn keys(&self, stream: &str) -> Result<Vec<StreamKeyView>, ControlError> {
        let defined = Self::defined(&self.registry.load(), stream)?;
        let keys = self.keys.of(&defined.name).await?;
        let used = self.gate.keys_in_use();
        Ok(keys.into_iter().map(|key| StreamKeyView::of(key, &used)).collect())
    }

    /// Makes a key. Its text is told this once.
    ///
    /// # Errors
    /// What is wrong with it; too many keys; the database.
    pub async fn create_key(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        new: NewKey,
    ) -> Result<(StreamKeyView, Secret), ControlError> {
        let addresses = networks(&new.addresses)?;
        let (by, stream) = (by.clone(), stream.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let defined = Self::defined(&control.registry.load(), &stream)?;
            let new = NewStreamKey {
                stream: defined.name,
                label: new.label,
                addresses,
                expires_at: new.expires_at.map(UnixMs::from),
            };
            let (key, secret) = control.keys.create(new, &by).await?;
            control.put_in_force(&mut books, None).await?;
            Ok((StreamKeyView::of(key, &control.gate.keys_in_use()), secret))
        })
        .await
    }

    /// Changes what is said of a key. Whoever is on air with it stays.
    ///
    /// # Errors
    /// What is wrong with it; no such key; the database.
    pub async fn edit_key(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
        patch: KeyPatch,
    ) -> Result<StreamKeyView, ControlError> {
        let addresses = patch.addresses.as_deref().map(networks).transpose()?;
        let expires_at = patch.expires_at.map(|end| end.map(UnixMs::from));
        let change = StreamKeyEdit { label: patch.label, addresses, expires_at };
        let (by, stream, id) = (by.clone(), stream.to_owned(), id.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let id = control.key_of(&stream, &id).await?;
            let key = control.keys.edit(&id, None, change, &by).await?;
            control.put_in_force(&mut books, None).await?;
            Ok(StreamKeyView::of(key, &control.gate.keys_in_use()))
        })
        .await
    }

    /// Puts a new key in the place of one. The old one takes nobody new after `grace`; whoever is on
    /// air with it stays. Without grace it is revoked at once.
    ///
    /// # Errors
    /// A grace above 30 days; no such key; the database.
    pub async fn rotate_key(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
        grace: Duration,
    ) -> Result<(StreamKeyView, Secret), ControlError> {
        if grace > MAX_GRACE {
            let remedy = "give at most 2592000 seconds";
            return Err(ControlError::invalid("grace_s", "is longer than 30 days", remedy));
        }
        let (by, stream, id) = (by.clone(), stream.to_owned(), id.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let id = control.key_of(&stream, &id).await?;
            let (key, secret) = control.keys.rotate(&id, grace, &by).await?;
            let revoked = grace.is_zero().then(|| id.to_string());
            control.put_in_force(&mut books, revoked.as_deref()).await?;
            Ok((StreamKeyView::of(key, &control.gate.keys_in_use()), secret))
        })
        .await
    }

    /// Ends a key, and the session that runs under it.
    ///
    /// # Errors
    /// No such key; the database.
    pub async fn revoke_key(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
    ) -> Result<(), ControlError> {
        let (by, stream, id) = (by.clone(), stream.to_owned(), id.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let id = control.key_of(&stream, &id).await?;
            control.keys.revoke(&id, &by).await?;
            control.put_in_force(&mut books, Some(&id.to_string())).await
        })
        .await
    }

    /// A key of just this Stream.
    async fn key_of(&self, stream: &str, id: &str) -> Result<StreamKeyId, ControlError> {
        let missing = ControlError::NotFound { what: "stream key" };
        let defined = Self::defined(&self.registry.load(), stream)?;
        let Some(id) = StreamKeyId::parse(id) else { return Err(missing) };
        let keys = self.keys.of(&defined.name).await?;
        keys.iter().any(|key| key.id == id).then_some(id).ok_or(missing)
    }

    /// What the database says of keys holds from now on. A key that was revoked goes even if the
    /// database cannot be read now.
    async fn put_in_force(
        &self,
        books: &mut Books,
        revoked: Option<&str>,
    ) -> Result<(), ControlError> {
        let read = async { Ok((self.keys.access_all().await?, self.keys.retired().await?)) };
        let outcome = match read.await {
            Ok((keys, retired)) => {
                (books.keys, books.retired) = (keys, retired);
                Ok(())
            }
            Err(error) => Err(error),
        };
        for keys in books.keys.values_mut() {
            keys.retain(|key| revoked.is_none() || key.id.as_deref() != revoked);
        }
        self.refresh(books);
        outcome
    }
}

fn networks(texts: &[String]) -> Result<Vec<IpNet>, ControlError> {
    let read = |text: &String| {
        let text = text.trim();
        let one = text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().map(|net| net.trunc()).or(one).map_err(|_| {
            let message = format!("{text:?} is neither an address nor a network");
            FieldError::new("addresses", message, "write it like 192.0.2.7 or 192.0.2.0/24")
        })
    };
    let (good, bad): (Vec<_>, Vec<_>) = texts.iter().map(read).partition(Result::is_ok);
    if bad.is_empty() {
        return Ok(good.into_iter().flatten().collect());
    }
    Err(ControlError::Invalid(bad.into_iter().filter_map(Result::err).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_bind_a_key() {
        let read = |text: &str| networks(&[text.to_owned()]).map(|nets| nets[0].to_string());
        for (text, want) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.7/24", Some("192.0.2.0/24")),
            (" 2001:db8::1 ", Some("2001:db8::1/128")),
            ("192.0.2", None),
            ("home", None),
            ("192.0.2.0/33", None),
        ] {
            assert_eq!(read(text).ok().as_deref(), want, "{text}");
        }
    }
}
