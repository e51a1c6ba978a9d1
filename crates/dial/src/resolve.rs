//! From a name to its addresses.
//!
//! Belongs here: /etc/hosts, DNS questions, their timing and failures. Must not come here: which
//! addresses are good (`gate`) or come first (`race`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::DnsFailure;

/// How long a resolution may take in all.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Questions asked of each server within that time.
const TRIES: u32 = 3;

/// How long IPv6 addresses are waited for once the IPv4 ones are there (RFC 8305 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Asks for the addresses of names, anew each time: nothing is kept between two questions, neither
/// answers nor the system's configuration, so that changes of either hold at the next dial.
#[derive(Clone, Debug)]
pub struct Resolver {
    server: Option<SocketAddr>,
    hosts: HostsFile,
    timeout: Duration,
}

#[derive(Clone, Debug)]
enum HostsFile {
    System,
    #[cfg(test)]
    Given(Arc<Hosts>),
}

type Answer = Result<Vec<IpAddr>, DnsFailure>;

/// What one resolution needs, read from the system in one go.
struct Setup {
    hosts: Arc<Hosts>,
    dns: Option<(ResolverConfig, ResolverOpts)>,
}

impl Resolver {
    /// The system's DNS servers and hosts file.
    #[must_use]
    pub fn system() -> Self {
        Self { server: None, hosts: HostsFile::System, timeout: TIMEOUT }
    }

    /// One DNS server of the operator's choice, besides the system's hosts file.
    #[must_use]
    pub fn at(server: SocketAddr) -> Self {
        Self { server: Some(server), ..Self::system() }
    }

    #[cfg(test)]
    pub(crate) fn for_test(server: SocketAddr, hosts: &str, timeout: Duration) -> Self {
        let mut parsed = Hosts::default();
        parsed.read_hosts_conf(hosts.as_bytes()).expect("hosts of a test");
        Self { server: Some(server), hosts: HostsFile::Given(Arc::new(parsed)), timeout }
    }

    /// All addresses of a name: those of the hosts file, else those that DNS has, IPv6 before
    /// IPv4. Takes 5 s at most and blocks no thread. Cancel-safe.
    ///
    /// A name with a dot is asked for as it stands; one without is also looked for in the
    /// system's search domains, as on the command line.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, DnsFailure> {
        let mut name = Name::from_ascii(name).map_err(|_| DnsFailure::BadName)?;
        let qualified = name.is_fqdn() || name.num_labels() > 1;
        name.set_fqdn(true);
        let deadline = Instant::now() + self.timeout;
        let setup = self.setup().await?;
        if let Some(found) = from_hosts(&setup.hosts, &name) {
            return Ok(found);
        }
        let (config, options) = setup.dns.ok_or(DnsFailure::NoResolver)?;
        let names = if qualified { vec![name] } else { candidates(&name, &config) };
        let resolver = self.client(config, options)?;
        let mut failure = DnsFailure::NxDomain;
        for name in names {
            match both_families(&resolver, name, deadline).await {
                Ok(found) => return Ok(found),
                Err(error @ (DnsFailure::NxDomain | DnsFailure::NoRecords)) => failure = error,
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    /// Reads the system's files, on a thread that may block.
    async fn setup(&self) -> Result<Setup, DnsFailure> {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let hosts = match this.hosts {
                HostsFile::System => Arc::new(Hosts::from_system().unwrap_or_default()),
                #[cfg(test)]
                HostsFile::Given(hosts) => hosts,
            };
            let dns = match this.server {
                Some(server) => Some((only(server), ResolverOpts::default())),
                None => system_conf::read_system_conf().ok(),
            };
            Setup { hosts, dns }
        });
        timeout(self.timeout, read)
            .await
            .map_err(|_| DnsFailure::Timeout)?
            .map_err(|_| DnsFailure::NoResolver)
    }

