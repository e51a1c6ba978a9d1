//! Whom a request asks for, by its `Host`.
//!
//! A page that a browser on this machine shows can have its own name lead to 127.0.0.1 (DNS
//! rebinding): its requests then come from this machine, where passwords are taken in the open, and
//! look as if they came from our own page. They carry that name, so only names of this machine are
//! taken there. Belongs here: that rule, and RFC 9112 3.2. Must not come here: what proxies say.

use crate::problem::{Fault, Problem};
use crate::server::Way;
use crate::via::{Door, Via};
use axum::http::uri::Authority;
use axum::http::{Request, Version, header};
use std::net::IpAddr;

/// Answered by whatever name: programs that watch write what they like, and learn nothing.
const FOR_ALL: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Whether the request names its host once, and, where people sign in in the open, one of ours.
pub(crate) fn check<B>(
    request: &Request<B>,
    via: &Via,
    way: &Way,
    managed: bool,
) -> Result<(), Problem> {
    let asked = asked(request)?;
    let proxied = way.proxies.iter().any(|net| net.contains(&via.peer.ip()));
    let local = via.door == Door::Http && via.peer.ip().is_loopback() && !proxied;
    if !local || !managed || FOR_ALL.contains(&request.uri().path()) {
        return Ok(());
    }
    match asked.into_iter().find(|authority| !is_ours(authority.host(), &way.names)) {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            Fault::WrongHost,
            "the request asks for a host that is not this machine, over a connection from this \
             machine: a page of somebody else may have sent it",
        )),
    }
}

/// All that the request says of its host: at most the request line's and the header's.
fn asked<B>(request: &Request<B>) -> Result<Vec<Authority>, Problem> {
    let wrong = |detail| Problem::new(Fault::InvalidHeader, detail);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() >= Version::HTTP_11 => {
            return Err(wrong("a request of HTTP/1.1 names its host in the header Host"));
        }
        (_, Some(_)) => return Err(wrong("the header Host is there twice")),
        (host, None) => host,
    };
    let read = |text: &str| text.parse::<Authority>().ok().filter(|a| !a.as_str().contains('@'));
    // an empty one is right where there is no authority (RFC 9112 3.2)
    let host = host.filter(|host| !host.is_empty());
    let host = host.map(|host| {
        let authority = host.to_str().ok().and_then(read);
        authority.ok_or_else(|| wrong("the header Host is no host with or without a port"))
    });
    Ok(request.uri().authority().cloned().into_iter().chain(host.transpose()?).collect())
}

/// Names that nobody else can have lead here.
fn is_ours(host: &str, names: &[String]) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    bare.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    fn status(peer: &str, request: (&str, Version), hosts: &[&str]) -> u16 {
        let proxies = ["127.0.0.9/32".parse().unwrap()];
        let names = ["Studio.local".to_owned()];
        let way = Way { proxies: proxies.into(), names: names.into(), ..Way::default() };
        let mut made = Request::builder().uri(request.0).version(request.1);
        for host in hosts {
            made = made.header("host", *host);
        }
        let made = made.body(()).unwrap();
        let via = Via::judge(way.door, peer.parse().unwrap(), &way.proxies, made.headers());
        check(&made, &via, &way, true)
            .map_or_else(|problem| problem.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn a_host_is_named_once() {
        for (version, hosts, want) in [
            (Version::HTTP_11, vec![], 400),
            (Version::HTTP_10, vec![], 200),
            (Version::HTTP_11, vec!["localhost"], 200),
            (Version::HTTP_11, vec!["localhost", "localhost"], 400),
            (Version::HTTP_10, vec!["localhost", "evil.example"], 400),
            (Version::HTTP_11, vec!["local host"], 400),
            (Version::HTTP_11, vec!["user@localhost"], 400),
        ] {
            assert_eq!(
                status("127.0.0.1:9", ("/", version), &hosts),
                want,
                "{version:?} {hosts:?}"
            );
        }
    }

    #[test]
    fn i4_a_page_that_lets_its_name_lead_here_is_refused() {
        let from = |peer, host| status(peer, ("/api/v1/session", Version::HTTP_11), &[host]);
        for (host, want) in [
            ("localhost:8080", 200),
            ("LOCALHOST.", 200),
            ("live.localhost", 200),
            ("127.0.0.1:8080", 200),
            ("[::1]:8080", 200),
            ("192.0.2.7", 200),
            ("studio.local:8080", 200),
            ("evil.example", 421),
            ("evil.example:8080", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421),
            ("notlocalhost", 421),
        ] {
            assert_eq!(from("127.0.0.1:9", host), want, "{host}");
            assert_eq!(from("127.0.0.9:9", host), 200, "{host}: a listed proxy passes it");
            assert_eq!(from("192.0.2.1:9", host), 200, "{host}: nobody signs in over that");
        }
        let away = ("http://evil.example/api/v1/session", Version::HTTP_11);
        assert_eq!(status("127.0.0.1:9", away, &["localhost"]), 421);
        let watched = ("/healthz", Version::HTTP_11);
        assert_eq!(status("127.0.0.1:9", watched, &["evil.example"]), 200);
    }
}
