//! A change that somebody asked for, together with its entry of the audit log.
//!
//! The methods that change something stand with their tables; they are methods of [`Edit`], and there is no
//! way to an [`Edit`] but with an entry.

use crate::error::Result;
use crate::store::{Store, Work};
use crate::table::audit::AuditEntry;

/// A change that has begun: the database is ours to write until it is committed or dropped, so do
/// nothing slow meanwhile, and call no writing method of the [`Store`]. Dropped without
/// [`Self::commit`] it leaves nothing.
#[must_use = "an edit that is not committed leaves nothing"]
pub struct Edit {
    pub(crate) work: Work,
    entries: Vec<AuditEntry>,
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Store {
    /// Begins a change.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] if another change does not end, and others that are
    /// [`crate::Error::is_unavailable`].
    pub async fn edit(&self, entry: AuditEntry) -> Result<Edit> {
        Ok(Edit { work: self.work().await?, entries: vec![entry] })
    }

    /// Writes an entry of the audit log that goes with no change of a row: a log-in, going live.
    ///
    /// # Errors
    /// As [`Self::edit`].
    pub async fn audit(&self, entry: AuditEntry) -> Result<()> {
        self.edit(entry).await?.commit().await
    }
}

impl Edit {
    /// Sets what the entry says of the state before, a JSON text without secrets.
    pub fn before(&mut self, json: String) {
        if let Some(first) = self.entries.first_mut() {
            first.before = Some(json);
        }
    }

    /// Sets what the entry says of the state after, a JSON text without secrets.
    pub fn after(&mut self, json: String) {
        if let Some(first) = self.entries.first_mut() {
            first.after = Some(json);
        }
    }

    /// Adds an entry about another subject that is changed at once.
    pub fn note(&mut self, entry: AuditEntry) {
        self.entries.push(entry);
    }

    /// Writes change and entries; returns once they are on disk.
    ///
    /// # Errors
    /// Nothing of it was written then, unless the disk failed at the very end ([`crate::Error::Io`]).
    pub async fn commit(mut self) -> Result<()> {
        for entry in std::mem::take(&mut self.entries) {
            self.work.execute(entry.insert()).await?;
        }
        self.work.commit().await
    }
}
