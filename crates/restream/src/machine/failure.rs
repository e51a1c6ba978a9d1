//! What went wrong, told apart.

use manycast_hub::Fault;
use std::fmt;
use std::sync::Arc;

/// The kinds of trouble that people and programs must tell apart. Their names are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The name could not be resolved.
    Dns,
    /// Nobody listens there, or the network says no.
    Unreachable,
    /// No answer in time while connecting.
    ConnectTimeout,
    /// Encryption could not be set up, or the certificate is no good.
    Tls,
    /// The far end does not speak the protocol, or does not answer.
    Handshake,
    /// The far end said no.
    Rejected,
    /// The far end says that the name is in use.
    InUse,
    /// The far end sent us on too often.
    Redirects,
    /// The connection broke.
    Reset,
    /// The far end closed without a word.
    Closed,
    /// Nothing was acknowledged any more, or a step took too long.
    Stalled,
    /// The address or our own settings forbid it.
    Configuration,
    /// A defect of ours.
    Internal,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Dns,
        Self::Unreachable,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Handshake,
        Self::Rejected,
        Self::InUse,
        Self::Redirects,
        Self::Reset,
        Self::Closed,
        Self::Stalled,
        Self::Configuration,
        Self::Internal,
    ];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Handshake => "handshake",
            Self::Rejected => "rejected",
            Self::InUse => "in_use",
            Self::Redirects => "redirects",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Stalled => "stalled",
            Self::Configuration => "configuration",
            Self::Internal => "internal",
        }
    }

    /// The kind of an end; `None` for ends that are our own doing.
    pub(super) fn of(fault: Fault) -> Option<Self> {
        Some(match fault {
            Fault::None | Fault::Renewed => return None,
            Fault::Configuration => Self::Configuration,
            Fault::Dns => Self::Dns,
            Fault::Unreachable => Self::Unreachable,
            Fault::ConnectTimeout => Self::ConnectTimeout,
            Fault::Tls => Self::Tls,
            Fault::Handshake => Self::Handshake,
            Fault::Rejected | Fault::BadName => Self::Rejected,
            Fault::Occupied => Self::InUse,
            Fault::Redirected => Self::Redirects,
            Fault::Reset => Self::Reset,
            Fault::Closed => Self::Closed,
        })
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// In words, with the far end's own if it had any; no secrets in them.
    pub words: Arc<str>,
}
