//! What happened: told once, kept in the database, followed live.
//!
//! ```text
//! Live (pure) --Happening--> bounded queue --> writer (one task) --> store: rows with rising ids
//!                                                             |--> broadcast --> Follow (SSE)
//!                                                             +--> Herald (webhooks)
//! ```
//! A disk that stands still costs events and nothing else: the queue is bounded, and who fills it
//! never waits. Belongs here: the queue, the writer, followers. Must not come here: when something is
//! worth telling (`live`).

mod follow;
mod happening;
mod refused;
mod writer;

pub use follow::{Follow, Followed};
pub use happening::{DestinationFacts, EncoderFacts, Happening, KeyFacts};
pub(crate) use refused::Refusals;
pub use refused::RefusedFacts;
pub(crate) use writer::{Desk, Job};

use manycast_store::{EventRow, UnixMs};
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

/// How much an event matters, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// What people hoped for.
    Good,
    /// Something is wrong, and the server sees to it.
    Warning,
    /// Somebody has to act.
    Act,
}

impl Severity {
    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Act => "act",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "good" => Self::Good,
            "warning" => Self::Warning,
            "act" => Self::Act,
            _ => Self::Info,
        }
    }
}

/// Something that happened, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Rises with each event, also over restarts.
    pub id: i64,
    /// When.
    pub at: SystemTime,
    /// The documented kind, for example `destination.failing`.
    pub kind: String,
    /// The Stream that it is about.
    pub stream: Option<String>,
    /// The name of the Destination that it is about.
    pub destination: Option<String>,
    /// The person or token that did it.
    pub actor: Option<String>,
    /// Where that was done from, or the encoder's address: for those who may see addresses.
    pub address: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence for people.
    pub text: String,
    /// What programs need, by kind; a JSON object.
    pub data: serde_json::Value,
}

/// An event of another part of the server: accounts, tokens, webhooks.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The documented kind.
    pub kind: String,
    /// The Stream that it is about.
    pub stream: Option<String>,
    /// The name of the Destination that it is about.
    pub destination: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence for people.
    pub text: String,
    /// A JSON object.
    pub data: serde_json::Value,
}

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// One kind, or all that begin with this where it ends in a dot.
    pub kind: Option<String>,
    /// Of one Stream.
    pub stream: Option<String>,
    /// Of the Destinations of this name.
    pub destination: Option<String>,
}

/// A task of a [`Herald`].
pub type Telling<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Is told everything that happens, in order, after it is on disk. It may wait: the next one waits
/// with it, and media does not.
pub trait Herald: Send + Sync + 'static {
    /// `id` is that of the event.
    fn tell<'a>(&'a self, id: i64, at: SystemTime, happening: &'a Happening) -> Telling<'a>;
}

impl From<EventRow> for Event {
    fn from(EventRow { id, event }: EventRow) -> Self {
        Self {
            id,
            at: event.at.system(),
            kind: event.kind,
            stream: event.stream,
            destination: event.destination,
            actor: event.actor,
            address: event.address,
            severity: Severity::of(&event.severity),
            text: event.text,
            data: serde_json::from_str(&event.data).unwrap_or_default(),
        }
    }
}

impl NewEvent {
    pub(crate) fn row(self, at: UnixMs) -> manycast_store::NewEvent {
        manycast_store::NewEvent {
            at,
            kind: self.kind,
            stream: self.stream,
            destination: self.destination,
            actor: self.actor,
            address: self.address,
            severity: self.severity.name().to_owned(),
            text: self.text,
            data: self.data.to_string(),
        }
    }
}
