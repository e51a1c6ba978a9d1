//! Sessions of people, and the memory that spares the database.
//!
//! ```text
//! cookie --SHA-256--> memory --else--> database --> Principal
//! life    12 h from the login, 1 h from the last request (I5)
//! writes  that it was seen: at most once a minute
//! ends    log out, a new password, disabled, removed: out of the database, then out of memory
//! ```

use super::{Accounts, Client, User};
use crate::audit::Actor;
use crate::error::AuthError;
use crate::permission::{Principal, PrincipalKind, Role, Scopes};
use crate::random::{Hash, cookie, hash};
use manycast_hub::Secret;
use manycast_store::{Edit, Error, SessionRow, UnixMs, UserId, UserRow};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The most that a session lasts.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// How long it lasts without a request.
const IDLE: Duration = Duration::from_secs(3600);
/// That it was seen is written at most once in this time.
const EVERY: Duration = Duration::from_secs(60);
/// Sessions and tokens in memory; beyond it the one not seen for longest goes.
const REMEMBERED: usize = 4096;
/// Characters of `User-Agent` that are kept.
const AGENT: usize = 200;

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Names it; opens nothing.
    pub id: String,
    /// When it began.
    pub created_at: UnixMs,
    /// The last request, true to a minute.
    pub seen_at: UnixMs,
    /// When it ends if nothing more comes.
    pub expires_at: UnixMs,
    /// From where it began.
    pub address: String,
    /// With which program.
    pub agent: String,
}

/// A proof that was looked up.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) principal: Principal,
    /// Whose it is, also of a token.
    pub(super) user: Option<UserId>,
    pub(super) created_at: UnixMs,
    /// The most that it lasts; `None`: for ever.
    pub(super) ends_at: Option<UnixMs>,
    pub(super) seen_at: UnixMs,
    /// When that it was seen was written last.
    pub(super) written_at: UnixMs,
}

impl Proof {
    fn holds(&self, now: UnixMs) -> bool {
        let idle = self.principal.kind == PrincipalKind::User && now >= self.seen_at.plus(IDLE);
        !idle && self.ends_at.is_none_or(|end| now < end)
    }
}

/// Proofs in memory.
#[derive(Default)]
pub(super) struct Cache(Mutex<Proofs>);

#[derive(Default)]
struct Proofs {
    by_hash: HashMap<Hash, Proof>,
    /// Rises whenever something is forgotten: what was read before then may be out of date.
    age: u64,
}

/// What a look into memory came to.
pub(super) enum Found {
    /// It is there and holds; whether that it was seen has to be written.
    Holds(Principal, Option<Write>),
    /// It was there, and is over.
    Over,
    /// It is not there; to be given back with what the database says.
    Unknown { age: u64 },
}

/// That a proof was seen has to be written.
#[derive(Clone, Copy)]
pub(super) struct Write {
    pub(super) at: UnixMs,
    created_at: UnixMs,
    user: Option<UserId>,
}

impl Cache {
    /// Looks a proof up. `use_it`: the request counts as a sign of life.
    pub(super) fn find(&self, hash: &Hash, now: UnixMs, use_it: bool) -> Found {
        let mut proofs = self.0.lock();
        let age = proofs.age;
        let Some(proof) = proofs.by_hash.get_mut(hash) else { return Found::Unknown { age } };
        if !proof.holds(now) {
            proofs.by_hash.remove(hash);
            return Found::Over;
        }
        if !use_it {
            return Found::Holds(proof.principal.clone(), None);
        }
        proof.seen_at = proof.seen_at.max(now);
        let due = now >= proof.written_at.plus(EVERY);
        if due {
            proof.written_at = now;
        }
        let write = Write { at: now, created_at: proof.created_at, user: proof.user };
        Found::Holds(proof.principal.clone(), due.then_some(write))
    }

    /// Remembers what the database said, unless something was forgotten meanwhile.
    pub(super) fn keep(&self, hash: Hash, proof: Proof, age: u64) {
        let mut proofs = self.0.lock();
        if proofs.age != age {
            return;
        }
        if proofs.by_hash.len() >= REMEMBERED && !proofs.by_hash.contains_key(&hash) {
            let oldest = proofs.by_hash.iter().min_by_key(|(_, proof)| proof.seen_at);
            let oldest = oldest.map(|(hash, _)| *hash);
            oldest.and_then(|oldest| proofs.by_hash.remove(&oldest));
        }
        proofs.by_hash.insert(hash, proof);
    }

