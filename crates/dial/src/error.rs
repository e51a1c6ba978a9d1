//! Why there is no connection, in words for the operator.
//!
//! Belongs here: the errors of resolving, judging and connecting. Must not come here: errors of
//! URLs (`target`), TLS, protocols.

use std::io;
use std::net::SocketAddr;

use crate::gate::{Allow, Refusal};

/// Why a dial ended without a connection. The texts name the host, never the URL.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name did not resolve.
    #[error("{host}: {failure}")]
    Dns {
        /// The name.
        host: String,
        /// What went wrong.
        failure: DnsFailure,
    },
    /// The name or address leads where this server may not go (K1, K2).
    #[error("{host} leads to {}, {refusal}; sending there is not allowed{}", address.ip(), hint(remedy))]
    Gate {
        /// What was dialled.
        host: String,
        /// The refused address.
        address: SocketAddr,
        /// Why it is refused.
        refusal: Refusal,
        /// The entry of `egress.allow` that would let it pass.
        remedy: Option<Allow>,
    },
    /// The machine answers, but nobody listens on the port.
    #[error("{host} refused the connection: nothing listens on port {}", address.port())]
    Refused {
        /// What was dialled.
        host: String,
        /// Where.
        address: SocketAddr,
    },
    /// No route, or a router or firewall on the way says no.
    #[error("{host} ({}) cannot be reached from here", address.ip())]
    Unreachable {
        /// What was dialled.
        host: String,
        /// Where.
        address: SocketAddr,
    },
    /// Nobody answered in time.
    #[error("{host} ({}) did not answer on port {}", address.ip(), address.port())]
    Timeout {
        /// What was dialled.
        host: String,
        /// Where, of several the first.
        address: SocketAddr,
    },
    /// The connection was reset while it was made.
    #[error("{host} ({}) reset the connection", address.ip())]
    Reset {
        /// What was dialled.
        host: String,
        /// Where.
        address: SocketAddr,
    },
    /// This machine has no descriptors, ports or memory left for another connection.
    #[error("this machine cannot open another connection: {0}")]
    Exhausted(io::Error),
    /// Anything else.
    #[error("cannot connect to {host} ({}): {source}", address.ip())]
    Io {
        /// What was dialled.
        host: String,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsFailure {
    /// The name does not exist (NXDOMAIN).
    #[error("this name does not exist: look for a slip in it")]
    NxDomain,
    /// The name exists, but has no IPv4 or IPv6 address.
    #[error("this name has no address")]
    NoRecords,
    /// No DNS server answered in time.
    #[error("the DNS server does not answer")]
    Timeout,
    /// The DNS server could not or would not find out (SERVFAIL, REFUSED, or a damaged answer).
    #[error("the DNS server could not look this name up")]
    ServFail,
    /// This machine knows no DNS server.
    #[error("no DNS server is configured on this machine, or it cannot be reached")]
    NoResolver,
    /// No name that DNS can carry.
    #[error("this is no valid name")]
    BadName,
}

impl DialError {
    /// One sentence for the operator.
    #[must_use]
    pub fn reason(&self) -> String {
        self.to_string()
    }

    /// A short stable word for the API and for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns { failure, .. } => failure.kind(),
            Self::Gate { .. } => "egress_refused",
            Self::Refused { .. } => "connect_refused",
            Self::Unreachable { .. } => "connect_unreachable",
            Self::Timeout { .. } => "connect_timeout",
            Self::Reset { .. } => "connect_reset",
            Self::Exhausted(_) => "connect_exhausted",
            Self::Io { .. } => "connect_failed",
        }
    }

    /// Whether a person must act before another try can succeed. Names appear and machines come
    /// back; the gate's verdict stands until the configuration changes.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Gate { .. } | Self::Dns { failure: DnsFailure::BadName, .. })
    }

    pub(crate) fn from_io(host: &str, address: SocketAddr, source: io::Error) -> Self {
        use io::ErrorKind as K;
        let host = host.to_owned();
        if manycast_sys::is_fd_exhaustion(&source) {
            return Self::Exhausted(source);
        }
        match source.kind() {
            K::ConnectionRefused => Self::Refused { host, address },
            K::TimedOut => Self::Timeout { host, address },
            K::ConnectionReset | K::ConnectionAborted => Self::Reset { host, address },
            K::AddrNotAvailable if address.is_ipv4() => Self::Exhausted(source),
            K::HostUnreachable
            | K::NetworkUnreachable
            | K::NetworkDown
            | K::AddrNotAvailable
            | K::PermissionDenied => Self::Unreachable { host, address },
            _ => Self::Io { host, address, source },
        }
    }
}

impl DnsFailure {
    fn kind(self) -> &'static str {
        match self {
            Self::NxDomain => "dns_no_such_name",
            Self::NoRecords => "dns_no_address",
            Self::Timeout => "dns_timeout",
            Self::ServFail => "dns_server_failure",
            Self::NoResolver => "dns_no_resolver",
            Self::BadName => "dns_bad_name",
        }
    }
}

fn hint(remedy: &Option<Allow>) -> String {
    match remedy {
        Some(entry) => format!(", unless \"{entry}\" is listed in egress.allow"),
        None => String::new(),
    }
}
