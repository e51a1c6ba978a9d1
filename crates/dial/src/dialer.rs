//! The one place where connections leave this server.
//!
//! Belongs here: the order of resolve, judge, connect, and the options of the new socket. Must not
//! come here: how each of them works.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use manycast_sys::Keepalive;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use crate::error::{DialError, DnsFailure};
use crate::gate::Gate;
use crate::race;
use crate::resolve::Resolver;
use crate::target::Host;

/// How far a dial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The name is being looked up. Literal addresses skip this.
    Resolving,
    /// The addresses are known and allowed; connecting to the first that answers.
    Connecting,
}

/// Options of every outgoing socket. What a system does not have is left out. Small writes always
/// leave at once (`TCP_NODELAY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Probing of idle connections.
    pub keepalive: Option<Keepalive>,
    /// Longest time that sent bytes may stay unacknowledged before the connection counts as lost. It
    /// must be well above the longest time without progress that its user bears: towards a reader
    /// that is slow the system counts it from the first full window on, however much is acknowledged
    /// since.
    pub user_timeout: Option<Duration>,
    /// Bytes that may wait in the kernel for their first transmission: less means that more of what
    /// is late can still be dropped; too little costs throughput over long distances only when it
    /// is below what is written between two wake-ups.
    pub notsent_lowat: Option<u32>,
}

impl Default for Tuning {
    /// For live media: the system finds a dead path within 60 s if nobody who judges progress finds it
    /// before, and at most 128 KiB (170 ms at 6 Mb/s) are out of reach in the kernel besides what is
    /// in flight.
    fn default() -> Self {
        Self {
            keepalive: Some(Keepalive {
                idle: Duration::from_secs(10),
                interval: Duration::from_secs(3),
                retries: 3,
            }),
            user_timeout: Some(Duration::from_secs(60)),
            notsent_lowat: Some(128 * 1024),
        }
    }
}

/// A connection that was made.
#[derive(Debug)]
pub struct Connected {
    /// The socket.
    pub tcp: TcpStream,
    /// The address it is connected to: one that the gate allowed.
    pub addr: SocketAddr,
    /// Time that resolving took; zero for literal addresses.
    pub resolved_in: Duration,
    /// Time that connecting took, IPv6 attempts included.
    pub connected_in: Duration,
}

/// Dials. Every outgoing connection of the server is made by [`Self::connect`].
#[derive(Debug)]
pub struct Dialer {
    resolver: Resolver,
    gate: ArcSwap<Gate>,
    tuning: Tuning,
}

impl Dialer {
    /// A dialler with its ways and limits.
    #[must_use]
    pub fn new(resolver: Resolver, gate: Gate, tuning: Tuning) -> Self {
        Self { resolver, gate: ArcSwap::from_pointee(gate), tuning }
    }

    /// Replaces the gate for all later dials.
    pub fn set_gate(&self, gate: Gate) {
        self.gate.store(Arc::new(gate));
    }

    /// Whether a literal address would be dialled at all, for checks of a configuration. Names can
    /// only be judged when they are dialled.
    ///
    /// # Errors
    /// The gate's refusal.
    pub fn check(&self, host: &Host, port: u16) -> Result<(), DialError> {
        match host {
            Host::Ip(address) => self.judge(host, &[SocketAddr::new(*address, port)]),
            Host::Domain(_) => Ok(()),
        }
    }

    /// Resolves, judges and connects, with a new resolution each time; the socket is connected to
    /// one of the very addresses that were judged. `on_stage` hears how far it has come.
    /// Cancel-safe: dropping the future gives everything up.
    ///
    /// # Errors
    /// Why there is no connection; when several addresses failed, the failure that says most.
    pub async fn connect(
        &self,
        host: &Host,
        port: u16,
        deadline: Instant,
        mut on_stage: impl FnMut(Stage),
    ) -> Result<Connected, DialError> {
        let started = Instant::now();
        let addresses: Vec<SocketAddr> = match host {
            Host::Ip(address) => vec![SocketAddr::new(*address, port)],
            Host::Domain(name) => {
                on_stage(Stage::Resolving);
                let found = self.resolve(name, deadline).await?;
                // IPv4 in IPv6 clothes goes out as the IPv4 that it was judged as.
                found.iter().map(|ip| SocketAddr::new(ip.to_canonical(), port)).collect()
            }
        };
        self.judge(host, &addresses)?;
        let resolved = Instant::now();
        on_stage(Stage::Connecting);
        let (tcp, addr) = self.connect_first(host, &addresses, deadline).await?;
        Ok(Connected {
            tcp,
            addr,
            resolved_in: match host {
                Host::Ip(_) => Duration::ZERO,
                Host::Domain(_) => resolved - started,
            },
            connected_in: resolved.elapsed(),
        })
    }

    async fn resolve(&self, name: &str, deadline: Instant) -> Result<Vec<IpAddr>, DialError> {
        timeout_at(deadline, self.resolver.resolve(name))
            .await
            .unwrap_or(Err(DnsFailure::Timeout))
            .map_err(|failure| DialError::Dns { host: name.to_owned(), failure })
    }

    fn judge(&self, host: &Host, addresses: &[SocketAddr]) -> Result<(), DialError> {
        self.gate.load().judge_all(addresses).map_err(|(address, refusal)| DialError::Gate {
            host: host.to_string(),
            address,
            refusal,
            remedy: refusal.remedy(address),
        })
    }

    async fn connect_first(
        &self,
        host: &Host,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), DialError> {
        let host = host.to_string();
        let ordered = race::order(addresses);
        let attempts = race::race(&ordered, |address| attempt(address, self.tuning));
        match timeout_at(deadline, attempts).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(failures)) => Err(most_telling(&host, failures)),
            Err(_) => {
                // Nobody is in `ordered` only if the resolver broke its word.
                let address = ordered.first().copied();
                let address = address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
                Err(DialError::Timeout { host, address })
            }
        }
    }
}

async fn attempt(address: SocketAddr, tuning: Tuning) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    tune(&socket, tuning);
    let tcp = socket.connect(address).await?;
    // RFC 9293 3.5, figure 7: a port that dials itself connects to itself.
    if tcp.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(tcp)
}

/// An option that the system lacks or refuses is no reason not to connect.
fn tune(socket: &TcpSocket, tuning: Tuning) {
    let _ = manycast_sys::nodelay(socket);
    if let Some(values) = tuning.keepalive {
        let _ = manycast_sys::keepalive(socket, values);
    }
    if let Some(timeout) = tuning.user_timeout {
        let _ = manycast_sys::set_user_timeout(socket, timeout);
    }
    if let Some(bytes) = tuning.notsent_lowat {
        let _ = manycast_sys::set_notsent_lowat(socket, bytes);
    }
}

/// A machine that answered, if only to refuse, says more than one that did not.
fn most_telling(host: &str, failures: Vec<(SocketAddr, io::Error)>) -> DialError {
    let rank = |error: &DialError| match error {
        DialError::Refused { .. } => 0,
        DialError::Reset { .. } => 1,
        DialError::Exhausted(_) => 2,
        DialError::Timeout { .. } => 3,
        DialError::Io { .. } => 4,
        _ => 5,
    };
    failures
        .into_iter()
        .map(|(address, error)| DialError::from_io(host, address, error))
        .min_by_key(rank)
        .unwrap_or(DialError::Dns { host: host.to_owned(), failure: DnsFailure::NoRecords })
}
