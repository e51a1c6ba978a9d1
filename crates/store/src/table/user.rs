//! `user`: accounts. What a role may do and how a password is checked is not known here.

use crate::edit::Edit;
use crate::error::Result;
use crate::id::UserId;
use crate::page::{Page, PageRequest};
use crate::row::{Row, id, kept, list, listed, maybe_time, same_version, set, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::{Kept, Place, Ring};
use manycast_hub::Secret;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query, query_scalar};

const WHAT: &str = "user";

/// An account.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Its id.
    pub id: UserId,
    /// What it is called; unique, whatever the case of its letters.
    pub name: String,
    /// The hash of the password, in the text form of its algorithm.
    pub password_hash: String,
    /// `owner`, `admin`, `operator` or `viewer`.
    pub role: String,
    /// The secret of the second factor.
    pub totp: Kept,
    /// The last step of the second factor that was used; none at or before it is valid again.
    pub totp_last_step: Option<i64>,
    /// Hashes of the recovery codes that are left.
    pub recovery: Vec<String>,
    /// Whether it is locked out.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last seen.
    pub last_seen_at: Option<UnixMs>,
    /// Rises with each edit.
    pub version: i64,
}

fn totp_of(id: &str) -> Place<'_> {
    Place { table: "user", column: "totp_sealed", row: id }
}

impl Row for UserRow {
    fn read(row: &SqliteRow, ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            id: id(row, "id")?,
            name: row.try_get("name")?,
            password_hash: row.try_get("password_hash")?,
            role: row.try_get("role")?,
            totp: kept(row, ring, totp_of(row.try_get("id")?))?,
            totp_last_step: row.try_get("totp_last_step")?,
            recovery: list(row, "recovery")?,
            disabled: row.try_get("disabled")?,
            created_at: time(row, "created_at")?,
            last_seen_at: maybe_time(row, "last_seen_at")?,
            version: row.try_get("version")?,
        })
    }
}

/// What makes an account.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// What it is called.
    pub name: String,
    /// The hash of the password.
    pub password_hash: String,
    /// `owner`, `admin`, `operator` or `viewer`.
    pub role: String,
    /// When.
    pub created_at: UnixMs,
}

/// What changes of an account; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserEdit {
    /// What it is called.
    pub name: Option<String>,
    /// The hash of the password.
    pub password_hash: Option<String>,
    /// `owner`, `admin`, `operator` or `viewer`.
    pub role: Option<String>,
    /// Whether it is locked out.
    pub disabled: Option<bool>,
    /// The secret of the second factor; `Some(None)` takes it away. Either forgets the last step.
    pub totp: Option<Option<Secret>>,
    /// Hashes of recovery codes.
    pub recovery: Option<Vec<String>>,
}

fn by_id(id: &UserId) -> Statement<'static> {
    query("SELECT * FROM user WHERE id = ?1").bind(id.text())
}

impl Store {
    /// An account by its id.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`], as for all that only read.
    pub async fn user(&self, id: &UserId) -> Result<Option<UserRow>> {
        self.one(by_id(id)).await
    }

    /// An account by its name, whatever the case of its (ASCII) letters.
    ///
    /// # Errors
    /// As [`Self::user`].
    pub async fn user_by_name(&self, name: &str) -> Result<Option<UserRow>> {
        self.one(query("SELECT * FROM user WHERE name = ?1").bind(name)).await
    }

    /// Accounts in the order in which they were made.
    ///
    /// # Errors
    /// [`crate::Error::BadCursor`], and as [`Self::user`].
    pub async fn users(&self, ask: PageRequest) -> Result<Page<UserRow>> {
        let found = query("SELECT * FROM user WHERE id > ?1 ORDER BY id LIMIT ?2")
            .bind(ask.id()?)
            .bind(ask.rows());
        self.page(&ask, found, |row: &UserRow| row.id.text()).await
    }

    /// All accounts in the order in which they were made.
    ///
    /// # Errors
    /// As [`Self::user`].
    pub async fn all_users(&self) -> Result<Vec<UserRow>> {
        self.all(query("SELECT * FROM user ORDER BY id")).await
    }

    /// How many accounts there are.
    ///
    /// # Errors
    /// As [`Self::user`].
    pub async fn count_users(&self) -> Result<u64> {
        let count = self.scalar::<i64>(query_scalar("SELECT count(*) FROM user")).await?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// Uses up a step of the second factor; `false`: it or a later one was used before.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn use_totp_step(&self, id: &UserId, step: i64) -> Result<bool> {
        let used = query(
            "UPDATE user SET totp_last_step = ?2 WHERE id = ?1 AND totp_sealed IS NOT NULL \
             AND (totp_last_step IS NULL OR totp_last_step < ?2)",
        );
        Ok(self.execute(used.bind(id.text()).bind(step)).await? > 0)
    }

