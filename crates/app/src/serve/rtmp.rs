//! RTMP and RTMPS: the listeners, what they share, and the way out to RTMP destinations.

use super::facts::float;
use super::wiring::session_bound;
use super::{Server, bind};
use crate::config::Config;
use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use manycast_dial::{Dialer, Gate as EgressGate, Resolver, Tuning};
use manycast_fanout::{Fanout, FanoutConfig};
use manycast_hub::Link;
use manycast_net_rtmp::{
    Asks, ClientSettings, ConnectionLimits, Connections, Policies, Policy, Reactors, RtmpLink,
    RtmpStats, RtmpStatsSnapshot, Server as RtmpServer, ServerSettings,
};
use manycast_rtmp::limits::Limits;
use manycast_tls::{ClientTls, ServerTls};
use manycast_web::{Family, Kind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// File descriptors kept back for HTTP, destinations and the server itself.
const DESCRIPTORS_KEPT: u64 = 64;

/// The longest time that clients get for a new connection elsewhere; never more than half of the
/// drain time.
const RECONNECT_GRACE: Duration = Duration::from_secs(5);

/// Each connection that comes wakes every reactor, so that there are not more of them than are of use.
const MOST_REACTORS: usize = 8;

/// The listeners while they run.
pub(super) struct Rtmp {
    /// Bound, and not running yet.
    bound: Vec<(&'static str, SocketAddr, RtmpServer)>,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    stop: watch::Sender<bool>,
    drain: Duration,
    connections: Arc<Connections>,
    link: Arc<ArcSwap<RtmpLink>>,
    client: ClientSettings,
    /// Writes the pictures of all deliveries.
    deliveries: Arc<Fanout>,
    own: Vec<SocketAddr>,
    policies: Arc<Policies>,
    stats: Arc<RtmpStats>,
}

impl Rtmp {
    /// Binds the listeners; see [`Rtmp::run`]. `other`: where else the server listens.
    pub(super) fn bind(
        config: &Config,
        server: &Server,
        other: &[SocketAddr],
        tls: Option<Arc<ServerTls>>,
    ) -> Result<Self> {
        let connections = Connections::new(limits(config));
        let (merge, bulk) = (config.rtmp.merge, config.rtmp.io_uring);
        let viewers = FanoutConfig { merge, bulk, ..FanoutConfig::default() };
        let fanout = Fanout::start(viewers).context("no threads for viewers")?;
        let fanout = Arc::new(fanout);
        let stats = Arc::new(RtmpStats::default());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MOST_REACTORS);
        let reactors = Arc::new(Reactors::start(threads).context("no threads for connections")?);
        let policies = Policies::new();
        policies.set(policy(config));
        let mut bound = Vec::new();
        let plain = config.rtmp.listen.map(|listen| ("rtmp", "rtmp.listen", listen, None));
        let secure = config.rtmps.as_ref().map(|r| ("rtmps", "rtmps.listen", r.listen, tls));
        for (protocol, key, listen, tls) in plain.into_iter().chain(secure) {
            let (policies, reactors) = (policies.clone(), Some(reactors.clone()));
            let own = ServerSettings::new(listen);
            let settings = ServerSettings { tls, policies, reactors, ..own };
            let gate = server.access.clone();
            let listener = RtmpServer::bind(
                settings,
                gate,
                fanout.clone(),
                stats.clone(),
                connections.clone(),
            );
            let listener = listener.map_err(|error| bind::explain(key, listen, &error))?;
            bound.push((protocol, listener.local_addr()?, listener));
        }
        let one = FanoutConfig { shards: 1, ..FanoutConfig::default() };
        let deliveries = Arc::new(Fanout::start(one).context("no thread for deliveries")?);
        let own = bound.iter().map(|(_, address, _)| *address);
        let own: Vec<_> = own.chain(other.iter().copied()).collect();
        let client = client(config, &own)?;
        let link = RtmpLink::new(client.clone(), deliveries.clone());
        let link = Arc::new(ArcSwap::from_pointee(link));
        let drain = session_bound(config.server.drain);
        let (stop, tasks) = (watch::Sender::new(false), Vec::new());
        Ok(Self {
            bound,
            tasks,
            stop,
            drain,
            connections,
            link,
            client,
            deliveries,
            own,
            policies,
            stats,
        })
    }

    /// Who is connected.
    pub(super) fn connections(&self) -> Arc<Connections> {
        self.connections.clone()
    }

    /// Begins to take connections.
    pub(super) fn run(&mut self, server: &Server) {
        for (protocol, address, listener) in std::mem::take(&mut self.bound) {
            server.facts.listens(protocol, address);
            let task = tokio::spawn(listener.run(self.stop.subscribe(), self.drain));
            self.tasks.push((protocol, task));
        }
        let counted = self.stats.clone();
        server.facts.tell_counted(Box::new(move || families(counted.snapshot())));
    }

    /// How connections to destinations are made.
    pub(super) fn client(&self) -> ClientSettings {
        self.client.clone()
    }

    /// What carries Streams to `rtmp` and `rtmps` addresses, as it is configured at each dial.
    pub(super) fn links(
        &self,
    ) -> impl Fn(&str) -> Option<Arc<dyn Link>> + Send + Sync + use<> + 'static {
        let link = self.link.clone();
        move |scheme| match scheme {
            "rtmp" | "rtmps" => Some(link.load_full()),
            _ => None,
        }
    }

    /// Takes what a reload changed.
    pub(super) fn apply(&mut self, config: &Config) {
        self.connections.set_limits(limits(config));
        self.policies.set(policy(config));
        match client(config, &self.own) {
            Ok(client) => {
                self.client = client.clone();
                let link = RtmpLink::new(client, self.deliveries.clone());
                self.link.store(Arc::new(link));
            }
            Err(error) => tracing::error!("egress stays as it was: {error:#}"),
        }
    }

    /// What all connections counted.
    pub(super) fn stats(&self) -> RtmpStatsSnapshot {
        self.stats.snapshot()
    }

    /// Resolves with a name when a listener ended by itself. Cancel-safe.
    pub(super) async fn broken(&mut self) -> &'static str {
        std::future::poll_fn(|cx| {
            for (name, task) in &mut self.tasks {
                if std::pin::Pin::new(task).poll(cx).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Closes the listeners at once and lets every session say goodbye.
    pub(super) async fn drain(self) {
        self.stop.send_replace(true);
        for (_, task) in self.tasks {
            let _ = tokio::time::timeout(self.drain + Duration::from_secs(1), task).await;
        }
    }
}

/// Whom the listeners ask, and where they send clients at the end.
///
/// At `connect` an encoder has not said which Stream it means: if only some want a user, those alone
/// are asked whose address ends in the name of one of them.
fn policy(config: &Config) -> Policy {
    let own = config.streams.iter().filter(|stream| stream.login.is_some());
    let names: Vec<_> = own.clone().map(|stream| stream.name.to_string()).collect();
    let every = !config.rtmp.open && !names.is_empty() && names.len() == config.streams.len();
    let asks = match () {
        () if config.rtmp.login.is_some() || every => Asks::Everybody,
        () if names.is_empty() => Asks::Nobody,
        () => Asks::Apps(names),
    };
    let mut users: Vec<_> = config.rtmp.login.iter().cloned().collect();
    users.extend(own.filter_map(|stream| stream.login.clone()));
    Policy {
        dialect: config.rtmp.auth,
        asks,
        users,
        reconnect_url: config.rtmp.reconnect_url.clone(),
        reconnect_grace: (session_bound(config.server.drain) / 2).min(RECONNECT_GRACE),
    }
}

/// The limits of the configuration, and never more than there are file descriptors for.
fn limits(config: &Config) -> ConnectionLimits {
    let wanted = config.limits.connections.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let open_files = manycast_sys::open_files().map_or(u64::MAX, |limits| limits.soft);
    let possible = open_files.saturating_sub(DESCRIPTORS_KEPT).max(1);
    let possible = usize::try_from(possible).unwrap_or(usize::MAX);
    let per_address =
        config.limits.connections_per_address.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    ConnectionLimits { total: Some(wanted.map_or(possible, |n| n.min(possible))), per_address }
}

fn client(config: &Config, own: &[SocketAddr]) -> Result<ClientSettings> {
    let egress = &config.egress;
    let resolver = egress.resolver.map_or_else(Resolver::system, Resolver::at);
    let gate = EgressGate::new(egress.allow.clone(), own.to_vec());
    Ok(ClientSettings {
        dialer: Arc::new(Dialer::new(resolver, gate, Tuning::default())),
        tls: Arc::new(ClientTls::system(egress.ca_file.as_deref())?),
        limits: Limits::default(),
    })
}

/// What all RTMP connections counted, as metrics.
fn families(stats: RtmpStatsSnapshot) -> Vec<Family> {
    let gauge = |name, help, value| Family::single(Kind::Gauge, name, help, float(value));
    let counter = |name, help, value| Family::single(Kind::Counter, name, help, float(value));
    let mut refused =
        Family::new(Kind::Counter, "rtmp_refused", "Connections turned away, by reason");
    for (reason, value) in [
        ("limit", stats.refused_limit),
        ("descriptors", stats.refused_descriptors),
        ("made_room", stats.made_room),
        ("key", stats.refused_key),
        ("busy", stats.refused_busy),
        ("play", stats.refused_play),
    ] {
        refused.add(&[("reason", reason)], float(value));
    }
    let mut cut = Family::new(Kind::Counter, "rtmp_cut", "Connections ended by us, by reason");
    for (reason, value) in [
        ("protocol", stats.protocol_errors),
        ("deadline", stats.timeouts),
        ("tls", stats.tls_errors),
        ("stalled_viewer", stats.stalled_viewers),
        ("panic", stats.panics),
    ] {
        cut.add(&[("reason", reason)], float(value));
    }
    vec![
        gauge("rtmp_connections", "RTMP connections open", stats.connections),
        counter("rtmp_accepted", "RTMP connections accepted", stats.accepted),
        gauge("rtmp_publishers", "RTMP publishers on air", stats.publishers),
        gauge("rtmp_viewers", "RTMP viewers", stats.viewers),
        refused,
        cut,
        counter("viewer_skipped_frames", "Frames slow viewers lost", stats.skipped_frames),
        counter("viewer_skipped_gops", "Gops slow viewers lost", stats.skipped_gops),
        counter(
            "rtmp_log_lines_suppressed",
            "Log lines about strangers left out",
            stats.log_suppressed,
        ),
    ]
}
