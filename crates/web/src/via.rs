//! By which way a request came in, and what that makes it worth.
//!
//! ```text
//! https                              secure    may log in and change things
//! http, from this machine            plain     the same: nobody listens in between
//! http, from a listed proxy          as it says, the same; the proxy tells the client's address
//! http, from elsewhere               plain     reads only: a password would be in the open
//! http, from an unlisted proxy here  plain     reads only: its clients would all look local
//! ```
//! Belongs here: the one place where headers of proxies are believed or not. Must not come here:
//! who the person is.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Which listener a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `[http]`
    Http,
    /// `[https]`
    Https,
    /// `[metrics]`
    Metrics,
}

/// By which way a request came in. Each request has one among its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The listener.
    pub door: Door,
    /// The far end of the socket.
    pub peer: SocketAddr,
    /// Whose request it is: the peer, or whom a trusted proxy names.
    pub client: IpAddr,
    /// Whether it travelled encrypted, from the client to here or to the trusted proxy.
    pub secure: bool,
    /// Whether it may log in or change anything.
    pub trusted: Result<(), Distrust>,
    /// The authority that the client asked for, as `Host` or a trusted proxy has it.
    pub host: Option<String>,
}

/// Why a request may only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It came from another machine in the open.
    Plain,
    /// It came through a proxy that nobody listed.
    Proxy,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => {
                "this came from another machine without encryption: use the https address, or, if \
                 a proxy brought it, list the proxy under trusted_proxies in [http]"
            }
            Self::Proxy => {
                "a proxy brought this that is not listed: add its address to trusted_proxies in \
                 [http]"
            }
        })
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// What no browser sends by itself.
const OF_PROXIES: [HeaderName; 5] =
    [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, REAL_IP, header::FORWARDED];

impl Via {
    /// Judges a request by its socket and its headers.
    pub(crate) fn judge(
        door: Door,
        peer: SocketAddr,
        proxies: &[IpNet],
        headers: &HeaderMap,
    ) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let mut via = Self {
            door,
            peer,
            client: peer.ip(),
            secure: door == Door::Https,
            trusted: Ok(()),
            host: last(headers, &header::HOST),
        };
        if door == Door::Https {
            return via;
        }
        if listed(proxies, peer.ip()) {
            via.client = client(headers, proxies).unwrap_or(peer.ip());
            via.secure =
                last(headers, &FORWARDED_PROTO).is_some_and(|p| p.eq_ignore_ascii_case("https"));
            via.host = last(headers, &FORWARDED_HOST).or(via.host);
        } else if !peer.ip().is_loopback() {
            via.trusted = Err(Distrust::Plain);
        } else if OF_PROXIES.iter().any(|name| headers.contains_key(name)) {
            via.trusted = Err(Distrust::Proxy);
        }
        via
    }

    /// One for the tests of what answers requests.
    #[doc(hidden)]
    #[must_use]
    pub fn test(door: Door, peer: &str, headers: &[(&'static str, &'static str)]) -> Self {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let peer = peer.parse().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 1)));
        Self::judge(door, peer, &[], &headers.iter().map(pair).collect())
    }
}

fn listed(proxies: &[IpNet], address: IpAddr) -> bool {
    proxies.iter().any(|net| net.contains(&address))
}

/// The last value of a header; of a list, its last entry: the one that the nearest proxy wrote.
fn last(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    let entry = value.rsplit(',').next().unwrap_or(value).trim();
    (!entry.is_empty()).then(|| entry.to_owned())
}

/// The address that the outermost trusted proxy saw. What stands left of it was written by the
/// client itself, who may write what he likes.
fn client(headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    let mut found = None;
    for value in headers.get_all(&FORWARDED_FOR).iter().rev() {
        for entry in value.to_str().ok()?.rsplit(',') {
            let Some(address) = address(entry.trim()) else { return found };
            found = Some(address);
            if !listed(proxies, address) {
                return found;
            }
        }
    }
    found
}

fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(door: Door, peer: &str, headers: &[(&'static str, &str)]) -> Via {
        let proxies: Vec<IpNet> =
            ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Via::judge(door, peer.parse().unwrap(), &proxies, &map)
    }

    #[test]
    fn who_may_change_things() {
        let xff = ("x-forwarded-for", "203.0.113.9");
        for (door, peer, headers, secure, trusted) in [
            (Door::Https, "203.0.113.5:9", vec![], true, Ok(())),
            (Door::Https, "203.0.113.5:9", vec![("x-forwarded-proto", "http")], true, Ok(())),
            (Door::Http, "127.0.0.1:9", vec![], false, Ok(())),
            (Door::Http, "[::1]:9", vec![], false, Ok(())),
            (Door::Http, "[::ffff:127.0.0.1]:9", vec![], false, Ok(())),
            (Door::Http, "127.0.0.1:9", vec![xff], false, Err(Distrust::Proxy)),
            (Door::Http, "127.0.0.1:9", vec![("forwarded", "for=x")], false, Err(Distrust::Proxy)),
            (Door::Http, "192.168.1.4:9", vec![], false, Err(Distrust::Plain)),
            (
                Door::Http,
                "192.168.1.4:9",
                vec![("x-forwarded-proto", "https")],
                false,
                Err(Distrust::Plain),
            ),
            (Door::Http, "10.0.0.4:9", vec![xff], false, Ok(())),
            (Door::Http, "10.0.0.4:9", vec![xff, ("x-forwarded-proto", "https")], true, Ok(())),
            (Door::Http, "10.0.0.4:9", vec![("x-forwarded-proto", "https, http")], false, Ok(())),
        ] {
            let via = judged(door, peer, &headers);
            assert_eq!((via.secure, via.trusted), (secure, trusted), "{peer} {headers:?}");
        }
    }

    #[test]
    fn a_client_cannot_give_itself_another_address() {
        let headers = |lines: &[&'static str]| -> Vec<(&'static str, &'static str)> {
            lines.iter().map(|line| ("x-forwarded-for", *line)).collect()
        };
        for (peer, lines, client) in [
            ("203.0.113.5:9", vec!["127.0.0.1"], "203.0.113.5"),
            ("127.0.0.1:9", vec!["203.0.113.9"], "127.0.0.1"),
            ("10.0.0.4:9", vec!["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.4:9", vec!["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.4:9", vec!["127.0.0.1, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.0.0.4:9", vec!["127.0.0.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.4:9", vec!["203.0.113.9, unknown, 10.9.9.9"], "10.9.9.9"),
            ("10.0.0.4:9", vec!["[2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.4:9", vec!["203.0.113.9:5000"], "203.0.113.9"),
            ("10.0.0.4:9", vec!["::ffff:203.0.113.9"], "203.0.113.9"),
            ("[fd00::4]:9", vec!["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.4:9", vec!["<script>"], "10.0.0.4"),
            ("10.0.0.4:9", vec![], "10.0.0.4"),
        ] {
            let via = judged(Door::Http, peer, &headers(&lines));
            assert_eq!(via.client.to_string(), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_host_is_the_clients_or_the_trusted_proxys() {
        let both = [("host", "inner:8080"), ("x-forwarded-host", "live.example")];
        for (door, peer, host) in [
            (Door::Http, "10.0.0.4:9", "live.example"),
            (Door::Http, "127.0.0.1:9", "inner:8080"),
            (Door::Https, "10.0.0.4:9", "inner:8080"),
        ] {
            assert_eq!(judged(door, peer, &both).host.as_deref(), Some(host), "{peer}");
        }
        assert_eq!(judged(Door::Http, "127.0.0.1:9", &[]).host, None);
    }

    #[test]
    fn distrust_says_what_to_do() {
        for distrust in [Distrust::Plain, Distrust::Proxy] {
            assert!(distrust.to_string().contains("trusted_proxies in [http]"), "{distrust}");
        }
        let made = Via::test(Door::Http, "192.0.2.1:5", &[("host", "x")]);
        assert_eq!((made.trusted, made.host.as_deref()), (Err(Distrust::Plain), Some("x")));
    }
}
