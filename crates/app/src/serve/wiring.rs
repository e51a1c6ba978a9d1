//! What runs beside the hub, joined in one place: transports, destinations, HTTP.
//!
//! ```text
//! start   bind everything first, then run it; a failure leaves nothing behind
//! apply   hand a new configuration to whoever can take it live
//! drain   stop taking, let sessions and deliveries say goodbye, and HTTP last, so that the state
//!         of the drain can be watched
//! ```

use super::facts::families;
use super::{Server, bind};
use crate::config::Config;
use anyhow::Result;
use manycast_web::{HttpServer, Limits, Site};
use std::future::pending;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long HTTP may take to end after everything else.
const HTTP_END: Duration = Duration::from_secs(2);

/// Everything that runs.
pub(super) struct Wiring {
    http: Option<JoinHandle<()>>,
    /// Ends the HTTP side.
    end_http: watch::Sender<bool>,
}

impl Wiring {
    /// Binds and starts everything that the configuration asks for.
    pub(super) async fn start(config: &Config, server: &Server) -> Result<Self> {
        let http = bind_http(config).await?;

        let gate = server.gate.counters();
        server.facts.tell_counted(Box::new(move || families(&gate)));

        let (end_http, ending) = watch::channel(false);
        let http = http.map(|http| {
            if let Ok(address) = http.address() {
                server.facts.listens("http", address);
            }
            let facts = server.facts.clone();
            let site = Site::new(server.hub.clone(), server.readiness.clone(), facts);
            tokio::spawn(http.run(site, ordered(ending)))
        });
        Ok(Self { http, end_http })
    }

    /// Takes what a reload changed; what cannot change live is as it was.
    pub(super) fn apply(&mut self, _config: &Config) {}

    /// Resolves with a name when something vital ended by itself. Cancel-safe.
    pub(super) async fn broken(&mut self) -> &'static str {
        match &mut self.http {
            Some(http) => {
                let _ = http.await;
                self.http = None;
                "the HTTP listener"
            }
            None => pending().await,
        }
    }

    /// Ends everything, within `bound`.
    pub(super) async fn drain(self, _bound: Duration) {
        self.end_http.send_replace(true);
        if let Some(http) = self.http {
            let _ = tokio::time::timeout(HTTP_END, http).await;
        }
    }
}

async fn bind_http(config: &Config) -> Result<Option<HttpServer>> {
    let Some(address) = config.http.listen else { return Ok(None) };
    let connections = usize::try_from(config.http.connections).unwrap_or(usize::MAX);
    let limits = Limits { connections, ..Limits::default() };
    let bound = HttpServer::bind(address, limits).await;
    Ok(Some(bound.map_err(|error| bind::explain("http.listen", address, &error))?))
}

/// Resolves at the order to end.
async fn ordered(mut ending: watch::Receiver<bool>) {
    let _ = ending.wait_for(|end| *end).await;
}
