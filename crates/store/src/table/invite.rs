//! `invite`: invitations to make an account. The token itself is known to the invited alone.

use crate::edit::Edit;
use crate::error::Result;
use crate::id::{InviteId, UserId};
use crate::row::{Row, id, maybe_id, maybe_time, time};
use crate::store::Store;
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

const WHAT: &str = "invitation";

/// An invitation.
#[derive(Clone, Debug)]
pub struct InviteRow {
    /// Its id.
    pub id: InviteId,
    /// The role that the account will have.
    pub role: String,
    /// Digest of the token.
    pub token_hash: Vec<u8>,
    /// Who invites.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: UnixMs,
    /// Until when it holds.
    pub expires_at: UnixMs,
    /// When it was used.
    pub used_at: Option<UnixMs>,
}

impl Row for InviteRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            id: id(row, "id")?,
            role: row.try_get("role")?,
            token_hash: row.try_get("token_hash")?,
            created_by: maybe_id(row, "created_by")?,
            created_at: time(row, "created_at")?,
            expires_at: time(row, "expires_at")?,
            used_at: maybe_time(row, "used_at")?,
        })
    }
}

/// What makes an invitation.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// Its id.
    pub id: InviteId,
    /// The role that the account will have.
    pub role: String,
    /// Digest of the token.
    pub token_hash: Vec<u8>,
    /// Who invites.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: UnixMs,
    /// Until when it holds.
    pub expires_at: UnixMs,
}

impl Store {
    /// Invitations that were not used, expired ones too, in the order in which they were made.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn invites(&self) -> Result<Vec<InviteRow>> {
        self.all(query("SELECT * FROM invite WHERE used_at IS NULL ORDER BY id")).await
    }

    /// An invitation by the digest of its token, used and expired ones too.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn invite_by_hash(&self, hash: &[u8]) -> Result<Option<InviteRow>> {
        self.one(query("SELECT * FROM invite WHERE token_hash = ?1").bind(hash)).await
    }
}

impl Edit {
    /// Makes an invitation.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for an unknown role.
    pub async fn create_invite(&mut self, new: NewInvite) -> Result<InviteRow> {
        let insert = query(
            "INSERT INTO invite (id, role, token_hash, created_by, created_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(new.id.text())
        .bind(new.role)
        .bind(new.token_hash)
        .bind(new.created_by.map(|by| by.text()))
        .bind(new.created_at.0)
        .bind(new.expires_at.0);
        self.work.execute(insert).await?;
        self.work.must(query("SELECT * FROM invite WHERE id = ?1").bind(new.id.text()), WHAT).await
    }

    /// Uses an invitation up.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]: there is none, or it was used or has expired.
    pub async fn use_invite(&mut self, id: &InviteId, at: UnixMs) -> Result<()> {
        let used = query(
            "UPDATE invite SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2",
        );
        self.work.existing(used.bind(id.text()).bind(at.0), WHAT).await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    pub async fn delete_invite(&mut self, id: &InviteId) -> Result<()> {
        self.work.existing(query("DELETE FROM invite WHERE id = ?1").bind(id.text()), WHAT).await
    }
}
