//! `audit`: who changed what, from where. Only ever added to; triggers of the schema see to it.

use crate::error::Result;
use crate::page::{Page, PageRequest};
use crate::row::{Row, time};
use crate::store::{Statement, Store};
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

/// What a change says of itself. None of its texts may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: UnixMs,
    /// Of which kind the one is who acts: `user`, `token`, `setup`, `file`, `system`, `cli`.
    pub actor_kind: String,
    /// His id, if he has one.
    pub actor_id: Option<String>,
    /// His name, as it is shown.
    pub actor: String,
    /// From where he acts, without a port.
    pub address: Option<String>,
    /// What is done: `stream.create`.
    pub action: String,
    /// To what: the name or id of the row.
    pub subject: String,
    /// JSON of the subject before; `None`: it was not there, or nothing of it changed.
    pub before: Option<String>,
    /// JSON of the subject after; `None`: it is not there any more, or nothing of it changed.
    pub after: Option<String>,
}

impl AuditEntry {
    /// An entry without id, address and states.
    #[must_use]
    pub fn new(at: UnixMs, actor_kind: &str, actor: &str, action: &str, subject: &str) -> Self {
        Self {
            at,
            actor_kind: actor_kind.to_owned(),
            actor_id: None,
            actor: actor.to_owned(),
            address: None,
            action: action.to_owned(),
            subject: subject.to_owned(),
            before: None,
            after: None,
        }
    }

    /// With the id of the one who acts.
    #[must_use]
    pub fn by(mut self, id: impl Into<String>) -> Self {
        self.actor_id = Some(id.into());
        self
    }

    /// With the address that he acts from.
    #[must_use]
    pub fn from(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// With the state before.
    #[must_use]
    pub fn before(mut self, json: impl Into<String>) -> Self {
        self.before = Some(json.into());
        self
    }

    /// With the state after.
    #[must_use]
    pub fn after(mut self, json: impl Into<String>) -> Self {
        self.after = Some(json.into());
        self
    }

    pub(crate) fn insert(self) -> Statement<'static> {
        query(
            "INSERT INTO audit (at, actor_kind, actor_id, actor, address, action, subject, before, after) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(self.at.0)
        .bind(self.actor_kind)
        .bind(self.actor_id)
        .bind(self.actor)
        .bind(self.address)
        .bind(self.action)
        .bind(self.subject)
        .bind(self.before)
        .bind(self.after)
    }
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; they rise.
    pub id: i64,
    /// What it says.
    pub entry: AuditEntry,
}

impl Row for AuditRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        let entry = AuditEntry {
            at: time(row, "at")?,
            actor_kind: row.try_get("actor_kind")?,
            actor_id: row.try_get("actor_id")?,
            actor: row.try_get("actor")?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            before: row.try_get("before")?,
            after: row.try_get("after")?,
        };
        Ok(Self { id: row.try_get("id")?, entry })
    }
}

/// Which entries; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of the one with this name.
    pub actor: Option<String>,
    /// Actions that begin so: `stream.`
    pub action: Option<String>,
    /// About this subject.
    pub subject: Option<String>,
}

impl Store {
    /// The audit log, the newest first.
    ///
    /// # Errors
    /// [`crate::Error::BadCursor`], or those that are [`crate::Error::is_unavailable`].
    pub async fn audit_log(&self, which: AuditFilter, ask: PageRequest) -> Result<Page<AuditRow>> {
        let found = query(
            "SELECT * FROM audit WHERE id < ?1 AND (?2 IS NULL OR actor = ?2) \
             AND (?3 IS NULL OR substr(action, 1, length(?3)) = ?3) \
             AND (?4 IS NULL OR subject = ?4) ORDER BY id DESC LIMIT ?5",
        )
        .bind(ask.number(i64::MAX)?)
        .bind(which.actor)
        .bind(which.action)
        .bind(which.subject)
        .bind(ask.rows());
        self.page(&ask, found, |row: &AuditRow| row.id.to_string()).await
    }
}
