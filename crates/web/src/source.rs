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

/// What an encoder or viewer that is connected does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRole {
    /// It sends.
    Publisher,
    /// It watches.
    Viewer,
}

impl SessionRole {
    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Viewer => "viewer",
        }
    }
}

/// An encoder or viewer that is connected.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Never used again while the process runs.
    pub id: u64,
    /// What it does.
    pub role: SessionRole,
    /// RTMPS.
    pub secure: bool,
    /// The name of the Stream.
    pub stream: String,
    /// The far end.
    pub address: SocketAddr,
    /// What it calls itself.
    pub software: Option<String>,
    /// When it was let in.
    pub since: SystemTime,
}

/// The table of encoders and viewers that are connected.
pub trait Sessions: Send + Sync + 'static {
    /// Those that were let in, in the order of their ids.
    fn list(&self) -> Vec<SessionFacts>;

    /// Ends one; `why` goes to the log and, where the protocol can say it, to the far end. Whether
    /// it was there.
    fn end(&self, id: u64, why: &str) -> bool;
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
