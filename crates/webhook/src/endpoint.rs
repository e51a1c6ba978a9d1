//! The address of a receiver: checked once, then only ever read in one way (K4).
//!
//! Belongs here: what of an http(s) URL is taken, and in which form it goes out. Must not come here:
//! the authority, which `dial` reads, and whether it may be dialled, which the egress gate says.

use std::fmt;

use hyper::Uri;
use hyper::header::HeaderValue;
use manycast_dial::{Host, Scheme, Target, TargetError};

/// Longest URL that is taken.
const MAX_URL: usize = 2_048;

/// In the place of a value that is not shown.
const HIDDEN: &str = "\u{2026}";

/// An `https://` or `http://` address without user, fragment or anything that two programs could
/// read differently. Shows itself as far as the port only: path and query may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    target: Target,
    /// Path and query, as the request line has them.
    path: Uri,
    /// The `Host` header.
    authority: HeaderValue,
}

/// Why a text is no address of a receiver. It does not quote the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `https://` nor `http://`.
    #[error("the address must begin with https:// or http://")]
    Scheme,
    /// The part up to the port.
    #[error("{0}")]
    Authority(TargetError),
    /// A part after `#`.
    #[error("the address has a part after #, which is never sent: leave it out")]
    Fragment,
    /// A character that a path cannot have.
    #[error("the path of the address has characters that have to be written with %")]
    Path,
    /// Longer than receivers' addresses are.
    #[error("the address is longer than 2048 characters")]
    TooLong,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.len() > MAX_URL {
            return Err(EndpointError::TooLong);
        }
        let target = Target::parse(text).map_err(|error| match error {
            TargetError::NoScheme | TargetError::Scheme { .. } => EndpointError::Scheme,
            error => EndpointError::Authority(error),
        })?;
        if !matches!(target.scheme, Scheme::Http | Scheme::Https) {
            return Err(EndpointError::Scheme);
        }
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or("/");
        if path.contains('#') {
            return Err(EndpointError::Fragment);
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if !path.bytes().all(goes_out) || !escapes_are_whole(&path) {
            return Err(EndpointError::Path);
        }
        let path: Uri = path.parse().map_err(|_| EndpointError::Path)?;
        let authority = HeaderValue::from_str(&authority(&target));
        let authority = authority.map_err(|_| EndpointError::Authority(TargetError::BadHost))?;
        Ok(Self { url: text.to_owned(), target, path, authority })
    }

    /// The address as it was given, for whoever keeps it. It may hold a token: do not log it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address for people to read: what a `?` leads in often is a token, and is left out of it.
    #[must_use]
    pub fn shown(&self) -> String {
        let (before, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        if query.is_empty() {
            return self.url.clone();
        }
        let hidden = |pair: &str| match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() => format!("{name}={HIDDEN}"),
            Some(_) => pair.to_owned(),
            // without a name it is all value
            None => HIDDEN.to_owned(),
        };
        let pairs: Vec<String> = query.split('&').map(hidden).collect();
        format!("{before}?{}", pairs.join("&"))
    }

    /// What is dialled.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The host as people write it.
    pub(crate) fn host(&self) -> String {
        self.target.host.to_string()
    }

    pub(crate) fn path(&self) -> Uri {
        self.path.clone()
    }

    pub(crate) fn authority(&self) -> HeaderValue {
        self.authority.clone()
    }
}

/// RFC 3986 3.3 and 3.4, with the brackets that some programs leave as they are.
fn goes_out(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?[]".contains(&byte)
}

/// A `%` that no two digits follow is read differently by everybody.
fn escapes_are_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Host and, unless it goes without saying, port (RFC 9110 7.2).
fn authority(target: &Target) -> String {
    let host = match &target.host {
        Host::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        host => host.to_string(),
    };
    if target.port == target.scheme.default_port() {
        host
    } else {
        format!("{host}:{}", target.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.target.scheme, authority(&self.target))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_the_query_of_an_address_is_not_shown() {
        for (url, want) in [
            ("https://hook.example/in", "https://hook.example/in"),
            ("https://hook.example/in?token=canary", "https://hook.example/in?token=\u{2026}"),
            ("https://hook.example?a=canary&b=&c", "https://hook.example?a=\u{2026}&b=&\u{2026}"),
            ("https://hook.example/?canary", "https://hook.example/?\u{2026}"),
            ("https://hook.example/?a=canary?x=canary", "https://hook.example/?a=\u{2026}"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.shown(), want);
            assert_eq!(endpoint.url(), url);
        }
        // what is shown is no address: nobody stores it by mistake
        assert_eq!(Endpoint::parse("https://h.example/?a=\u{2026}"), Err(EndpointError::Path));
    }
}
