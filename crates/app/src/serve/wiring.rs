//! What runs beside the hub, joined in one place: transports, destinations, HTTP.
//!
//! ```text
//! start   bind everything first, then run it; a failure leaves nothing behind
//! apply   hand a new configuration to whoever can take it live
//! drain   stop taking, let sessions and deliveries say goodbye, and HTTP last, so that the state
//!         of the drain can be watched
//! ```

use super::certificates::Certificates;
use super::defs::file_defs;
use super::facts::{families, float};
use super::herald::{self, Crier};
use super::http::{Bound, Http};
use super::manage::Connected;
use super::outbox::Outbox;
use super::rtmp::Rtmp;
use super::state::State;
use super::{Server, authorize};
use crate::config::Config;
use anyhow::{Context, Result};
use manycast_auth::{AccessGate, AccountOptions, Accounts};
use manycast_control::{Control, Parts};
use manycast_hub::Secret;
use manycast_net_rtmp::RtmpStatsSnapshot;
use manycast_restream::Restream;
use manycast_web::{Family, Kind, Managed, Site};
use manycast_webhook::{Authorised, Options, Webhooks};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Of the drain time, what is kept for HTTP, which ends last.
pub(super) const HTTP_END: Duration = Duration::from_millis(500);

/// Everything that runs.
pub(super) struct Wiring {
    rtmp: Rtmp,
    restream: Arc<Restream>,
    control: Arc<Control>,
    access: Arc<Authorised<AccessGate>>,
    webhooks: Arc<Webhooks>,
    state: State,
    accounts: Accounts,
    http: Http,
    certificates: Arc<Certificates>,
    /// Looks for certificates that changed.
    following: JoinHandle<()>,
}

impl Wiring {
    /// Binds and starts everything that the configuration asks for.
    pub(super) async fn start(
        config: &Config,
        server: &Server,
        certificates: &Arc<Certificates>,
        state: State,
    ) -> Result<Self> {
        let http = Bound::take(config, certificates.https()).await?;
        // No destination may lead back into any listener of this server (K1).
        let mut rtmp = Rtmp::bind(config, server, &http.addresses(), certificates.rtmps())?;

        let gate = server.gate.counters();
        server.facts.tell_counted(Box::new(move || families(&gate)));

        let access = server.access.clone();
        let out = authorize::client(&rtmp.client());
        access.apply(config.authorize.clone(), out.clone());
        let asked = access.clone();
        server.facts.tell_counted(Box::new(move || authorize::families(asked.counters())));

        let restream = Arc::new(Restream::new(server.hub.clone(), rtmp.links(), rand::random()));
        server.facts.restreams(restream.clone());
        let counted = restream.clone();
        server.facts.tell_counted(Box::new(move || vec![delivery_panics(&counted)]));
        let parts = Parts {
            hub: server.hub.clone(),
            restream: restream.clone(),
            gate: server.gate.clone(),
            keys: state.keys(),
            store: state.store().clone(),
            client: rtmp.client(),
        };
        let defs = file_defs(config, server.file.as_deref());
        let control = Control::start(parts, defs).await.context("the streams cannot be read")?;
        server.facts.controlled(control.clone());
        let outbox = Arc::new(Outbox::new(state.store().clone()));
        let webhooks = Webhooks::start(outbox, out, Options::default());
        control.set_herald(Arc::new(Crier(webhooks.clone())));
        let sent = webhooks.clone();
        server.facts.tell_counted(Box::new(move || herald::families(sent.counters())));
        // whoever comes in now finds everything that is defined
        rtmp.run(server);

        let facts = server.facts.clone();
        let site = Site::new(server.hub.clone(), server.readiness.clone(), facts);
        let accounts = Accounts::open(state.store().clone(), AccountOptions::default());
        let accounts = accounts.await.context("the accounts cannot be read")?;
        let connections = rtmp.connections();
        let site = site.manage(Managed {
            accounts: accounts.clone(),
            gate: server.gate.clone(),
            control: control.clone(),
            store: state.store().clone(),
            webhooks: webhooks.clone(),
            sessions: Arc::new(Connected { connections, control: control.clone() }),
        });
        let http = http.run(site, server);
        let certificates = certificates.clone();
        let following = tokio::spawn(certificates.clone().follow());
        Ok(Self {
            rtmp,
            restream,
            control,
            access,
            webhooks,
            state,
            accounts,
            http,
            certificates,
            following,
        })
    }

    /// Takes what a reload changed; what cannot change live is as it was.
    pub(super) async fn apply(&mut self, config: &Config, server: &Server) {
        // certificates are read from disk
        tokio::task::block_in_place(|| {
            self.rtmp.apply(config);
            self.certificates.reload();
        });
        self.control.set_client(self.rtmp.client());
        let out = authorize::client(&self.rtmp.client());
        self.access.apply(config.authorize.clone(), out.clone());
        self.webhooks.set_client(out);
        let defs = file_defs(config, server.file.as_deref());
        if let Err(error) = self.control.reload(None, defs).await {
            tracing::error!("the streams stay as they were: {error}");
        }
    }

    /// For the link that makes the first owner; `None` once there is somebody.
    pub(super) fn setup_token(&self) -> Option<Secret> {
        self.accounts.setup_token()
    }

    /// What is defined and applied.
    pub(super) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// What all RTMP connections counted.
    pub(super) fn rtmp_stats(&self) -> RtmpStatsSnapshot {
        self.rtmp.stats()
    }

    /// Resolves with a name when something vital ended by itself. Cancel-safe.
    pub(super) async fn broken(&mut self) -> &'static str {
        tokio::select! {
            name = self.http.broken() => name,
            name = self.rtmp.broken() => name,
        }
    }

    /// Ends everything, within `bound`.
    pub(super) async fn drain(self, bound: Duration) {
        self.control.begin_to_drain();
        self.following.abort();
        let _ = self.following.await;
        tokio::join!(self.restream.shutdown(session_bound(bound)), self.rtmp.drain());
        let last_words = async {
            self.control.shutdown().await;
            self.webhooks.shutdown(HTTP_END).await;
        };
        tokio::join!(self.access.finish(HTTP_END), last_words);
        self.state.close().await;
        self.http.drain().await;
    }
}

/// How long sessions may take to say goodbye, so that all is over within `drain` (G3).
pub(super) fn session_bound(drain: Duration) -> Duration {
    drain.saturating_sub(HTTP_END.min(drain / 10))
}

fn delivery_panics(restream: &Restream) -> Family {
    let help = "Deliveries that ended in a panic";
    Family::single(Kind::Counter, "delivery_panics", help, float(restream.panics()))
}
