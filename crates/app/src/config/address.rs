//! The addresses that a configuration may name, apart from those of destinations
//! ([`manycast_control::address`]).
//!
//! Belongs here: from text to a checked address, with a sentence when it is none.

use ipnet::IpNet;
use manycast_dial::Allow;
use std::net::{IpAddr, SocketAddr};

/// An address to listen at; `None` for `off`.
pub(super) fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    if let Ok(address) = text.parse() {
        return Ok(Some(address));
    }
    Err(if text.starts_with(':') || text.parse::<u16>().is_ok() {
        "has no IP address before the port; 0.0.0.0 stands for all of this machine's".to_owned()
    } else if text.parse::<IpAddr>().is_ok() {
        "has no port".to_owned()
    } else {
        "is no IP address with a port; names are not looked up here".to_owned()
    })
}

/// A name server; port 53 if none is given.
pub(super) fn resolver(text: &str) -> Result<SocketAddr, String> {
    let ip = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse::<SocketAddr>()
        .or_else(|_| ip())
        .map_err(|_| "is no IP address of a name server".to_owned())
}

/// A network or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .or_else(|_| single())
        .map_err(|_| "is neither a network nor an address".to_owned())
}

/// A network, a single address, or one with a port.
pub(super) fn allowed(text: &str) -> Result<Allow, String> {
    text.parse().map_err(|_| "is neither a network nor an address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_need_an_address_and_a_port() {
        assert_eq!(listen("off"), Ok(None));
        assert!(listen("[::]:1935").unwrap().is_some());
        for text in ["", ":1935", "1935", "0.0.0.0", "localhost:1935", "0.0.0.0:70000", "1.2.3:4"] {
            assert!(listen(text).is_err(), "{text}");
        }
        assert_eq!(resolver("9.9.9.9").unwrap().port(), 53);
        assert_eq!(allowed("127.0.0.1").unwrap().to_string(), "127.0.0.1");
        assert_eq!(allowed("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(allowed("[::1]:1936").unwrap().to_string(), "[::1]:1936");
        assert!(allowed("10.0.0.0/33").is_err());
    }
}
