//! How a server session behaves.
//!
//! Belongs here: the settings and their defaults.
//! Must not come here: anything per stream.

use crate::{Limits, session::Capabilities};

/// Settings of a [`ServerSession`](super::ServerSession).
#[derive(Clone)]
pub struct ServerConfig {
    /// Bounds, waits and windows. `out_chunk_size` is announced before the first play.
    pub limits: Limits,
    /// Randomness of the handshake.
    pub seed: [u8; 32],
    /// Milliseconds that the handshake gives as our clock.
    pub epoch_ms: u32,
    /// Chunk size announced with the reply to `connect`, in bytes. ffmpeg takes it over for what it
    /// publishes.
    pub connect_chunk_size: u32,
    /// What clients that speak of Enhanced RTMP are told.
    pub capabilities: Capabilities,
    /// Whether `connect` waits for a verdict ([`Event::ConnectRequest`](super::Event)).
    pub ask_connect: bool,
    /// Whether `onBWDone` follows the reply to `connect`. Old Flash players want it.
    pub on_bw_done: bool,
    /// Where both acknowledgement counters start: 0, except to test their wrap.
    #[doc(hidden)]
    pub counted: u64,
}

impl ServerConfig {
    /// The defaults, with `seed` for the handshake.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            limits: Limits::default(),
            seed,
            epoch_ms: 0,
            connect_chunk_size: 4096,
            capabilities: Capabilities::forwarder(),
            ask_connect: false,
            on_bw_done: false,
            counted: 0,
        }
    }
}

impl std::fmt::Debug for ServerConfig {
    /// Without the seed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerConfig").field("limits", &self.limits).finish_non_exhaustive()
    }
}
