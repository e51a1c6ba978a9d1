//! What a Destination is configured to be.
//!
//! Belongs here: plain values with their defaults and what each costs. No behaviour.

use manycast_hub::{Bounds, Target};
use manycast_media::StreamName;
use std::{fmt, sync::Arc, time::Duration};

/// The stable identity of a Destination over reloads: `stream/name`, or what a database calls it
/// instead of the name, so that it can be renamed on air. Cheap to clone.
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

/// Which of the two addresses of a Destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// The one that is always meant to carry the Stream.
    Primary,
    /// The one that carries it when the primary does not, or beside it.
    Backup,
}

impl Leg {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }
}

/// When a backup carries the Stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BackupMode {
    /// While the primary does not; see [`crate::failover`]. Costs uplink only then.
    #[default]
    Failover,
    /// Always: no gap when one breaks, for twice the uplink.
    Both,
}

/// A second address of the same channel.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Address and key.
    pub target: Target,
    /// When it carries the Stream.
    pub mode: BackupMode,
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
    /// A second address, if the platform has one.
    pub backup: Option<Backup>,
    /// Whether it should be on air when the Stream is.
    pub enabled: bool,
    /// How far it may be behind before whole Gops are left out; costs no memory of its own.
    pub bounds: Bounds,
    /// How patient it is.
    pub timings: Timings,
}

impl DestinationSpec {
    /// What the log calls it: `stream/name`, also where a database has an id of its own for it.
    #[must_use]
    pub fn called(&self) -> String {
        format!("{}/{}", self.stream.as_str(), self.name)
    }

    /// An enabled Destination with the default bounds and timings.
    #[must_use]
    pub fn new(stream: StreamName, name: &str, target: Target) -> Self {
        Self {
            id: DestinationId::new(&stream, name),
            stream,
            name: name.to_owned(),
            target,
            backup: None,
            enabled: true,
            bounds: Bounds::default(),
            timings: Timings::default(),
        }
    }

    /// The address of a leg; of a backup that there is not, the primary's.
    pub(crate) fn target(&self, leg: Leg) -> &Target {
        match (leg, &self.backup) {
            (Leg::Backup, Some(backup)) => &backup.target,
            _ => &self.target,
        }
    }

    /// Whether a session of a leg made for `other` would not do for this one.
    pub(crate) fn needs_redial(&self, other: &Self, leg: Leg) -> bool {
        let (target, before) = (self.target(leg), other.target(leg));
        let same = target.url == before.url && target.key == before.key;
        let same = same && target.login == before.login && target.tracks == before.tracks;
        !same || self.bounds != other.bounds
    }
}

/// How patient a Destination is. A change of these needs no redial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long the session is held open for an encoder that vanished; zero ends it at once.
    pub reconnect_window: Duration,
    /// How long the session is held open after the encoder ended in order; zero ends it at once.
    /// For those whose encoder is stopped and started within one broadcast.
    pub orderly_window: Duration,
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
    /// How long the far end may believe in a session of ours that did not end in order: until then
    /// a name that is in use is network trouble and no refusal.
    pub linger: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            reconnect_window: Duration::from_secs(30),
            orderly_window: Duration::ZERO,
            stall: Duration::from_secs(10),
            answer: Duration::from_secs(15),
            goodbye: Duration::from_secs(3),
            refusal: Duration::from_secs(300),
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            settled: Duration::from_secs(3),
            restart: Duration::from_secs(10),
            linger: Duration::from_secs(120),
        }
    }
}
