//! The way out of this server as it is configured: the same for destinations and for HTTP.

use crate::config::Config;
use anyhow::Result;
use manycast_dial::{Dialer, Gate, Resolver, Tuning};
use manycast_tls::ClientTls;
use std::net::SocketAddr;
use std::sync::Arc;

/// A dialler behind the egress gate. `own`: where this server listens.
pub(super) fn dialer(config: &Config, own: &[SocketAddr]) -> Arc<Dialer> {
    let egress = &config.egress;
    let resolver = egress.resolver.map_or_else(Resolver::system, Resolver::at);
    let gate = Gate::new(egress.allow.clone(), own.to_vec());
    Arc::new(Dialer::new(resolver, gate, Tuning::default()))
}

/// The checks of TLS servers.
pub(super) fn tls(config: &Config) -> Result<Arc<ClientTls>> {
    Ok(Arc::new(ClientTls::system(config.egress.ca_file.as_deref())?))
}
