//! One stream key in the gate: what opens it, and the sessions that came in with it.

use super::table::{AccessKey, KeyMaterial};
use crate::address::subject;
use crate::random::{Hash, hash};
use ipnet::IpNet;
use manycast_hub::{Lease, LeaseHolder};
use manycast_store::UnixMs;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Addresses that are remembered of a key.
pub(crate) const KNOWN: usize = 64;
/// Characters of a key that people are shown.
pub(crate) const PREFIX: usize = 8;

/// A key of the table. It holds no key, only hashes.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) label: String,
    digest: Hash,
    /// Of the key in small letters.
    folded: Hash,
    /// Of its first characters, if it is longer than those by enough.
    prefix: Option<Hash>,
    /// Characters.
    pub(super) length: usize,
    pub(super) expires_at: Option<UnixMs>,
    addresses: Vec<IpNet>,
    pub(super) sessions: Arc<Sessions>,
    known: Arc<Mutex<Vec<IpAddr>>>,
}

/// What was sent for a key, in the forms that it is compared in.
pub(super) struct Sent {
    digest: Hash,
    bare: Hash,
    folded: Hash,
    prefix: Hash,
    pub(super) length: usize,
}

impl Sent {
    /// Whether it is the key with this digest. In constant time.
    pub(super) fn is(&self, digest: &Hash) -> Choice {
        self.digest.ct_eq(digest)
    }

    pub(super) fn new(text: &str) -> Self {
        let bare = text.trim_matches(|c: char| c.is_whitespace() || "\"'`<>".contains(c));
        let prefix: String = text.chars().take(PREFIX).collect();
        Self {
            digest: hash(text),
            bare: hash(bare),
            folded: hash(&bare.to_lowercase()),
            prefix: hash(&prefix),
            length: text.chars().count(),
        }
    }
}

/// How near what was sent comes to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Near {
    /// It begins like it.
    Begins,
    /// It is the key but for capital letters.
    Capitals,
    /// It is the key but for blanks or quotes around it.
    Wrapped,
}

impl Key {
    /// `None`: the key is empty, and opens nothing.
    pub(super) fn new(key: AccessKey) -> Option<Self> {
        let (digest, folded, prefix, length) = match &key.material {
            KeyMaterial::Plain(plain) if plain.is_empty() => return None,
            KeyMaterial::Plain(plain) => {
                let text = plain.expose();
                let length = text.chars().count();
                let prefix: String = text.chars().take(PREFIX).collect();
                // of a short key the beginning is too much of it
                let prefix = (length >= 2 * PREFIX).then(|| hash(&prefix));
                (hash(text), hash(&text.to_lowercase()), prefix, length)
            }
            // keys of the database are made here, in small letters
            KeyMaterial::Sha256 { digest, prefix } => {
                (*digest, *digest, Some(hash(prefix)), crate::stream_key::LENGTH)
            }
        };
        Some(Self {
            id: key.id,
            label: key.label,
            digest,
            folded,
            prefix,
            length,
            expires_at: key.expires_at,
            addresses: key.addresses,
            sessions: Arc::default(),
            known: Arc::new(Mutex::new(key.known_addresses)),
        })
    }

    /// Whether it is the same key, whatever else is said of it now.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.digest.ct_eq(&other.digest).into()
    }

    /// The key with the sessions and the memory of what it was before.
    pub(super) fn carrying_on(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.sessions = before.sessions.clone();
            let told = std::mem::take(&mut *self.known.lock());
            self.known = before.known.clone();
            let mut known = self.known.lock();
            for address in told {
                remember(&mut known, address);
            }
            drop(known);
        }
        self
    }

    /// Whether it was sent. In constant time.
    pub(super) fn opens(&self, sent: &Sent) -> Choice {
        self.digest.ct_eq(&sent.digest)
    }

    /// How near `sent` comes to it, which is not the key. Everything is compared, in constant time.
    pub(super) fn near(&self, sent: &Sent) -> Option<Near> {
        let wrapped = bool::from(self.digest.ct_eq(&sent.bare));
        let capitals = bool::from(self.folded.ct_eq(&sent.folded));
        let begins = self.prefix.is_some_and(|prefix| prefix.ct_eq(&sent.prefix).into());
        [(wrapped, Near::Wrapped), (capitals, Near::Capitals), (begins, Near::Begins)]
            .into_iter()
            .find_map(|(is, near)| is.then_some(near))
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now: UnixMs) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it may be used from `address`.
    pub(super) fn is_for(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.is_empty() || self.addresses.iter().any(|net| net.contains(&address))
    }

    /// Ends the sessions of addresses that it may no longer be used from.
    pub(super) fn end_elsewhere(&self) {
        let why = "this stream key may no longer be used from your address";
        self.sessions.revoke_where(why, |address| !self.is_for(address));
    }

    /// Remembers that it was used from `address`. True: it was used before, but never from there.
    pub(super) fn used_from(&self, address: IpAddr) -> bool {
        let mut known = self.known.lock();
        let first = known.is_empty();
        remember(&mut known, subject(address)) && !first
    }

    /// From where it was used, the newest last.
    pub(super) fn known(&self) -> Vec<IpAddr> {
        self.known.lock().clone()
    }
}

/// Puts an address at the end of those that are known. True: it was not among them.
fn remember(known: &mut Vec<IpAddr>, address: IpAddr) -> bool {
    let at = known.iter().position(|other| *other == address);
    match at {
        Some(at) => {
            known.remove(at);
        }
        None if known.len() >= KNOWN => {
            known.remove(0);
        }
        None => {}
    }
    known.push(address);
    at.is_none()
}

/// The publish sessions that came in one way, apart by address, so that some of them can be ended.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Leases>);

#[derive(Default)]
struct Leases {
    /// All is over.
    revoked: Option<String>,
    /// At most one for each session that is there.
    places: Vec<(IpAddr, LeaseHolder)>,
}

impl Sessions {
    /// A lease for one more session.
    pub(super) fn lease(&self, address: IpAddr) -> Lease {
        let mut leases = self.0.lock();
        leases.places.retain(|(_, holder)| holder.sessions() > 0);
        let holder = LeaseHolder::new();
        let lease = holder.lease();
        match &leases.revoked {
            Some(why) => holder.revoke(why),
            None => leases.places.push((address, holder)),
        }
        lease
    }

    /// Whether there is a session.
    pub(super) fn is_used(&self) -> bool {
        self.0.lock().places.iter().any(|(_, holder)| holder.sessions() > 0)
    }

    /// Ends them all, and whatever is still on its way in.
    pub(super) fn revoke(&self, why: &str) {
        let mut leases = self.0.lock();
        leases.revoked = Some(why.to_owned());
        for (_, holder) in leases.places.drain(..) {
            holder.revoke(why);
        }
    }

    /// Ends those of some addresses.
    pub(super) fn revoke_where(&self, why: &str, ends: impl Fn(IpAddr) -> bool) {
        for (address, holder) in &self.0.lock().places {
            if ends(*address) {
                holder.revoke(why);
            }
        }
    }
}