    fn client(
        &self,
        config: ResolverConfig,
        mut options: ResolverOpts,
    ) -> Result<TokioResolver, DnsFailure> {
        options.timeout = self.timeout / TRIES;
        options.attempts = TRIES as usize - 1;
        options.use_hosts_file = ResolveHosts::Never;
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|_| DnsFailure::NoResolver)
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    ResolverConfig::from_name_servers(vec![server])
}

/// What the hosts file has: if it knows a name at all, DNS is not asked for the other family.
fn from_hosts(hosts: &Hosts, name: &Name) -> Option<Vec<IpAddr>> {
    let found: Vec<IpAddr> = [RecordType::AAAA, RecordType::A]
        .into_iter()
        .filter_map(|kind| hosts.lookup_static_host(&Query::query(name.clone(), kind)))
        .flat_map(|lookup| addresses(lookup.answers()))
        .collect();
    (!found.is_empty()).then_some(found)
}

/// A name without a dot in each search domain, then as it stands.
pub(crate) fn candidates(name: &Name, config: &ResolverConfig) -> Vec<Name> {
    let mut relative = name.clone();
    relative.set_fqdn(false);
    let mut names: Vec<Name> = config
        .search()
        .iter()
        .chain(config.domain())
        .filter_map(|suffix| relative.clone().append_domain(suffix).ok())
        .collect();
    names.dedup();
    names.push(name.clone());
    names
}

/// Asks for IPv6 and IPv4 addresses at once. IPv4 is waited for as long as the deadline allows,
/// since it is the way out when IPv6 is dead; IPv6 only a moment longer than IPv4 took.
async fn both_families(resolver: &TokioResolver, name: Name, deadline: Instant) -> Answer {
    let mut v6 = std::pin::pin!(one_family(resolver, name.clone(), RecordType::AAAA));
    let mut v4 = std::pin::pin!(one_family(resolver, name, RecordType::A));
    let or_late = |outcome: Result<Answer, Elapsed>| outcome.unwrap_or(Err(DnsFailure::Timeout));
    let (v6, v4) = tokio::select! {
        first = timeout_at(deadline, &mut v4) => {
            let v4 = or_late(first);
            let patience = match v4 {
                Ok(_) => deadline.min(Instant::now() + RESOLUTION_DELAY),
                Err(_) => deadline,
            };
            (or_late(timeout_at(patience, v6).await), v4)
        }
        first = timeout_at(deadline, &mut v6) => {
            let v6 = or_late(first);
            (v6, or_late(timeout_at(deadline, v4).await))
        }
    };
    match (v6, v4) {
        (Ok(v6), Ok(v4)) => Ok([v6, v4].concat()),
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        (Err(one), Err(other)) => Err(worse(one, other)),
    }
}

async fn one_family(resolver: &TokioResolver, name: Name, kind: RecordType) -> Answer {
    let lookup = resolver.lookup(name, kind).await.map_err(|error| explain(&error))?;
    let found = addresses(lookup.answers());
    if found.is_empty() { Err(DnsFailure::NoRecords) } else { Ok(found) }
}

fn addresses(records: &[Record]) -> Vec<IpAddr> {
    records.iter().filter_map(|record| record.data.ip_addr()).collect()
}

/// Of two failures the one that says more.
fn worse(one: DnsFailure, other: DnsFailure) -> DnsFailure {
    use DnsFailure as F;
    [F::BadName, F::NxDomain, F::NoResolver, F::Timeout, F::ServFail, F::NoRecords]
        .into_iter()
        .find(|&failure| failure == one || failure == other)
        .unwrap_or(one)
}

fn explain(error: &NetError) -> DnsFailure {
    match error {
        NetError::Timeout => DnsFailure::Timeout,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => DnsFailure::NxDomain,
            ResponseCode::NoError => DnsFailure::NoRecords,
            _ => DnsFailure::ServFail,
        },
        NetError::NoConnections | NetError::Io(_) => DnsFailure::NoResolver,
        _ => DnsFailure::ServFail,
    }
}
