//! The egress gate: which addresses this server may dial.
//!
//! Belongs here: the verdict over resolved addresses, and what an operator allows on top. Must not
//! come here: names (a name says nothing about where it leads), the table of ranges (`ranges`).

use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr;

use ipnet::IpNet;

use crate::ranges::{self, Range};

/// An entry of `egress.allow`: a network (`10.1.0.0/16`), an address (`10.1.2.3`), or an address
/// with one port (`127.0.0.1:1936`, `[::1]:1936`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Every port of every address of a network.
    Net(IpNet),
    /// One port of one address; the only entry that also opens a port of this server itself.
    Endpoint(SocketAddr),
}

/// The text is no network, address, or address with port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no entry for egress.allow: write a network (10.1.0.0/16), an address (10.1.2.3) \
     or an address with a port (127.0.0.1:1936)"
)]
pub struct AllowError {
    text: String,
}

impl FromStr for Allow {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        text.parse::<IpNet>()
            .map(|net| Self::Net(net.trunc()))
            .or_else(|_| text.parse::<IpAddr>().map(|address| Self::Net(address.into())))
            .or_else(|_| text.parse().map(Self::Endpoint))
            .map_err(|_| AllowError { text: text.to_owned() })
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(f),
            Self::Net(net) => net.fmt(f),
            Self::Endpoint(endpoint) => endpoint.fmt(f),
        }
    }
}

impl From<IpNet> for Allow {
    fn from(net: IpNet) -> Self {
        Self::Net(net)
    }
}

/// Judges addresses after resolution (K1, K2).
///
/// Public addresses pass. Everything that leads inside is refused unless it is listed; a cloud's
/// metadata service only passes when its very address is listed, and a port that this server
/// itself listens on only as an address with port.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    allow: Vec<Allow>,
    own: Vec<SocketAddr>,
}

/// Why the gate refused an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It leads inside.
    Inside(Range),
    /// This server itself listens there.
    OwnPort,
}

impl Gate {
    /// A gate with the operator's exceptions, and the addresses this server listens on (an
    /// unspecified one stands for every address of this machine).
    #[must_use]
    pub fn new(allow: Vec<Allow>, own: Vec<SocketAddr>) -> Self {
        Self { allow, own }
    }

    /// Judges one address. IPv4 in IPv6 clothes (`::ffff:a.b.c.d`) is judged as what it is.
    ///
    /// # Errors
    /// Why it may not be dialled.
    pub fn judge(&self, address: SocketAddr) -> Result<(), Refusal> {
        let ip = address.ip().to_canonical();
        let port = address.port();
        if self.has_endpoint(ip, port) {
            return Ok(());
        }
        if self.is_own(ip, port) {
            return Err(Refusal::OwnPort);
        }
        match ranges::range(ip) {
            None => Ok(()),
            Some(range) if self.has_net(ip, range == Range::Metadata) => Ok(()),
            Some(range) => Err(Refusal::Inside(range)),
        }
    }

    /// Judges a whole answer: one refused address refuses them all, since whoever mixes an inner
    /// address into an answer means no good.
    ///
    /// # Errors
    /// The first refused address and why.
    pub fn judge_all(&self, addresses: &[SocketAddr]) -> Result<(), (SocketAddr, Refusal)> {
        addresses
            .iter()
            .try_for_each(|&address| self.judge(address).map_err(|refusal| (address, refusal)))
    }

    fn has_endpoint(&self, ip: IpAddr, port: u16) -> bool {
        self.allow.iter().any(|entry| match entry {
            Allow::Endpoint(endpoint) => {
                endpoint.port() == port && endpoint.ip().to_canonical() == ip
            }
            Allow::Net(_) => false,
        })
    }

    fn has_net(&self, ip: IpAddr, exactly: bool) -> bool {
        self.allow.iter().any(|entry| match entry {
            Allow::Net(net) => {
                net.contains(&ip) && (!exactly || net.prefix_len() == net.max_prefix_len())
            }
            Allow::Endpoint(_) => false,
        })
    }

    fn is_own(&self, ip: IpAddr, port: u16) -> bool {
        self.own.iter().any(|own| {
            let listens_at = own.ip().to_canonical();
            own.port() == port
                && (listens_at == ip || (listens_at.is_unspecified() && is_local(ip)))
        })
    }
}

/// Whether an address belongs to this machine: of all unicast addresses a socket can be bound only
/// to those.
fn is_local(ip: IpAddr) -> bool {
    match ranges::range(ip) {
        Some(Range::Multicast | Range::Broadcast) => false,
        Some(Range::Loopback | Range::Unspecified) => true,
        _ => UdpSocket::bind((ip, 0)).is_ok(),
    }
}

impl Refusal {
    /// The entry of `egress.allow` that would let this address pass; `None` where none should,
    /// since no destination can be there.
    #[must_use]
    pub fn remedy(&self, address: SocketAddr) -> Option<Allow> {
        match self {
            Self::OwnPort => Some(Allow::Endpoint(address)),
            Self::Inside(Range::Multicast | Range::Broadcast | Range::Unspecified) => None,
            Self::Inside(_) => Some(Allow::Net(address.ip().to_canonical().into())),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside(range) => range.fmt(f),
            Self::OwnPort => f.write_str("a port of this server itself"),
        }
    }
}
