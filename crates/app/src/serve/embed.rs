//! The server inside another tool: the same parts joined by the same wiring, without signals, log
//! and files.

use super::facts::Facts;
use super::logging::Logging;
use super::wiring::Wiring;
use super::{Server, welcome};
use crate::config::Config;
use anyhow::Result;
use manycast_auth::AccessGate;
use manycast_hub::Hub;
use manycast_net_rtmp::RtmpStatsSnapshot;
use manycast_restream::DestinationStatus;
use manycast_web::{Readiness, Source};
use manycast_webhook::Authorised;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server that runs.
pub(crate) struct Embedded {
    server: Server,
    wiring: Wiring,
}

impl Embedded {
    /// Binds and starts everything that the configuration asks for.
    ///
    /// # Errors
    /// Whatever kept it from starting, in words for people.
    pub(crate) async fn start(config: Config) -> Result<Self> {
        let hub = Hub::new();
        let gate = AccessGate::new(hub.clone());
        let server = Server {
            file: None,
            access: Authorised::new(gate.clone()),
            gate,
            facts: Facts::new(),
            readiness: Readiness::new(),
            logging: Logging::silent(&config.log),
            hub,
            data: None,
        };
        let wiring = server.start(config).await?;
        Ok(Self { server, wiring })
    }

    /// Where it listens for `rtmp`, `http` and the like.
    pub(crate) fn address(&self, protocol: &str) -> Option<SocketAddr> {
        let listeners = self.server.facts.listeners();
        listeners.iter().find(|listener| listener.protocol == protocol).map(|l| l.address)
    }

    /// Where its dashboard is; as long as nobody has an account, the link that makes the first.
    pub(crate) fn dashboard(&self) -> Option<String> {
        let address = welcome::address(&self.server.facts.listeners())?;
        Some(match self.wiring.setup_token() {
            Some(token) => welcome::link(&address, &token),
            None => address,
        })
    }

    /// Its Streams.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.server.hub
    }

    /// What its destinations are doing.
    pub(crate) fn destinations(&self) -> Vec<DestinationStatus> {
        self.server.facts.destinations()
    }

    /// What its RTMP connections counted.
    pub(crate) fn rtmp_stats(&self) -> RtmpStatsSnapshot {
        self.wiring.rtmp_stats()
    }

    /// Lets Streams without an encoder shrink. Call about once per second.
    pub(crate) fn sweep(&self) {
        self.server.hub.sweep(Instant::now(), |_| false);
    }

    /// Lets every session and delivery say goodbye, within about `bound`.
    pub(crate) async fn drain(self, bound: Duration) {
        self.server.readiness.not_ready("draining");
        self.wiring.drain(bound).await;
    }
}
