//! The running server: started, reloaded, drained.
//!
//! ```text
//! config --> logging, data directory, hub, gate --> wiring (transports, destinations, HTTP)
//! SIGHUP --> reload: all or nothing      SIGTERM, SIGINT --> drain with a bound; a second one: end
//! ```
//!
//! Belongs here: the order of things. Must not come here: what a transport does.

mod authorize;
pub(crate) mod bind;
mod certificates;
pub(crate) mod datadir;
mod defs;
pub(crate) mod disk;
mod embed;
mod facts;
mod herald;
mod http;
mod logging;
mod manage;
mod names;
mod outbox;
mod panics;
mod reload;
mod rtmp;
mod signals;
mod state;
mod welcome;
mod wiring;

pub(crate) use datadir::{DataDir, holder};
pub(crate) use embed::Embedded;

use crate::config::{self, Config};
use anyhow::{Context, Result};
use certificates::Certificates;
use facts::Facts;
use logging::Logging;
use manycast_auth::AccessGate;
use manycast_hub::Hub;
use manycast_web::{Readiness, Source};
use manycast_webhook::Authorised;
use signals::{Order, Signals};
use state::State;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wiring::Wiring;

/// How often idle Streams are looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// What everything that runs is joined by.
struct Server {
    /// The configuration file that was named; `None`: the usual one, if it is there.
    file: Option<PathBuf>,
    hub: Arc<Hub>,
    gate: Arc<AccessGate>,
    /// What listeners ask: the gate, and whoever else is to be asked.
    access: Arc<Authorised<AccessGate>>,
    facts: Arc<Facts>,
    readiness: Readiness,
    logging: Logging,
    /// Where state is kept; its lock is held until the end. `None` inside a tool.
    data: Option<DataDir>,
}

/// Runs the server until it is told to end.
///
/// # Errors
/// Whatever kept it from starting, in words for the operator.
pub fn run(file: Option<&Path>, data_dir: Option<&Path>) -> Result<()> {
    let loaded = config::load(file)
        .map_err(|refused| anyhow::anyhow!("the configuration is refused\n{refused}"))?;
    let config = loaded.config;
    let logging = Logging::start(&config.log);
    panics::count();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    raise_open_files();
    let data = Some(DataDir::take(&data_dir_of(&config, file, data_dir))?);
    let hub = Hub::new();
    let gate = AccessGate::new(hub.clone());
    let server = Server {
        file: file.map(Path::to_owned),
        access: Authorised::new(gate.clone()),
        gate,
        facts: Facts::new(),
        readiness: Readiness::new(),
        hub,
        logging,
        data,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("manycast")
        .build()
        .context("the runtime does not start")?;
    let result = runtime.block_on(server.live(config));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

/// The directory for state: as asked for, else as configured, else the one that systemd gives,
/// else one beside the file.
pub(crate) fn data_dir_of(config: &Config, file: Option<&Path>, asked: Option<&Path>) -> PathBuf {
    let named = asked.map(Path::to_owned).or_else(|| config.server.data_dir.clone());
    let named = named.or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from));
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    named.unwrap_or_else(|| folder.join("manycast-data"))
}

fn raise_open_files() {
    match manycast_sys::raise_open_files() {
        Ok(limits) => tracing::debug!(limit = limits.soft, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

impl Server {
    async fn live(self, config: Config) -> Result<()> {
        let mut signals = Signals::listen().context("signals cannot be followed")?;
        let mut wiring = self.start(config).await?;
        if let Some(address) = welcome::address(&self.facts.listeners()) {
            welcome::show(&address, wiring.setup_token().as_ref());
        }
        let ended = self.attend(&mut signals, &mut wiring).await;
        let bound = self.facts.current().server.drain;
        self.readiness.not_ready("draining");
        tracing::info!(seconds = bound.as_secs_f64(), "draining; a second signal ends at once");
        tokio::select! {
            () = wiring.drain(bound) => tracing::info!("ended"),
            () = signals.end() => tracing::warn!("ended at once by a second signal"),
        }
        ended
    }

    /// Begins to serve.
    async fn start(&self, config: Config) -> Result<Wiring> {
        self.facts.loaded(config, Vec::new());
        let config = self.facts.current();
        let data = self.data.as_ref().map(DataDir::path);
        let state = State::open(data, &self.gate).await?;
        let certificates = Certificates::open(&config, data)?;
        self.facts.certified(certificates.clone());
        let wiring = Wiring::start(&config, self, &certificates, state).await?;
        certificates.tell();
        self.readiness.ready();
        let (streams, destinations) = self.facts.defined();
        tracing::info!(version = env!("CARGO_PKG_VERSION"), streams, destinations, "ready");
        Ok(wiring)
    }

    /// Everyday life: until a signal to end, or until something vital ended by itself.
    async fn attend(&self, signals: &mut Signals, wiring: &mut Wiring) -> Result<()> {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = signals.next() => match order {
                    Order::Reload => self.reload(wiring).await,
                    Order::End => return Ok(()),
                },
                _ = sweep.tick() => {
                    let control = wiring.control();
                    self.hub.sweep(Instant::now(), |name| !control.is_defined(name));
                    self.logging.tell_suppressed();
                }
                what = wiring.broken() => {
                    anyhow::bail!("{what} ended by itself; see the log");
                }
            }
        }
    }
}
