//! What tests of this crate share: receivers on loopback, a name server, a queue in memory.

mod names;
mod queue;
mod receiver;

pub(crate) use names::Names;
pub(crate) use queue::{MAX_PENDING, MemoryQueue};
pub(crate) use receiver::{Heard, Receiving, Reply};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use manycast_dial::{Dialer, Gate, Resolver, Tuning};
use manycast_tls::ClientTls;

use crate::client::HttpClient;
use crate::endpoint::Endpoint;
use crate::queue::Receiver;
use crate::secret::{Secrets, SigningSecret};

/// Long enough for any machine, short enough for a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A client that may dial these addresses and the public ones, and asks this name server.
pub(crate) fn client(allow: &[SocketAddr], names: SocketAddr) -> HttpClient {
    let allow = allow.iter().map(|at| at.to_string().parse().unwrap()).collect();
    let gate = Gate::new(allow, Vec::new());
    let dialer = Dialer::new(Resolver::at(names), gate, Tuning::default());
    HttpClient::new(Arc::new(dialer), Arc::new(ClientTls::system(None).unwrap()))
}

/// A client for receivers on loopback that knows no name.
pub(crate) fn client_for(allow: &[SocketAddr]) -> HttpClient {
    client(allow, SocketAddr::from(([127, 0, 0, 1], 9)))
}

pub(crate) fn endpoint(at: SocketAddr, path: &str) -> Endpoint {
    Endpoint::parse(&format!("http://{at}{path}")).unwrap()
}

pub(crate) fn secret(byte: u8) -> SigningSecret {
    SigningSecret::generate([byte; 32])
}

pub(crate) fn receiver(url: &str) -> Receiver {
    let secrets = Secrets { current: secret(1), old: None };
    Receiver { endpoint: Endpoint::parse(url), secrets }
}

/// Waits until it holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(done.is_ok(), "{what} did not happen");
}