    /// Forgets what `gone` says of. Call after the database has forgotten it.
    pub(super) fn forget(&self, gone: impl Fn(&Hash, &Proof) -> bool) {
        let mut proofs = self.0.lock();
        proofs.age += 1;
        proofs.by_hash.retain(|hash, proof| !gone(hash, proof));
    }

    /// Forgets everything that belongs to a user.
    pub(super) fn forget_user(&self, user: &UserId) {
        self.forget(|_, proof| proof.user == Some(*user));
    }
}

/// A user as the one who asks.
pub(super) fn principal_of(row: &UserRow) -> Option<Principal> {
    Some(Principal {
        kind: PrincipalKind::User,
        id: row.id.to_string(),
        name: row.name.clone(),
        role: row.role.parse::<Role>().ok()?,
        scopes: Scopes::ALL,
    })
}

impl Accounts {
    /// Whose session a cookie is. Counts as a sign of life of it. Costs no read of the database
    /// once it is known, and a write at most once a minute.
    ///
    /// # Errors
    /// The store: it cannot be read.
    pub async fn authenticate_cookie(&self, cookie: &str) -> Result<Option<Principal>, Error> {
        self.session(cookie, true).await
    }

    /// The same without being a sign of life: for connections that stay open and ask again (I16).
    ///
    /// # Errors
    /// The store: it cannot be read.
    pub async fn check_cookie(&self, cookie: &str) -> Result<Option<Principal>, Error> {
        self.session(cookie, false).await
    }

    async fn session(&self, cookie: &str, use_it: bool) -> Result<Option<Principal>, Error> {
        if cookie.len() != 43 {
            return Ok(None);
        }
        let (hash, now) = (hash(cookie), self.0.clock.now());
        let age = match self.0.cache.find(&hash, now, use_it) {
            Found::Over => return Ok(None),
            Found::Holds(principal, write) => {
                if let Some(write) = write {
                    self.seen(&hash, write).await;
                }
                return Ok(Some(principal));
            }
            Found::Unknown { age } => age,
        };
        let Some((row, user)) = self.0.store.session(&hash).await? else { return Ok(None) };
        let Some(principal) = principal_of(&user).filter(|_| !user.disabled) else {
            return Ok(None);
        };
        let proof = Proof {
            principal: principal.clone(),
            user: Some(user.id),
            created_at: row.created_at,
            ends_at: Some(row.created_at.plus(LIFE)),
            seen_at: row.seen_at,
            written_at: row.seen_at,
        };
        if !proof.holds(now) || row.expires_at <= now {
            return Ok(None);
        }
        self.0.cache.keep(hash, proof, age);
        // the second look notes the sign of life; if it was forgotten meanwhile, it is over
        match self.0.cache.find(&hash, now, use_it) {
            Found::Holds(principal, write) => {
                if let Some(write) = write {
                    self.seen(&hash, write).await;
                }
                Ok(Some(principal))
            }
            Found::Over => Ok(None),
            Found::Unknown { .. } => self.still_there(&hash, principal).await,
        }
    }

    /// Something was forgotten while the database was read: it is asked once more.
    async fn still_there(
        &self,
        hash: &Hash,
        principal: Principal,
    ) -> Result<Option<Principal>, Error> {
        let row = self.0.store.session(hash).await?;
        let user = row.map(|(_, user)| user).filter(|user| !user.disabled);
        Ok(user.and_then(|user| principal_of(&user)).filter(|now| now.id == principal.id))
    }

    /// Writes that a session was seen. That it cannot be written ends nothing.
    async fn seen(&self, hash: &Hash, write: Write) {
        let ends = write.at.plus(IDLE).min(write.created_at.plus(LIFE));
        let touched = self.0.store.touch_session(hash, write.at, ends).await;
        let touched = match (touched, &write.user) {
            (Ok(()), Some(user)) => self.0.store.touch_user(user, write.at).await,
            (touched, _) => touched,
        };
        if let Err(error) = touched {
            tracing::debug!(%error, "that a session was seen is not written");
        }
    }

    /// Begins a session within a change that is under way.
    pub(super) async fn begin_session(
        &self,
        edit: &mut Edit,
        user: &UserRow,
        client: &Client,
    ) -> Result<(Secret, UnixMs), Error> {
        let (cookie, now) = (cookie(), self.0.clock.now());
        let expires_at = now.plus(IDLE);
        let row = SessionRow {
            token_hash: hash(cookie.expose()).to_vec(),
            user_id: user.id,
            created_at: now,
            seen_at: now,
            expires_at,
            address: client.address.to_canonical().to_string(),
            agent: client.agent.chars().filter(|c| !c.is_control()).take(AGENT).collect(),
        };
        edit.create_session(row).await?;
        Ok((cookie, now.plus(LIFE)))
    }

