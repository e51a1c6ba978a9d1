//! Changes that people make.
//!
//! ```text
//! check --> one transaction with its audit entry --> books --> join --> apply --> the answer
//! ```
//! A change that began is carried through even if nobody waits for its answer any more: what is on
//! disk is what is applied. Belongs here: the edits, one file each for what they are about.

mod blocks;
mod destinations;
mod keys;
mod run;
mod shown;
mod streams;

pub use keys::{KeyPatch, NewKey};

use crate::ControlError;
use crate::control::Control;
use crate::def::{Defined, Destination, Origin, Registry};
use manycast_auth::Actor;
use manycast_store::{AuditEntry, UnixMs};
use std::sync::Arc;

impl Control {
    /// Carries a change through, whoever waits for it.
    pub(crate) async fn carried<T, F>(
        self: &Arc<Self>,
        change: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, ControlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        let change = tokio::spawn(change(self.clone()));
        change.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change ended by a defect of ours");
            Err(ControlError::Busy { sentence: "the server is ending".to_owned() })
        })
    }

    pub(crate) fn read_only(&self) -> ControlError {
        ControlError::ManagedByFile { file: self.file.load().path.clone() }
    }

    pub(crate) fn defined(registry: &Registry, name: &str) -> Result<Defined, ControlError> {
        registry.stream(name).cloned().ok_or(ControlError::NotFound { what: "stream" })
    }

    /// A Stream with one of its Destinations.
    pub(crate) fn place(
        registry: &Registry,
        stream: &str,
        id: &str,
    ) -> Result<(Defined, Destination), ControlError> {
        let stream = Self::defined(registry, stream)?;
        let one = stream.destination(id).cloned();
        Ok((stream, one.ok_or(ControlError::NotFound { what: "destination" })?))
    }

    /// The row behind a definition, and the version in force.
    pub(crate) fn row<Id: Copy>(&self, origin: &Origin<Id>) -> Result<Id, ControlError> {
        match origin {
            Origin::Row { id, .. } => Ok(*id),
            Origin::File => Err(self.read_only()),
        }
    }
}

pub(crate) fn entry(by: &Actor, action: &str, subject: &str) -> AuditEntry {
    by.entry(UnixMs::now(), action, subject)
}
