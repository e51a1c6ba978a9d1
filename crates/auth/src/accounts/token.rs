//! Tokens for programs.
//!
//! ```text
//! mc_ + 8 characters that name it + _ + 32 that open it (160 bits); kept as SHA-256, shown once
//! may   what its role AND its scopes may; the role of whoever made it is the limit, also later
//! ends  revoked, expired, or with the user who made it
//! ```

use super::Accounts;
use super::session::{Found, Proof};
use crate::audit::Actor;
use crate::error::{AuthError, name};
use crate::json::Object;
use crate::password::Invalid;
use crate::permission::{Forbidden, Permission, Principal, PrincipalKind, Role, Scope, Scopes};
use crate::random::{Hash, hash, text};
use manycast_hub::Secret;
use manycast_store::{Error, PageRequest, TokenId, TokenRow, UnixMs, UserId};
use std::net::IpAddr;

/// Characters that name a token, after `mc_`.
const NAMING: usize = 8;
/// Characters that open it: 160 bits.
const OPENING: usize = 32;
/// Tokens at a time.
const MOST: usize = 1000;

/// A token without what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// Who made it.
    pub user: Option<UserId>,
    /// What it is trusted with at most.
    pub role: Role,
    /// What it is made for.
    pub scopes: Scopes,
    /// How it begins: `mc_` and 8 characters.
    pub prefix: String,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it ends by itself.
    pub expires_at: Option<UnixMs>,
    /// The last request, true to a minute.
    pub last_used_at: Option<UnixMs>,
    /// From where.
    pub last_address: Option<String>,
}

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for, 1 to 64 characters.
    pub name: String,
    /// At most that of whoever makes it.
    pub role: Role,
    /// At least one.
    pub scopes: Scopes,
    /// When it ends by itself.
    pub expires_at: Option<UnixMs>,
}

impl TryFrom<TokenRow> for Token {
    type Error = crate::permission::UnknownWord;

    fn try_from(row: TokenRow) -> Result<Self, Self::Error> {
        let scopes: Result<Vec<Scope>, _> = row.scopes.iter().map(|word| word.parse()).collect();
        Ok(Self {
            id: row.id,
            role: row.role.parse()?,
            scopes: Scopes::of(scopes?),
            name: row.name,
            user: row.user_id,
            prefix: row.prefix,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            last_address: row.last_address,
        })
    }
}

impl Token {
    fn json(&self) -> String {
        let object = Object::new().text("name", &self.name).text("role", self.role.as_str());
        let object = object.text("scopes", &self.scopes.to_string()).text("prefix", &self.prefix);
        match self.expires_at {
            Some(end) => object.bare("expires_at", end.0).end(),
            None => object.bare("expires_at", "null").end(),
        }
    }
}

impl Accounts {
    /// Makes a token. The text is shown once: nobody can read it later.
    ///
    /// # Errors
    /// [`AuthError`]: may not, more than the caller has himself, a value that is refused, too many
    /// tokens, the store.
    pub async fn create_token(
        &self,
        new: NewToken,
        by: &Principal,
        from: IpAddr,
    ) -> Result<(Token, Secret), AuthError> {
        let now = self.0.clock.now();
        may_make(&new, by)?;
        self.judge(&new, now).await?;
        let user_id = self.maker(&new, by).await?;
        self.insert(new, user_id, &by.actor(from), now).await
    }

    /// Makes a token of nobody on the server's own machine, for who may read its data directory and
    /// so may do everything anyway.
    ///
    /// # Errors
    /// [`AuthError`]: a value that is refused, too many tokens, the store.
    pub async fn create_token_here(&self, new: NewToken) -> Result<(Token, Secret), AuthError> {
        let now = self.0.clock.now();
        self.judge(&new, now).await?;
        self.insert(new, None, &Actor::cli(), now).await
    }

    async fn judge(&self, new: &NewToken, now: UnixMs) -> Result<(), AuthError> {
        name("name", &new.name)?;
        if new.scopes.is_empty() {
            return Err(Invalid::new("scopes", "a token has at least one scope").into());
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(Invalid::new("expires_at", "this time is over already").into());
        }
        if self.tokens().await?.len() >= MOST {
            let message = format!("there are {MOST} tokens already: revoke those nobody needs");
            return Err(AuthError::Limit(message));
        }
        Ok(())
    }

    async fn insert(
        &self,
        new: NewToken,
        user_id: Option<UserId>,
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(Token, Secret), AuthError> {
        let prefix = format!("mc_{}", text::<NAMING>());
        let token = Secret::new(&format!("{prefix}_{}", text::<OPENING>()));
        let row = manycast_store::NewToken {
            id: TokenId::new(),
            user_id,
            role: new.role.as_str().to_owned(),
            scopes: new.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            prefix,
            token_hash: hash(token.expose()).to_vec(),
            created_at: now,
            expires_at: new.expires_at,
            name: new.name,
        };
        let mut edit = self.0.store.edit(actor.entry(now, "token.create", &row.name)).await?;
        let made = token_of(edit.create_token(row).await?)?;
        edit.after(made.json());
        edit.commit().await?;
        Ok((made, token))
    }

    /// Whose a new token is. One that is made with a token is of the same user, and does not outlive
    /// it.
    async fn maker(&self, new: &NewToken, by: &Principal) -> Result<Option<UserId>, AuthError> {
        if by.kind == PrincipalKind::User {
            return Ok(UserId::parse(&by.id));
        }
        let id = TokenId::parse(&by.id);
        let row = match &id {
            Some(id) => self.0.store.token(id).await?,
            None => None,
        };
        let row = row.ok_or(Error::NotFound { what: "token" })?;
        let outlives = |end: UnixMs| new.expires_at.is_none_or(|own| own > end);
        if row.expires_at.is_some_and(outlives) {
            let message = "a token that is made with a token ends no later than that one";
            return Err(Invalid::new("expires_at", message).into());
        }
        Ok(row.user_id)
    }

    /// The tokens that are not revoked, the newest first; also those that have expired.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn tokens(&self) -> Result<Vec<Token>, AuthError> {
        let mut tokens = Vec::new();
        let mut request = PageRequest { limit: 200, after: None };
        loop {
            let page = self.0.store.tokens(request).await?;
            for row in page.items {
                tokens.push(token_of(row)?);
            }
            match page.next {
                Some(after) => request = PageRequest { limit: 200, after: Some(after) },
                None => break,
            }
        }
        tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
        Ok(tokens)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`AuthError::Store`]: also if there is none.
    pub async fn token(&self, id: &TokenId) -> Result<Token, AuthError> {
        let row = self.0.store.token(id).await?.filter(|row| row.revoked_at.is_none());
        token_of(row.ok_or(Error::NotFound { what: "token" })?)
    }

