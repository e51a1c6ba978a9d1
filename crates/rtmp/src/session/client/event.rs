//! What a client session tells its owner.
//!
//! Belongs here: plain data.
//! Must not come here: what the owner makes of it.

use crate::{auth::Demand, command::StreamKeyText, session::event::Media};

/// How far a client has come on its way to media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The server speaks RTMP.
    HandshakeDone,
    /// `connect` succeeded.
    Connected,
    /// There is a message stream; `publish` or `play` is on its way.
    StreamCreated,
}

/// What happened on a client's connection.
///
/// Words of the server are cut to a sensible length, and where they repeat the stream name, as some
/// servers do, it is replaced: they are fit for logs and dashboards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// One step further.
    Stage(Stage),
    /// The server takes the stream: `NetStream.Publish.Start` came.
    Publishing,
    /// The server plays the stream.
    Playing,
    /// Media of the played stream.
    Media {
        /// The message.
        media: Media,
    },
    /// The server said no, or ended it with an error; [`Self::Closed`] follows.
    Refused {
        /// The server's code, like `NetStream.Publish.BadName`; empty if it gave none.
        code: String,
        /// The server's words.
        description: String,
        /// What was asked: `connect`, `createStream`, `publish` or `play`.
        command: &'static str,
    },
    /// The server wants to know who connects; [`Self::Closed`] follows. Answer on a new connection, or
    /// take it as a refusal.
    Challenged {
        /// What it wants.
        demand: Demand,
    },
    /// The server wants another one asked instead; [`Self::Closed`] follows. Follow it through the
    /// same checks as any address, and not for ever.
    Redirect {
        /// The other server's URL as this one wrote it; see
        /// [`RtmpUrl::follow`](crate::command::RtmpUrl::follow).
        url: StreamKeyText,
    },
    /// The server will go away: make a new connection, and change over at a key frame (E-RTMP v2
    /// Reconnect Request). This one goes on meanwhile.
    ReconnectRequest {
        /// The absolute `tcUrl` to use; the same as now if the server named none.
        tc_url: StreamKeyText,
        /// The server's words.
        description: String,
    },
    /// The server has received so many of our bytes.
    PeerAcknowledged {
        /// All bytes since the connection began, handshake included by most servers.
        bytes: u64,
    },
    /// Any other status of the server.
    Status {
        /// Its code.
        code: String,
        /// Its words.
        description: String,
    },
    /// The session is over: write what is left, then close.
    Closed,
}
