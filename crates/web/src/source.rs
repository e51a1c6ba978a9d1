//! What the HTTP side asks of the rest of the server.

use crate::Family;
use manycast_media::StreamName;
use manycast_restream::DestinationStatus;
use std::net::SocketAddr;
use std::time::SystemTime;

/// A listener of the server.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// `rtmp`, `rtmps`, `http`, `https` or `metrics`.
    pub protocol: &'static str,
    /// Where it is bound.
    pub address: SocketAddr,
}

/// The certificate that encrypted listeners show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 over it, as browsers show it: `AB:CD:...`.
    pub fingerprint: String,
    /// DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// Its last second.
    pub not_after: Option<SystemTime>,
    /// It was made here, and clients have to be told to trust it.
    pub self_signed: bool,
    /// Why a newer one could not be taken; the one in use then stays.
    pub problem: Option<String>,
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

    /// The certificate of HTTPS, or else of RTMPS; `None` when nothing here is encrypted.
    fn certificate(&self) -> Option<CertificateFacts> {
        None
    }

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
