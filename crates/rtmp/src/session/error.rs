//! Why a session ends with an error.
//!
//! Belongs here: the error, whose fault it is, and which deadline passed.
//! Must not come here: refusals, which are answers and no errors, see `event.rs`.

use crate::{chunk::ChunkError, handshake::HandshakeError};

/// Who has to change something for it to work next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The peer broke the protocol, or an attacker tried it.
    Peer,
    /// The peer or the net was too slow or went silent; the next try may work.
    Network,
    /// Manycast itself did not decide in time.
    Us,
}

/// A wait that has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// From the first byte to the end of the handshake, absolute (bar B4).
    Handshake,
    /// From the handshake, or from the end of the last stream, to a `publish` or `play`.
    Setup,
    /// For the verdict on a request.
    Verdict,
    /// For media of a publisher (bar B6).
    Media,
    /// For any byte of a pinged peer.
    Ping,
    /// For the server's answer to a client's `connect`, `createStream`, `publish` or `play`.
    Answer,
}

/// Why the connection has to be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The handshake is none of RTMP's.
    #[error("handshake: {0}")]
    Handshake(#[from] HandshakeError),
    /// The chunk stream is broken or beyond a limit: nothing after this byte can be understood.
    #[error("chunk stream: {0}")]
    Chunk(#[from] ChunkError),
    /// Nothing came in the time allowed.
    #[error("timed out waiting: {0:?}")]
    Timeout(Wait),
    /// A message trickled in below the rate allowed (bar B6).
    #[error("a message arrives too slowly")]
    SlowMessage,
    /// Far more chunks than payload (bar A4).
    #[error("too many chunks for their bytes")]
    ChunkFlood,
    /// The peer asked for more replies than its own bytes pay for.
    #[error("more replies asked for than input allows")]
    ReplyFlood,
    /// Request upon request was taken back before it could be decided: each costs the owner a check.
    #[error("too many requests taken back")]
    RequestFlood,
    /// A command nests or counts beyond the limits (bar A2).
    #[error("a command beyond the limits")]
    Command,
}

impl SessionError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Timeout(Wait::Verdict) => Fault::Us,
            Self::Timeout(_) | Self::SlowMessage => Fault::Network,
            _ => Fault::Peer,
        }
    }

    /// A short name for counters and logs, `[a-z_]` only.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Handshake(_) => "handshake",
            Self::Chunk(_) => "chunk",
            Self::Timeout(Wait::Handshake) => "handshake_timeout",
            Self::Timeout(Wait::Setup) => "setup_timeout",
            Self::Timeout(Wait::Verdict) => "verdict_timeout",
            Self::Timeout(Wait::Media) => "media_timeout",
            Self::Timeout(Wait::Ping) => "ping_timeout",
            Self::Timeout(Wait::Answer) => "answer_timeout",
            Self::SlowMessage => "slow_message",
            Self::ChunkFlood => "chunk_flood",
            Self::ReplyFlood => "reply_flood",
            Self::RequestFlood => "request_flood",
            Self::Command => "command",
        }
    }
}
