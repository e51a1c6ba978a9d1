//! Who did something, as the audit log keeps it.
//!
//! Belongs here: from a [`Principal`] to an entry. Must not come here: what a route did.

use crate::permission::{Principal, PrincipalKind};
use manycast_store::{AuditEntry, UnixMs};
use std::net::IpAddr;

/// What kind of doer it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person who is logged in.
    User,
    /// An API token.
    Token,
    /// Whoever held the link of the first start or of an invitation.
    Setup,
    /// The configuration file, at a start or reload.
    File,
    /// The server by itself.
    System,
    /// A command on the server's own machine.
    Cli,
}

impl ActorKind {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::Setup => "setup",
            Self::File => "file",
            Self::System => "system",
            Self::Cli => "cli",
        }
    }
}

/// Who did it, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of doer.
    pub kind: ActorKind,
    /// Id of the user or token.
    pub id: Option<String>,
    /// What people call it.
    pub name: String,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Actor {
    fn nobody(kind: ActorKind, name: &str, address: Option<IpAddr>) -> Self {
        Self { kind, id: None, name: name.to_owned(), address }
    }

    /// The server by itself.
    #[must_use]
    pub fn system() -> Self {
        Self::nobody(ActorKind::System, "server", None)
    }

    /// The configuration file.
    #[must_use]
    pub fn file() -> Self {
        Self::nobody(ActorKind::File, "configuration file", None)
    }

    /// A command on the server's own machine.
    #[must_use]
    pub fn cli() -> Self {
        Self::nobody(ActorKind::Cli, "command line", None)
    }

    /// Whoever uses the link of the first start or of an invitation.
    #[must_use]
    pub fn link(address: IpAddr) -> Self {
        Self::nobody(ActorKind::Setup, "link", Some(address))
    }

    /// A user or token.
    #[must_use]
    pub fn principal(principal: &Principal, address: IpAddr) -> Self {
        let kind = match principal.kind {
            PrincipalKind::User => ActorKind::User,
            PrincipalKind::Token => ActorKind::Token,
        };
        let (id, name) = (Some(principal.id.clone()), principal.name.clone());
        Self { kind, id, name, address: Some(address) }
    }

    /// An entry for something that this actor does at `at`: `action` is a word like
    /// `stream.create`, `subject` what it was done to. States before and after are added by
    /// [`AuditEntry::before`] and [`AuditEntry::after`], as JSON and without secrets.
    #[must_use]
    pub fn entry(&self, at: UnixMs, action: &str, subject: &str) -> AuditEntry {
        let entry = AuditEntry::new(at, self.kind.as_str(), &self.name, action, subject);
        let entry = match &self.id {
            Some(id) => entry.by(id),
            None => entry,
        };
        match self.address {
            Some(address) => entry.from(address.to_canonical().to_string()),
            None => entry,
        }
    }
}
