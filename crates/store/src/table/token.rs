//! `token`: API tokens, by the digest of their text.

use crate::edit::Edit;
use crate::error::Result;
use crate::id::{TokenId, UserId};
use crate::page::{Page, PageRequest};
use crate::row::{Row, id, list, listed, maybe_id, maybe_time, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

const WHAT: &str = "token";

/// An API token.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// Whose it is; `None`: nobody's, it stays when people go.
    pub user_id: Option<UserId>,
    /// `owner`, `admin`, `operator` or `viewer`.
    pub role: String,
    /// What it may at most.
    pub scopes: Vec<String>,
    /// How its text begins, to be recognised by.
    pub prefix: String,
    /// Digest of its text.
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: UnixMs,
    /// Until when it holds.
    pub expires_at: Option<UnixMs>,
    /// When it was last used.
    pub last_used_at: Option<UnixMs>,
    /// From where.
    pub last_address: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<UnixMs>,
}

impl Row for TokenRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            id: id(row, "id")?,
            name: row.try_get("name")?,
            user_id: maybe_id(row, "user_id")?,
            role: row.try_get("role")?,
            scopes: list(row, "scopes")?,
            prefix: row.try_get("prefix")?,
            token_hash: row.try_get("token_hash")?,
            created_at: time(row, "created_at")?,
            expires_at: maybe_time(row, "expires_at")?,
            last_used_at: maybe_time(row, "last_used_at")?,
            last_address: row.try_get("last_address")?,
            revoked_at: maybe_time(row, "revoked_at")?,
        })
    }
}

/// What makes an API token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub user_id: Option<UserId>,
    /// `owner`, `admin`, `operator` or `viewer`.
    pub role: String,
    /// What it may at most.
    pub scopes: Vec<String>,
    /// How its text begins.
    pub prefix: String,
    /// Digest of its text.
    pub token_hash: Vec<u8>,
    /// When.
    pub created_at: UnixMs,
    /// Until when it holds.
    pub expires_at: Option<UnixMs>,
}

fn by_id(id: &TokenId) -> Statement<'static> {
    query("SELECT * FROM token WHERE id = ?1").bind(id.text())
}

impl Store {
    /// A token by its id, revoked and expired ones too.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn token(&self, id: &TokenId) -> Result<Option<TokenRow>> {
        self.one(by_id(id)).await
    }

    /// A token by the digest of its text, revoked and expired ones too.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn token_by_hash(&self, hash: &[u8]) -> Result<Option<TokenRow>> {
        self.one(query("SELECT * FROM token WHERE token_hash = ?1").bind(hash)).await
    }

    /// Tokens that were not revoked, in the order in which they were made.
    ///
    /// # Errors
    /// [`crate::Error::BadCursor`], and those that are [`crate::Error::is_unavailable`].
    pub async fn tokens(&self, ask: PageRequest) -> Result<Page<TokenRow>> {
        let found =
            query("SELECT * FROM token WHERE revoked_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2");
        let found = found.bind(ask.id()?).bind(ask.rows());
        self.page(&ask, found, |row: &TokenRow| row.id.text()).await
    }

    /// Notes when and from where a token was last used.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn touch_token(&self, id: &TokenId, at: UnixMs, address: &str) -> Result<()> {
        let used = query("UPDATE token SET last_used_at = ?2, last_address = ?3 WHERE id = ?1");
        self.execute(used.bind(id.text()).bind(at.0).bind(address)).await.map(drop)
    }
}

impl Edit {
    /// Makes a token.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for an unknown role, [`crate::Error::NotFound`] without the account.
    pub async fn create_token(&mut self, new: NewToken) -> Result<TokenRow> {
        let insert = query(
            "INSERT INTO token (id, name, user_id, role, scopes, prefix, token_hash, created_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(new.id.text())
        .bind(new.name)
        .bind(new.user_id.map(|user| user.text()))
        .bind(new.role)
        .bind(listed(&new.scopes))
        .bind(new.prefix)
        .bind(new.token_hash)
        .bind(new.created_at.0)
        .bind(new.expires_at.map(|at| at.0));
        self.work.execute(insert).await?;
        self.work.must(by_id(&new.id), WHAT).await
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]: there is none, or it was revoked before.
    pub async fn revoke_token(&mut self, id: &TokenId, at: UnixMs) -> Result<()> {
        let revoke = query("UPDATE token SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL");
        self.work.existing(revoke.bind(id.text()).bind(at.0), WHAT).await
    }
}
