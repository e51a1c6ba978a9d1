//! What a client session does, and how.
//!
//! Belongs here: the settings and their defaults.
//! Must not come here: addresses to dial.

use crate::{
    Limits,
    command::{RtmpUrl, StreamKeyText},
    session::Capabilities,
};

/// What the client wants of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientRole {
    /// To send a stream.
    Publish,
    /// To receive one.
    Play,
}

/// Settings of a [`ClientSession`](super::ClientSession).
#[derive(Clone)]
pub struct ClientConfig {
    /// Publish or play.
    pub role: ClientRole,
    /// The app, with its query.
    pub app: StreamKeyText,
    /// `tcUrl`; servers compare it as text.
    pub tc_url: StreamKeyText,
    /// The stream name or key, with its query.
    pub name: StreamKeyText,
    /// `flashVer`. Some platforms turn away what they do not know.
    pub flash_version: String,
    /// Chunk size for what we send, in bytes: 4096 to 65536 is safe everywhere.
    pub chunk_size: u32,
    /// Bounds, waits and windows of what comes in.
    pub limits: Limits,
    /// Randomness of the handshake.
    pub seed: [u8; 32],
    /// Milliseconds that the handshake gives as our clock.
    pub epoch_ms: u32,
    /// Whether the handshake carries a digest, for servers that answer no other.
    pub digest: bool,
    /// What to announce (E-RTMP v2 Enhancing `NetConnection` connect). The default says nothing: some
    /// frontends refuse a `connect` with properties they do not know.
    pub announce: Capabilities,
    /// Where both acknowledgement counters start: 0, except to test their wrap.
    #[doc(hidden)]
    pub counted: u64,
}

impl ClientConfig {
    /// The defaults for `url`, with `seed` for the handshake.
    #[must_use]
    pub fn new(url: &RtmpUrl, role: ClientRole, seed: [u8; 32]) -> Self {
        Self {
            role,
            app: url.app.clone(),
            tc_url: url.tc_url.clone(),
            name: url.name.clone(),
            flash_version: "FMLE/3.0 (compatible; FMSc/1.0)".to_owned(),
            chunk_size: 4096,
            limits: Limits::default(),
            seed,
            epoch_ms: 0,
            digest: false,
            announce: Capabilities::default(),
            counted: 0,
        }
    }
}

impl std::fmt::Debug for ClientConfig {
    /// Without the seed; names and URLs redact themselves.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConfig")
            .field("role", &self.role)
            .field("app", &self.app)
            .field("name", &self.name)
            .field("chunk_size", &self.chunk_size)
            .finish_non_exhaustive()
    }
}