    /// Uses up a recovery code by its hash; `false`: there is no such one.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn use_recovery_hash(&self, id: &UserId, hash: &str) -> Result<bool> {
        let mut work = self.work().await?;
        let Some(mut user) = work.one::<UserRow>(by_id(id)).await? else { return Ok(false) };
        let before = user.recovery.len();
        user.recovery.retain(|h| h != hash);
        if user.recovery.len() == before {
            return Ok(false);
        }
        let left = query("UPDATE user SET recovery = ?2 WHERE id = ?1");
        work.execute(left.bind(id.text()).bind(listed(&user.recovery))).await?;
        work.commit().await?;
        Ok(true)
    }

    /// Notes when an account was last seen.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn touch_user(&self, id: &UserId, at: UnixMs) -> Result<()> {
        let seen = query("UPDATE user SET last_seen_at = ?2 WHERE id = ?1");
        self.execute(seen.bind(id.text()).bind(at.0)).await.map(drop)
    }
}

impl Edit {
    /// Notes when an account was seen, and answers what it is then.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    pub async fn seen_user(&mut self, id: &UserId, at: UnixMs) -> Result<UserRow> {
        let seen = query("UPDATE user SET last_seen_at = ?2 WHERE id = ?1");
        self.work.existing(seen.bind(id.text()).bind(at.0), WHAT).await?;
        self.work.must(by_id(id), WHAT).await
    }

    /// An account as this edit sees it.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn user(&mut self, id: &UserId) -> Result<Option<UserRow>> {
        self.work.one(by_id(id)).await
    }

    /// How many accounts there are.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn count_users(&mut self) -> Result<u64> {
        let count = self.work.scalar::<i64>(query_scalar("SELECT count(*) FROM user")).await?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// How many owners may log in.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn count_owners(&mut self) -> Result<u64> {
        let count = query_scalar("SELECT count(*) FROM user WHERE role = 'owner' AND NOT disabled");
        Ok(self.work.scalar::<i64>(count).await?.unwrap_or(0).unsigned_abs())
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`crate::Error::NameTaken`], [`crate::Error::Invalid`] for an unknown role.
    pub async fn create_user(&mut self, new: NewUser) -> Result<UserRow> {
        let insert = query(
            "INSERT INTO user (id, name, password_hash, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(new.id.text())
        .bind(&new.name)
        .bind(new.password_hash)
        .bind(new.role)
        .bind(new.created_at.0);
        self.work.named(insert, WHAT, &new.name).await?;
        self.work.must(by_id(&new.id), WHAT).await
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`], and as [`Self::create_user`].
    pub async fn edit_user(
        &mut self,
        id: &UserId,
        seen: Option<i64>,
        edit: UserEdit,
    ) -> Result<UserRow> {
        let mut row: UserRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        set(&mut row.name, edit.name);
        set(&mut row.password_hash, edit.password_hash);
        set(&mut row.role, edit.role);
        set(&mut row.disabled, edit.disabled);
        set(&mut row.recovery, edit.recovery);
        let update = query(
            "UPDATE user SET name = ?2, password_hash = ?3, role = ?4, disabled = ?5, recovery = ?6, \
             version = version + 1 WHERE id = ?1",
        )
        .bind(id.text())
        .bind(&row.name)
        .bind(row.password_hash)
        .bind(row.role)
        .bind(row.disabled)
        .bind(listed(&row.recovery));
        self.work.named(update, WHAT, &row.name).await?;
        if let Some(totp) = edit.totp {
            let sealed = totp.map(|secret| self.work.ring.seal(totp_of(&id.text()), &secret));
            let update =
                query("UPDATE user SET totp_sealed = ?2, totp_last_step = NULL WHERE id = ?1");
            self.work.execute(update.bind(id.text()).bind(sealed)).await?;
        }
        self.work.must(by_id(id), WHAT).await
    }

    /// Deletes an account with its sessions, tokens and invitations.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`].
    pub async fn delete_user(&mut self, id: &UserId, seen: Option<i64>) -> Result<()> {
        let row: UserRow = self.work.must(by_id(id), WHAT).await?;
        same_version(seen, row.version)?;
        self.work.existing(query("DELETE FROM user WHERE id = ?1").bind(id.text()), WHAT).await
    }
}
