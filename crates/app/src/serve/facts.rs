//! What the HTTP side is told about this server.

use super::certificates::Certificates;
use super::{logging, panics};
use crate::config::Config;
use arc_swap::ArcSwapOption;
use manycast_auth::GateCounters;
use manycast_control::Control;
use manycast_media::StreamName;
use manycast_restream::{DestinationStatus, Restream};
use manycast_web::{CertificateFacts, ConfigFacts, Family, Kind, ListenerFacts, Source};
use parking_lot::{Mutex, RwLock};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// Answers with what a part of the server counted.
pub(super) type Counted = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

/// The facts, as they are at the moment.
pub(super) struct Facts {
    config: ArcSwapOption<Config>,
    state: Mutex<ConfigFacts>,
    listeners: Mutex<Vec<ListenerFacts>>,
    certificates: OnceLock<Arc<Certificates>>,
    restream: OnceLock<Arc<Restream>>,
    control: OnceLock<Arc<Control>>,
    counted: RwLock<Vec<Counted>>,
}

impl Facts {
    pub(super) fn new() -> Arc<Self> {
        let state = ConfigFacts {
            loaded_at: SystemTime::now(),
            last_error: None,
            needs_restart: Vec::new(),
        };
        Arc::new(Self {
            config: ArcSwapOption::empty(),
            state: Mutex::new(state),
            listeners: Mutex::default(),
            certificates: OnceLock::new(),
            restream: OnceLock::new(),
            control: OnceLock::new(),
            counted: RwLock::default(),
        })
    }

    /// A configuration is in force.
    pub(super) fn loaded(&self, config: Config, needs_restart: Vec<String>) {
        self.config.store(Some(Arc::new(config)));
        let loaded_at = SystemTime::now();
        *self.state.lock() = ConfigFacts { loaded_at, last_error: None, needs_restart };
    }

    /// A reload was refused; what was in force stays.
    pub(super) fn refused(&self, why: String) {
        self.state.lock().last_error = Some(why);
    }

    /// The configuration in force.
    pub(super) fn current(&self) -> Arc<Config> {
        self.config.load_full().expect("a configuration is loaded before anything asks for it")
    }

    /// Notes where the server listens.
    pub(super) fn listens(&self, protocol: &'static str, address: SocketAddr) {
        tracing::info!(protocol, %address, "listening");
        self.listeners.lock().push(ListenerFacts { protocol, address });
    }

    /// From now on the certificates are asked for their state.
    pub(super) fn certified(&self, certificates: Arc<Certificates>) {
        let _ = self.certificates.set(certificates);
    }

    /// From now on the destinations are asked for their state.
    pub(super) fn restreams(&self, restream: Arc<Restream>) {
        let _ = self.restream.set(restream);
    }

    /// From now on the control plane is asked for what is defined.
    pub(super) fn controlled(&self, control: Arc<Control>) {
        let _ = self.control.set(control);
    }

    /// How many Streams and Destinations there are, of the file and of the database.
    pub(super) fn defined(&self) -> (usize, usize) {
        self.control.get().map_or((0, 0), |control| control.counted())
    }

    /// Adds a part of the server that counts.
    pub(super) fn tell_counted(&self, counted: Counted) {
        self.counted.write().push(counted);
    }
}

impl Source for Facts {
    fn listeners(&self) -> Vec<ListenerFacts> {
        self.listeners.lock().clone()
    }

    fn certificate(&self) -> Option<CertificateFacts> {
        self.certificates.get()?.facts()
    }

    fn config(&self) -> ConfigFacts {
        self.state.lock().clone()
    }

    fn configured(&self) -> Vec<StreamName> {
        self.control.get().map(|control| control.defined_names()).unwrap_or_default()
    }

    fn destinations(&self) -> Vec<DestinationStatus> {
        self.restream.get().map(|restream| restream.status()).unwrap_or_default()
    }

    fn families(&self) -> Vec<Family> {
        self.counted.read().iter().flat_map(|ask| ask()).collect()
    }
}

/// What belongs to no transport: the gate's answers, panics, log lines left out.
pub(super) fn families(gate: &GateCounters) -> Vec<Family> {
    let mut granted = Family::new(Kind::Counter, "access_granted", "Sessions that were let in");
    for (action, count) in gate.granted() {
        granted.add(&[("action", action)], float(count));
    }
    let mut denied = Family::new(Kind::Counter, "access_denied", "Sessions refused, by reason");
    for (action, reason, count) in gate.denied() {
        denied.add(&[("action", action), ("reason", reason)], float(count));
    }
    let (panics, lines) = (float(panics::counted()), float(logging::suppressed()));
    vec![
        granted,
        denied,
        Family::single(Kind::Counter, "panics", "Panics, each ended one session at most", panics),
        Family::single(
            Kind::Counter,
            "log_lines_suppressed",
            "Log lines left out: more than 1 MB per minute",
            lines,
        ),
    ]
}

/// A count as a metric's value; exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