    /// Ends the session of a cookie. Nothing, if there is none.
    ///
    /// # Errors
    /// The store: it cannot be written, and the session goes on.
    pub async fn log_out(&self, cookie: &str, client: &Client) -> Result<(), Error> {
        let (hash, now) = (hash(cookie), self.0.clock.now());
        let Some((_, user)) = self.0.store.session(&hash).await? else { return Ok(()) };
        let Some(principal) = principal_of(&user) else { return Ok(()) };
        let entry = principal.actor(client.address).entry(now, "session.delete", &user.name);
        let mut edit = self.0.store.edit(entry).await?;
        edit.delete_session(&hash).await?;
        edit.commit().await?;
        self.0.cache.forget(|other, _| *other == hash);
        Ok(())
    }

    /// The sessions of a user, the newest first.
    ///
    /// # Errors
    /// The store.
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<SessionInfo>, Error> {
        let now = self.0.clock.now();
        let rows = self.0.store.sessions_of(user).await?;
        let rows = rows.into_iter().filter(|row| row.expires_at > now);
        let mut infos: Vec<_> = rows.map(SessionInfo::from).collect();
        infos.sort_by_key(|info| std::cmp::Reverse(info.created_at));
        Ok(infos)
    }

    /// The id under which [`Accounts::sessions_of`] lists the session of a cookie.
    #[must_use]
    pub fn session_id(cookie: &str) -> String {
        session_id(&hash(cookie))
    }

    /// Ends one session of a user: his own, or that of somebody whom the caller may manage. False:
    /// there is none with this id.
    ///
    /// # Errors
    /// [`AuthError`]: may not, no such user, the store.
    pub async fn end_session(
        &self,
        user: &UserId,
        id: &str,
        by: &Principal,
        from: IpAddr,
    ) -> Result<bool, AuthError> {
        let row = self.managed(user, by).await?;
        let sessions = self.0.store.sessions_of(user).await?;
        let Some(session) = sessions.iter().find(|row| session_id(&row.token_hash) == id) else {
            return Ok(false);
        };
        let entry = by.actor(from).entry(self.0.clock.now(), "session.delete", &row.name);
        let mut edit = self.0.store.edit(entry).await?;
        let ended = edit.delete_session(&session.token_hash).await?;
        edit.commit().await?;
        self.0.cache.forget(|hash, _| hash.as_slice() == session.token_hash.as_slice());
        Ok(ended)
    }

    /// Ends all sessions of a user, except that of the cookie `except`. Returns how many.
    ///
    /// # Errors
    /// [`AuthError`]: may not, no such user, the store.
    pub async fn end_sessions_of(
        &self,
        user: &UserId,
        except: Option<&str>,
        by: &Principal,
        from: IpAddr,
    ) -> Result<u64, AuthError> {
        let row = self.managed(user, by).await?;
        let actor: Actor = by.actor(from);
        let mut edit = self
            .0
            .store
            .edit(actor.entry(self.0.clock.now(), "session.delete_all", &row.name))
            .await?;
        let except = except.map(hash);
        let ended =
            edit.delete_sessions_of(user, except.as_ref().map(<[u8; 32]>::as_slice)).await?;
        edit.commit().await?;
        self.0.cache.forget(|hash, proof| {
            let session = proof.principal.kind == PrincipalKind::User;
            session && proof.user == Some(*user) && Some(*hash) != except
        });
        Ok(ended)
    }

    /// A user whom the caller may manage, or the caller himself.
    async fn managed(&self, user: &UserId, by: &Principal) -> Result<User, AuthError> {
        let row = self.user(user).await?;
        if !super::people::is_self(&row, by) {
            super::people::outranks(by, row.role)?;
        }
        Ok(row)
    }
}

impl From<SessionRow> for SessionInfo {
    fn from(row: SessionRow) -> Self {
        Self {
            id: session_id(&row.token_hash),
            created_at: row.created_at,
            seen_at: row.seen_at,
            expires_at: row.expires_at,
            address: row.address,
            agent: row.agent,
        }
    }
}

/// A part of the hash names a session: from it nobody gets the cookie.
fn session_id(hash: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(hash.get(..16).unwrap_or(hash))
}
