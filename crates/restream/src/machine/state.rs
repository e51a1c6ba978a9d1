//! The states of a Destination as the world sees them.

use manycast_hub::Stage;
use std::fmt;

/// What a Destination is doing. The names are part of the API and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nothing to do: the Stream is off air (or the start is being spread).
    Idle,
    /// Looking up the name.
    Resolving,
    /// Opening the connection.
    Connecting,
    /// Setting up encryption.
    Securing,
    /// The protocol's own greeting.
    Handshake,
    /// Asking to publish, or accepted without any media acknowledged yet.
    Publishing,
    /// Accepted, and the far end has acknowledged media.
    Live,
    /// Accepted, and nothing of what flows can be sent there: no codec that it takes, or no Track that
    /// it is set to get. Somebody must act; the session stays open for what may come.
    Unfed,
    /// The encoder vanished; waiting for it, with the session open if there is one.
    Held,
    /// No acknowledged progress; the session was dropped and is about to be redialled.
    Stalled,
    /// Waiting after network trouble.
    Backoff,
    /// Somebody must act: the far end said no, or our configuration cannot work. Tried again
    /// seldom, and at once after an edit.
    Rejected,
    /// Saying goodbye.
    Draining,
    /// Switched off.
    Stopped,
}

impl State {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 14] = [
        Self::Idle,
        Self::Resolving,
        Self::Connecting,
        Self::Securing,
        Self::Handshake,
        Self::Publishing,
        Self::Live,
        Self::Unfed,
        Self::Held,
        Self::Stalled,
        Self::Backoff,
        Self::Rejected,
        Self::Draining,
        Self::Stopped,
    ];

    /// The name in the API, in logs and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Resolving => "resolving",
            Self::Connecting => "connecting",
            Self::Securing => "securing",
            Self::Handshake => "handshake",
            Self::Publishing => "publishing",
            Self::Live => "live",
            Self::Unfed => "unfed",
            Self::Held => "held",
            Self::Stalled => "stalled",
            Self::Backoff => "backoff",
            Self::Rejected => "rejected",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Stage> for State {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Resolving => Self::Resolving,
            Stage::Connecting => Self::Connecting,
            Stage::Securing => Self::Securing,
            Stage::Handshake => Self::Handshake,
            Stage::Publishing | Stage::Accepted => Self::Publishing,
        }
    }
}
