//! From a URL to what is dialled.
//!
//! Belongs here: the authority of a URL, read strictly: whatever two programs could read
//! differently is refused (K4). Must not come here: paths, queries and stream keys (the protocols
//! read those), and any judgement over addresses (`gate`).

use std::fmt;
use std::net::IpAddr;

/// The schemes that this server dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RTMP over TCP.
    Rtmp,
    /// RTMP over TLS.
    Rtmps,
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The port that stands for none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Rtmp => 1935,
            Self::Rtmps | Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// Whether TLS comes first.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Rtmps | Self::Https)
    }

    fn parse(text: &str) -> Option<Self> {
        let known = [Self::Rtmp, Self::Rtmps, Self::Http, Self::Https];
        known.into_iter().find(|scheme| text.eq_ignore_ascii_case(&scheme.to_string()))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// The machine in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name: lower case, punycode, no final dot.
    Domain(String),
    /// A literal address; IPv4 inside IPv6 is taken out.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// What a URL says to dial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How to speak.
    pub scheme: Scheme,
    /// Whom to dial.
    pub host: Host,
    /// Where.
    pub port: u16,
}

/// Why a URL was refused. No text quotes the URL: it may hold a stream key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It holds a control character, a line break or a space.
    #[error("the address holds a space, a line break or another invisible character")]
    Invisible,
    /// It does not begin with `scheme://`.
    #[error("the address must begin with rtmp:// or rtmps://")]
    NoScheme,
    /// Nothing this server speaks.
    #[error("{scheme}:// is nothing that this server can send to")]
    Scheme {
        /// What it begins with, shortened.
        scheme: String,
    },
    /// A user name or password before the host.
    #[error("a user name or password before the host (the part up to @) is not supported")]
    UserInfo,
    /// No host.
    #[error("the address names no server")]
    NoHost,
    /// The host is neither a DNS name nor an IP address.
    #[error("the server's name is not valid")]
    BadHost,
    /// An IPv4 address in a form that programs read differently.
    #[error("write the IP address as {plain}")]
    OddAddress {
        /// The address in its usual form.
        plain: IpAddr,
    },
    /// The port is no number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    BadPort,
    /// Longer than any address is.
    #[error("the address is too long")]
    TooLong,
}

/// Longer than any platform's URL with its key.
const MAX_URL: usize = 4_096;

impl Target {
    /// Reads scheme, host and port of a URL and looks at nothing behind them, save that it holds
    /// no invisible characters.
    ///
    /// # Errors
    /// Why it is no address to dial.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        if url.len() > MAX_URL {
            return Err(TargetError::TooLong);
        }
        if url.chars().any(is_invisible) {
            return Err(TargetError::Invisible);
        }
        let (scheme, rest) = url.split_once("://").ok_or(TargetError::NoScheme)?;
        let scheme = Scheme::parse(scheme).ok_or_else(|| unknown(scheme))?;
        // RFC 3986 3.2: the authority ends at the first of these; a backslash ends it for browsers.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(TargetError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => scheme.default_port(),
            Some(digits) => parse_port(digits)?,
        };
        Ok(Self { scheme, host: parse_host(host)?, port })
    }
}

/// White space and control characters of every alphabet, and marks that draw nothing.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

fn unknown(scheme: &str) -> TargetError {
    let plain = scheme.len() <= 16 && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    match plain && !scheme.is_empty() {
        true => TargetError::Scheme { scheme: scheme.to_ascii_lowercase() },
        false => TargetError::NoScheme,
    }
}

/// Host (an IPv6 address with its brackets) and digits of the port.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), TargetError> {
    let host_end = match authority.starts_with('[') {
        true => authority.find(']').ok_or(TargetError::BadHost)? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, after) = authority.split_at(host_end);
    match after.strip_prefix(':') {
        Some(digits) => Ok((host, Some(digits))),
        None if after.is_empty() => Ok((host, None)),
        None => Err(TargetError::BadHost),
    }
}

fn parse_port(digits: &str) -> Result<u16, TargetError> {
    let plain = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(port) if plain && port > 0 => Ok(port),
        _ => Err(TargetError::BadPort),
    }
}

fn parse_host(text: &str) -> Result<Host, TargetError> {
    if text.is_empty() || text == "." {
        return Err(TargetError::NoHost);
    }
    // What only ever appears in a host to deceive: escapes, and what other programs cut at.
    if text.contains(['%', '\\', '<', '>', '"', '\'', '`', '{', '}', '|', '^', ',', ';', '!', '$'])
    {
        return Err(TargetError::BadHost);
    }
    // The browsers' reading (WHATWG URL 3.5): maps look-alike characters, and takes 0x7f.1 and
    // 017700000001 for the IPv4 addresses that they are to some programs.
    match url::Host::parse(text).map_err(|_| TargetError::BadHost)? {
        url::Host::Ipv4(address) if text.parse() == Ok(address) => Ok(Host::Ip(address.into())),
        url::Host::Ipv4(address) => Err(TargetError::OddAddress { plain: address.into() }),
        url::Host::Ipv6(address) => Ok(Host::Ip(IpAddr::from(address).to_canonical())),
        url::Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            match is_dns_name(name) {
                true => Ok(Host::Domain(name.to_owned())),
                false => Err(TargetError::BadHost),
            }
        }
    }
}

/// RFC 1123 2.1, with underscores, which inner networks use. The last label has a letter, or old
/// programs take the name for an address.
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(label) && last.bytes().any(|b| b.is_ascii_alphabetic())
}
