//! `session`: who is logged in, by the digest of his cookie.

use crate::edit::Edit;
use crate::error::Result;
use crate::id::UserId;
use crate::row::{Row, id, time};
use crate::store::Store;
use crate::table::user::UserRow;
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

/// A session.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Digest of the cookie's value.
    pub token_hash: Vec<u8>,
    /// Whose it is.
    pub user_id: UserId,
    /// When it began.
    pub created_at: UnixMs,
    /// When it was last used.
    pub seen_at: UnixMs,
    /// Until when it holds.
    pub expires_at: UnixMs,
    /// From where it began.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

impl Row for SessionRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            token_hash: row.try_get("token_hash")?,
            user_id: id(row, "user_id")?,
            created_at: time(row, "created_at")?,
            seen_at: time(row, "seen_at")?,
            expires_at: time(row, "expires_at")?,
            address: row.try_get("address")?,
            agent: row.try_get("agent")?,
        })
    }
}

impl Store {
    /// A session and its account, by the digest of the cookie; expired ones too.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn session(&self, hash: &[u8]) -> Result<Option<(SessionRow, UserRow)>> {
        let found = query("SELECT * FROM session WHERE token_hash = ?1").bind(hash);
        let Some(session) = self.one::<SessionRow>(found).await? else { return Ok(None) };
        Ok(self.user(&session.user_id).await?.map(|user| (session, user)))
    }

    /// The sessions of an account, the one last used first.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<SessionRow>> {
        let found = query("SELECT * FROM session WHERE user_id = ?1 ORDER BY seen_at DESC");
        self.all(found.bind(user.text())).await
    }

    /// Notes that a session was used, and until when it holds now.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn touch_session(
        &self,
        hash: &[u8],
        seen_at: UnixMs,
        expires_at: UnixMs,
    ) -> Result<()> {
        let seen = query("UPDATE session SET seen_at = ?2, expires_at = ?3 WHERE token_hash = ?1");
        self.execute(seen.bind(hash).bind(seen_at.0).bind(expires_at.0)).await.map(drop)
    }
}

impl Edit {
    /// Begins a session.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]: the account is gone.
    pub async fn create_session(&mut self, new: SessionRow) -> Result<()> {
        let insert = query(
            "INSERT INTO session (token_hash, user_id, created_at, seen_at, expires_at, address, agent) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .bind(new.token_hash)
        .bind(new.user_id.text())
        .bind(new.created_at.0)
        .bind(new.seen_at.0)
        .bind(new.expires_at.0)
        .bind(new.address)
        .bind(new.agent);
        self.work.execute(insert).await.map(drop)
    }

    /// Ends a session; `false`: it was over.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn delete_session(&mut self, hash: &[u8]) -> Result<bool> {
        let delete = query("DELETE FROM session WHERE token_hash = ?1").bind(hash);
        Ok(self.work.execute(delete).await? > 0)
    }

    /// Ends the sessions of an account, all or all but one, and answers how many.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn delete_sessions_of(
        &mut self,
        user: &UserId,
        except: Option<&[u8]>,
    ) -> Result<u64> {
        let delete = query("DELETE FROM session WHERE user_id = ?1 AND token_hash IS NOT ?2");
        self.work.execute(delete.bind(user.text()).bind(except)).await
    }
}
