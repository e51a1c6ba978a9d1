//! What the HTTP side asks of the rest of the server.

use crate::Family;
use manycast_media::StreamName;
use manycast_restream::DestinationStatus;
use std::net::SocketAddr;
use std::time::SystemTime;

/// A listener of the server.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// `rtmp`, `rtmps` or `http`.
    pub protocol: &'static str,
    /// Where it is bound.
    pub address: SocketAddr,
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct ConfigFacts {
    /// When it was taken.
    pub loaded_at: SystemTime,
    /// Why the last reload was refused; `None` after a good one. No key in it.
    pub last_error: Option<String>,
    /// Settings that were changed and hold only after a restart.
    pub needs_restart: Vec<String>,
}

/// Answers for what the hub does not know. Asked once per request; must not block.
pub trait Source: Send + Sync + 'static {
    /// Where the server listens.
    fn listeners(&self) -> Vec<ListenerFacts>;

    /// The configuration in force.
    fn config(&self) -> ConfigFacts;

    /// The Streams of the configuration: only they become labels of metrics.
    fn configured(&self) -> Vec<StreamName>;

    /// What each destination is doing.
    fn destinations(&self) -> Vec<DestinationStatus>;

    /// What other parts of the server counted, such as sessions and refusals by reason. The label
    /// values have to be of a fixed set.
    fn families(&self) -> Vec<Family>;
}
