//! The addresses of destinations, as people write them.
//!
//! Belongs here: from text to a checked address without the secrets that came with it, and a
//! sentence when it is none. The sentences never repeat the text: it may hold a key. Must not come
//! here: what may be dialled, which the egress gate judges.

use manycast_hub::Secret;
use manycast_rtmp::auth::{Login, LoginError};
use std::net::SocketAddr;
use url::{Host, Url};

/// The address of a destination without its key, and the key if the address carried it.
#[derive(Debug)]
pub struct Remote {
    /// Scheme, host, port and application, with the application's query.
    pub url: String,
    /// The last part of the path, split off because no key was given apart.
    pub key: Option<Secret>,
    /// User and password, if the address carried them.
    pub login: Option<Login>,
    /// The host and port, if the host is a bare IP address.
    pub literal: Option<SocketAddr>,
    /// Whether it is `rtmps`.
    pub encrypted: bool,
}

/// What is wrong with an address, and what to do about it.
pub type Refusal = (&'static str, &'static str);

const EXAMPLE: &str = "write it like rtmp://HOST/APPLICATION, and the key apart as key = \"...\"";

const INCOMPLETE: Refusal = (
    "has something before the host that is not USER:PASSWORD@",
    "write both, or set user = \"...\" and password = \"...\" beside it",
);

/// The address of a server with its application, without a key, a user or a fragment.
///
/// # Errors
/// What is wrong with it.
pub fn server(text: &str) -> Result<String, String> {
    // No text is this key, so that nothing is taken for one.
    let none = Secret::new("\0");
    match remote(text, Some(&none)) {
        Ok(Remote { url, login: None, .. }) => Ok(url),
        Ok(_) => Err("holds a user and a password".to_owned()),
        Err((what, _)) => Err(what.to_owned()),
    }
}

/// Reads the address of a destination. `key` is what was given apart; then a query belongs to the
/// application (YouTube's backup address has one), else to the last part of the path, which is the
/// key. What follows the host stays as it is written, byte for byte: platforms compare it as text.
///
/// # Errors
/// What is wrong with it, and what to do about it.
pub fn remote(text: &str, key: Option<&Secret>) -> Result<Remote, Refusal> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(("holds blanks or control characters", "remove them"));
    }
    let (text, login) = Login::split_url(text).map_err(|error| match error {
        LoginError::Unclear => ("has more than one '@'", "write those in the password as %40"),
        LoginError::Incomplete => INCOMPLETE,
        LoginError::User => ("has a user that RTMP cannot carry", INCOMPLETE.1),
    })?;
    let text = text.as_str();
    let url = Url::parse(text).map_err(|_| ("is no address", EXAMPLE))?;
    let encrypted = match url.scheme() {
        "rtmp" => false,
        "rtmps" => true,
        _ => return Err(("is neither rtmp:// nor rtmps://", EXAMPLE)),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(INCOMPLETE);
    }
    if url.fragment().is_some() {
        return Err(("holds a '#'", "remove the '#' and what follows it"));
    }
    let host = host(&url)?;
    if url.port() == Some(0) {
        return Err(("has port 0", "leave the port out, or give the right one"));
    }
    let (app, key) = split(text, key)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let ip = match host {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    };
    let default = if encrypted { 443 } else { 1935 };
    let literal = ip.map(|ip| SocketAddr::new(ip, url.port().unwrap_or(default)));
    let url = format!("{}://{host}{port}/{app}", url.scheme());
    Ok(Remote { url, key, login, literal, encrypted })
}

/// The application with its query, and the key, if it is not given apart.
fn split(text: &str, key: Option<&Secret>) -> Result<(String, Option<Secret>), Refusal> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (path, query) = match rest[at..].find('?') {
        Some(mark) => rest[at..].split_at(mark),
        None => (&rest[at..], ""),
    };
    let path = path.strip_prefix('/').unwrap_or_default();
    // A key may be nothing but a query: then the slash before it is no end of a path.
    let bare_query = key.is_none() && path.ends_with('/') && !query.is_empty();
    let path = if bare_query { path } else { path.strip_suffix('/').unwrap_or(path) };
    let parts = if bare_query { &path[..path.len() - 1] } else { path };
    if parts.is_empty() || parts.split('/').any(str::is_empty) {
        return Err(("has no application after the host, or an empty part in it", EXAMPLE));
    }
    let (app, key) = split_key(path, query, key)?;
    Ok(if key.is_some() { (app.to_owned(), key) } else { (format!("{app}{query}"), None) })
}

/// The host in its one normal form: numbers of any base become an IP address, other alphabets
/// become ASCII, so that whoever checks it later sees what will be dialled.
fn host(url: &Url) -> Result<Host, Refusal> {
    let refusal = ("has no valid host", EXAMPLE);
    let text = url.host_str().filter(|host| !host.is_empty()).ok_or(refusal)?;
    let host = Host::parse(text).map_err(|_| refusal)?;
    if let Host::Domain(name) = &host {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > 253 || !name.bytes().all(allowed) {
            return Err(refusal);
        }
    }
    Ok(host)
}

