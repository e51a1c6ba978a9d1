//! What a peer may cost us: sizes, counts, rates and waits.
//!
//! Belongs here: every bound of the protocol, with its effect and its cost.
//! Must not come here: bounds of the server as a whole (connections, streams); those are settings.

use std::time::Duration;

use manycast_amf as amf;

/// Bounds of one connection.
///
/// A message is never allocated by its announced length: memory follows the bytes that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message once media may flow; also of all unfinished messages together. The
    /// worst a granted connection can hold. A 4K key frame has 1 to 3 MB.
    pub max_message: usize,
    /// The same until then. The worst a stranger can hold. A large `connect` has 4 kB.
    pub max_message_before_media: usize,
    /// Chunk streams a peer may use; the next one ends the connection. About 100 bytes each.
    /// Encoders use 1 to 5, some with ids of 64 and more.
    pub max_chunk_streams: usize,
    /// Message streams a peer may create; the next `createStream` is refused. Players use 1.
    pub max_message_streams: usize,
    /// Payload bytes in one chunk that we send (Set Chunk Size). Large: fewer headers and writes.
    /// Small: other messages wait less behind a picture. At least as large as any reply, which
    /// librtmp relies on (trap C13).
    pub out_chunk_size: u32,
    /// The window that we announce: the peer acknowledges each time it received so many bytes.
    pub window_ack_size: u32,
    /// Bounds of command and metadata values.
    pub amf: amf::Limits,
    /// From the first byte to the end of the handshake.
    pub handshake: Duration,
    /// From the handshake to a granted `publish` or `play`.
    pub connect_to_media: Duration,
    /// How long a publisher may send no audio and no video.
    pub media_idle: Duration,
    /// A message that is still unfinished after this time must have come at
    /// [`Self::slow_message_rate`] or faster.
    pub slow_message_window: Duration,
    /// Bytes per second that an unfinished message must come at.
    pub slow_message_rate: u32,
    /// A peer that sent nothing for this long is sent a Ping Request.
    pub ping_interval: Duration,
    /// How long a pinged peer may stay silent.
    pub ping_timeout: Duration,
    /// How long the owner of a server session may take to decide on a request.
    pub verdict: Duration,
    /// How long a server may take to answer one of our commands.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 10 * 1024 * 1024,
            max_message_before_media: 64 * 1024,
            max_chunk_streams: 64,
            max_message_streams: 8,
            out_chunk_size: 65_536,
            window_ack_size: 2_500_000,
            amf: amf::Limits::default(),
            handshake: Duration::from_secs(10),
            connect_to_media: Duration::from_secs(20),
            media_idle: Duration::from_secs(30),
            slow_message_window: Duration::from_secs(8),
            slow_message_rate: 1000,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(30),
            verdict: Duration::from_secs(10),
            answer: Duration::from_secs(10),
        }
    }
}