    /// Ends a token at once.
    ///
    /// # Errors
    /// [`AuthError`]: may not, not found, the store.
    pub async fn revoke_token(
        &self,
        id: &TokenId,
        by: &Principal,
        from: IpAddr,
    ) -> Result<(), AuthError> {
        by.require(Permission::ManageTokens)?;
        let token = self.token(id).await?;
        if token.role > by.role {
            let (role, own) = (token.role, by.role);
            return Err(Forbidden(format!("this takes the role {role}; yours is {own}")).into());
        }
        let now = self.0.clock.now();
        let mut edit =
            self.0.store.edit(by.actor(from).entry(now, "token.revoke", &token.name)).await?;
        edit.before(token.json());
        edit.revoke_token(id, now).await?;
        edit.commit().await?;
        let id = id.to_string();
        self.0.cache.forget(|_, proof| {
            proof.principal.kind == PrincipalKind::Token && proof.principal.id == id
        });
        Ok(())
    }

    /// Whose a token (`Authorization: Bearer ...`) is. Costs no read of the database once it is
    /// known, and a write at most once a minute.
    ///
    /// # Errors
    /// The store: it cannot be read.
    pub async fn authenticate_bearer(
        &self,
        token: &str,
        from: IpAddr,
    ) -> Result<Option<Principal>, Error> {
        if !token.starts_with("mc_") || token.len() != 3 + NAMING + 1 + OPENING {
            return Ok(None);
        }
        let (hash, now) = (hash(token), self.0.clock.now());
        for _ in 0..2 {
            match self.0.cache.find(&hash, now, true) {
                Found::Over => return Ok(None),
                Found::Holds(principal, write) => {
                    if write.is_some() {
                        self.token_used(&principal, now, from).await;
                    }
                    return Ok(Some(principal));
                }
                Found::Unknown { age } => {
                    let Some(proof) = self.token_proof(&hash).await? else { return Ok(None) };
                    self.0.cache.keep(hash, proof, age);
                }
            }
        }
        // something was forgotten twice while the database was read: what it says now holds
        Ok(self.token_proof(&hash).await?.map(|proof| proof.principal))
    }

    /// What the database says of a token.
    async fn token_proof(&self, hash: &Hash) -> Result<Option<Proof>, Error> {
        let now = self.0.clock.now();
        let Some(row) = self.0.store.token_by_hash(hash).await? else { return Ok(None) };
        let over = row.expires_at.is_some_and(|end| end <= now);
        if row.revoked_at.is_some() || over {
            return Ok(None);
        }
        let used = row.last_used_at;
        let Ok(token) = Token::try_from(row) else { return Ok(None) };
        let role = match &token.user {
            None => token.role,
            Some(user) => {
                let user = self.0.store.user(user).await?.filter(|user| !user.disabled);
                let role = user.and_then(|user| user.role.parse::<Role>().ok());
                let Some(role) = role else { return Ok(None) };
                role.min(token.role)
            }
        };
        Ok(Some(Proof {
            principal: Principal {
                kind: PrincipalKind::Token,
                id: token.id.to_string(),
                name: token.name,
                role,
                scopes: token.scopes,
            },
            user: token.user,
            created_at: token.created_at,
            ends_at: token.expires_at,
            seen_at: now,
            written_at: used.unwrap_or(UnixMs(0)),
        }))
    }

    /// Writes that a token was used. That it cannot be written ends nothing.
    async fn token_used(&self, principal: &Principal, at: UnixMs, from: IpAddr) {
        let Some(id) = TokenId::parse(&principal.id) else { return };
        let from = from.to_canonical().to_string();
        if let Err(error) = self.0.store.touch_token(&id, at, &from).await {
            tracing::debug!(%error, "that a token was used is not written");
        }
    }
}

fn token_of(row: TokenRow) -> Result<Token, AuthError> {
    let what = format!("token {}: a role or scope that this version does not know", row.id);
    Token::try_from(row).map_err(|_| AuthError::Store(Error::Invalid { what }))
}

/// Nobody gives away more than he has.
fn may_make(new: &NewToken, by: &Principal) -> Result<(), Forbidden> {
    by.require(Permission::ManageTokens)?;
    if new.role > by.role {
        let (role, own) = (new.role, by.role);
        return Err(Forbidden(format!("this takes the role {role}; yours is {own}")));
    }
    match new.scopes.iter().find(|scope| !by.scopes.contains(*scope)) {
        Some(scope) => {
            Err(Forbidden(format!("your token does not have the scope {}", scope.as_str())))
        }
        None => Ok(()),
    }
}
