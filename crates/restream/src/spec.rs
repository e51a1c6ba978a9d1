//! What a Destination is configured to be.
//!
//! Belongs here: plain values with their defaults and what each costs. No behaviour.

use manycast_hub::{Bounds, Target};
use manycast_media::StreamName;
use std::{fmt, sync::Arc, time::Duration};

/// The stable identity of a Destination over reloads: `stream/name`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DestinationId(Arc<str>);

impl DestinationId {
    /// The Destination called `name` of a Stream.
    #[must_use]
    pub fn new(stream: &StreamName, name: &str) -> Self {
        Self(format!("{}/{name}", stream.as_str()).into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One configured channel: what goes where, and how patiently.
#[derive(Clone, Debug)]
pub struct DestinationSpec {
    /// By this a changed list is compared with the one in force.
    pub id: DestinationId,
    /// The Stream that goes out.
    pub stream: StreamName,
    /// What people call it.
    pub name: String,
    /// Address and key.
    pub target: Target,
    /// Whether it should be on air when the Stream is.
    pub enabled: bool,
    /// How far it may be behind before whole Gops are left out; costs no memory of its own.
    pub bounds: Bounds,
    /// How patient it is.
    pub timings: Timings,
}

impl DestinationSpec {
    /// An enabled Destination with the default bounds and timings.
    #[must_use]
    pub fn new(stream: StreamName, name: &str, target: Target) -> Self {
        Self {
            id: DestinationId::new(&stream, name),
            stream,
            name: name.to_owned(),
            target,
            enabled: true,
            bounds: Bounds::default(),
            timings: Timings::default(),
        }
    }

    /// Whether a session made for `other` would not do for this one.
    pub(crate) fn needs_redial(&self, other: &Self) -> bool {
        self.target.url != other.target.url
            || !self.target.key.matches(&other.target.key)
            || self.bounds != other.bounds
    }
}

/// How patient a Destination is. A change of these needs no redial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long the session is held open for an encoder that vanished; zero ends it at once.
    pub reconnect_window: Duration,
    /// Without acknowledged progress for this long while there is something to send, the session
    /// is dropped and redialled.
    pub stall: Duration,
    /// The longest step of an attempt (resolve, connect, ...) before it is given up. The Link has
    /// limits of its own; this one is for a Link that hangs.
    pub answer: Duration,
    /// How long an orderly goodbye may take before the connection is dropped.
    pub goodbye: Duration,
    /// Wait after the far end said no, or after a fault of our own configuration.
    pub refusal: Duration,
    /// First wait after network trouble; each further one is twice as long.
    pub backoff_first: Duration,
    /// Longest wait after network trouble.
    pub backoff_max: Duration,
    /// After so long with media acknowledged the next wait is the first one again.
    pub settled: Duration,
    /// A new start of the Stream cuts a wait short, but there are never two dials within this.
    pub restart: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            reconnect_window: Duration::from_secs(30),
            stall: Duration::from_secs(10),
            answer: Duration::from_secs(15),
            goodbye: Duration::from_secs(3),
            refusal: Duration::from_secs(300),
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            settled: Duration::from_secs(3),
            restart: Duration::from_secs(10),
        }
    }
}