fn split_key<'a>(
    path: &'a str,
    query: &str,
    key: Option<&Secret>,
) -> Result<(&'a str, Option<Secret>), Refusal> {
    let Some(key) = key else {
        let Some((app, last)) = path.rsplit_once('/') else {
            return Err((
                "comes without a key",
                "give the key apart, or as the last part of the address",
            ));
        };
        return Ok((app, Some(Secret::new(&format!("{last}{query}")))));
    };
    let parts = path.split('/').map(Secret::new);
    // every part is compared, so that the time taken tells nothing
    if parts.fold(false, |found, part| found | part.matches(key)) {
        return Err(("repeats the key", "remove the key from url: it belongs into key alone"));
    }
    Ok((path, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k4_remote_addresses_are_refused_or_put_into_one_form() {
        let long = format!("rtmp://{}/live", "a".repeat(300));
        for (text, want) in [
            ("rtmp://a.example/live", Some("rtmp://a.example/live")),
            ("rtmps://a.example:443/live/", Some("rtmps://a.example:443/live")),
            ("RTMP://A.Example/app/instance", Some("rtmp://a.example/app/instance")),
            ("rtmp://2130706433/live", Some("rtmp://127.0.0.1/live")),
            ("rtmp://0x7f.1/live", Some("rtmp://127.0.0.1/live")),
            ("rtmp://0177.0.0.1/live", Some("rtmp://127.0.0.1/live")),
            ("rtmp://%31%32%37.0.0.1/live", Some("rtmp://127.0.0.1/live")),
            ("rtmp://[::1]:1935/live", Some("rtmp://[::1]:1935/live")),
            ("rtmp://b\u{fc}cher.example/live", Some("rtmp://xn--bcher-kva.example/live")),
            ("rtmp:///live", None),
            ("rtmp://a.example", None),
            ("rtmp://a.example/", None),
            ("rtmp://a.example/live//x", None),
            ("rtmp://a.example:0/live", None),
            ("rtmp://a.example:99999/live", None),
            ("rtmp://user:pass@a.example/live", Some("rtmp://a.example/live")),
            ("rtmp://user:pass@b@a.example/live", None),
            ("rtmp://user:@a.example/live", None),
            ("rtmp://user:p%00@[::1/live", None),
            ("rtmp://user@a.example/live", None),
            ("rtmp://a.example?token=x", None),
            ("rtmp://a.example/?token=x", None),
            ("rtmp://a.example/live//", None),
            ("rtmp://a.example//live", None),
            ("rtmp://a.example/live#x", None),
            ("rtmp://a.example/li\nve", None),
            ("rtmp://a.example/li\r\nve", None),
            ("rtmp://a exa/live", None),
            ("rtmp://[::1/live", None),
            ("rtmp:a.example/live", None),
            ("http://a.example/live", None),
            ("file:///etc/passwd", None),
            ("gopher://a.example/live", None),
            ("a.example/live", None),
            ("", None),
            (long.as_str(), None),
        ] {
            let got = remote(text, Some(&Secret::new("k")));
            assert_eq!(got.as_ref().ok().map(|r| r.url.as_str()), want, "{text:?}: {got:?}");
        }
    }

    #[test]
    fn section9_what_follows_the_host_stays_as_it_is_written() {
        for (text, want) in [
            ("rtmps://b.rtmps.youtube.com/live2?backup=1", "live2?backup=1"),
            ("rtmp://a.example/live2/?backup=1", "live2?backup=1"),
            ("rtmp://a.example/app?token=a/b?c", "app?token=a/b?c"),
            ("rtmp://a.example/%7eapp%2fx/{y}/../z", "%7eapp%2fx/{y}/../z"),
            ("rtmp://a.example/b\u{fc}hne", "b\u{fc}hne"),
            ("rtmp://a.example/live/", "live"),
        ] {
            let got = remote(text, Some(&Secret::new("k"))).unwrap();
            assert_eq!(got.url.splitn(4, '/').last(), Some(want), "{text}");
            assert!(got.key.is_none());
        }
    }

    #[test]
    fn section9_without_a_key_apart_the_last_part_with_its_query_is_the_key() {
        for (text, app, key) in [
            ("rtmp://a.example/live/sk_1", "live", "sk_1"),
            ("rtmp://a.example/live/sk_1/", "live", "sk_1"),
            ("rtmp://a.example/a/b/k?s=x/y&t=%20", "a/b", "k?s=x/y&t=%20"),
            ("rtmp://a.example/live-bvc/?streamname=x&key=y", "live-bvc", "?streamname=x&key=y"),
            ("rtmp://a.example/live/k{1}%7e", "live", "k{1}%7e"),
        ] {
            let got = remote(text, None).unwrap();
            assert_eq!(got.url, format!("rtmp://a.example/{app}"), "{text}");
            assert_eq!(got.key.unwrap().expose(), key, "{text}");
        }
        for text in ["rtmp://a.example/live", "rtmp://a.example/live?x=1", "rtmp://a.example/?x=1"]
        {
            assert!(remote(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_taken_out_of_the_address_or_refused_there() {
        let bare = remote("rtmp://a.example/live/sk_1", None).unwrap();
        assert_eq!(bare.url, "rtmp://a.example/live");
        assert_eq!(bare.key.unwrap().expose(), "sk_1");
        assert!(remote("rtmp://a.example/live", None).is_err());
        assert!(remote("rtmp://a.example/live/sk_1", Some(&Secret::new("sk_1"))).is_err());
    }

    #[test]
    fn k4_user_and_password_are_taken_out_of_the_address() {
        let got = remote("rtmp://crew:p%40ss:x@a.example/live/sk_1?t=@", None).unwrap();
        assert_eq!(got.url, "rtmp://a.example/live");
        assert_eq!(got.key.unwrap().expose(), "sk_1?t=@");
        let login = got.login.unwrap();
        assert_eq!(
            (login.user().expose(), login.password().expose()),
            ("crew".into(), "p@ss:x".into())
        );
    }

    #[test]
    fn where_clients_are_sent_is_a_server_and_an_application() {
        assert_eq!(server("rtmp://b.example/live").as_deref(), Ok("rtmp://b.example/live"));
        assert!(server("rtmp://u:p@b.example/live").is_err());
        assert!(server("http://b.example/live").is_err() && server("rtmp://b.example").is_err());
    }
}
